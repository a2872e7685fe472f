"""Who asks: certificates over real TLS, headers, tokens, and what handlers see of them."""

import dataclasses
import datetime as dt

import aiohttp
import pytest
from unit.server.identified import Place

from adapter.kube.authenticationconfig import AuthenticationConfig
from adapter.server.app import build_app, start
from adapter.server.authn import authenticated, leave_unasked
from adapter.server.authz import authorized
from adapter.server.probes import Checks
from adapter.sim.pki import CertificateAuthority, KeyPair

REMOTE = [
    ("X-Remote-User", "bob"),
    ("X-Remote-Group", "ops"),
    ("X-Remote-Group", "night"),
    ("X-Remote-Uid", "42"),
    ("X-Remote-Extra-Acme%2fScope", "a"),
]
BOB = ["bob", "42", ["ops", "night", "system:authenticated"], {"acme/scope": ["a"]}]
ANONYMOUS = ["system:anonymous", "", ["system:unauthenticated"], {}]
UNAUTHORIZED = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "Unauthorized",
    "reason": "Unauthorized",
    "code": 401,
}


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


async def test_the_aggregator_says_who_asks(place):
    async with place.asking(place.front_proxy.issue("front-proxy-client")) as ask:
        status, body = await ask(*REMOTE)

    assert (status, body["user"]) == (200, BOB)
    assert place.counted("authentication_requests", method="front_proxy") == 1


async def test_nobody_else_does(place):
    async with place.asking() as ask:
        assert (await ask(*REMOTE))[1]["user"] == ANONYMOUS


async def test_a_client_certificate_has_name_groups_and_an_id(place):
    certificate = place.cluster.issue("carol", organizations=["dev", "ops"])
    async with place.asking(certificate) as ask:
        _, body = await ask(*REMOTE)

    name, uid, groups, extra = body["user"]
    assert (name, uid, groups) == ("carol", "", ["dev", "ops", "system:authenticated"])
    ((key, (value,)),) = extra.items()
    assert key == "authentication.kubernetes.io/credential-id"
    assert value.startswith("X509SHA256=")
    assert len(value) == len("X509SHA256=") + 64


async def test_an_aggregator_that_names_nobody_is_refused(place):
    async with place.asking(place.front_proxy.issue("front-proxy-client")) as ask:
        for headers in ([], [("X-Remote-User", "")], [("X-Remote-Group", "system:masters")]):
            assert await ask(*headers) == (401, UNAUTHORIZED)


async def test_a_token_beside_a_certificate_that_says_nothing(place):
    async with place.asking(place.front_proxy.issue("somebody")) as ask:
        status, body = await ask(*REMOTE, ("Authorization", "Bearer ann-1"))
        refused, _ = await ask(*REMOTE)

    assert (status, body["user"][0]) == (200, "ann")
    assert refused == 401


async def test_another_name_than_those_allowed_is_refused_and_logged_once(place, caplog):
    certificate = place.front_proxy.issue("somebody")
    async with place.asking(certificate) as ask:
        first = await ask(*REMOTE)
        await ask(*REMOTE)

    assert first == (401, UNAUTHORIZED)
    (said,) = [each for each in caplog.messages if "somebody" in each]
    assert "front-proxy-client" in said


async def test_without_a_list_any_name_is_allowed(place):
    place.configured.change(allowed_names=())
    async with place.asking(place.front_proxy.issue("somebody")) as ask:
        assert (await ask(*REMOTE))[1]["user"] == BOB


async def test_certificates_of_the_cluster_are_not_the_aggregators(place):
    """Whoever can get a client certificate must not be able to be anybody."""
    async with place.asking(place.cluster.issue("front-proxy-client")) as ask:
        assert (await ask(*REMOTE))[1]["user"][0] == "front-proxy-client"


