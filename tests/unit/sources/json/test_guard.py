"""What may be read from: URLs, names and addresses, in every spelling."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import ConfigError
from adapter.sources.json.guard import Denied, Guard

API_SERVER = ["10.96.0.1", "fd00:10:96::1", "api.cluster.example"]

LOOPBACK = "a loopback address"
METADATA = "an address of a cloud's metadata service"
UNSPECIFIED = "an unspecified address"
SPELLING = "is another spelling of"
FORM = r"\(127\.0\.0\.1\) in another form"

REFUSED = [
    # loopback and what reaches it
    ("http://127.0.0.1/", LOOPBACK),
    ("http://127.255.255.254:8080/metrics", LOOPBACK),
    ("https://127.0.0.1./", LOOPBACK),
    ("http://[::1]/", LOOPBACK),
    ("http://[0:0:0:0:0:0:0:1]/", LOOPBACK),
    ("http://[::ffff:127.0.0.1]/", FORM),
    ("http://[::ffff:7f00:1]/", FORM),
    ("http://[::127.0.0.1]/", FORM),
    ("http://[::ffff:0:127.0.0.1]/", FORM),
    ("http://[64:ff9b::127.0.0.1]/", FORM),
    ("http://[2002:7f00:1::]/", FORM),
    ("http://[2001:0:1234:5678:0:0:80ff:fffe]/", FORM),
    ("http://[2001:0:7f00:1::]/", FORM),
    ("http://[64:ff9b:1::a00:1]/", "a local NAT64 translator"),
    ("http://0.0.0.0/", UNSPECIFIED),
    ("http://0.1.2.3/", UNSPECIFIED),
    ("http://[::]/", UNSPECIFIED),
    # spellings that the C library reads as addresses
    ("http://2130706433/", f"{SPELLING} 127.0.0.1, {LOOPBACK}"),
    ("http://0177.0.0.1/", f"{SPELLING} 127.0.0.1, {LOOPBACK}"),
    ("http://0x7f000001/", f"{SPELLING} 127.0.0.1, {LOOPBACK}"),
    ("http://0x7f.0.0.1/", f"{SPELLING} 127.0.0.1, {LOOPBACK}"),
    ("http://127.1/", f"{SPELLING} 127.0.0.1, {LOOPBACK}"),
    ("http://127.0.1/", f"{SPELLING} 127.0.0.1, {LOOPBACK}"),
    ("http://127.1./", f"{SPELLING} 127.0.0.1, {LOOPBACK}"),
    ("http://0/", f"{SPELLING} 0.0.0.0, {UNSPECIFIED}"),
    ("http://2852039166/", f"{SPELLING} 169.254.169.254, {METADATA}"),
    ("http://167772161/", f"{SPELLING} 10.0.0.1; write that"),
    ("http://010.0.0.1/", f"{SPELLING} 8.0.0.1; write that"),
    ("http://10.0.0.1./", "no usual spelling of an address; write 10.0.0.1"),
    ("http://1.2.3.999/", "1.2.3.999 is no address"),
    ("http://4294967296/", "4294967296 is no address"),
    # what IDNA makes of other scripts
    ("http://127。0。0。1/", LOOPBACK),
    ("http://\uff11\uff12\uff17.0.0.1/", LOOPBACK),
    ("http://ⓛocalhost/", "a name of this machine"),
    # names
    ("http://localhost/", "a name of this machine"),
    ("http://LOCALHOST.:9090/", "a name of this machine"),
    ("http://x.localhost/", "a name of this machine"),
    ("http://localhost.localdomain/", "a name of this machine"),
    ("http://ip6-localhost/", "a name of this machine"),
    ("http://metadata.google.internal/computeMetadata/v1/", "a name of a cloud's metadata"),
    ("http://metadata/", "a name of a cloud's metadata"),
    ("https://kubernetes/api", "a name of kube-apiserver"),
    ("https://kubernetes.default/api", "a name of kube-apiserver"),
    ("https://kubernetes.default.svc/api", "a name of kube-apiserver"),
    ("https://kubernetes.default.svc.cluster.local./api", "a name of kube-apiserver"),
    ("https://kubernetes.default.svc.corp.example/api", "a name of kube-apiserver"),
    ("https://API.cluster.example./", "the address of kube-apiserver"),
    # other addresses
    ("https://10.96.0.1/api", "the address of kube-apiserver"),
    ("https://[::ffff:10.96.0.1]/api", "the address of kube-apiserver"),
    ("https://[fd00:10:96::1]/api", "the address of kube-apiserver"),
    ("http://169.254.169.254/latest/meta-data/", METADATA),
    ("http://[fd00:ec2::254]/latest/meta-data/", METADATA),
    ("http://100.100.100.200/", METADATA),
    ("http://168.63.129.16/", METADATA),
    ("http://169.254.1.1/", "a link-local address"),
    ("http://[fe80::1]/", "a link-local address"),
    ("http://[fe80::1%25eth0]/", "a link-local address"),
    ("http://224.0.0.1/", "a multicast address"),
    ("http://[ff02::1]/", "a multicast address"),
    ("http://255.255.255.255/", "a reserved address"),
    ("http://192.0.0.8/", "a reserved address"),
    ("http://[fec0::1]/", "a reserved address"),
]

MALFORMED = [
    ("http://user:secret@web/", "user or password"),
    ("http://secret@web/", "user or password"),
    ("http://@web/", "user or password"),
    ("http://web@127.0.0.1/", "user or password"),
    ("http://127.0.0.1:80@web/", "user or password"),
    ("ftp://web/", "must begin with http"),
    ("file:///etc/passwd", "must begin with http"),
    ("gopher://web:70/", "must begin with http"),
    ("unix:///run/docker.sock", "must begin with http"),
    ("web:8080/x", "must begin with http"),
    ("//web/x", "must begin with http"),
    ("", "must begin with http"),
    ("http:web", "names no host"),
    ("http:///x", "names no host"),
    ("http://:80/x", "malformed"),
    ("http://web:0/", "names no host and port"),
    ("http://web:99999/", "malformed"),
    ("http://web:http/", "malformed"),
    ("http://[::1/", "malformed"),
    ("http://web\\@127.0.0.1/", "malformed"),
    (" http://web/", "blanks"),
    ("http://web/a b", "blanks"),
    ("http://web/\r\nX: y", "blanks"),
    ("http://web/\x00", "blanks"),
    ("http://web\u3000/", "blanks"),
    ("http://we\u200bb/", "blanks"),
    ("http://%31%32%37.0.0.1/", "neither a name nor an address"),
    ("http://we%00b/", "neither a name nor an address"),
    ("http://web../", "neither a name nor an address"),
    ("http://a..b/", "neither a name nor an address"),
    ("http://web,127.0.0.1/", "neither a name nor an address"),
    (f"http://{'a' * 64}/", "neither a name nor an address"),
    (f"http://{'a.' * 127}aa/", "neither a name nor an address"),
]

FINE = [
    "http://web/",
    "http://web.shop.svc.cluster.local.:8080/stats?since=5m#top",
    "https://queue_depth.example/a%20b",
    "http://bücher.example/",
    "http://10.1.2.3:8080/metrics",
    "http://192.168.0.1/",
    "http://172.16.0.1/",
    "http://100.64.0.1/",
    "http://[fd00::1]:8080/",
    "http://[64:ff9b::10.0.0.1]/",
    "http://[2002:a00:1::]/",
    "http://8.8.8.8/",
    "http://kubernetes.shop.svc/",
    "http://my-kubernetes.default.svc/",
    "http://metadata.shop/",
    "http://localhost.example/",
    "http://1.example/",
]


@pytest.mark.parametrize(("url", "cause"), REFUSED, ids=[url for url, _ in REFUSED])
def test_what_must_not_be_reached_is_refused_and_says_how_to_allow_it(url, cause):
    guard = Guard(denied_hosts=API_SERVER)

    with pytest.raises(Denied, match=cause) as refused:
        guard.check_url(url)

    assert (
        "--json-allow" in str(refused.value)
        or "write" in str(refused.value)
        or ("is no address" in str(refused.value))
    )


@pytest.mark.parametrize(("url", "cause"), MALFORMED, ids=[ascii(url) for url, _ in MALFORMED])
def test_what_is_no_plain_url_is_refused_without_showing_it(url, cause):
    with pytest.raises(Denied, match=cause) as refused:
        Guard().check_url(url)

    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("url", FINE)
def test_everything_else_may_be_read(url):
    Guard(denied_hosts=API_SERVER).check_url(url)


ALLOWED = [
    ("localhost", "http://localhost:8080/"),
    ("LocalHost.", "http://localhost/"),
    ("*.localhost", "http://a.b.localhost/"),
    ("*.svc.cluster.local", "http://kubernetes.default.svc.cluster.local/"),
    ("bücher.localhost", "http://bücher.localhost/"),
    ("127.0.0.1", "http://127.0.0.1/"),
    ("127.0.0.1", "http://[::ffff:127.0.0.1]/"),
    ("127.0.0.0/8", "http://127.9.9.9/"),
    ("127.0.0.0/8", "http://[64:ff9b::127.0.0.1]/"),
    ("::ffff:127.0.0.0/104", "http://127.0.0.1/"),
    ("::1", "http://[::1]/"),
    ("[::1]", "http://[::1]/"),
    ("fe80::/10", "http://[fe80::1]/"),
    ("169.254.169.254", "http://169.254.169.254/"),
    ("10.96.0.1", "https://10.96.0.1/"),
    ("api.cluster.example", "https://api.cluster.example/"),
    ("64:ff9b:1::/48", "http://[64:ff9b:1::a00:1]/"),
]


@pytest.mark.parametrize(("entry", "url"), ALLOWED, ids=[f"{a} {b}" for a, b in ALLOWED])
def test_what_is_allowed_wins(entry, url):
    Guard(allowed=[entry], denied_hosts=API_SERVER).check_url(url)


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("*.localhost", "http://localhost/"),
        ("localhost", "http://x.localhost/"),
        ("localhost", "http://127.0.0.1/"),
        ("127.0.0.1", "http://127.0.0.2/"),
        ("127.0.0.1", "http://localhost/"),
        ("::/0", "http://[::ffff:127.0.0.1]/"),
        ("0.0.0.0/0", "http://[::1]/"),
        ("127.0.0.1", "http://2130706433/"),
        ("8.8.8.8", "http://[2001:0:808:808:0:0:80ff:fffe]/"),
        ("web", "http://user@web/"),
    ],
)
def test_what_is_allowed_is_no_more_than_it_says(entry, url):
    with pytest.raises(Denied):
        Guard(allowed=[entry]).check_url(url)


@pytest.mark.parametrize(
    "entry",
    ["10.0.0.0/40", "10.0.0.1/8", "http://web", "web:8080", "*", "*.", "", "a b", "127.1", "*.1"],
)
def test_entries_that_mean_nothing_are_refused_at_start(entry):
    with pytest.raises(ConfigError, match="--json-allow"):
        Guard(allowed=["web", entry])


def test_all_wrong_entries_are_told_at_once():
    with pytest.raises(ConfigError) as refused:
        Guard(allowed=["web:80", "10.0.0.0/99"], denied_hosts=["a b"])

    assert len(refused.value.problems) == 3


def test_an_allowed_name_is_trusted_wherever_it_resolves_to():
    guard = Guard(allowed=["web.example", "*.pods.example"])

    assert guard.trusts("web.example.")
    assert guard.trusts("a.pods.example")
    assert not guard.trusts("pods.example")
    assert not guard.trusts("other.example")


def test_addresses_are_checked_as_resolvers_and_sockets_have_them():
    guard = Guard(denied_hosts=API_SERVER)

    guard.check_address("10.1.2.3", "web")
    with pytest.raises(Denied, match=r"web resolves to fe80::1%eth0, a link-local address"):
        guard.check_address("fe80::1%eth0", "web")
    with pytest.raises(Denied, match="unreadable"):
        guard.check_address("web")


LOCAL = st.integers(0, 2**24 - 1).map(lambda tail: IPv4Address((127 << 24) + tail))


def spellings(address):
    """Ways to write an IPv4 address that some program or other understands."""
    number = int(address)
    octets = address.packed
    return [
        str(address),
        f"{address}.",
        str(number),
        hex(number),
        f"0{number:o}",
        ".".join(f"0{octet:o}" for octet in octets),
        ".".join(map(hex, octets)),
        f"{octets[0]}.{number & 0xFFFFFF}",
        f"{octets[0]}.{octets[1]}.{number & 0xFFFF}",
        f"[::{address}]",
        f"[::ffff:{address}]",
        f"[{IPv6Address((0xFFFF0000 << 32) + number)}]",
        f"[64:ff9b::{address}]",
        f"[{IPv6Address((0x2002 << 112) + (number << 80) + 1)}]",
        f"[{IPv6Address((0x20010000 << 96) + (0xFFFFFFFF & ~number))}]",
    ]


@given(LOCAL)
def test_no_spelling_of_a_loopback_address_passes(address):
    guard = Guard()
    for spelling in spellings(address):
        with pytest.raises(Denied):
            guard.check_url(f"http://{spelling}/")


@given(st.ip_addresses(v=4))
def test_an_address_passes_as_url_exactly_if_it_passes_as_address(address):
    def passes(check, text):
        try:
            check(text)
        except Denied:
            return False
        return True

    guard = Guard()
    assert passes(guard.check_url, f"http://{address}:80/") == passes(
        guard.check_address, str(address)
    )
