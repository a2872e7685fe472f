"""Token and access reviews: what is asked, what is kept, and what happens when nobody answers."""

import asyncio
import json

import pytest
from aiohttp import web
from unit.kube.conftest import refusal

from adapter.kube.access import AccessReviewer
from adapter.kube.api import KubeApiError
from adapter.kube.reviewing import KEPT
from adapter.kube.tokens import TokenReviewer
from adapter.model.identity import Attributes, Decision, UserInfo
from adapter.telemetry import Telemetry

TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
ANN = UserInfo("ann", "7", ("dev",), {"scope": ("a", "b")})
LIST_PODS = Attributes(
    "list", "ns", "metrics.k8s.io", "v1", "pods", path="/apis/…", is_resource=True
)


class Kube:
    """Answers reviews with *statuses* (the last again and again) or error codes; counts."""

    def __init__(self, apiserver):
        self.specs = []
        self.statuses = []
        self.gate = None
        apiserver.routes = {TOKENS: self.answer, ACCESS: self.answer}

    async def answer(self, request):
        review = json.loads(await request.read())
        self.specs.append(review["spec"])
        if self.gate is not None:
            await self.gate.wait()
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if isinstance(status, int):
            return refusal(status)
        if status is None:
            request.transport.abort()
        return web.json_response({**review, "status": status}, status=201)


@pytest.fixture
def kube(apiserver):
    return Kube(apiserver)


@pytest.fixture
def telemetry():
    return Telemetry()


@pytest.fixture
def tokens(api, clock, telemetry, kube):
    return TokenReviewer(api, ttl=10, clock=clock, telemetry=telemetry)


@pytest.fixture
def access(api, clock, telemetry, kube):
    return AccessReviewer(
        api, authorized_ttl=10, unauthorized_ttl=5, clock=clock, telemetry=telemetry
    )


def looked_up(telemetry, kind, result):
    name = "viaduct_review_lookups_total"
    return telemetry.registry.get_sample_value(name, {"kind": kind, "result": result}) or 0


ANN_STATUS = {
    "authenticated": True,
    "user": {"username": "ann", "uid": "7", "groups": ["dev"], "extra": {"scope": ["a", "b"]}},
}


async def test_a_token_is_somebodys(tokens, kube):
    kube.statuses = [ANN_STATUS]

    assert await tokens.review("hunter2") == ANN
    assert kube.specs == [{"token": "hunter2"}]


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({}, id="silent"),
        pytest.param({"authenticated": False, "error": "expired"}, id="expired"),
        pytest.param({"user": {"username": "ann"}}, id="not-said-to-be"),
        pytest.param({"authenticated": True, "user": {}}, id="nameless"),
        pytest.param({"authenticated": True}, id="nobody"),
    ],
)
async def test_a_token_is_nobodys(tokens, kube, status):
    kube.statuses = [status]

    assert await tokens.review("t") is None


@pytest.mark.parametrize("token", ["a" * 40_000, "a\x00b", "ä", "a\udcff"])
async def test_what_cannot_be_a_token_is_not_asked_about(tokens, kube, token):
    assert await tokens.review(token) is None
    assert kube.specs == []


async def test_outcomes_are_kept_for_a_while_whatever_they_are(tokens, kube, clock, telemetry):
    kube.statuses = [ANN_STATUS, {}, {}]
    for _ in range(3):
        assert await tokens.review("good") == ANN
        assert await tokens.review("bad") is None
    clock.now += 11
    assert await tokens.review("good") is None

    assert [spec["token"] for spec in kube.specs] == ["good", "bad", "good"]
    assert looked_up(telemetry, "TokenReview", "hit") == 4
    assert looked_up(telemetry, "TokenReview", "miss") == 3


async def test_no_token_is_kept_or_shown(tokens, kube, caplog):
    kube.statuses = [ANN_STATUS, 500]
    await tokens.review("hunter2")
    with pytest.raises(KubeApiError) as failed:
        await tokens.review("hunter3")

    assert "hunter" not in f"{vars(tokens)} {vars(tokens._reviews)} {caplog.text} {failed.value}"


async def test_many_who_wait_cost_one_request(tokens, kube, telemetry):
    kube.statuses, kube.gate = [ANN_STATUS], asyncio.Event()
    waiting = [asyncio.create_task(tokens.review("t")) for _ in range(50)]
    async with asyncio.timeout(5):
        while not kube.specs:  # noqa: ASYNC110 - it crosses a socket
            await asyncio.sleep(0.002)
    kube.gate.set()

    assert await asyncio.gather(*waiting) == [ANN] * 50
    assert len(kube.specs) == 1
    assert looked_up(telemetry, "TokenReview", "shared") == 49


