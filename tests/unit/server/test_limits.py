"""How many requests one server takes on, and in which order."""

import asyncio
import time

import aiohttp
import pytest
from aiohttp import web
from golden.cluster import Cluster

from adapter.apis.base import Answer, APIGroup, Route
from adapter.model.identity import UserInfo
from adapter.server.app import build_app, start
from adapter.server.authn import USER
from adapter.server.limits import MAX_BODY_BYTES
from adapter.server.probes import Checks
from adapter.server.turns import Gates, Turns
from adapter.telemetry import Telemetry

BASE = "/apis/slow.example.com/v1"


class SlowGroup:
    """A group whose answers the test lets go."""

    def __init__(self, *, limit=2, identity=()):
        self.telemetry = Telemetry()
        self.started = asyncio.Semaphore(0)
        self.go_on = asyncio.Event()
        self.chunks = [b"{}"]
        group = APIGroup(
            name="slow.example.com",
            versions=("v1",),
            resources=tuple,
            routes=(Route("/things", self._answer, "things", "list"),),
        )
        self.app = build_app(
            groups=[group],
            checks=Checks([]),
            telemetry=self.telemetry,
            max_in_flight=limit,
            identity=identity,
        )

    async def _answer(self, _):
        self.started.release()
        await self.go_on.wait()
        return Answer(iter(self.chunks))

    def value(self, metric):
        return self.telemetry.registry.get_sample_value(metric)


@pytest.fixture
async def asked():
    """A function of a `SlowGroup` that serves it and gives a session."""
    running = []

    async def serve(group):
        server = await start(group.app, host="127.0.0.1", port=0)
        session = aiohttp.ClientSession(
            f"http://127.0.0.1:{server.port}", connector=aiohttp.TCPConnector(limit=0)
        )
        running.extend((server, session))
        return session

    yield serve
    for each in reversed(running):
        await each.close()


async def test_too_many_requests_are_told_when_to_come_back(asked):
    group = SlowGroup(limit=4)
    session = await asked(group)
    first = [asyncio.ensure_future(session.get(f"{BASE}/things")) for _ in range(2)]
    for _ in first:
        await group.started.acquire()

    async with session.get(f"{BASE}/things") as refused:
        body = await refused.json()
    group.go_on.set()
    statuses = [(await each).status for each in first]
    async with session.get(f"{BASE}/things") as later:
        statuses.append(later.status)

    assert statuses == [200, 200, 200]
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    assert (body["kind"], body["reason"], body["details"]) == (
        "Status",
        "TooManyRequests",
        {"retryAfterSeconds": 1},
    )
    assert "--max-requests-inflight" in body["message"]
    assert group.value("viaduct_server_requests_refused_total") == 1
    assert group.value("viaduct_server_requests_in_flight") == 0


@pytest.mark.parametrize(
    "path",
    ["/livez", "/readyz", "/healthz/ping", "/apis", BASE, "/version", "/metrics", "/openapi/v3"],
)
async def test_what_memory_answers_is_never_refused(asked, path):
    group = SlowGroup(limit=2)
    session = await asked(group)
    first = asyncio.ensure_future(session.get(f"{BASE}/things"))
    await group.started.acquire()

    async with session.get(path) as answer:
        status = answer.status
    group.go_on.set()
    (await first).close()

    assert status == 200


@web.middleware
async def named(request, handler):
    """Stands for authentication: who asks says so."""
    request[USER] = UserInfo(request.headers["X-Name"])
    return await handler(request)


async def test_one_user_leaves_room_for_others(asked):
    group = SlowGroup(limit=4, identity=[named])
    session = await asked(group)
    asking, statuses = [], []
    for name in ("flood", "flood", "flood", "hpa", "hpa", "other"):
        request = asyncio.ensure_future(session.get(f"{BASE}/things", headers={"X-Name": name}))
        served = asyncio.ensure_future(group.started.acquire())
        await asyncio.wait({request, served}, return_when=asyncio.FIRST_COMPLETED)
        statuses.append("in" if served.done() else (await request).status)
        served.cancel()
        asking.append(request)
    group.go_on.set()
    for request in asking:
        (await request).close()

    assert statuses == ["in", "in", 429, "in", "in", 429]


