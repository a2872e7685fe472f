"""Connections: how many, how slow, how large; and that strangers cause no tracebacks."""

import asyncio
import contextlib
import json
import logging
import ssl
import time

import pytest
import trustme
from golden.cluster import Cluster
from integration.attacks import Attacks

from adapter.server.app import start
from adapter.server.limits import MAX_HEADER_BYTES, MAX_LINE_BYTES, Limits
from adapter.server.pairs import PEMPair
from adapter.server.tls import ServingTLS
from adapter.sim.clock import ManualClock
from adapter.telemetry import Telemetry

CA = trustme.CA()
CUT = "viaduct_server_connections_cut_total"
FAILED = "viaduct_tls_handshake_failures_total"
GET = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"


class Served:
    """A server and those who attack it."""

    def __init__(self, server, attacks, telemetry):
        self.server = server
        self.attacks = attacks
        self.telemetry = telemetry

    def value(self, metric, **labels):
        return self.telemetry.registry.get_sample_value(metric, labels) or 0

    async def until(self, reached):
        end = time.monotonic() + 20
        while not reached():
            assert time.monotonic() < end, "did not come about"
            await asyncio.sleep(0.01)

    async def ask(self, path=b"/livez", connection=None):
        """Status line and headers of a GET, over *connection* or a new one."""
        reader, writer = connection or await self.attacks.connect()
        writer.write(GET % path)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        return head


@contextlib.asynccontextmanager
async def served(*, tls=True, cluster=None, **limits):
    cluster = cluster or Cluster()
    context = pair = None
    if tls:
        certificate = CA.issue_cert("127.0.0.1")
        pem = PEMPair(certificate.cert_chain_pems[0].bytes(), certificate.private_key_pem.bytes())
        pair = ServingTLS(pem, clock=ManualClock(), telemetry=cluster.telemetry)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        CA.configure_trust(context)
    server = await start(cluster.app(), host="127.0.0.1", port=0, tls=pair, limits=Limits(**limits))
    try:
        async with Attacks(server.port, context) as attacks:
            yield Served(server, attacks, cluster.telemetry)
    finally:
        await server.close()


BOTH = pytest.mark.parametrize(
    "tls", [pytest.param(True, id="tls"), pytest.param(False, id="plain")]
)


@BOTH
async def test_requests_follow_each_other_on_a_connection(tls):
    async with served(tls=tls) as it:
        connection = await it.attacks.connect()
        heads = [await it.ask(connection=connection) for _ in range(3)]

        assert {head.split(b"\r\n")[0] for head in heads} == {b"HTTP/1.1 200 OK"}
        assert it.value("viaduct_server_connections") == 1


async def test_what_comes_with_the_end_of_the_handshake_is_not_lost():
    """A client of TLS 1.3 may send its request together with its Finished."""
    async with served() as it:
        plain_reader, plain_writer = await it.attacks.connect(context=None)
        inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = it.attacks.context.wrap_bio(inward, outward, server_hostname="127.0.0.1")
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        plain_writer.write(outward.read())
        while True:
            inward.write(await plain_reader.read(65536))
            with contextlib.suppress(ssl.SSLWantReadError):
                client.do_handshake()
                break
        client.write(GET % b"/livez")
        plain_writer.write(outward.read())  # both in one packet
        answer = b""
        while b"ok" not in answer:
            inward.write(await asyncio.wait_for(plain_reader.read(65536), 10))
            with contextlib.suppress(ssl.SSLWantReadError):
                answer += client.read(65536)

    assert answer.startswith(b"HTTP/1.1 200")


