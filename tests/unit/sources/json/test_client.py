"""Documents as they are fetched: what is sent, what is kept, what is counted."""

import asyncio
import base64
import contextlib
import gzip
import logging
import zlib

import pytest
from unit.sources.json.scripted import Scripted, answer

from adapter import __version__
from adapter.errors import ConfigError, SourceError
from adapter.rules.backends import BackendHeader, BasicAuth
from adapter.rules.json_metric import Access
from adapter.rules.json_section import JsonAuth, JsonTLS
from adapter.sim.clock import ManualClock
from adapter.sources.json.client import Fetched, JsonClient
from adapter.sources.json.guard import Guard
from adapter.telemetry import Telemetry

LIMIT = 1000


@contextlib.asynccontextmanager
async def fetching(*answers):
    """A client and the server it may read from."""
    telemetry = Telemetry()
    client = JsonClient(
        Guard(allowed=["127.0.0.0/8"]),
        clock=ManualClock(1000.0),
        telemetry=telemetry,
        max_body_bytes=LIMIT,
    )
    async with Scripted(*answers).serving() as server:
        try:
            server.telemetry = telemetry
            yield client, server
        finally:
            await client.close()


def sent(server, name):
    """Values of a header of the last request."""
    lines = [line.partition(": ") for line in server.requests[-1].split("\r\n")]
    return [value for key, _, value in lines if key.lower() == name.lower()]


async def test_a_document_is_asked_for_as_json_and_comes_with_the_time_of_receipt():
    async with fetching(answer(b'{"a": 1}')) as (client, server):
        fetched = await client.fetch(f"{server.url}/q/a%2Fb?x=1&y=ü#part", Access(), None)

    assert fetched == Fetched(b'{"a": 1}', "", "", 1000.0)
    assert server.requests[0].startswith("GET /q/a%2Fb?x=1&y=%C3%BC HTTP/1.1\r\n")
    assert sent(server, "Host") == [server.place]
    assert sent(server, "Accept") == ["application/json"]
    assert sent(server, "User-Agent") == [f"viaduct/{__version__}"]
    for name in ("Authorization", "Cookie", "If-None-Match", "If-Modified-Since"):
        assert sent(server, name) == []


async def test_a_connection_serves_many_fetches_and_keeps_no_cookies():
    async with fetching(answer(Set_Cookie="session=1")) as (client, server):
        for _ in range(3):
            await client.fetch(server.url, Access(), None)

    assert server.connections == 1
    assert sent(server, "Cookie") == []


async def test_a_connection_that_was_closed_while_idle_is_replaced():
    async with fetching((answer(), "close"), answer(b"2")) as (client, server):
        await client.fetch(server.url, Access(), None)
        assert (await client.fetch(server.url, Access(), None)).body == b"2"

    assert server.connections == 2


@pytest.mark.parametrize(
    ("headers", "conditions"),
    [
        ({"ETag": '"v1"'}, {"If-None-Match": ['"v1"']}),
        ({"ETag": 'W/"v1"'}, {"If-None-Match": ['W/"v1"']}),
        (
            {"Last_Modified": "Mon, 01 Jan 2024 00:00:00 GMT"},
            {"If-Modified-Since": ["Mon, 01 Jan 2024 00:00:00 GMT"]},
        ),
        (
            {"ETag": '"v1"', "Last_Modified": "yesterday"},
            {"If-None-Match": ['"v1"'], "If-Modified-Since": ["yesterday"]},
        ),
    ],
    ids=["etag", "weak", "modified", "both"],
)
async def test_an_unchanged_document_is_not_sent_again(headers, conditions):
    answers = [answer(b"1", **headers), answer(b"", "304 Not Modified"), answer(b"2")]
    async with fetching(*answers) as (client, server):
        first = await client.fetch(server.url, Access(), None)
        again = await client.fetch(server.url, Access(), first)
        assert {name: sent(server, name) for name in conditions} == conditions
        changed = await client.fetch(server.url, Access(), again)
        assert {name: sent(server, name) for name in conditions} == conditions

    assert (again.body, again.etag, again.last_modified) == (
        None,
        first.etag,
        first.last_modified,
    )
    assert changed == Fetched(b"2", "", "", 1000.0)
    assert server.connections == 1


