"""Which URLs, names and addresses are read from: what users give must not reach everything we can.

This process stands inside the cluster. Who may write a rule or an annotation could otherwise read,
through it, what only it reaches: itself and its neighbours on the node (loopback, link-local), the
metadata service that hands out the node's credentials, kube-apiserver.

Checked are the URL as it was given, the addresses its host resolves to, and once more the address a
socket is about to connect to (`adapter.sources.json.connecting`). A name is looked up once and what
was found is what is connected to, so that nothing can change in between (DNS rebinding).
"""

import re
from collections.abc import Collection, Sequence
from ipaddress import ip_network

from yarl import URL

from adapter.errors import ConfigError, SourceError
from adapter.sources.json.addresses import (
    Address,
    Network,
    covered,
    danger,
    forms,
    is_numeric,
    read_address,
    read_odd_address,
)

_SCHEMES = {"http", "https"}

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_][a-z0-9_-]{0,62}(\.[a-z0-9_][a-z0-9_-]{0,62})*\Z")
"""Names DNS can hold, underscores included: Services have none, but other names do."""

_DENIED_NAMES = {
    "this machine": re.compile(r"(.+\.)?localhost(\.localdomain)?|ip6-(localhost|loopback)"),
    "a cloud's metadata service": re.compile(
        r"metadata(\.google\.internal|\.goog)?|instance-data(\.ec2\.internal)?"
    ),
    "kube-apiserver": re.compile(r"kubernetes(\.default(\.svc(\..+)?)?)?"),
}

_KUBE_APISERVER = "the address of kube-apiserver"

_MOST_VERDICTS = 10_000
"""Hosts whose verdict is remembered; as many as there may be pods."""


class Denied(SourceError):
    """What is not read from; says why, and how to allow it where it can be."""


