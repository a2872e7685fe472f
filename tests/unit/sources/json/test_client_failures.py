"""What goes wrong between us and a document's server, as a person reads it."""

import asyncio
import gzip
import re
import socket
import ssl
import struct
import traceback

import pytest
import trustme
from unit.sources.json.scripted import Names, Scripted, answer

from adapter.errors import SourceError, SourceTimeout
from adapter.rules.json_metric import Access
from adapter.rules.json_section import JsonTLS
from adapter.sim.clock import ManualClock
from adapter.sources.json.client import JsonClient
from adapter.sources.json.guard import Guard
from adapter.telemetry import Telemetry

LIMIT = 1000
QUERY = "?token=secret"


@pytest.fixture
async def client():
    made = JsonClient(
        Guard(allowed=["127.0.0.1", "::1", "web.example", "slow.example", "gone.example"]),
        clock=ManualClock(),
        telemetry=Telemetry(),
        max_body_bytes=LIMIT,
        resolver=Names(web_example=["127.0.0.1"], slow_example=[None]),
    )
    yield made
    await made.close()


def chunked(*chunks):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


BOMB = gzip.compress(b" " * 10_000_000)
PACKED = gzip.compress(bytes(range(256)))
TOO_LARGE = f"sent a document of more than {LIMIT} bytes (--json-max-body-bytes)"
CUT = "closed the connection before its answer was complete"

BROKEN = {
    "400": (answer(b"secret", "400 secret"), "answered HTTP 400 Bad Request"),
    "401": (answer(status="401 x"), "answered HTTP 401 Unauthorized: the credentials are not "),
    "403": (answer(status="403 x"), "answered HTTP 403 Forbidden: the credentials do not permit"),
    "404": (answer(status="404 x"), "answered HTTP 404 Not Found: there is no such document"),
    "204": (answer(b"", "204 x"), "answered HTTP 204 No Content"),
    "206": (answer(status="206 x"), "answered HTTP 206 Partial Content"),
    "500": (answer(b"secret", "500 secret"), "answered HTTP 500 Internal Server Error"),
    "599": (answer(b"secret", "599 secret"), "answered HTTP 599"),
    "length over limit": (answer(b"", Content_Length="1001"), TOO_LARGE),
    "length far over limit": (answer(b"", Content_Length="9" * 18), TOO_LARGE),
    "chunks over limit": (chunked(*[b"x" * 100] * 11), TOO_LARGE),
    "tiny chunks over limit": (chunked(*[b"x"] * 1001), TOO_LARGE),
    "endless": ((b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 100_000, "close"), TOO_LARGE),
    "gzip bomb": (answer(BOMB[:900], Content_Encoding="gzip"), TOO_LARGE),
    "cut short": ((answer(b"[1, 2", Content_Length="100"), "close"), CUT),
    "cut chunk": ((chunked(b"[1]") + b"ff\r\n[", "close"), "is no proper chunked encoding, or"),
    "no last chunk": ((chunked(b"[1]"), "close"), "is no proper chunked encoding, or ended"),
    "broken chunk": (chunked(b"[1]") + b"zz\r\n", "sent an answer that breaks the rules of HTTP"),
    "no gzip": (answer(b"[1]", Content_Encoding="gzip"), "says that its answer is gzip, but it"),
    "half gzip": (answer(PACKED[:60], Content_Encoding="gzip"), "whose gzip is cut short"),
    "empty gzip": (answer(b"", Content_Encoding="gzip"), "whose gzip is cut short"),
    "after gzip": (answer(PACKED + b"x", Content_Encoding="gzip"), "after the end of its gzip"),
    "brotli": (answer(b"secret", Content_Encoding="secret"), "in a way nobody asked for; gzip"),
    "nothing": ((b"", "close"), "closed the connection without an answer"),
    "half a head": ((b"HTTP/1.1 200 OK\r\nConte", "close"), "closed the connection without an"),
    "no http": (b"SSH-2.0-secret\r\n", "is no HTTP; is it https instead of http?"),
    "tls alert": (b"\x15\x03\x01\x00\x02\x02\x50", "is no HTTP; is it https instead"),
    "huge header": (answer(X="x" * 20_000), "sent an answer that breaks the rules of HTTP"),
    "many headers": (answer(**{f"X{n}": "x" for n in range(500)}), "breaks the rules of HTTP"),
}


@pytest.mark.parametrize(("given", "cause"), BROKEN.values(), ids=BROKEN)
async def test_answers_that_cannot_be_used(client, given, cause):
    async with Scripted(given).serving() as server:
        with pytest.raises(SourceError, match=re.escape(cause)) as failed:
            await client.fetch(f"{server.url}/path{QUERY}", Access(), None)

    assert not isinstance(failed.value, SourceTimeout)
    assert str(failed.value).startswith(f"{server.place} ")
    told = "".join(traceback.format_exception(failed.value))
    assert "secret" not in told


async def test_an_error_costs_one_fetch(client):
    answers = [answer(status="503 x"), answer(b"x" * 2000), (b"x", "close"), answer(b"[1]")]
    async with Scripted(*answers).serving() as server:
        for _ in range(3):
            with pytest.raises(SourceError):
                await client.fetch(server.url, Access(), None)
        assert (await client.fetch(server.url, Access(), None)).body == b"[1]"


