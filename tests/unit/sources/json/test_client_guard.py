"""Nothing that is denied is reached: a real listener on loopback sees no connection."""

import socket

import pytest
from unit.sources.json.scripted import EVERYWHERE, Names, Scripted, answer
from yarl import URL

from adapter.errors import SourceError
from adapter.rules.json_metric import Access
from adapter.sim.clock import ManualClock
from adapter.sources.json import connecting
from adapter.sources.json.client import JsonClient
from adapter.sources.json.guard import Denied, Guard
from adapter.telemetry import Telemetry

DENIED = [
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://user:secret@127.0.0.1:{port}/",
    "http://8.8.8.8@127.0.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST.:{port}/",
    "http://127。0。0。1:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://one.example:{port}/",
    "http://mapped.example:{port}/",
    "http://six.example:{port}/",
    "http://mixed.example:{port}/",
    "http://zero.example:{port}/",
    "http://link.example:{port}/",
]


def names():
    return Names(
        one_example=["127.0.0.1"],
        mapped_example=["::ffff:127.0.0.1"],
        six_example=["::1"],
        mixed_example=["10.255.255.1 127.0.0.1"],
        zero_example=["0.0.0.0"],
        link_example=["fe80::1%lo"],
    )


def client(guard=None, resolver=None):
    telemetry = Telemetry()
    made = JsonClient(
        guard or Guard(),
        clock=ManualClock(),
        telemetry=telemetry,
        max_body_bytes=1000,
        resolver=resolver or names(),
    )
    made.telemetry = telemetry
    return made


@pytest.mark.parametrize("template", DENIED)
async def test_nothing_connects_to_what_is_denied(template):
    fetching = client()
    async with Scripted().serving(EVERYWHERE) as listener:
        with pytest.raises(Denied) as refused:
            await fetching.fetch(template.format(port=listener.port), Access(), None)
    await fetching.close()

    assert listener.connections == 0
    assert "secret" not in str(refused.value)
    assert fetching.telemetry.registry.get_sample_value(
        "viaduct_json_fetches_total", {"result": "denied"}
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "127.1", "2130706433"])
async def test_a_socket_is_checked_though_nothing_before_it_was(monkeypatch, address):
    """As if the check of the URL had a gap."""
    monkeypatch.setattr(Guard, "read_url", lambda _, text: URL(text))
    fetching = client()
    async with Scripted().serving(EVERYWHERE) as listener:
        host = f"[{address}]" if ":" in address else address
        with pytest.raises(SourceError):
            await fetching.fetch(f"http://{host}:{listener.port}/", Access(), None)
    await fetching.close()

    assert listener.connections == 0


@pytest.mark.parametrize("name", ["one", "mapped", "six", "mixed", "zero"])
async def test_a_socket_is_checked_though_the_resolver_was_not(monkeypatch, name):
    """As if a resolver had changed what it said between the check and the connection."""
    unchecked = names()
    monkeypatch.setattr(connecting, "CheckedResolver", lambda *_: unchecked)
    fetching = client()
    async with Scripted().serving(EVERYWHERE) as listener:
        access = Access(timeout=0.5, connect_timeout=0.3)
        with pytest.raises(SourceError):
            await fetching.fetch(f"http://{name}.example:{listener.port}/", access, None)
    await fetching.close()

    assert unchecked.asked == [f"{name}.example"]
    assert listener.connections == 0


async def test_a_name_is_looked_up_once_and_connected_to_as_found():
    """DNS rebinding: a second look-up would have given the denied address."""
    resolver = Names(rebind_example=["127.0.0.2", "127.0.0.1"])
    guard = Guard(allowed=["127.0.0.2"])
    inner = Scripted()
    async with (
        Scripted(answer(b"[1]")).serving("127.0.0.2") as outer,
        inner.serving("127.0.0.1", outer.port),
    ):
        first, second = client(guard, resolver), client(guard, resolver)
        url = f"http://rebind.example:{outer.port}/"
        fetched = await first.fetch(url, Access(), None)
        with pytest.raises(Denied, match=r"rebind.example resolves to 127.0.0.1, a loopback"):
            await second.fetch(url, Access(), None)
        await first.close()
        await second.close()

    assert fetched.body == b"[1]"
    assert resolver.asked == ["rebind.example"] * 2
    assert (outer.connections, inner.connections) == (1, 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("http://127.0.0.1:{port}/secret?token=secret", "to the host 127.0.0.1,"),
        ("//localhost:{port}/secret", "to the host localhost,"),
        ("/other?token=secret", "to the same host,"),
        ("http://user:secret@web.example/", "to the host web.example,"),
        ("http://[::1/", "to a malformed address,"),
        ("http://secret of mine/", "to a malformed address,"),
        (None, "a redirect, and"),
    ],
)
async def test_redirects_are_not_followed(status, location, target):
    inner = Scripted()
    async with inner.serving("127.0.0.1"):
        if location is not None:
            location = location.format(port=inner.port)
        outer = Scripted(answer(status=f"{status} secret", Location=location))
        async with outer.serving("127.0.0.2"):
            fetching = client(Guard(allowed=["127.0.0.2"]))
            with pytest.raises(SourceError, match=f"HTTP {status}") as refused:
                await fetching.fetch(f"{outer.url}/x", Access(), None)
            await fetching.close()

    assert target in str(refused.value)
    assert "secret" not in str(refused.value)
    assert inner.connections == 0
    assert len(outer.requests) == 1


async def test_an_allowed_name_may_be_at_a_denied_address_and_no_other_name_may():
    resolver = Names(web_example=["127.0.0.1"], other_example=["127.0.0.1"])
    async with Scripted(answer(b"1")).serving() as listener:
        fetching = client(Guard(allowed=["web.example"]), resolver)
        fetched = await fetching.fetch(f"http://web.example:{listener.port}/", Access(), None)
        for host in ("other.example", "127.0.0.1"):
            with pytest.raises(Denied):
                await fetching.fetch(f"http://{host}:{listener.port}/", Access(), None)
        await fetching.close()

    assert fetched.body == b"1"
    assert listener.connections == 1


async def test_names_are_looked_up_by_the_machine_where_nobody_says_otherwise():
    try:
        socket.getaddrinfo("localhost", 80)
    except socket.gaierror:
        pytest.skip("this machine does not know localhost")
    fetching = JsonClient(
        Guard(allowed=["localhost"]),
        clock=ManualClock(),
        telemetry=Telemetry(),
        max_body_bytes=1000,
    )
    async with Scripted(answer(b"1")).serving(EVERYWHERE) as listener:
        fetched = await fetching.fetch(f"http://localhost:{listener.port}/", Access(), None)
    await fetching.close()

    assert fetched.body == b"1"


async def test_no_proxy_of_the_environment_is_used(monkeypatch):
    """It would resolve names itself, and sits on loopback more often than not."""
    async with Scripted().serving("127.0.0.1") as proxy, Scripted().serving("127.0.0.2") as web:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        fetching = client(Guard(allowed=["127.0.0.2"]))
        await fetching.fetch(web.url, Access(), None)
        await fetching.close()

    assert (proxy.connections, web.connections) == (0, 1)