@BOTH
async def test_the_longest_idle_make_room_and_those_who_never_asked_go_first(tls):
    async with served(tls=tls, connections=4) as it:
        used = [await it.attacks.connect() for _ in range(2)]
        for connection in used:
            await it.ask(connection=connection)
        silent = [await it.attacks.connect() for _ in range(2)]
        await it.until(lambda: it.value("viaduct_server_connections") == 4)

        gone = []
        for expected in (*silent, *used[:1]):
            newcomer = await it.attacks.connect()
            await it.ask(connection=newcomer)
            gone.append(await asyncio.wait_for(ended(expected[0]), 10))

        assert gone == [True, True, True]
        assert b" 200 " in await it.ask(connection=used[1])
        assert it.value(CUT, limit="connections") == 3


async def ended(reader):
    """Whether the server closed it; aborted, so that TLS may call it an error."""
    try:
        return await reader.read() == b""
    except OSError:
        return True


async def test_connections_just_in_use_are_not_closed_for_others():
    from unit.server.test_limits import BASE, SlowGroup

    group = SlowGroup(limit=100)
    server = await start(group.app, host="127.0.0.1", port=0, limits=Limits(connections=2, held=60))
    async with Attacks(server.port) as attacks:
        asking = [await attacks.connect() for _ in range(2)]
        for _, writer in asking:
            writer.write(GET % f"{BASE}/things".encode())
            await group.started.acquire()
        reader, _ = await attacks.connect()
        refused = await asyncio.wait_for(ended(reader), 10)
        group.go_on.set()
        heads = [await asyncio.wait_for(reader.readline(), 10) for reader, _ in asking]
    await server.close()

    assert refused
    assert heads == [b"HTTP/1.1 200 OK\r\n"] * 2


async def test_the_connection_answered_for_longest_makes_room_for_a_probe():
    from unit.server.test_limits import BASE, SlowGroup

    group = SlowGroup(limit=100)
    limits = Limits(connections=2, held=0.0)
    server = await start(group.app, host="127.0.0.1", port=0, limits=limits)
    async with Attacks(server.port) as attacks:
        asking = [await attacks.connect() for _ in range(2)]
        for _, writer in asking:
            writer.write(GET % f"{BASE}/things".encode())
            await group.started.acquire()
        it = Served(server, attacks, group.telemetry)
        probed = await it.ask(connection=await attacks.connect())
        cut = await asyncio.wait_for(ended(asking[0][0]), 10)
        group.go_on.set()
        kept = await asyncio.wait_for(asking[1][0].readline(), 10)
    await server.close()

    assert b" 200 " in probed
    assert cut
    assert kept == b"HTTP/1.1 200 OK\r\n"
    assert it.value(CUT, limit="connections") == 1


async def test_slow_handshakes_are_ended(caplog):
    async with served(handshake=0.2) as it:
        await it.attacks.slow_handshakes(20)
        await it.until(lambda: it.value(FAILED, reason="timeout") == 20)
        await it.until(lambda: it.value("viaduct_server_connections") == 0)

    assert caplog.records == []


@BOTH
@pytest.mark.parametrize("first", [b"", GET % b"/livez"], ids=["first-request", "later-request"])
async def test_headers_that_take_too_long_are_cut(tls, first):
    async with served(tls=tls, headers=0.3) as it:
        reader, writer = await it.attacks.connect()
        if first:
            await it.ask(connection=(reader, writer))
        writer.write(b"GET /livez HTTP/1.1\r\nX-Slow: ")

        async def drip():
            while True:
                writer.write(b"a")
                await asyncio.sleep(0.02)

        dripping = asyncio.ensure_future(drip())
        assert await asyncio.wait_for(ended(reader), 10)
        dripping.cancel()
        assert it.value(CUT, limit="headers") == 1


async def test_an_idle_connection_outlives_the_limit_for_headers():
    async with served(headers=0.1) as it:
        connection = await it.attacks.connect()
        await it.ask(connection=connection)
        await asyncio.sleep(0.3)

        assert b" 200 " in await it.ask(connection=connection)


