"""Requests as Prometheus gets them, and its failures as a person reads them."""

import asyncio
import base64
import gzip
import logging
import re
import ssl

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapter.errors import ConfigError, SourceError, SourceTimeout
from adapter.kube.credentials import KubeCredentials
from adapter.sim.clock import ManualClock
from adapter.sources.prometheus.client import PrometheusClient, PrometheusOptions
from adapter.telemetry import Telemetry

ONE = (
    '{"status":"success","data":{"resultType":"vector","result":'
    '[{"metric":{"pod":"a"},"value":[5,"1"]}]},"warnings":["partial"]}'
)


class Api:
    """An HTTP server that answers what it is told and keeps what it was sent."""

    def __init__(self):
        self.status = 200
        self.body = ONE
        self.headers = {"Content-Type": "application/json"}
        self.requests = []
        self.hang = False

    async def handle(self, request):
        form = dict(await request.post())
        self.requests.append((request.method, request.rel_url, request.headers, form))
        if self.hang:
            await asyncio.sleep(30)
        return web.Response(status=self.status, text=self.body, headers=self.headers)


@pytest.fixture
def api():
    return Api()


@pytest.fixture
async def serve(api):
    """A function that serves *api*, with TLS if a context is given, and gives its URL."""
    servers = []

    async def start(context=None):
        app = web.Application(client_max_size=10**6)
        app.router.add_route("*", "/{path:.*}", api.handle)
        server = TestServer(app, scheme="https" if context else "http")
        await server.start_server(ssl=context)
        servers.append(server)
        return str(server.make_url("/"))

    yield start
    for server in servers:
        await server.close()


@pytest.fixture
async def url(serve):
    return await serve()


