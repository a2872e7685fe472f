"""Tokens by OAuth2 client credentials: fetched, kept, renewed, refused; secrets stay secret."""

import asyncio
import base64
import json
import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapter.errors import ConfigError, SourceError, SourceTimeout
from adapter.rules.backends import Backend as Section
from adapter.sources.prometheus.client import PrometheusClient
from adapter.sources.prometheus.options import backend_options

SECRET = "s3cret/+ü"
QUOTED = "s3cret%2F%2B%C3%BC"


class TokenEndpoint:
    """Gives out numbered tokens; *answer* replaces the next ones, *in_body* wants the secret there.

    Attributes:
        forms: What it was sent, with the ``Authorization`` header.
    """

    def __init__(self):
        self.forms = []
        self.lifetime = 3600
        self.answer = None
        self.in_body = False
        self.hang = False

    async def handle(self, request):
        form = dict(await request.post())
        self.forms.append((form, request.headers.get("Authorization")))
        if self.hang:
            await asyncio.sleep(30)
        if self.answer is not None:
            status, body = self.answer
            return web.Response(status=status, text=body)
        if self.in_body is not ("client_secret" in form):
            return web.json_response({"error": "invalid_client"}, status=401)
        token = f"token-{len(self.forms)}"
        return web.json_response({"access_token": token, "expires_in": self.lifetime})


@pytest.fixture
def endpoint():
    return TokenEndpoint()


@pytest.fixture
async def token_url(endpoint):
    app = web.Application()
    app.router.add_post("/token", endpoint.handle)
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("/token"))
    await server.close()


@pytest.fixture
def secret_file(tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    return file


@pytest.fixture
async def make(url, token_url, secret_file, telemetry, clock):
    """A function of further fields of ``oauth2`` that gives a client of *api*."""
    clients = []

    def build(**fields):
        oauth2 = {
            "tokenURL": token_url,
            "clientID": "via/duct",
            "clientSecretFile": str(secret_file),
            **fields,
        }
        section = Section.model_validate(
            {"name": "far", "url": url, "timeout": "5s", "auth": {"oauth2": oauth2}}
        )
        clients.append(PrometheusClient(backend_options(section), telemetry=telemetry, clock=clock))
        return clients[-1]

    yield build
    for client in clients:
        await client.close()


def tokens_of(api):
    return [request[2].get("Authorization") for request in api.requests]


async def test_one_token_serves_many_requests(make, api, endpoint):
    client = make(scopes=["read", "query"], endpointParams={"audience": "prom"})

    await asyncio.gather(*(client.query_vector("up") for _ in range(5)))

    assert tokens_of(api) == ["Bearer token-1"] * 5
    basic = base64.b64encode(f"via%2Fduct:{QUOTED}".encode()).decode()
    form = {"grant_type": "client_credentials", "scope": "read query", "audience": "prom"}
    assert endpoint.forms == [(form, f"Basic {basic}")]


async def test_it_is_renewed_shortly_before_it_ends(make, api, clock):
    client = make()
    await client.query_vector("up")
    clock.advance(3565)
    await client.query_vector("up")
    clock.advance(10)
    await client.query_vector("up")

    assert tokens_of(api) == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


async def test_a_short_one_is_used_for_most_of_its_life(make, api, endpoint, clock):
    endpoint.lifetime = "20"
    client = make()
    for _ in range(3):
        await client.query_vector("up")
        clock.advance(9.5)

    assert tokens_of(api) == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


async def test_one_without_an_end_is_kept(make, api, endpoint, clock):
    endpoint.lifetime = None
    client = make()
    await client.query_vector("up")
    clock.advance(1e7)
    await client.query_vector("up")

    assert tokens_of(api) == ["Bearer token-1"] * 2


async def test_a_refused_one_is_renewed_once(make, api, endpoint, clock):
    api.status, api.body = 401, "no"
    client = make()

    for _ in range(3):
        with pytest.raises(SourceError, match=r"^backend far: prometheus answered HTTP 401: .*its"):
            await client.query_vector("up")
    assert tokens_of(api) == ["Bearer token-1"] + ["Bearer token-2"] * 3
    clock.advance(31)
    with pytest.raises(SourceError):
        await client.query_vector("up")

    assert tokens_of(api)[4:] == ["Bearer token-2", "Bearer token-3"]
    assert len(endpoint.forms) == 3


async def test_a_revoked_one_costs_no_failed_request(make, api):
    client = make()
    good = api.handle

    async def refuse_the_first(request):
        if request.headers["Authorization"] == "Bearer token-1":
            return web.Response(status=401)
        return await good(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse_the_first)
    async with TestServer(app) as server:
        client.base = server.make_url("/")
        answers = await asyncio.gather(*(client.query_vector("up") for _ in range(4)))

    assert all(answer.samples for answer in answers)
    assert set(tokens_of(api)) == {"Bearer token-2"}


async def test_the_secret_is_read_again(make, api, endpoint, secret_file, clock):
    client = make()
    await client.query_vector("up")
    secret_file.write_text("another one")
    clock.advance(3600)
    await client.query_vector("up")
    secret_file.unlink()
    clock.advance(3600)
    await client.query_vector("up")

    sent = [base64.b64decode(basic.removeprefix("Basic ")).decode() for _, basic in endpoint.forms]
    assert sent == [f"via%2Fduct:{QUOTED}", "via%2Fduct:another+one", "via%2Fduct:another+one"]


async def test_an_endpoint_that_wants_the_secret_in_the_body(make, api, endpoint, clock):
    endpoint.in_body = True
    client = make()
    await client.query_vector("up")
    clock.advance(3600)
    await client.query_vector("up")

    assert [("client_secret" in form, basic is None) for form, basic in endpoint.forms] == [
        (False, False),
        (True, True),
        (True, True),
    ]
    assert endpoint.forms[1][0]["client_secret"] == SECRET


async def test_a_failing_endpoint_is_not_asked_by_each_request(make, api, endpoint, clock):
    endpoint.answer = 500, "oh"
    client = make()

    for _ in range(3):
        with pytest.raises(SourceError, match=r"token endpoint: it answered HTTP 500$"):
            await client.query_vector("up")
    assert (len(endpoint.forms), api.requests) == (1, [])
    clock.advance(1.0)
    endpoint.answer = None

    assert (await client.query_vector("up")).samples


async def test_a_token_is_used_to_its_end_when_no_new_one_can_be_had(make, api, endpoint, clock):
    client = make()
    await client.query_vector("up")
    endpoint.answer = 500, "oh"
    clock.advance(3580)
    await client.query_vector("up")
    clock.advance(30)
    with pytest.raises(SourceError, match="HTTP 500"):
        await client.query_vector("up")

    assert tokens_of(api) == ["Bearer token-1"] * 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            (401, json.dumps({"error": "invalid_client", "error_description": f"not {SECRET}"})),
            "it answered HTTP 401: invalid_client: not ***",
        ),
        ((400, json.dumps({"error": f"{QUOTED}\n"})), "it answered HTTP 400: ***"),
        ((302, ""), "it answered HTTP 302"),
        ((200, "<html>"), "its answer is not that of RFC 6749"),
        ((200, '{"access_token":7}'), "its answer is not that of RFC 6749"),
        ((200, '{"access_token":"t","expires_in":"soon"}'), "its answer is not that of RFC 6749"),
        ((200, "{}"), "its answer has no access_token"),
        ((200, '{"access_token":"a\\nb"}'), "its answer has no access_token"),
        ((200, '{"access_token":"t","token_type":"mac"}'), "it gives tokens of type 'mac', not"),
    ],
)
async def test_answers_without_a_token(make, endpoint, answer, message, caplog):
    endpoint.answer = answer

    with pytest.raises(SourceError) as caught:
        await make().query_vector("up")

    told = f"backend far: no token for prometheus from its OAuth2 token endpoint: {message}"
    assert str(caught.value).startswith(told)
    assert told in caplog.text
    assert SECRET not in caplog.text
    assert "127.0.0.1" not in str(caught.value)


