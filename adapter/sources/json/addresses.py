"""What is dangerous about an address: whom it reaches, in whichever form it is written.

Own lists instead of ``ipaddress``'s ``is_private`` and the like, whose meaning differs between
versions of Python. Private networks are in none of them: services of a cluster live there.
"""

import re
import socket
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_METADATA = [
    "169.254.169.254/32",  # AWS, GCP, Azure, OpenStack, DigitalOcean
    "169.254.170.2/32",  # AWS: credentials of ECS tasks
    "169.254.170.23/32",  # AWS: credentials of EKS pods
    "100.100.100.200/32",  # Alibaba Cloud
    "168.63.129.16/32",  # Azure: the host agent
    "192.0.0.192/32",  # Oracle Cloud, classic
    "fd00:ec2::254/128",  # AWS
    "fd00:ec2::23/128",  # AWS: credentials of EKS pods
    "fd20:ce::254/128",  # GCP
    "fd00:c1::a9fe:a9fe/128",  # Oracle Cloud
]

_NETWORKS: list[tuple[str, list[Network]]] = [
    (what, [ip_network(text) for text in texts])
    for what, texts in [
        ("an address of a cloud's metadata service", _METADATA),
        ("a loopback address", ["127.0.0.0/8", "::1/128"]),
        ("an unspecified address, which is this machine", ["0.0.0.0/8", "::/128"]),
        ("a link-local address", ["169.254.0.0/16", "fe80::/10"]),
        ("a multicast address", ["224.0.0.0/4", "ff00::/8"]),
        ("a reserved address", ["192.0.0.0/24", "240.0.0.0/4", "fec0::/10"]),
        # RFC 8215: where in it the IPv4 address stands is up to who runs the translator.
        ("an address of a local NAT64 translator", ["64:ff9b:1::/48"]),
    ]
]

_CARRIERS = [
    (IPv6Network("::/96"), 0),  # IPv4-compatible (RFC 4291 §2.5.5.1)
    (IPv6Network("::ffff:0:0:0/96"), 0),  # SIIT (RFC 2765 §2.1)
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64 (RFC 6052 §2.1)
    (IPv6Network("2002::/16"), 80),  # 6to4 (RFC 3056 §2)
]
"""Networks whose addresses stand for an IPv4 address, and how far from the right it stands."""

_TEREDO = IPv6Network("2001::/32")  # RFC 4380 §4: the server's, and the client's with bits flipped

_LAST_LABEL_OF_NUMBERS = re.compile(r"(^|\.)([0-9]+|0x[0-9a-f]*)\Z", re.IGNORECASE)


def danger(address: Address) -> str:
    """Why *address* is not read from by default; empty where nothing is against it."""
    for form in forms(address):
        for what, networks in _NETWORKS:
            if _is_in(form, networks):
                return what if form == address else f"{what} ({form}) in another form"
    return ""


def covered(address: Address, networks: Iterable[Network]) -> bool:
    """Whether *address*, or every IPv4 address it stands for, is in one of *networks*."""
    given = list(networks)
    itself, *carried = (_is_in(form, given) for form in forms(address))
    return itself or (bool(carried) and all(carried))


def forms(address: Address) -> Iterator[Address]:
    """*address* and the IPv4 addresses it stands for.

    Of a mapped address only the latter: it is one for the kernel.
    """
    if isinstance(address, IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    yield address
    number = int(address)
    for network, place in _CARRIERS:
        if address in network and number > 1:  # :: and ::1 have a meaning of their own
            yield IPv4Address((number >> place) & 0xFFFFFFFF)
    if address in _TEREDO:
        yield IPv4Address((number >> 64) & 0xFFFFFFFF)
        yield IPv4Address(~number & 0xFFFFFFFF)


def read_address(host: str) -> Address | None:
    """The address *host* is, as every program would read it; None for all else.

    >>> read_address("[::1]"), read_address("fe80::1%eth0"), read_address("127.1")
    (IPv6Address('::1'), IPv6Address('fe80::1'), None)
    """
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return ip_address(bare.partition("%")[0] if ":" in bare else bare)
    except ValueError:
        return None


def is_numeric(host: str) -> bool:
    """Whether the C library would try to read *host* as an IPv4 address (WHATWG URL §3.5).

    >>> [is_numeric(host) for host in ("2130706433", "0x7f.1", "127.1", "1.example", "10.svc")]
    [True, True, True, False, False]
    """
    return _LAST_LABEL_OF_NUMBERS.search(host) is not None


def read_odd_address(host: str) -> IPv4Address | None:
    """What the C library reads in a host of numbers: decimal, octal, hexadecimal, short forms.

    >>> read_odd_address("2130706433"), read_odd_address("0177.1"), read_odd_address("1.2.3.999")
    (IPv4Address('127.0.0.1'), IPv4Address('127.0.0.1'), None)
    """
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
