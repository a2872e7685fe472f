"""Requests, errors and credentials of `KubeApi`."""

import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from adapter.errors import ConfigError
from adapter.kube.api import KubeApi, KubeApiError, KubeGone, KubeNotFound
from adapter.kube.credentials import TOKEN_SECONDS, in_cluster


@pytest.fixture
async def connect(clock):
    """Connect with a kubeconfig; clients are closed after the test."""
    clients = []

    async def make(path):
        client = await KubeApi.connect(path, clock=clock)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()


async def test_get(apiserver, connect, write_kubeconfig):
    apiserver.lists.append(([], {}))
    api = await connect(write_kubeconfig(apiserver.url))

    body = await api.get("/api/v1/nodes", {"labelSelector": "a in (b, c)&x=+"}, "application/x")

    assert b'"items": []' in body
    request = apiserver.requests[0]
    assert request.query == {"labelSelector": "a in (b, c)&x=+"}
    assert request.headers["Accept"] == "application/x"
    assert request.headers["User-Agent"].startswith("viaduct/")


async def test_post(apiserver, connect, write_kubeconfig):
    async def echo(request):
        assert request.method == "POST"
        assert request.content_type == "application/json"
        return web.json_response({"got": await request.json()}, status=201)

    apiserver.routes["/apis/x"] = echo
    api = await connect(write_kubeconfig(apiserver.url))

    assert await api.post("/apis/x", b'{"kind":"K"}') == b'{"got": {"kind": "K"}}'


@pytest.mark.parametrize(
    ("code", "error"),
    [(404, KubeNotFound), (410, KubeGone), (403, KubeApiError), (500, KubeApiError)],
)
async def test_refusals_are_typed(apiserver, connect, write_kubeconfig, code, error):
    apiserver.lists.append(code)
    api = await connect(write_kubeconfig(apiserver.url))

    with pytest.raises(error, match=f"{code} to GET /x: refused with {code}") as caught:
        await api.get("/x")
    assert caught.value.http_status == code
    assert "secret-1" not in str(caught.value)


async def test_a_refused_watch_is_an_error(apiserver, connect, write_kubeconfig):
    apiserver.refuse_watches.append(410)
    api = await connect(write_kubeconfig(apiserver.url))

    with pytest.raises(KubeGone):
        async with api.watch("/x"):
            pytest.fail("the watch was opened")


async def test_no_server_is_an_error_without_an_address(connect, write_kubeconfig):
    port = unused_port()
    api = await connect(write_kubeconfig(f"http://127.0.0.1:{port}"))

    with pytest.raises(KubeApiError, match="cannot connect to kube-apiserver") as caught:
        await api.get("/x")
    assert caught.value.http_status is None
    assert str(port) not in str(caught.value)


async def test_redirects_are_not_followed(apiserver, connect, write_kubeconfig):
    """They would carry the service account's token to wherever they point."""

    async def redirect(_request):
        raise web.HTTPTemporaryRedirect("/elsewhere")

    apiserver.routes["/x"] = redirect
    api = await connect(write_kubeconfig(apiserver.url))

    with pytest.raises(KubeApiError, match="redirect, which is not followed"):
        await api.get("/x")
    assert [request.path for request in apiserver.requests] == ["/x"]


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
async def tls_server(authority):
    """Answers with the client certificate's subject and the Authorization header."""

    async def who(request):
        peer = request.transport.get_extra_info("peercert")
        return web.json_response(
            {
                "certificate": bool(peer),
                "authorization": request.headers.get("Authorization"),
            }
        )

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    authority.issue_cert("kube.example").configure_cert(context)
    app = web.Application()
    app.router.add_get("/who", who)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(ssl=context)
    yield f"https://127.0.0.1:{server.port}"
    await server.close()


def tls(ca):
    return {"tls-server-name": "kube.example", **ca}


async def test_ca_file_and_client_certificate_files(
    tls_server, authority, connect, write_kubeconfig, tmp_path
):
    pair = authority.issue_cert("client@example.org")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    pair.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    pair.private_key_pem.write_to_path(tmp_path / "client.key")
    # relative paths are relative to the kubeconfig
    user = {"client-certificate": "client.pem", "client-key": "client.key"}
    cluster = tls({"certificate-authority": "ca.pem"})
    api = await connect(write_kubeconfig(tls_server, user=user, **cluster))

    assert await api.get("/who") == b'{"certificate": true, "authorization": null}'
    credentials = api.credentials()
    assert credentials.ca_file == str(tmp_path / "ca.pem")
    assert credentials.cert_file == str(tmp_path / "client.pem")
    assert credentials.key_file == str(tmp_path / "client.key")
    assert credentials.token() is None
    assert not credentials.insecure