async def test_no_limit(asked):
    group = SlowGroup(limit=0)
    session = await asked(group)
    many = [asyncio.ensure_future(session.get(f"{BASE}/things")) for _ in range(50)]
    for _ in many:
        await group.started.acquire()
    group.go_on.set()

    assert {(await each).status for each in many} == {200}


async def test_a_client_that_leaves_gives_its_place_back(asked):
    group = SlowGroup(limit=2)
    session = await asked(group)
    gone = asyncio.ensure_future(session.get(f"{BASE}/things"))
    await group.started.acquire()
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    group.go_on.set()

    end = time.monotonic() + 10
    while group.value("viaduct_server_requests_in_flight"):
        assert time.monotonic() < end
        await asyncio.sleep(0.01)
    async with session.get(f"{BASE}/things") as answer:
        assert answer.status == 200


async def test_a_request_counts_until_its_answer_is_taken(asked):
    """Else hundreds of clients that do not read would each keep a large answer in memory."""
    group = SlowGroup(limit=2)
    group.chunks = [bytes([65 + number % 26]) * 1_000_000 for number in range(20)]
    group.go_on.set()
    session = await asked(group)
    reading = await session.get(f"{BASE}/things", headers={"Accept-Encoding": "identity"})

    async with session.get(f"{BASE}/things") as refused:
        assert refused.status == 429
    taken = await reading.read()
    group.chunks = [b"{}"]
    async with session.get(f"{BASE}/things") as later:
        assert later.status == 200
    assert len(taken) == 20_000_001


@pytest.mark.parametrize(
    ("size", "status"),
    [
        pytest.param(0, 200, id="none"),
        pytest.param(10, 200, id="small-one-is-skipped"),
        pytest.param(MAX_BODY_BYTES + 1, 413, id="large-one-is-refused"),
    ],
)
async def test_bodies(asked, size, status):
    group = SlowGroup(limit=2)
    group.go_on.set()
    session = await asked(group)

    for path in (f"{BASE}/things", "/livez"):
        async with session.get(path, data=b"a" * size or None) as answer:
            await answer.read()
            assert answer.status == status


async def test_the_deadline_is_told_as_such():
    cluster = Cluster()

    class Never(type(cluster.source)):
        async def nodes(self, names):
            await asyncio.Event().wait()

    cluster.source.__class__ = Never
    server = await start(cluster.app(request_seconds=0.05), host="127.0.0.1", port=0)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{server.port}/apis/metrics.k8s.io/v1/nodes") as answer,
    ):
        body = await answer.json()
    await server.close()

    assert (answer.status, body["reason"]) == (504, "Timeout")


async def test_one_goes_on_in_each_turn_and_users_alternate():
    turns, order, rounds = Turns(), [], 0
    done = asyncio.Event()

    async def work(user, number):
        await turns.take(user)
        order.append((user, number, rounds))
        if len(order) == 5:
            done.set()

    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(work("many", number))
        group.create_task(work("one", 0))
        while not done.is_set():
            await asyncio.sleep(0)
            rounds += 1

    users = [(user, number) for user, number, _ in order]
    assert users == [("many", 0), ("many", 1), ("one", 0), ("many", 2), ("many", 3)]
    assert len({turn for _, _, turn in order}) == 5


async def test_who_gave_up_waiting_holds_nobody_up():
    turns = Turns()
    await turns.take("a")
    waiting = [asyncio.ensure_future(turns.take("a")) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()

    async with asyncio.timeout(10):
        await asyncio.gather(*waiting[1:])
    await turns.take("b")


async def test_each_kind_has_room_of_its_own_at_a_gate():
    gates, inside, go = Gates(width=2, seconds=60), [], asyncio.Event()

    async def work(kind):
        async with gates.enter(kind):
            inside.append(kind)
            await go.wait()

    tasks = [asyncio.ensure_future(work(kind)) for kind in ("a", "a", "a", "a", "b")]
    for _ in range(5):
        await asyncio.sleep(0)
    crowded = list(inside)
    tasks[2].cancel()
    go.set()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert crowded == ["a", "a", "b"]
    assert sorted(inside) == ["a", "a", "a", "b"]


async def test_the_slow_do_not_keep_the_quick_out():
    gates = Gates(width=1, seconds=0.05)
    slow = gates.enter("a")
    await slow.__aenter__()

    async with asyncio.timeout(10):
        async with gates.enter("a"):
            pass
        await slow.__aexit__(None, None, None)
        async with gates.enter("a"), gates.enter("b"):
            pass
