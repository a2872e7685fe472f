"""What an entry of ``backends`` proves who we are with; secrets come from files and stay there."""

import base64
import logging
import re
import ssl

import pytest
import trustme

from adapter.errors import ConfigError, SourceError
from adapter.rules.backends import Backend as Section
from adapter.sources.prometheus.backends import Backend
from adapter.sources.prometheus.client import PrometheusClient
from adapter.sources.prometheus.options import backend_options


@pytest.fixture
async def make(url, clock, telemetry):
    """A function of the fields of a backend that gives a `Backend`, of *api* if no URL is given."""
    made = []

    def build(**fields):
        section = Section.model_validate({"name": "far", "url": url, "timeout": "5s", **fields})
        client = PrometheusClient(backend_options(section), telemetry=telemetry, clock=clock)
        made.append(Backend(client, clock=clock, telemetry=telemetry))
        return made[-1]

    yield build
    for backend in made:
        await backend.close()


@pytest.fixture
def write(tmp_path):
    """A function that writes a text to a file of that name and gives its path."""

    def write_file(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write_file


def sent(api, name):
    return [request[2].get(name) for request in api.requests]


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


async def test_nothing_is_sent_unless_it_is_given(make, api):
    await make().query("up")

    assert sent(api, "Authorization") == [None]
    assert sent(api, "X-Scope-OrgID") == [None]


async def test_a_bearer_file_is_read_again(make, api, write):
    backend = make(auth={"bearerFile": write("token", "first\n")})
    await backend.query("up")
    write("token", "second one\n")
    await backend.query("up")

    assert sent(api, "Authorization") == ["Bearer first", "Bearer second one"]


async def test_user_and_password_file(make, api, write):
    auth = {"basic": {"username": "uß", "passwordFile": write("password", "pa:ss\n")}}
    backend = make(auth=auth)
    await backend.query("up")
    write("password", "ne:w")
    await backend.query("up")

    assert sent(api, "Authorization") == [basic("uß:pa:ss"), basic("uß:ne:w")]


async def test_headers_tenant_and_header_files(make, api, write):
    backend = make(
        tenant="team-a",
        headers=[
            {"name": "X-Plain", "value": "a=b"},
            {"name": "x-secret", "valueFile": write("header", "one\n")},
        ],
    )
    await backend.query("up")
    write("header", "another\n")
    await backend.query("up")

    assert sent(api, "X-Plain") == ["a=b", "a=b"]
    assert sent(api, "X-Secret") == ["one", "another"]
    assert sent(api, "X-Scope-OrgID") == ["team-a", "team-a"]


async def test_another_tenant_header_and_an_authorization_of_ones_own(make, api, write):
    backend = make(
        tenant="a|b",
        tenantHeader="THANOS-TENANT",
        auth={"bearerFile": write("token", "token")},
        headers=[{"name": "authorization", "valueFile": write("header", "ApiKey xyz")}],
    )

    await backend.query("up")

    assert sent(api, "Thanos-Tenant") == ["a|b"]
    assert api.requests[0][2].getall("Authorization") == ["ApiKey xyz"]


async def test_the_last_secret_is_used_while_its_file_is_missing(
    make, api, write, tmp_path, caplog
):
    backend = make(headers=[{"name": "X-Key", "valueFile": write("header", "key")}])
    (tmp_path / "header").unlink()

    await backend.query("up")

    assert sent(api, "X-Key") == ["key"]
    assert f"backend far: cannot read {tmp_path / 'header'}: No such file" in caplog.text


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
async def tls_url(serve, authority):
    """Served with TLS, only to those who show a certificate of *authority*."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return await serve(context)


@pytest.fixture
def pair(authority, tmp_path):
    """``tls`` of a backend: a CA bundle and a client certificate with its key."""
    ours = authority.issue_cert("viaduct")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    ours.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    ours.private_key_pem.write_to_path(tmp_path / "key.pem")
    return {
        "caFile": str(tmp_path / "ca.pem"),
        "certFile": str(tmp_path / "cert.pem"),
        "keyFile": str(tmp_path / "key.pem"),
    }


async def test_client_certificates(make, tls_url, pair):
    assert (await make(url=tls_url, tls=pair).query("up")).samples


async def test_any_certificate_where_that_is_wanted(make, tls_url, pair):
    tls = {**pair, "caFile": "", "insecureSkipVerify": True}

    assert (await make(url=tls_url, tls=tls).query("up")).samples


async def test_an_unknown_ca_names_the_field(make, tls_url):
    with pytest.raises(SourceError, match=r"^backend far: no TLS .*\(check its tls.caFile\)"):
        await make(url=tls_url).query("up")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": "prometheus:9090"}, "backend far: url must start with http:// or https://"),
        ({"url": "http://u:pw@h"}, "backend far: url must not hold user and password"),
        (
            {"auth": {"basic": {"username": "a:b", "passwordFile": "x"}}},
            "backend far: auth.basic.username must not hold a colon",
        ),
        (
            {"auth": {"bearerFile": "/nothing"}},
            "backend far: cannot use the credentials for prometheus: cannot read /",
        ),
        (
            {"headers": [{"name": "a b", "value": "x"}]},
            "backend far: headers: cannot use a header named 'a b'",
        ),
        (
            {"headers": [{"name": "a=b", "value": "x"}]},
            "backend far: headers: cannot use a header named 'a=b'",
        ),
        (
            {"headers": [{"name": "a", "value": "x\r\nb: y"}]},
            "backend far: headers: the value of the header 'a' is no single line",
        ),
        (
            {"tenant": "a", "tenantHeader": "ä"},
            "backend far: headers: cannot use a header named 'ä'",
        ),
    ],
)
async def test_backends_that_cannot_work(make, fields, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}") as caught:
        make(**fields)

    assert "pw" not in str(caught.value)


async def test_a_secret_that_is_no_text_is_not_shown(make, tmp_path):
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfes3cret")

    with pytest.raises(ConfigError, match="token holds no single line of text") as caught:
        make(auth={"bearerFile": str(file)})

    assert "0xff" not in str(caught.value)


async def test_secrets_appear_nowhere(make, api, write, telemetry, caplog):
    caplog.set_level(logging.DEBUG)
    auth = {"basic": {"username": "user", "passwordFile": write("password", "hunter2")}}
    headers = [
        {"name": "X-Key", "valueFile": write("header", "pr1vate")},
        {"name": "X-Other", "value": "half-s3cret"},
    ]
    backend = make(auth=auth, headers=headers)
    await backend.query("up")
    api.status = 403
    errors = []
    for ask in (backend.query("up"), backend.label_values("__name__", "up", 0.0)):
        with pytest.raises(SourceError) as caught:
            await ask
        errors.append(caught.value)

    client = backend.client
    shown = [*errors, backend, client, client.options, client._auth, client._auth._secret]
    told = " ".join([caplog.text, telemetry.expose().decode(), *map(repr, shown)])
    secrets = ["hunter2", "pr1vate", "half-s3cret", basic("user:hunter2").split()[1]]
    assert [secret for secret in secrets if secret in told] == []