async def test_a_304_nobody_asked_for_is_an_error():
    async with fetching(answer(b"1"), answer(b"", "304 Not Modified")) as (client, server):
        first = await client.fetch(server.url, Access(), None)
        for last in (first, None):
            with pytest.raises(SourceError, match="304 though the whole document was asked for"):
                await client.fetch(server.url, Access(), last)


@pytest.mark.parametrize("etag", ['"' + "x" * 2000 + '"', '"\xfc"', '"a\tb"'])
async def test_an_etag_that_could_not_be_sent_back_is_forgotten(etag):
    head = answer(b"1", ETag=etag)
    async with fetching(head) as (client, server):
        first = await client.fetch(server.url, Access(), None)
        await client.fetch(server.url, Access(), first)

    assert first.etag == ""
    assert sent(server, "If-None-Match") == []


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("X-GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("identity", bytes),
    ],
    ids=["gzip", "x-gzip", "deflate", "raw-deflate", "identity"],
)
async def test_what_is_compressed_unasked_is_read_all_the_same(encoding, compress):
    body = b"[" + b"1," * 400 + b"1]"
    async with fetching(answer(compress(body), Content_Encoding=encoding)) as (client, server):
        fetched = await client.fetch(server.url, Access(), None)

    assert fetched.body == body
    assert sent(server, "Accept-Encoding") == ["identity"]


async def test_bodies_in_chunks_and_without_a_length_are_read():
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n1\r\n]\r\n0\r\n\r\n"
    endless = (b"HTTP/1.0 200 OK\r\n\r\n[2]", "close")
    async with fetching(chunked, endless) as (client, server):
        assert (await client.fetch(server.url, Access(), None)).body == b"[]"
        assert (await client.fetch(server.url, Access(), None)).body == b"[2]"


async def test_a_body_of_exactly_the_limit_is_read():
    async with fetching(answer(b"1" * LIMIT)) as (client, server):
        assert len((await client.fetch(server.url, Access(), None)).body) == LIMIT


async def test_headers_come_from_the_access(tmp_path):
    (tmp_path / "key").write_text("s3cret\n")
    access = Access(
        headers=(
            BackendHeader(name="x-tenant", value="shop"),
            BackendHeader(name="X-TENANT", value="other"),
            BackendHeader(name="x-api-key", valueFile=str(tmp_path / "key")),
            BackendHeader(name="accept", value="application/vnd.x+json"),
            BackendHeader(name="Host", value="inner.example"),
        )
    )
    async with fetching() as (client, server):
        client.check(access)
        await client.fetch(server.url, access, None)

    assert sent(server, "x-tenant") == ["shop", "other"]
    assert sent(server, "x-api-key") == ["s3cret"]
    assert sent(server, "accept") == ["application/vnd.x+json"]
    assert sent(server, "host") == ["inner.example"]


@pytest.mark.parametrize("kind", ["bearer", "basic", "header"])
async def test_credentials_are_read_again_when_their_file_changes(tmp_path, kind, caplog):
    secret = tmp_path / "secret"
    access = {
        "bearer": Access(auth=JsonAuth(bearerFile=str(secret))),
        "basic": Access(auth=JsonAuth(basic=BasicAuth(username="me", passwordFile=str(secret)))),
        "header": Access(
            auth=JsonAuth(bearerFile="/nowhere"),
            headers=(BackendHeader(name="authorization", valueFile=str(secret)),),
        ),
    }[kind]

    def expected(text):
        basic = base64.b64encode(f"me:{text}".encode()).decode()
        return [{"bearer": f"Bearer {text}", "basic": f"Basic {basic}", "header": text}[kind]]

    async with fetching() as (client, server):
        secret.write_text("first")
        await client.fetch(server.url, access, None)
        assert sent(server, "Authorization") == expected("first")
        secret.write_text("the second\n")
        await client.fetch(server.url, access, None)
        assert sent(server, "Authorization") == expected("the second")
        secret.unlink()
        with caplog.at_level(logging.INFO):
            for _ in range(2):
                await client.fetch(server.url, access, None)
            assert sent(server, "Authorization") == expected("the second")
            secret.write_text("third")
            await client.fetch(server.url, access, None)
        assert sent(server, "Authorization") == expected("third")

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert str(secret) in caplog.text
    assert "second" not in caplog.text