@pytest.fixture
async def connect():
    clients = []

    def make(url, *, credentials=None, telemetry=None, **options):
        client = PrometheusClient(
            PrometheusOptions(url=url, **{"timeout": 5.0, **options}),
            credentials=credentials,
            telemetry=telemetry or Telemetry(),
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()


async def test_post_carries_the_query_in_the_body(url, connect, api):
    vector = await connect(url + "prefix/?tenant=7").query_vector("up", at=1.5)

    method, sent, headers, form = api.requests[0]
    assert (method, str(sent)) == ("POST", "/prefix/api/v1/query?tenant=7")
    assert form == {"query": "up", "time": "1.500", "timeout": "5000ms"}
    assert headers["Accept-Encoding"] == "identity"
    assert [s.metric for s in vector.samples] == [{"pod": "a"}]
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


async def test_headers_accumulate_and_win(url, connect, api):
    client = connect(
        url.replace("http://", "http://u:p@"), headers=("X-A=1", "x-a=2=3", "authorization=mine")
    )

    await client.query_vector("up")

    headers = api.requests[0][2]
    assert headers.getall("X-A") == ["1", "2=3"]
    assert headers.getall("Authorization") == ["mine"]


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


async def test_user_and_password_of_the_url_are_basic_auth_and_stay_secret(
    url, connect, api, caplog
):
    caplog.set_level(logging.DEBUG)
    telemetry = Telemetry()
    host = url.replace("http://", "http://user:s3cret%40@")
    client = connect(host, telemetry=telemetry)

    await client.query_vector("up")
    api.status, api.body = 401, "no"
    with pytest.raises(SourceError) as refused:
        await client.query_vector("up")
    dead = connect("http://user:s3cret%40@127.0.0.1:9", telemetry=telemetry)
    with pytest.raises(SourceError) as failed:
        await dead.query_vector("up")

    assert api.requests[0][2]["Authorization"] == basic("user:s3cret@")
    told = f"{caplog.text} {telemetry.expose()} {refused.value} {failed.value}"
    assert "prometheus at http://127.0.0.1:9" in told
    assert "s3cret" not in told


async def test_a_password_file(url, connect, api, tmp_path):
    file = tmp_path / "auth"
    file.write_text("user:pass:word\n")

    await connect(url, basic_auth_file=str(file)).query_vector("up")

    assert api.requests[0][2]["Authorization"] == basic("user:pass:word")


async def test_the_token_is_stripped_and_read_again_when_it_changes(
    url, connect, api, tmp_path, caplog
):
    file = tmp_path / "token"
    file.write_text("first\n")
    client = connect(url, token_file=str(file))

    await client.query_vector("up")
    file.write_text("second token\n")
    await client.query_vector("up")
    file.unlink()
    await client.query_vector("up")

    tokens = [request[2]["Authorization"] for request in api.requests]
    assert tokens == ["Bearer first", "Bearer second token", "Bearer second token"]
    assert "cannot read the credentials for prometheus" in caplog.text


async def test_credentials_of_a_kubeconfig(url, connect, api):
    credentials = KubeCredentials(
        "https://kube", "a file", ManualClock(), fixed_authorization="Bearer of-kubeconfig"
    )

    await connect(url, credentials=credentials).query_vector("up")

    assert api.requests[0][2]["Authorization"] == "Bearer of-kubeconfig"


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
        pytest.param(200, ONE[:80], "the answer is not the JSON expected", id="half"),
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

    assert type(caught.value) is SourceError
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
        return web.Response(body=gzip.compress(ONE.encode()), headers={"Content-Encoding": "gzip"})

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
    client = connect(url, timeout=0.05)
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


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def server_context(authority, *names, client_ca=None):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    if client_ca is not None:
        client_ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_tls_with_a_ca_file(serve, connect, authority, ca_file):
    url = await serve(server_context(authority, "127.0.0.1"))

    assert (await connect(url, ca_file=ca_file).query_vector("up")).samples
    assert (await connect(url, insecure=True).query_vector("up")).samples


async def test_tls_with_an_unknown_ca(serve, connect, authority):
    url = await serve(server_context(authority, "127.0.0.1"))

    with pytest.raises(SourceError, match=r"certificate verify failed: .*--prometheus-ca-file"):
        await connect(url).query_vector("up")


@pytest.mark.parametrize("name", ["prometheus.example", "127.0.0.2"], ids=["host", "address"])
async def test_tls_with_the_certificate_of_another_host(serve, connect, authority, ca_file, name):
    url = await serve(server_context(authority, name))

    with pytest.raises(SourceError, match="its certificate is for another host") as caught:
        await connect(url, ca_file=ca_file).query_vector("up")

    assert "127.0.0.1" not in str(caught.value)


async def test_tls_towards_a_server_without(url, connect):
    with pytest.raises(SourceError, match="no TLS with prometheus"):
        await connect(url.replace("http:", "https:")).query_vector("up")


async def test_client_certificates_are_sent_and_read_again(
    serve, connect, authority, ca_file, tmp_path, caplog
):
    ours, theirs = trustme.CA(), trustme.CA()
    url = await serve(server_context(authority, "127.0.0.1", client_ca=ours))
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def write(issuer):
        pair = issuer.issue_cert("viaduct")
        pair.private_key_pem.write_to_path(key)
        pair.cert_chain_pems[0].write_to_path(cert)

    write(theirs)
    client = connect(url, ca_file=ca_file, cert_file=str(cert), key_file=str(key))
    with pytest.raises(SourceError):
        await client.query_vector("up")

    write(ours)
    assert (await client.query_vector("up")).samples

    cert.write_text("half a certi")
    assert (await client.query_vector("up")).samples
    assert "cannot use the new certificates for prometheus" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "prometheus:9090"}, "--prometheus-url must start with http:// or https://"),
        ({"url": "http://"}, "and name a host"),
        ({"url": "http://[::"}, "--prometheus-url must start"),
        ({"verb": "PUT"}, "--prometheus-verb must be GET or POST, not 'PUT'"),
        ({"cert_file": "c"}, "must be given together"),
        ({"timeout": 0.0}, "the timeout of a query must be positive, not 0 s"),
        ({"token_file": "/nonexistent"}, "No such file or directory: '/nonexistent'"),
        ({"ca_file": "/nonexistent"}, "cannot use the credentials for prometheus"),
        ({"headers": ("=v",)}, "--prometheus-header: cannot use a header named ''"),
        ({"headers": ("X=a\nb",)}, "--prometheus-header: cannot use a header named 'X'"),
    ],
)
def test_options_that_cannot_work(options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        PrometheusClient(
            PrometheusOptions(**{"url": "http://localhost", **options}), telemetry=Telemetry()
        )


@pytest.mark.parametrize("text", ["", "\n", "a\nb"], ids=["empty", "blank", "two-lines"])
def test_token_files_that_cannot_be_a_header(tmp_path, text):
    file = tmp_path / "token"
    file.write_text(text)

    with pytest.raises(ConfigError, match="holds no single line of text"):
        PrometheusClient(
            PrometheusOptions(url="http://localhost", token_file=str(file)), telemetry=Telemetry()
        )


def test_all_contradictions_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        PrometheusClient(
            PrometheusOptions(url="x", verb="PUT", key_file="k"), telemetry=Telemetry()
        )

    assert len(caught.value.problems) == 3