class Guard:
    """Says what may be read from.

    Private networks (10.0.0.0/8 and so on) may: Services and pods of the cluster are there.

    Args:
        allowed: Host names, ``*.suffix`` for all names below one, addresses and networks in CIDR
            notation; they win over everything that is denied. A name that is given may resolve to
            any address.
        denied_hosts: Names and addresses of kube-apiserver. Its other addresses, such as those of
            the nodes it runs on, are unknown here.

    Raises:
        ConfigError: An entry is none of these.
    """

    def __init__(self, *, allowed: Sequence[str] = (), denied_hosts: Collection[str] = ()) -> None:
        self._names: set[str] = set()
        self._suffixes: tuple[str, ...] = ()
        self._networks: list[Network] = []
        problems = [problem for text in allowed if (problem := self._allow(text.strip()))]
        self._denied_names: set[str] = set()
        self._denied_addresses: set[Address] = set()
        problems += [problem for text in denied_hosts if (problem := self._deny(text.strip()))]
        if problems:
            raise ConfigError(problems)
        self._verdicts: dict[str, str] = {}

    def check_url(self, url: str) -> None:
        """Check a URL as somebody gave it; what its host resolves to is checked on connecting.

        Raises:
            Denied: It is malformed, or must not be read from.
        """
        self.read_url(url)

    def read_url(self, text: str) -> URL:
        """The URL that is meant by *text*, checked: what is then asked must be this very one.

        Raises:
            Denied: It is malformed, or must not be read from.
        """
        if not text.isprintable() or any(map(str.isspace, text)):
            raise Denied("the url holds blanks or control characters; encode them, as in %20")
        try:
            url = URL(text)
            port = url.port
        except ValueError:  # whose text shows the URL, which may hold a secret
            raise Denied("the url is malformed; it must look like http://host:8080/path") from None
        if url.scheme not in _SCHEMES:
            raise Denied("the url must begin with http:// or https://, and nothing else is read")
        if "@" in _authority(text):
            raise Denied("the url holds a user or password; give them by auth, from a file")
        host = url.raw_host
        if not host or not port:
            raise Denied("the url names no host and port; it must look like http://host:8080/path")
        refusal = self._verdict(host)
        if refusal:
            raise Denied(refusal)
        return url

    def trusts(self, host: str) -> bool:
        """Whether *host* is a name that is allowed, wherever it resolves to."""
        name = host.removesuffix(".").lower()
        return name in self._names or name.endswith(self._suffixes)

    def check_address(self, text: str, host: str = "") -> None:
        """Check an address that is about to be connected to.

        Args:
            text: The address.
            host: The name that resolved to it. Empty: it was given itself.

        Raises:
            Denied: It must not be read from, or is no address.
        """
        address = read_address(text)
        refusal = "an unreadable address" if address is None else self._danger(address)
        if refusal:
            raise Denied(_refused(f"{host} resolves to {text}" if host else text, refusal))

    def _verdict(self, host: str) -> str:
        """Why *host* is refused; empty if it is not."""
        known = self._verdicts.get(host)
        if known is None:
            known = self._judge(host)
            if len(self._verdicts) >= _MOST_VERDICTS:
                self._verdicts.clear()  # pods come and go; one pass judges those of today anew
            self._verdicts[host] = known
        return known

    def _judge(self, host: str) -> str:
        name = host.removesuffix(".")
        address = read_address(name)
        if address is not None:
            reason = self._danger(address)
            if not reason and name != host:
                return f"{host} is no usual spelling of an address; write {name}"
            return _refused(name, reason) if reason else ""
        if not _HOST_NAME.match(name):
            return "the url's host is neither a name nor an address"
        if is_numeric(name):
            return self._judge_numbers(name)
        return "" if self.trusts(name) else self._judge_name(name)

    def _judge_numbers(self, host: str) -> str:
        """Judge what the C library would read as an address, and other programs as a name."""
        address = read_odd_address(host)
        if address is None:
            return f"the url's host {host} is no address"
        reason = self._danger(address)
        if reason:
            return _refused(f"{host} is another spelling of {address}", reason)
        return f"{host} is another spelling of {address}; write that"

    def _judge_name(self, name: str) -> str:
        if name in self._denied_names:
            return _refused(name, _KUBE_APISERVER)
        for what, pattern in _DENIED_NAMES.items():
            if pattern.fullmatch(name):
                return _refused(name, f"a name of {what}")
        return ""

    def _danger(self, address: Address) -> str:
        if covered(address, self._networks):
            return ""
        if not self._denied_addresses.isdisjoint(forms(address)):
            return _KUBE_APISERVER
        return danger(address)

    def _allow(self, text: str) -> str:
        """Note an entry; what is wrong with it, if anything is."""
        address = read_address(text)
        if address is not None:
            text = str(address)
        if address is not None or "/" in text:
            try:
                self._networks.append(_as_kernel(ip_network(text)))
            except ValueError as error:
                return f"--json-allow: {error}"
            return ""
        wildcard = text.startswith("*.")
        name = host_name(text.removeprefix("*."))
        if name is None:
            return f"--json-allow: {text!r} is no host name, address or network"
        if wildcard:
            self._suffixes += (f".{name}",)
        else:
            self._names.add(name)
        return ""

    def _deny(self, text: str) -> str:
        address = read_address(text)
        name = host_name(text)
        if address is not None:
            self._denied_addresses.update(forms(address))
        elif name is not None:
            self._denied_names.add(name)
        else:
            return f"{text!r}, the host of kube-apiserver, is neither a name nor an address"
        return ""


def _refused(what: str, reason: str) -> str:
    return (
        f"{what}, {reason}, which is not read from; if it is meant, whoever runs this server can "
        "allow it with --json-allow"
    )


def _authority(url: str) -> str:
    """User, password, host and port of a URL: what is between ``//`` and the path."""
    return re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]


def host_name(text: str) -> str | None:
    """*text* as DNS has it, in ASCII and without a final dot; None when it is no name.

    >>> host_name("Bücher.example."), host_name("127.1"), host_name("a b")
    ('xn--bcher-kva.example', None, None)
    """
    try:
        name = (URL.build(scheme="http", host=text).raw_host or "").removesuffix(".")
    except ValueError:
        return None
    return name if _HOST_NAME.match(name) and not is_numeric(name) else None


def _as_kernel(network: Network) -> Network:
    """A network of mapped addresses as the IPv4 network it is for the kernel."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < 96:
        return network
    return ip_network((mapped, network.prefixlen - 96))