PROBLEMS = {
    "name": (
        {"headers": (BackendHeader(name="X: y", value="1"),)},
        r"rules\[0\].json.headers: cannot use a header named 'X: y'",
    ),
    "line-end": (
        {"headers": (BackendHeader(name="X", value="s3cret\r\nHost: other"),)},
        r"rules\[0\].json.headers: the value of the header X is no single line",
    ),
    "framing": (
        {"headers": (BackendHeader(name="transfer-encoding", value="chunked"),)},
        r"rules\[0\].json.headers: Transfer-Encoding is for this server to send",
    ),
    "condition": (
        {"headers": (BackendHeader(name="if-none-match", value="*"),)},
        "If-None-Match is for this server to send",
    ),
    "server-name": (
        {"tls": JsonTLS(serverName="web.example:443")},
        r"rules\[0\].json.tls.serverName: 'web.example:443' is neither a host name nor",
    ),
    "user": (
        {"auth": JsonAuth(basic=BasicAuth(username="a:b", passwordFile="/nowhere/pw"))},
        r"rules\[0\].json.auth.basic.username: a colon would end the user there",
    ),
    "header-file": (
        {"headers": (BackendHeader(name="X", valueFile="/nowhere/key"),)},
        r"rules\[0\].json: cannot read /nowhere/key: No such file",
    ),
    "token": (
        {"auth": JsonAuth(bearerFile="/nowhere/token")},
        r"rules\[0\].json: cannot read /nowhere/token: No such file",
    ),
    "password": (
        {"auth": JsonAuth(basic=BasicAuth(username="me", passwordFile="/nowhere/pw"))},
        "cannot read /nowhere/pw: No such file",
    ),
}


@pytest.mark.parametrize(("given", "problem"), PROBLEMS.values(), ids=PROBLEMS)
async def test_what_cannot_be_sent_is_told_at_start_and_at_each_fetch(given, problem):
    access = Access(where="rules[0].json", **given)
    async with fetching() as (client, server):
        with pytest.raises(ConfigError, match=problem) as told:
            client.check(access)
        with pytest.raises(SourceError, match=problem.rpartition(": ")[2]) as failed:
            await client.fetch(server.url, access, None)

    assert server.connections == 0
    assert "s3cret" not in str(told.value) + str(failed.value)


async def test_every_missing_file_is_told_at_once(tmp_path):
    broken = tmp_path / "token"
    broken.write_bytes(b"two\nlines")
    access = Access(
        headers=(BackendHeader(name="X", valueFile="/nowhere/key"),),
        auth=JsonAuth(bearerFile=str(broken)),
        tls=JsonTLS(caFile="/nowhere/ca"),
    )
    async with fetching() as (client, _):
        with pytest.raises(ConfigError) as told:
            client.check(access)

    assert told.value.problems == (
        f"{broken} holds no single line of text",
        "cannot read /nowhere/key: No such file or directory",
        "cannot read /nowhere/ca: No such file or directory",
    )


async def test_fetches_are_counted_and_timed():
    answers = [answer(ETag='"1"'), answer(b"", "304 x"), answer(status="500 x")]
    async with fetching(*answers) as (client, server):
        first = await client.fetch(server.url, Access(), None)
        await client.fetch(server.url, Access(), first)
        with pytest.raises(SourceError):
            await client.fetch(server.url, Access(), first)
        server.answers = [None]
        with pytest.raises(SourceError):
            await client.fetch(server.url, Access(timeout=0.02), first)
        with pytest.raises(SourceError):
            await client.fetch("http://[::1]/", Access(), first)
        abandoned = asyncio.create_task(client.fetch(server.url, Access(), None))
        await asyncio.sleep(0)
        abandoned.cancel()
        await asyncio.wait([abandoned])
        read = server.telemetry.registry.get_sample_value
        results = {
            result: read("viaduct_json_fetches_total", {"result": result})
            for result in ("ok", "unchanged", "failed", "timeout", "denied")
        }

    assert results == dict.fromkeys(results, 1.0)
    assert read("viaduct_json_fetch_duration_seconds_count") == 4.0


async def test_one_that_hangs_delays_none():
    async with fetching(None, answer(b"1")) as (client, server):
        hanging = asyncio.create_task(client.fetch(server.url, Access(), None))
        await server.asked.wait()
        got = await asyncio.gather(
            *(client.fetch(f"{server.url}/{number}", Access(), None) for number in range(40))
        )
        hanging.cancel()
        await asyncio.wait([hanging])

    assert {fetched.body for fetched in got} == {b"1"}
    assert server.connections == 41