async def test_ca_and_client_certificate_data(
    tls_server, authority, connect, write_kubeconfig, encoded
):
    pair = authority.issue_cert("client@example.org")
    user = {
        "client-certificate-data": encoded(pair.cert_chain_pems[0].bytes()),
        "client-key-data": encoded(pair.private_key_pem.bytes()),
    }
    cluster = tls({"certificate-authority-data": encoded(authority.cert_pem.bytes())})
    api = await connect(write_kubeconfig(tls_server, user=user, **cluster))

    assert b'"certificate": true' in await api.get("/who")
    assert_holds(api.credentials().ca_file, authority.cert_pem.bytes())


def assert_holds(file, content):
    assert Path(file).read_bytes() == content


async def test_an_untrusted_certificate_is_refused_and_named(tls_server, connect, write_kubeconfig):
    api = await connect(write_kubeconfig(tls_server))

    with pytest.raises(KubeApiError, match="certificate is not trusted"):
        await api.get("/who")


async def test_insecure_skips_verification(tls_server, connect, write_kubeconfig):
    api = await connect(write_kubeconfig(tls_server, **{"insecure-skip-tls-verify": True}))

    assert b'"authorization": "Bearer secret-1"' in await api.get("/who")
    assert api.credentials().insecure


async def test_strict_x509_is_off_and_the_rest_on(tls_server, connect, write_kubeconfig):
    api = await connect(write_kubeconfig(tls_server))

    context = api._client.rest_client.ssl_context
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


async def test_token_file_is_read_again(
    apiserver, connect, write_kubeconfig, tmp_path, clock, caplog
):
    token = tmp_path / "token"
    token.write_text("one\n")
    apiserver.lists.append(([], {}))
    api = await connect(write_kubeconfig(apiserver.url, user={"tokenFile": "token"}))

    async def sent():
        await api.get("/x")
        return apiserver.requests[-1].headers["Authorization"]

    assert await sent() == "Bearer one"
    token.write_text("two\n")
    assert await sent() == "Bearer one"
    clock.now += TOKEN_SECONDS
    assert await sent() == "Bearer two"
    assert api.credentials().token() == "two"
    token.unlink()
    clock.now += TOKEN_SECONDS
    assert await sent() == "Bearer two"
    assert "cannot read token file" in caplog.text


async def test_static_token(apiserver, connect, write_kubeconfig):
    api = await connect(write_kubeconfig(apiserver.url, user={"token": "abc"}))

    assert api.credentials().token() == "abc"
    assert api.credentials().server == apiserver.url


async def test_basic_auth_is_no_bearer_token(apiserver, connect, write_kubeconfig):
    apiserver.lists.append(([], {}))
    user = {"username": "u", "password": "p"}
    api = await connect(write_kubeconfig(apiserver.url, user=user))

    await api.get("/x")

    assert apiserver.requests[-1].headers["Authorization"] == "Basic dTpw"
    assert api.credentials().token() is None


async def test_credential_plugin(apiserver, connect, write_kubeconfig, tmp_path, clock):
    count = tmp_path / "count"
    plugin = tmp_path / "plugin"
    plugin.write_text(
        "#!/bin/sh\n"
        f"echo x >> {count}\n"
        'echo "{\\"apiVersion\\":\\"client.authentication.k8s.io/v1\\",'
        '\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"t$(wc -l < '
        f'{count})\\",\\"expirationTimestamp\\":\\"2020-01-01T00:00:00Z\\"}}}}"\n'
    )
    plugin.chmod(0o755)
    apiserver.lists.append(([], {}))
    user = {"exec": {"command": str(plugin), "apiVersion": "client.authentication.k8s.io/v1"}}
    api = await connect(write_kubeconfig(apiserver.url, user=user))

    async def sent():
        await api.get("/x")
        return apiserver.requests[-1].headers["Authorization"]

    first = await sent()
    assert await sent() == first
    clock.now += TOKEN_SECONDS
    assert await sent() != first
    assert first.startswith("Bearer t")