async def test_a_reset_connection(client):
    async def reset(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        cause = f"127.0.0.1:{port} broke the connection: connection reset by peer"
        with pytest.raises(SourceError, match=cause):
            await client.fetch(f"http://127.0.0.1:{port}/", Access(), None)


async def test_a_refused_connection(client):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    for host in ("127.0.0.1", "web.example"):
        with pytest.raises(SourceError, match=f"^{host}:{port} refused the connection$"):
            await client.fetch(f"http://{host}:{port}/?token=secret", Access(), None)


async def test_names_that_cannot_be_resolved(client):
    for host in ("nowhere.example", "gone.example"):
        with pytest.raises(SourceError, match=f"^cannot find {host}: there is no such name, or"):
            await client.fetch(f"http://{host}/", Access(), None)


async def test_a_server_that_does_not_answer_in_time(client):
    async with Scripted(None, (answer(b"", Content_Length="10"), "")).serving() as server:
        for _ in range(2):  # before the head of the answer, and within its body
            cause = f"^{server.place} did not answer within 0.4 s$"
            with pytest.raises(SourceTimeout, match=cause):
                await client.fetch(server.url, Access(timeout=0.4), None)


@pytest.mark.parametrize("access", [Access(timeout=0.05), Access(connect_timeout=0.05)])
async def test_a_connection_that_does_not_come_in_time(client, access):
    with pytest.raises(SourceTimeout, match=r"^slow.example:80 accepted no connection within 0.05"):
        await client.fetch("http://slow.example/", access, None)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def serving_context(authority, *names):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    return context


async def test_tls_with_an_own_ca(client, authority, ca_file):
    access = Access(tls=JsonTLS(caFile=str(ca_file)))
    context = serving_context(authority, "127.0.0.1", "web.example")
    async with Scripted(answer(b"[1]")).serving(ssl=context) as server:
        for host in ("127.0.0.1", "web.example", "web.example."):
            fetched = await client.fetch(f"https://{host}:{server.port}/", access, None)
            assert fetched.body == b"[1]"


async def test_a_certificate_for_another_name(client, authority, ca_file):
    """A pod is reached by its address, which certificates hardly have."""
    context = serving_context(authority, "queue.shop.svc")
    named = JsonTLS(caFile=str(ca_file), serverName="queue.shop.svc")
    async with Scripted(answer(b"[1]")).serving(ssl=context) as server:
        cause = f"no TLS with {server.place}: its certificate is for another name; .*tls.serverName"
        with pytest.raises(SourceError, match=cause):
            await client.fetch(server.url, Access(tls=JsonTLS(caFile=str(ca_file))), None)
        assert (await client.fetch(server.url, Access(tls=named), None)).body == b"[1]"


async def test_an_unknown_ca(client, authority):
    context = serving_context(authority, "127.0.0.1")
    async with Scripted(answer(b"[1]")).serving(ssl=context) as server:
        cause = f"no TLS with {server.place}: its certificate does not verify: .*tls.caFile"
        with pytest.raises(SourceError, match=cause):
            await client.fetch(server.url, Access(), None)
        insecure = Access(tls=JsonTLS(insecureSkipVerify=True))
        assert (await client.fetch(server.url, insecure, None)).body == b"[1]"
        with pytest.raises(SourceError, match="does not verify"):  # not over that connection
            await client.fetch(server.url, Access(), None)


async def test_https_where_http_is_spoken(client):
    async def complain(reader, writer):
        await reader.read(1)
        writer.write(answer(status="400 Bad Request"))
        writer.close()

    async with await asyncio.start_server(complain, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(SourceError, match=r"is no TLS; is it http instead of https\?"):
            await client.fetch(url, Access(), None)


async def test_a_server_that_wants_a_certificate(client, authority, ca_file, tmp_path):
    context = serving_context(authority, "127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    pair = authority.issue_cert("viaduct.example")
    pair.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    pair.private_key_pem.write_to_path(tmp_path / "key.pem")
    tls = JsonTLS(
        caFile=str(ca_file),
        certFile=str(tmp_path / "cert.pem"),
        keyFile=str(tmp_path / "key.pem"),
    )
    async with Scripted(answer(b"[1]")).serving(ssl=context) as server:
        with pytest.raises(SourceError, match=server.place):
            await client.fetch(server.url, Access(tls=JsonTLS(caFile=str(ca_file))), None)
        assert (await client.fetch(server.url, Access(tls=tls), None)).body == b"[1]"


async def test_a_new_ca_is_trusted_once_its_file_changes(client, authority, ca_file, caplog):
    access = Access(tls=JsonTLS(caFile=str(ca_file)))
    text = ca_file.read_bytes()
    context = serving_context(authority, "127.0.0.1")
    async with Scripted((answer(b"[1]"), "close")).serving(ssl=context) as server:
        ca_file.write_bytes(trustme.CA().cert_pem.bytes())
        with pytest.raises(SourceError, match="does not verify"):
            await client.fetch(server.url, access, None)
        ca_file.write_bytes(text + b"\n")
        await client.fetch(server.url, access, None)
        ca_file.write_bytes(b"half a fi")
        for _ in range(2):
            await client.fetch(server.url, access, None)

    why = "it holds no usable certificate or key (PEM); what was there before is used"
    assert caplog.text.count(f"cannot use {ca_file}: {why}") == 1