async def test_one_ca_for_both(place):
    place.configured.change(requestheader_ca=place.cluster.ca_pem)
    async with place.asking(place.cluster.issue("front-proxy-client")) as ask:
        assert (await ask(*REMOTE))[1]["user"] == BOB
        assert (await ask())[1]["user"][0] == "front-proxy-client"
    async with place.asking(place.cluster.issue("carol")) as ask:
        assert (await ask(*REMOTE))[1]["user"][0] == "carol"


async def test_both_cas_in_one_bundle(place):
    place.configured.change(requestheader_ca=place.cluster.ca_pem + place.front_proxy.ca_pem)
    async with place.asking(place.front_proxy.issue("front-proxy-client")) as ask:
        assert (await ask(*REMOTE))[1]["user"] == BOB


async def test_cas_of_the_same_name_are_told_apart(place):
    other = place.authority("cluster-ca", "other")
    place.configured.change(requestheader_ca=other.ca_pem)
    async with place.asking(place.cluster.issue("front-proxy-client")) as ask:
        assert (await ask(*REMOTE))[1]["user"][0] == "front-proxy-client"
    async with place.asking(other.issue("front-proxy-client")) as ask:
        assert (await ask(*REMOTE))[1]["user"] == BOB


@pytest.mark.parametrize("kind", ["unknown-ca", "expired", "for-servers", "expired-client"])
async def test_certificates_that_tls_refuses(place, kind):
    """OpenSSL lets Python do no other than end the handshake, which the log explains."""
    certificate = {
        "unknown-ca": lambda: place.authority("x", "x").issue("front-proxy-client"),
        "expired": lambda: place.front_proxy.issue("front-proxy-client", valid_for=-MINUTE),
        "for-servers": lambda: place.front_proxy.issue("front-proxy-client", server=True),
        "expired-client": lambda: place.cluster.issue("carol", valid_for=-MINUTE),
    }[kind]()
    async with place.asking(certificate) as ask:
        with pytest.raises(aiohttp.ClientError):
            await ask(*REMOTE)


MINUTE = dt.timedelta(minutes=1)


async def test_a_certificate_that_ends_during_a_connection_counts_no_longer(place):
    async with place.asking(place.front_proxy.issue("front-proxy-client")) as ask:
        assert (await ask(*REMOTE))[0] == 200
        place.clock.advance(400 * 86400)
        assert await ask(*REMOTE) == (401, UNAUTHORIZED)
        assert (await ask(("Authorization", "Bearer ann-1")))[0] == 200


async def test_a_ca_that_is_dropped_counts_no_longer_on_open_connections(place):
    other = place.authority("front-proxy-ca", "other")
    async with place.asking(place.front_proxy.issue("front-proxy-client")) as ask:
        assert (await ask(*REMOTE))[0] == 200
        place.configured.change(requestheader_ca=place.front_proxy.ca_pem + other.ca_pem)
        assert (await ask(*REMOTE))[0] == 200
        place.configured.change(requestheader_ca=other.ca_pem)
        assert await ask(*REMOTE) == (401, UNAUTHORIZED)


async def test_tokens(place):
    async with place.asking() as ask:
        good = await ask(("Authorization", "Bearer ann-1"))
        bad = await ask(("Authorization", "Bearer nonsense"))
        basic = await ask(("Authorization", "Basic YTpi"))

    assert good[1]["user"] == ["ann", "", ["dev", "system:authenticated"], {}]
    assert bad == (401, UNAUTHORIZED)
    assert basic[1]["user"] == ANONYMOUS
    assert place.counted("authentication_requests", method="token") == 1
    assert place.counted("authentication_requests", method="refused") == 1


async def test_a_token_that_cannot_be_reviewed_refuses_unless_something_else_says_yes(place):
    place.tokens.broken.add("ann-1")
    token = ("Authorization", "Bearer ann-1")
    async with place.asking() as ask:
        assert await ask(token) == (401, UNAUTHORIZED)
    async with place.asking(place.cluster.issue("carol")) as ask:
        assert (await ask(token))[1]["user"][0] == "carol"
    assert place.tokens.asked == ["ann-1"]


