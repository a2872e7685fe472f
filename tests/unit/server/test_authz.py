"""Whether they may: what is asked, what is open, and what a refusal says."""

import pytest
from unit.server.identified import Place

from adapter.kube.api import KubeApiError
from adapter.model.identity import Attributes, Decision, UserInfo
from adapter.server.authz import AllowedPaths, Authorization, forbidden
from adapter.telemetry import Telemetry

NODES = "/apis/metrics.k8s.io/v1/nodes"
ANN = [("Authorization", "Bearer ann-1")]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


async def test_whoever_is_allowed_gets_through(place):
    async with place.asking(authorizing=True) as ask:
        status, body = await ask(*ANN)

    assert (status, body["user"][0]) == (200, "ann")
    ((user, attributes),) = place.reviews.asked
    assert user == UserInfo("ann", groups=("dev", "system:authenticated"))
    assert attributes == Attributes(
        "list", group="metrics.k8s.io", version="v1", resource="nodes", path=NODES, is_resource=True
    )
    assert place.counted("authorization_requests", decision="allowed") == 1


async def test_whoever_is_not_reads_why_in_kube_apiservers_words(place):
    async with place.asking(authorizing=True) as ask:
        status, body = await ask()

    assert status == 403
    assert body["reason"] == "Forbidden"
    assert body["message"] == (
        'nodes.metrics.k8s.io is forbidden: User "system:anonymous" cannot list resource "nodes" '
        'in API group "metrics.k8s.io" at the cluster scope'
    )
    assert place.counted("authorization_requests", decision="denied") == 1


async def test_when_nobody_can_say_the_answer_is_no_and_tells_nothing_more(place):
    place.reviews.error = KubeApiError("POST …: cannot connect to kube-apiserver")
    async with place.asking(authorizing=True) as ask:
        status, body = await ask(*ANN)

    assert status == 403
    assert body["message"].endswith("at the cluster scope")
    assert place.counted("authorization_requests", decision="failed") == 1


async def test_masters_need_nobodys_consent(place):
    place.reviews.error = KubeApiError("kube-apiserver is down")
    masters = place.cluster.issue("root", organizations=["system:masters"])
    async with place.asking(masters, authorizing=True) as ask:
        assert (await ask())[0] == 200
        assert (await ask(path="/metrics"))[0] == 200
    assert place.reviews.asked == []
    assert place.counted("authorization_requests", decision="master") == 2


async def test_open_paths_are_open_but_not_to_wrong_credentials(place):
    async with place.asking(authorizing=True) as ask:
        assert (await ask(path="/readyz"))[0] == 200
        assert (await ask(path="/readyz?verbose"))[0] == 200
        assert (await ask(path="/readyz/ping"))[0] == 403
        assert (await ask(path="/readyz/"))[0] == 403
        assert (await ask(("Authorization", "Bearer x"), path="/readyz"))[0] == 401


@pytest.mark.parametrize(
    "path",
    [
        f"{NODES}%2Fn1",
        "/apis/metrics.k8s.io/v1/namespaces/a%2fpods",
        "/apis/external.metrics.k8s.io/v1beta1/namespaces/ns/a%2Fb",
        "/metrics%2F",
    ],
)
async def test_a_path_with_an_encoded_slash_is_not_served(place, path):
    """Go would split it there; who is authorized for one reading must not get the other."""
    async with place.asking(authorizing=True) as ask:
        assert (await ask(*ANN, path=path))[0] == 404
        assert (await ask(path=path))[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        "/readyz/../metrics",
        "/./metrics",
        "/healthz/../apis/metrics.k8s.io/v1/nodes",
        "/%2e%2e/metrics",
        "//metrics",
        "/metrics/",
        "/readyz%00",
        "/READYZ",
        "/readyz;x",
        "/readyz%2f",
    ],
)
async def test_no_other_spelling_of_a_path_is_open(place, path):
    async with place.asking(authorizing=True) as ask:
        assert (await ask(path=path))[0] == 403


@pytest.mark.parametrize(
    ("allowed", "path", "is_open"),
    [
        (["/metrics"], "/metrics", True),
        (["metrics"], "/metrics", True),
        (["/metrics"], "/metrics/", False),
        (["/metrics"], "//metrics", False),
        (["/metrics"], "/metricsx", False),
        (["/metrics*"], "/metrics/x", True),
        (["/readyz/*"], "/readyz/ping", True),
        (["/readyz/*"], "/readyz", False),
        (["/"], "/", True),
        (["/"], "/metrics", False),
        (["*"], "/anything", True),
        ([], "/readyz", False),
        ([""], "/", True),
        (["/apis/*"], "/apis/metrics.k8s.io/v1", True),
    ],
)
def test_open_paths(allowed, path, is_open):
    assert (Attributes("get", path=path) in AllowedPaths(allowed)) is is_open


def test_resources_are_never_open():
    attributes = Attributes("list", resource="nodes", path=NODES, is_resource=True)

    assert attributes not in AllowedPaths(["*", NODES])


@pytest.mark.parametrize(
    ("user", "attributes", "reason", "message"),
    [
        pytest.param(
            "viewer",
            Attributes("get", path="/metrics"),
            "",
            'forbidden: User "viewer" cannot get path "/metrics"',
            id="path",
        ),
        pytest.param(
            'a"\\\n\x01é\u200b',
            Attributes("get", path="/<b>&"),
            "",
            r'forbidden: User "a\"\\\n\x01é\u200b" cannot get path "/&lt;b&gt;&amp;"',
            id="quoted-as-in-go",
        ),
        pytest.param(
            "viewer",
            Attributes("list", resource="pods", is_resource=True),
            "no rule",
            'pods is forbidden: User "viewer" cannot list resource "pods" in API group "" '
            "at the cluster scope: no rule",
            id="core-group-and-reason",
        ),
    ],
)
def test_texts_of_refusals(user, attributes, reason, message):
    assert str(forbidden(UserInfo(user), attributes, reason)) == message


async def test_a_decision_never_raises():
    class Failing:
        async def review(self, user, attributes):
            raise KubeApiError("no")

    authorization = Authorization(Failing(), always_allowed=(), telemetry=Telemetry())

    assert await authorization.decide(UserInfo("a"), Attributes("get")) == Decision(False)