@pytest.mark.parametrize(
    ("statuses", "requests", "pauses"),
    [
        pytest.param([500, ANN_STATUS], 2, 1, id="again-after-an-error"),
        pytest.param([429, 503, ANN_STATUS], 3, 2, id="again-twice"),
        pytest.param([None, ANN_STATUS], 2, 1, id="again-after-a-break"),
    ],
)
async def test_another_attempt_may_do_better(tokens, kube, clock, statuses, requests, pauses):
    kube.statuses = statuses

    assert await tokens.review("t") == ANN
    assert len(kube.specs) == requests
    assert [0.5 <= clock.pauses[0] <= 0.6, len(clock.pauses)] == [True, pauses]


@pytest.mark.parametrize(("status", "requests"), [(500, 3), (403, 1), (404, 1), (400, 1)])
async def test_failures_are_told_once_and_not_kept(tokens, kube, caplog, status, requests):
    kube.statuses = [status]
    for _ in range(2):
        with pytest.raises(KubeApiError):
            await tokens.review("t")
    kube.statuses = [ANN_STATUS]
    assert await tokens.review("t") == ANN

    assert len(kube.specs) == 2 * requests + 1
    assert len([each for each in caplog.messages if "TokenReview fails" in each]) == 1


async def test_an_answer_that_is_no_review_is_a_failure(tokens, access, kube):
    kube.statuses = [[]]
    with pytest.raises(KubeApiError, match="no TokenReview"):
        await tokens.review("t")
    with pytest.raises(KubeApiError, match="no SubjectAccessReview"):
        await access.review(ANN, LIST_PODS)


async def test_what_is_asked_about_a_resource(access, kube):
    kube.statuses = [{"allowed": True, "reason": "RBAC: allowed by …"}]

    decision = await access.review(ANN, LIST_PODS)

    assert decision == Decision(True, "RBAC: allowed by …")
    assert kube.specs == [
        {
            "resourceAttributes": {
                "namespace": "ns",
                "verb": "list",
                "group": "metrics.k8s.io",
                "version": "v1",
                "resource": "pods",
            },
            "user": "ann",
            "groups": ["dev"],
            "extra": {"scope": ["a", "b"]},
            "uid": "7",
        }
    ]


async def test_what_is_asked_about_a_path(access, kube):
    kube.statuses = [{"allowed": False}]

    assert not (await access.review(UserInfo("ann"), Attributes("get", path="/metrics"))).allowed
    assert kube.specs == [
        {"nonResourceAttributes": {"path": "/metrics", "verb": "get"}, "user": "ann"}
    ]


async def test_a_veto_beats_a_permission(access, kube):
    kube.statuses = [{"allowed": True, "denied": True}]

    assert not (await access.review(ANN, LIST_PODS)).allowed


async def test_permissions_and_refusals_are_kept_for_times_of_their_own(access, kube, clock):
    kube.statuses = [{"allowed": True}]
    await access.review(ANN, LIST_PODS)
    kube.statuses = [{"allowed": False}]
    await access.review(UserInfo("bob"), LIST_PODS)
    clock.now += 6
    assert (await access.review(ANN, LIST_PODS)).allowed
    await access.review(UserInfo("bob"), LIST_PODS)

    assert [spec["user"] for spec in kube.specs] == ["ann", "bob", "bob"]


@pytest.mark.parametrize(
    "change",
    [
        {"verb": "get"},
        {"namespace": "other"},
        {"resource": "nodes"},
        {"name": "x"},
        {"subresource": "y"},
        {"version": "v1beta1"},
        {"group": "custom.metrics.k8s.io"},
    ],
    ids=str,
)
async def test_a_permission_is_for_exactly_what_was_asked(access, kube, change):
    kube.statuses = [{"allowed": True}, {"allowed": False}]
    assert (await access.review(ANN, LIST_PODS)).allowed

    assert not (await access.review(ANN, LIST_PODS._replace(**change))).allowed


@pytest.mark.parametrize(
    "change", [{"name": "bob"}, {"uid": "8"}, {"groups": ()}, {"extra": {}}], ids=str
)
async def test_a_permission_is_for_exactly_who_asked(access, kube, change):
    kube.statuses = [{"allowed": True}, {"allowed": False}]
    assert (await access.review(ANN, LIST_PODS)).allowed

    assert not (await access.review(ANN._replace(**change), LIST_PODS)).allowed


async def test_long_attributes_are_not_kept(access, kube):
    kube.statuses = [{"allowed": True}]
    long = LIST_PODS._replace(name="x" * 10_000)
    for _ in range(2):
        assert (await access.review(ANN, long)).allowed

    assert len(kube.specs) == 2


async def test_what_is_kept_is_bounded(access):
    reviews = access._reviews
    for number in range(KEPT + 10):
        reviews._keep(str(number).encode(), Decision(True))

    assert len(reviews._kept) == KEPT
    assert b"9" not in reviews._kept


async def test_nothing_is_kept_where_that_is_switched_off(api, clock, telemetry, kube):
    kube.statuses = [ANN_STATUS]
    tokens = TokenReviewer(api, ttl=0, clock=clock, telemetry=telemetry)
    for _ in range(2):
        await tokens.review("t")

    assert len(kube.specs) == 2
