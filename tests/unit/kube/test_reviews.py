"""Token and access reviews: what is asked, what is kept, and what happens when nobody answers."""

import asyncio
import gc
import json
import tracemalloc

import pytest
from aiohttp import web
from unit.kube.conftest import refusal

from adapter.kube import reviewing
from adapter.kube.access import AccessReviewer
from adapter.kube.api import KubeApiError
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
        self.apiserver = apiserver
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


@pytest.fixture
def traced():
    """Counts the bytes that are in use; what tracing costs ends with the test."""
    tracemalloc.start()

    def count():
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    yield count
    tracemalloc.stop()


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


@pytest.mark.parametrize(
    ("first_seconds", "requests"),
    [
        pytest.param(14.3, 2, id="another-attempt-gets-what-is-left"),
        pytest.param(14.9, 1, id="nothing-is-left"),
    ],
)
async def test_all_attempts_share_one_limit(tokens, kube, clock, first_seconds, requests):
    """Whoever waits gives up after a while: the last attempt must not begin a time of its own."""

    async def answer(request):
        kube.specs.append(await request.read())
        if len(kube.specs) == 1:
            clock.now += first_seconds
            return refusal(503)
        await asyncio.Event().wait()
        return refusal(500)

    kube.apiserver.routes[TOKENS] = answer
    async with asyncio.timeout(5):
        with pytest.raises(KubeApiError):
            await tokens.review("t")

    assert len(kube.specs) == requests


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


async def test_one_question_is_asked_once_whatever_path_it_came_by(access, kube):
    """Who may list pods may do so with any selector, and however the path is written."""
    kube.statuses = [{"allowed": True}]
    for path in ("/apis/metrics.k8s.io/v1/namespaces/ns/pods", "/apis/metrics.k8s.io//v1/…"):
        assert (await access.review(ANN, LIST_PODS._replace(path=path))).allowed

    assert len(kube.specs) == 1


async def test_the_order_of_extra_fields_makes_no_other_user(access, kube):
    kube.statuses = [{"allowed": True}]
    for extra in ({"a": ("1",), "b": ("2",)}, {"b": ("2",), "a": ("1",)}):
        await access.review(ANN._replace(extra=extra), LIST_PODS)

    assert len(kube.specs) == 1


def wide(number):
    """What takes most memory: each character four bytes."""
    return "\N{GRINNING FACE}" * 4000 + str(number)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(lambda n: (ANN, LIST_PODS._replace(name=wide(n))), id="name"),
        pytest.param(lambda n: (ANN, LIST_PODS._replace(name=str(n), path=wide(n))), id="path"),
        pytest.param(lambda n: (ANN, Attributes("get", path=wide(n))), id="path-of-no-resource"),
        pytest.param(lambda n: (ANN._replace(groups=(wide(n),)), LIST_PODS), id="groups"),
        pytest.param(lambda n: (ANN._replace(extra={"a": (wide(n),)}), LIST_PODS), id="extra"),
    ],
)
async def test_what_a_caller_chose_takes_no_memory(access, kube, apiserver, traced, asked):
    """Strangers choose it, and with each request anew."""
    kube.statuses = [{"allowed": False}]
    await access.review(*asked(0))  # what only the first costs
    before = traced()
    for number in range(1, 21):
        await access.review(*asked(number))
        kube.specs.clear()
        apiserver.requests.clear()
    grown = traced() - before

    await access.review(*asked(7))
    assert kube.specs == []
    assert grown < 20 * 2000


@pytest.mark.parametrize(("length", "kept"), [(1000, 1000), (20_000, 1025)])
async def test_of_a_long_reason_the_beginning_is_kept(access, kube, length, kept):
    """RBAC adds a sentence for each binding whose role is missing."""
    kube.statuses = [{"allowed": False, "reason": "x" * length}]
    for _ in range(2):
        assert len((await access.review(ANN, LIST_PODS)).reason) == kept

    assert len(kube.specs) == 1


async def test_what_is_kept_is_bounded(tokens, kube, monkeypatch):
    monkeypatch.setattr(reviewing, "KEPT", 3)
    kube.statuses = [{}]
    for token in "abacdab":
        await tokens.review(token)

    assert [spec["token"] for spec in kube.specs] == ["a", "b", "c", "d", "b"]


async def test_what_is_over_takes_no_memory(access, kube, clock):
    """Also of those who never ask again."""
    kube.statuses = [{"allowed": False}]
    for number in range(20):
        await access.review(UserInfo(f"user-{number}"), LIST_PODS)
    clock.now += 60
    await access.review(ANN, LIST_PODS)

    assert len(access._reviews._kept) == 1


async def test_nothing_is_kept_where_that_is_switched_off(api, clock, telemetry, kube):
    kube.statuses = [ANN_STATUS]
    tokens = TokenReviewer(api, ttl=0, clock=clock, telemetry=telemetry)
    for _ in range(2):
        await tokens.review("t")

    assert len(kube.specs) == 2