@pytest.mark.parametrize("certificate", [None, "front-proxy-client", "carol"])
async def test_handlers_see_no_identity_and_no_credential(place, certificate):
    shown: KeyPair | None = None
    if certificate is not None:
        ca = place.cluster if certificate == "carol" else place.front_proxy
        shown = ca.issue(certificate)
    headers = [*REMOTE, ("Impersonate-User", "root"), ("Authorization", "Bearer ann-1")]
    async with place.asking(shown) as ask:
        _, body = await ask(*headers, ("X-Kept", "1"), ("X-Odd", "\udcff"))

    assert {"x-kept", "x-odd", "host"} <= set(body["headers"])
    assert not [
        name
        for name in body["headers"]
        if name.startswith(("x-remote", "impersonate", "authorization"))
    ]


async def test_impersonation_is_not_ours_to_do(place):
    wish = [("Impersonate-User", "root"), ("Impersonate-Group", "system:masters")]
    async with place.asking(place.cluster.issue("carol")) as ask:
        assert (await ask(*wish))[1]["user"][0] == "carol"


async def test_a_user_named_twice_is_refused(place, caplog):
    async with place.asking(place.front_proxy.issue("front-proxy-client")) as ask:
        assert (await ask(("X-Remote-User", "bob"), ("X-Remote-User", "root")))[0] == 401

    assert "x-remote-user is given 2 times" in caplog.text


async def test_before_anything_is_configured_only_tokens_count(place):
    front_proxy = place.front_proxy.issue("front-proxy-client")
    place.configured.config = AuthenticationConfig()
    async with place.asking(front_proxy) as ask:
        assert (await ask(*REMOTE))[1]["user"] == ANONYMOUS
        assert (await ask(("Authorization", "Bearer ann-1")))[1]["user"][0] == "ann"


async def test_other_header_names(place):
    place.configured.change(username_headers=("X-Who",), group_headers=())
    async with place.asking(place.front_proxy.issue("front-proxy-client")) as ask:
        _, body = await ask(*REMOTE, ("X-Who", "eve"))

    assert body["user"][0:3] == ["eve", "42", ["system:authenticated"]]
    assert "x-who" not in body["headers"]


async def test_a_connection_from_before_the_cas_were_known_is_closed_after_its_answer(place):
    """kube-apiserver would keep it, and stay a stranger on it, for hours."""
    config = place.configured.config
    place.configured.config = AuthenticationConfig()
    place.reviews.allowed = {"bob"}
    app = build_app(
        groups=[],
        checks=Checks([]),
        telemetry=place.telemetry,
        identity=[authenticated(place.authentication), authorized(place.authorization)],
    )
    app.on_response_prepare.append(leave_unasked)
    server = await start(app, host="127.0.0.1", port=0, tls=place.tls)
    certificate = place.front_proxy.issue("front-proxy-client")
    try:
        async with place.client(server, certificate) as ask:
            first, _ = await ask(*REMOTE, path="/version")
            place.configured.change(**dataclasses.asdict(config))
            place.tls.set_client_cas(config.client_cas())
            statuses = [(await ask(*REMOTE, path="/version"))[0] for _ in range(3)]
    finally:
        await server.close()

    assert (first, statuses) == (403, [403, 200, 200])


async def test_a_ca_that_is_no_root_is_enough(place):
    """Of a company's CAs often only the one that signs client certificates is published."""
    intermediate = CertificateAuthority("intermediate", place.directory, place.front_proxy)
    place.configured.change(requestheader_ca=intermediate.ca_pem)
    async with place.asking(intermediate.issue("front-proxy-client")) as ask:
        assert (await ask(*REMOTE))[1]["user"] == BOB
    with pytest.raises(aiohttp.ClientError):
        async with place.asking(place.front_proxy.issue("front-proxy-client")) as ask:
            await ask(*REMOTE)