CONTEXT = "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
USER = CONTEXT + "users: [{name: u, user: {token: hush}}]\n"
CLUSTER = "clusters: [{name: c, cluster: {server: http://x}}]\n"


def user(entry):
    return f"{CONTEXT}{CLUSTER}users: [{{name: u, user: {entry}}}]"


def cluster(entry):
    return f"{USER}clusters: [{{name: c, cluster: {entry}}}]"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a: [", r"kubeconfig:1:5: not YAML"),
        ("just text", "not a kubeconfig: expected clusters, contexts, users"),
        ("", "not a kubeconfig"),
        ("current-context: x", r'current-context "x" is not in contexts \(none\)'),
        (CONTEXT.replace("name: x", "name: y"), r'current-context "x" is not in contexts \(y\)'),
        (CONTEXT, r'user "u" is not in users \(none\)'),
        (USER + "clusters: []", "not a usable kubeconfig: .*object with name c in"),
        (cluster("{x: y}"), 'the cluster of the current context has no "server"'),
        (
            cluster("{server: https://x, certificate-authority: no.pem}"),
            r"not a usable kubeconfig: .*no\.pem",
        ),
        (
            cluster("{server: https://x, certificate-authority-data: '!'}"),
            "unusable CA or client certificate",
        ),
        (user("{tokenFile: nowhere}"), "not a usable kubeconfig: .*nowhere"),
        (
            user("{exec: {command: /no/plugin, apiVersion: v1}}"),
            "the credential plug-in /no/plugin gave no credentials",
        ),
    ],
)
async def test_a_broken_kubeconfig_is_named(tmp_path, content, problem):
    path = tmp_path / "kubeconfig"
    path.write_text(content)

    with pytest.raises(ConfigError, match=problem) as caught:
        await KubeApi.connect(str(path))
    assert str(path) in str(caught.value)
    assert "hush" not in str(caught.value)


async def test_a_missing_kubeconfig_says_what_to_do(tmp_path):
    path = tmp_path / "none"

    with pytest.raises(ConfigError, match=f"kubeconfig {path} does not exist: give --kubeconfig"):
        await KubeApi.connect(str(path))


async def test_a_ca_that_is_no_certificate_is_named(write_kubeconfig, tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")

    with pytest.raises(ConfigError, match=r"unusable CA or client certificate .*ca\.pem"):
        await KubeApi.connect(write_kubeconfig("https://x", **{"certificate-authority": "ca.pem"}))


@pytest.fixture
def service_account(tmp_path, authority):
    directory = tmp_path / "serviceaccount"
    directory.mkdir()
    (directory / "token").write_text("pod-token\n")
    authority.cert_pem.write_to_path(directory / "ca.crt")
    return directory


ENVIRON = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def test_in_cluster(service_account, clock):
    credentials = in_cluster(clock, directory=service_account, environ=ENVIRON)

    assert credentials.server == "https://10.0.0.1:443"
    assert credentials.token() == "pod-token"
    assert credentials.token_file == str(service_account / "token")
    assert credentials.ca_file == str(service_account / "ca.crt")
    assert not credentials.insecure


def test_in_cluster_over_ipv6(service_account, clock):
    environ = {**ENVIRON, "KUBERNETES_SERVICE_HOST": "fd00::1"}

    credentials = in_cluster(clock, directory=service_account, environ=environ)

    assert credentials.server == "https://[fd00::1]:443"


@pytest.mark.parametrize("missing", ["environ", "token", "ca.crt"])
def test_out_of_cluster_says_what_to_do(service_account, clock, missing):
    environ = {} if missing == "environ" else ENVIRON
    if missing != "environ":
        (service_account / missing).unlink()

    with pytest.raises(ConfigError, match=r"no in-cluster credentials: .*give --kubeconfig FILE"):
        in_cluster(clock, directory=service_account, environ=environ)


async def test_without_a_kubeconfig_the_service_account_is_taken(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(ConfigError, match="KUBERNETES_SERVICE_HOST"):
        await KubeApi.connect(None)


def test_credentials_do_not_show_in_a_repr(service_account, clock):
    assert "pod-token" not in repr(in_cluster(clock, directory=service_account, environ=ENVIRON))


def test_the_typed_api_is_never_imported():
    """It costs half a second and 25 MB at start."""
    code = (
        "import sys, adapter.kube.api, adapter.kube.informer, adapter.kube.placement\n"
        "found = [name for name in sys.modules if 'core_v1_api' in name]\n"
        "assert not found, found\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
