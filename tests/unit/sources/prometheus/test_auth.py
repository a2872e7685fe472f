"""What proves who we are: headers, tokens, passwords, certificates; and options that clash."""

import base64
import logging
import re
import ssl

import pytest
import trustme

from adapter.errors import ConfigError, SourceError
from adapter.kube.credentials import KubeCredentials
from adapter.sim.clock import ManualClock
from adapter.sources.prometheus.client import PrometheusClient, PrometheusOptions
from adapter.telemetry import Telemetry


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
    assert "No such file or directory; what was there before is used" in caplog.text


async def test_credentials_of_a_kubeconfig(url, connect, api):
    credentials = KubeCredentials(
        "https://kube", "a file", ManualClock(), fixed_authorization="Bearer of-kubeconfig"
    )

    await connect(url, credentials=credentials).query_vector("up")

    assert api.requests[0][2]["Authorization"] == "Bearer of-kubeconfig"


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
    for _ in range(2):
        assert (await client.query_vector("up")).samples
    why = "it holds no usable certificate or key (PEM); what was there before is used"
    assert caplog.text.count(f"{cert} and {key}: {why}") == 1

    write(ours)
    assert (await client.query_vector("up")).samples
    assert caplog.text.count(f"{cert} and {key}") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "prometheus:9090"}, "--prometheus-url must start with http:// or https://"),
        ({"url": "http://"}, "and name a host"),
        ({"url": "http://[::"}, "--prometheus-url must start"),
        ({"verb": "PUT"}, "--prometheus-verb must be GET or POST, not 'PUT'"),
        ({"cert_file": "c"}, "must be given together"),
        ({"timeout": 0.0}, "the timeout of a query must be positive, not 0 s"),
        ({"token_file": "/nonexistent"}, "cannot read /nonexistent: No such file or directory"),
        (
            {"ca_file": "/nonexistent"},
            "cannot use the credentials for prometheus: cannot read /none",
        ),
        ({"headers": ("=v",)}, "--prometheus-header: cannot use a header named ''"),
        ({"headers": ("X=a\nb",)}, "--prometheus-header: the value of the header 'X' is no single"),
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
