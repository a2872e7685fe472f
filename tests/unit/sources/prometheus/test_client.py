"""Requests as Prometheus gets them, and its failures as a person reads them."""

import asyncio
import gzip
import logging
import re

import pytest
from aiohttp import web

from adapter.errors import SourceError, SourceTimeout
from adapter.telemetry import Telemetry


async def test_post_carries_the_query_in_the_body(url, connect, api):
    vector = await connect(url + "prefix/?tenant=7").query_vector("up", at=1.5)

    method, sent, headers, form = api.requests[0]
    assert (method, str(sent)) == ("POST", "/prefix/api/v1/query?tenant=7")
    assert form == {"query": "up", "time": "1.500", "timeout": "5000ms"}
    assert headers["Accept-Encoding"] == "identity"
    assert [s.labels for s in vector.samples] == [{"pod": "a"}]
    assert vector.warnings == ("partial",)


async def test_get_carries_it_in_the_url(url, connect, api):
    await connect(url + "prefix?tenant=7", verb="GET").query_vector("a + b")

    method, sent, _, form = api.requests[0]
    assert (method, sent.path, form) == ("GET", "/prefix/api/v1/query", {})
    assert dict(sent.query) == {"query": "a + b", "timeout": "5000ms", "tenant": "7"}


async def test_control_calls_take_the_same_way(url, connect, api):
    """They run through PrometheusConnect, which left alone puts POST parameters in the URL."""
    api.body = '{"status":"success","data":{"result":[{}],"version":"2.42.0"}}'
    client = connect(url + "prefix/?tenant=7", headers=("X-Org=shop",))

    await client.ready()

    method, sent, headers, form = api.requests[0]
    assert (method, str(sent)) == ("POST", "/prefix/api/v1/query?tenant=7")
    assert form == {"query": "vector(1)"}
    assert headers["X-Org"] == "shop"
    assert await client.server_version() == "2.42.0"
    assert api.requests[1][1].path == "/prefix/api/v1/status/buildinfo"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"status":"success","data":{"result":[]}}', "answers queries with nothing"),
        ('{"status":"success"}', "not that of the Prometheus API"),
        ("<html>", "not that of the Prometheus API"),
    ],
    ids=["empty", "other-json", "html"],
)
async def test_readiness_says_what_is_wrong(url, connect, api, body, message):
    api.body = body

    with pytest.raises(SourceError, match=message):
        await connect(url).ready()


async def test_readiness_fails_at_once_without_retries(url, connect, api):
    api.status, api.body = 503, "starting up"

    with pytest.raises(SourceError, match="prometheus answered HTTP 503"):
        await connect(url).ready()

    assert len(api.requests) == 1


async def test_warnings_of_control_calls_are_logged(url, connect, api, caplog):
    api.body = '{"status":"success","data":{"result":[{}]},"warnings":["store a is down"]}'

    await connect(url).ready()

    assert "prometheus warns: store a is down" in caplog.text


async def test_a_server_that_does_not_tell_its_version(url, connect, api):
    api.body = "{}"

    with pytest.raises(SourceError, match="does not tell its version"):
        await connect(url).server_version()


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        pytest.param(
            422,
            '{"status":"error","errorType":"execution","error":"too many samples"}',
            "prometheus refused the query: execution: too many samples",
            id="prometheus-error",
        ),
        pytest.param(502, "<html>", "prometheus answered HTTP 502", id="proxy-error"),
        pytest.param(302, "", "HTTP 302: a redirect, often to a login page", id="redirect"),
        pytest.param(401, "", "HTTP 401: the credentials are not accepted", id="unauthorized"),
        pytest.param(403, "", "HTTP 403: the credentials do not permit queries", id="forbidden"),
        pytest.param(404, "", "HTTP 404: no Prometheus API there", id="wrong-path"),
        pytest.param(200, "<html>", "the answer is not the JSON expected", id="html"),
        pytest.param(
            200,
            '{"status":"success","data":{"resultType":"vector","result":[{"me',
            "the answer is not the JSON expected",
            id="half",
        ),
        pytest.param(
            200,
            '{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}',
            "the query gives a scalar, not an instant vector",
            id="scalar",
        ),
    ],
)
async def test_answers_that_are_no_vector(url, connect, api, status, body, message):
    api.status, api.body = status, body
    if status == 302:
        api.headers = {"Location": "/login"}

    with pytest.raises(SourceError, match=re.escape(message)) as caught:
        await connect(url).query_vector("up")

    assert not isinstance(caught.value, SourceTimeout)
    assert len(api.requests) == 1
    assert "127.0.0.1" not in str(caught.value)