async def test_a_request_begun_while_another_is_answered_has_its_time_too():
    async with served(tls=False, headers=0.2) as it:
        reader, writer = await it.attacks.connect()
        writer.write(GET % b"/livez" + b"GET /livez HT")
        await asyncio.wait_for(reader.readuntil(b"ok"), 10)

        assert await asyncio.wait_for(ended(reader), 10)
        assert it.value(CUT, limit="headers") == 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        pytest.param(0, f"a line is over {MAX_LINE_BYTES} bytes", id="one-line"),
        pytest.param(1000, f"the headers are over {MAX_HEADER_BYTES} bytes", id="many-lines"),
        pytest.param(60_000, f"the headers are over {MAX_HEADER_BYTES} bytes", id="long-lines"),
    ],
)
async def test_giant_headers_are_refused_as_status(line, says, caplog):
    caplog.set_level(logging.DEBUG)
    async with served() as it:
        answer = await it.attacks.giant_headers(line=line)
        assert b" 200 " in await it.ask()

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 431") or b"Connection: close" in head
    assert b" 431 Request Header Fields Too Large" in head
    assert b"aiohttp" not in head
    status = json.loads(body)
    assert (status["kind"], status["code"], says in status["message"]) == ("Status", 431, True)
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", id="tls-to-plain"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="http2"),
        pytest.param(b"GET /livez HTTP/1.1\r\nBad Header\r\n\r\n", id="no-colon"),
        pytest.param(b"GET /livez HTTP/1.1\r\nAuthorization: Bearer s3cret\x00\r\n\r\n", id="nul"),
        pytest.param(b"\r\n\r\nhello\r\n\r\n", id="not-http"),
        pytest.param(
            b"POST /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
            id="bad-chunk",
        ),
    ],
)
async def test_garbage_is_refused_without_a_word_in_the_log(sent, caplog):
    async with served(tls=False) as it:
        reader, writer = await it.attacks.connect()
        writer.write(sent)
        answer = await asyncio.wait_for(reader.read(), 20)
        assert b" 200 " in await it.ask()

    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4", b"HTTP/1.1 405"))
    assert b"s3cret" not in answer
    assert caplog.records == []


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + b"\xff" * 600])
async def test_port_scans_are_not_logged(sent, caplog):
    async with served() as it:
        _, writer = await it.attacks.connect(context=None)
        writer.write(sent)
        writer.close()
        await it.until(lambda: it.value(FAILED, reason="other") == 1)
        assert b" 200 " in await it.ask()

    assert caplog.records == []


async def test_half_closed_tls_is_closed(caplog):
    async with served() as it:
        await it.attacks.half_closed(20)
        await it.until(lambda: it.value("viaduct_server_connections") == 0)
        assert b" 200 " in await it.ask()

    assert caplog.records == []


@BOTH
async def test_a_client_that_does_not_read_is_cut(tls, caplog):
    from unit.server.test_limits import BASE, SlowGroup

    group = SlowGroup(limit=100)
    group.chunks = [bytes([65 + number % 26]) * 1_000_000 for number in range(30)]
    group.go_on.set()
    certificate = CA.issue_cert("127.0.0.1")
    context = None
    pair = None
    if tls:
        pem = PEMPair(certificate.cert_chain_pems[0].bytes(), certificate.private_key_pem.bytes())
        pair = ServingTLS(pem, clock=ManualClock(), telemetry=Telemetry())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        CA.configure_trust(context)
    server = await start(group.app, host="127.0.0.1", port=0, tls=pair, limits=Limits(stalled=0.3))
    async with Attacks(server.port, context) as attacks:
        _, writer = await attacks.connect()
        writer.transport.pause_reading()
        writer.write(GET % f"{BASE}/things".encode())
        it = Served(server, attacks, group.telemetry)
        await it.until(lambda: it.value(CUT, limit="stalled") == 1)
        await it.until(lambda: it.value("viaduct_server_requests_in_flight") == 0)
        await it.until(lambda: it.value("viaduct_server_connections") == 0)
    await server.close()

    assert caplog.records == []