async def test_an_endpoint_that_hangs(make, endpoint, telemetry):
    endpoint.hang = True
    client = make()
    client._auth._tokens._timeout = 0.02

    with pytest.raises(SourceTimeout, match=r"token endpoint: no answer within 0\.02 s$"):
        await client.query_vector("up")

    counted = 'viaduct_prometheus_queries_total{kind="query",result="credentials"} 1.0'
    assert counted in telemetry.expose().decode()


async def test_an_endpoint_that_is_not_there(make):
    client = make(tokenURL="http://127.0.0.1:9/?password=hunter2")

    with pytest.raises(SourceError, match=r"cannot connect to it: connection refused$") as caught:
        await client.query_vector("up")

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("address", ["http://login.example/token", "login.example", "http://["])
async def test_a_secret_is_not_sent_in_the_clear(make, address):
    with pytest.raises(ConfigError, match=r"auth\.oauth2\.tokenURL must be https, or http to a"):
        make(tokenURL=address)


async def test_a_missing_secret_is_told_at_the_start(make, tmp_path):
    with pytest.raises(ConfigError, match=r"^backend far: cannot use the credentials .*/nothing: "):
        make(clientSecretFile=str(tmp_path / "nothing"))


async def test_secrets_appear_nowhere(make, api, endpoint, telemetry, caplog):
    caplog.set_level(logging.DEBUG)
    client = make(endpointParams={"assertion": "pr1vate"})
    await client.query_vector("up")
    api.status = 500
    with pytest.raises(SourceError) as caught:
        await client.query_vector("up")

    told = " ".join(
        (
            caplog.text,
            telemetry.expose().decode(),
            repr(caught.value),
            repr(client),
            repr(client.options),
            repr(client._auth),
            repr(client._auth._tokens),
        )
    )
    assert [word for word in (SECRET, "pr1vate", "token-1") if word in told] == []