async def test_prometheus_own_timeout_is_a_timeout(url, connect, api):
    api.status = 503
    api.body = '{"status":"error","errorType":"timeout","error":"query timed out"}'

    with pytest.raises(SourceTimeout, match="timeout: query timed out"):
        await connect(url).query_vector("up")


async def test_long_causes_are_cut(url, connect, api):
    api.status = 400
    api.body = '{"status":"error","errorType":"bad_data","error":"' + "x" * 5000 + '"}'

    with pytest.raises(SourceError) as caught:
        await connect(url).query_vector("up")

    assert len(str(caught.value)) < 400


async def test_a_server_that_hangs(url, connect, api):
    api.hang = True

    with pytest.raises(SourceTimeout, match=r"^prometheus did not answer within 0\.05 s$"):
        await connect(url, timeout=0.05).query_vector("up")


async def test_an_answer_compressed_against_our_wish_is_read(url, connect, api, serve):
    async def compressed(_):
        return web.Response(
            body=gzip.compress(api.body.encode()), headers={"Content-Encoding": "gzip"}
        )

    api.handle = compressed
    other = await serve()

    assert len((await connect(other).query_vector("up")).samples) == 1


@pytest.fixture
async def raw_server():
    """A TCP server that sends the given bytes and hangs up."""
    servers = []

    async def start(answer):
        async def talk(reader, writer):
            await reader.read(1000)
            writer.write(answer)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "closed the connection before its answer was complete"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "closed the connection before"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP as expected"),
    ],
    ids=["nothing", "half", "not-http"],
)
async def test_connections_that_break(raw_server, connect, answer, message):
    with pytest.raises(SourceError, match=message) as caught:
        await connect(await raw_server(answer)).query_vector("up")

    assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://127.0.0.1:9", "^cannot connect to prometheus: connection refused$"),
        ("http://prometheus.invalid", "^cannot resolve the host of --prometheus-url$"),
    ],
    ids=["refused", "dns"],
)
async def test_servers_that_are_not_there(connect, address, message):
    with pytest.raises(SourceError, match=message):
        await connect(address).query_vector("up")


async def test_being_down_is_logged_once_and_so_is_coming_back(url, connect, api, caplog):
    caplog.set_level(logging.INFO)
    api.hang = True
    client = connect(url, timeout=0.3)
    for _ in range(3):
        with pytest.raises(SourceTimeout):
            await client.query_vector("up")
    api.hang = False
    await client.query_vector("up")
    await client.query_vector("up")

    messages = [r.getMessage() for r in caplog.records if r.name.endswith("prometheus.client")]
    assert [text.rpartition("/")[2] for text in messages] == [": timeout", " answers again"]


async def test_requests_are_counted_by_result(url, connect, api):
    telemetry = Telemetry()
    client = connect(url, telemetry=telemetry)
    await client.query_vector("up")
    api.status = 500
    with pytest.raises(SourceError):
        await client.query_vector("up")

    text = telemetry.expose().decode()
    assert 'viaduct_prometheus_queries_total{kind="query",result="ok"} 1.0' in text
    assert 'viaduct_prometheus_queries_total{kind="query",result="http_error"} 1.0' in text
    assert 'viaduct_prometheus_query_duration_seconds_count{kind="query"} 2.0' in text
