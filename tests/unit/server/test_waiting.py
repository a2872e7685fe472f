"""Who waits for kube-apiserver to say who they are: how many may, and whom they hold up."""

import asyncio
import contextlib
import gc
from collections import Counter

import aiohttp
import pytest
from aiohttp import web
from unit.server.identified import OPEN_PATHS, Configured
from unit.server.test_limits import BASE, SlowGroup

from adapter.kube.authenticationconfig import AuthenticationConfig
from adapter.model.identity import Decision, UserInfo
from adapter.server.app import start
from adapter.server.authn import Authentication, authenticated
from adapter.server.authz import Authorization, authorized
from adapter.server.waiting import STRANGERS, STRANGERS_REVIEWS
from adapter.sim.clock import ManualClock
from adapter.telemetry import Telemetry

THINGS = f"{BASE}/things"
LATE = f"{BASE}/late"
"""A path below which nobody is known to be allowed anything."""


class Reviews:
    """Remembers some answers, and gives the others when the test lets it."""

    def __init__(self):
        self.go_on = asyncio.Event()
        self.waiting = Counter()

    @contextlib.asynccontextmanager
    async def reviewed(self, who):
        self.waiting[who] += 1
        try:
            await self.go_on.wait()
            yield
        finally:
            self.waiting[who] -= 1


class Tokens(Reviews):
    """Those that begin with ``known-`` are remembered, those with ``new-`` somebody's."""

    async def review(self, token):
        kind, _, name = token.partition("-")
        if kind != "known":
            async with self.reviewed(""):
                pass
        return UserInfo(name) if kind in {"known", "new"} else None


class Access(Reviews):
    """All is allowed to all who have a name, and remembered but for what is late."""

    async def review(self, user, attributes):
        if "late" in attributes.path:
            async with self.reviewed(user.name):
                pass
        return Decision(user.name != "system:anonymous")


class Place:
    """A server, those who ask it, and kube-apiserver."""

    def __init__(self, limit):
        telemetry = Telemetry()
        self.tokens, self.access = Tokens(), Access()
        authentication = Authentication(
            Configured(AuthenticationConfig()),
            self.tokens,
            clock=ManualClock(),
            telemetry=telemetry,
        )
        authorization = Authorization(self.access, always_allowed=OPEN_PATHS, telemetry=telemetry)
        self.group = SlowGroup(
            limit=limit, identity=[authenticated(authentication), authorized(authorization)]
        )
        self.group.go_on.set()
        self.asking = []

    async def ask(self, path, token=None):
        """Status, ``Retry-After`` and reason of what comes back."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.get(path, headers=headers) as answer:
            body = await answer.json(content_type=None) if path.startswith("/apis") else {}
            return answer.status, answer.headers.get("Retry-After"), body.get("reason")

    def begin(self, count, path, token=None):
        """Ask *count* times; ``{}`` in a path or a token is another number each time."""
        for number in range(count):
            wanted = path.format(number), token and token.format(number)
            self.asking.append(asyncio.ensure_future(self.ask(*wanted)))

    async def until(self, waiting=0, refused=0):
        """Return when exactly so many wait and so many were refused."""
        async with asyncio.timeout(30):
            while self.now() != (waiting, refused):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.005)

    def now(self):
        waits = self.tokens.waiting.total() + self.access.waiting.total()
        return waits, sum(each.done() for each in self.asking)

    async def let_go(self):
        """What comes of all that were asked, and how often."""
        self.tokens.go_on.set()
        self.access.go_on.set()
        return Counter(await asyncio.gather(*self.asking))


@pytest.fixture
async def place():
    """A function that serves, with a limit of requests in flight."""
    async with contextlib.AsyncExitStack() as stack:

        async def serve(limit):
            made = Place(limit)
            server = await start(made.group.app, host="127.0.0.1", port=0)
            stack.push_async_callback(server.close)
            made.session = await stack.enter_async_context(
                aiohttp.ClientSession(
                    f"http://127.0.0.1:{server.port}", connector=aiohttp.TCPConnector(limit=0)
                )
            )
            return made

        yield serve


REFUSED = (429, "1", "TooManyRequests")


@pytest.mark.parametrize(
    "path", [pytest.param(THINGS, id="metrics"), pytest.param("/nope/{}", id="elsewhere")]
)
async def test_made_up_tokens_hold_nobody_up_whom_memory_knows(place, path):
    it = await place(400)
    it.begin(400, path, "made-up-{}")
    await it.until(waiting=STRANGERS_REVIEWS, refused=400 - STRANGERS_REVIEWS)

    asked = [(THINGS, "known-ann"), (BASE, "known-ann"), ("/livez", None), ("/readyz", None)]
    statuses = [(await it.ask(path, token))[0] for path, token in asked]
    found = await it.let_go()

    assert statuses == [200] * 4
    assert {status: count for (status, *_), count in found.items()} == {
        401: STRANGERS_REVIEWS,
        429: 400 - STRANGERS_REVIEWS,
    }


async def test_who_is_refused_is_told_why_and_when_to_come_back(place):
    it = await place(2)
    it.begin(1, THINGS, "new-ann")
    await it.until(waiting=1)

    refused = await it.ask(THINGS, "new-bob")
    found = await it.let_go()

    assert refused == REFUSED
    assert it.group.value("viaduct_server_requests_refused_total") == 1
    assert [status for status, *_ in found] == [200]
    assert (await it.ask(THINGS, "new-bob"))[0] == 200  # there is room again


@pytest.mark.parametrize(
    ("limit", "most"),
    [
        pytest.param(10, 5, id="half-of-the-limit"),
        pytest.param(1, 1, id="one-at-least"),
        pytest.param(100_000, STRANGERS, id="never-more-than-that"),
        pytest.param(0, STRANGERS, id="also-where-there-is-no-limit"),
    ],
)
async def test_those_with_the_same_new_token_wait_together(place, limit, most):
    it = await place(limit)
    it.begin(most + 20, "/version", "new-ann")
    await it.until(waiting=most, refused=20)

    found = await it.let_go()

    assert {status: count for (status, *_), count in found.items()} == {200: most, 429: 20}


async def test_the_anonymous_leave_room_for_reviews_of_users(place):
    it = await place(400)
    it.begin(300, LATE + "/{}")
    it.begin(300, "/late/{}")
    await it.until(waiting=STRANGERS_REVIEWS, refused=600 - STRANGERS_REVIEWS)
    refused = len([each for each in it.asking if each.done()])
    it.begin(50, "/late/{}", "known-ann")
    await it.until(waiting=STRANGERS_REVIEWS + 50, refused=refused)

    statuses = Counter(status for status, *_ in (await it.let_go()).elements())

    assert statuses == {403: STRANGERS_REVIEWS, 404: 50, 429: refused}


async def test_a_token_that_was_somebodys_does_not_wait_among_strangers_again(place):
    """What kube-apiserver says of it holds for seconds; strangers may be there for hours."""
    it = await place(400)
    it.tokens.go_on.set()
    assert (await it.ask(THINGS, "new-prometheus"))[0] == 200
    it.tokens.go_on.clear()
    it.begin(100, THINGS, "made-up-{}")
    await it.until(waiting=STRANGERS_REVIEWS, refused=100 - STRANGERS_REVIEWS)

    again = asyncio.ensure_future(it.ask(THINGS, "new-prometheus"))
    await it.until(waiting=STRANGERS_REVIEWS + 1, refused=100 - STRANGERS_REVIEWS)
    assert (await it.ask(THINGS, "made-up-more"))[0] == 429
    await it.let_go()

    assert (await again)[0] == 200


@pytest.mark.parametrize(
    ("limit", "path", "token", "why"),
    [
        pytest.param(
            0, THINGS, "made-up-{}", "32 unknown tokens or paths already", id="no-limit-of-users"
        ),
        pytest.param(8, "/late/x", None, "4 requests of users who are not known", id="strangers"),
        pytest.param(8, "/late/{}", "known-ann", "half of --max-requests-inflight", id="user"),
    ],
)
async def test_a_refusal_names_what_is_full(place, limit, path, token, why):
    it = await place(limit)
    it.begin(40, path, token)
    await it.until(waiting=it.now()[0] or 4, refused=36) if limit else None
    async with asyncio.timeout(30):
        while not any(each.done() for each in it.asking):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.005)
    headers = {"Authorization": f"Bearer {token.format('x')}"} if token else {}
    async with it.session.get(path.format("x"), headers=headers) as answer:
        message = (await answer.json(content_type=None))["message"]

    assert answer.status == 429
    assert why in message
    assert message.endswith("try again in 1 s")
    await it.let_go()


async def test_a_user_who_needs_many_reviews_leaves_room_for_others(place):
    it = await place(8)
    it.begin(6, "/late/{}", "known-flood")
    await it.until(waiting=4, refused=2)
    it.begin(1, "/late/1", "known-ann")
    await it.until(waiting=5, refused=2)
    it.begin(5, "/late/{}", "known-bob")
    await it.until(waiting=8, refused=4)

    assert (await it.ask(THINGS, "known-flood"))[0] == 200  # this needs no review
    await it.let_go()


async def test_there_may_be_no_limit_for_users(place):
    it = await place(0)
    it.begin(300, "/late/{}", "known-ann")
    await it.until(waiting=300)

    assert {status for status, *_ in await it.let_go()} == {404}


async def test_who_gives_up_waiting_leaves_room(place):
    it = await place(2)
    it.begin(1, THINGS, "new-ann")
    await it.until(waiting=1)
    it.asking[0].cancel()
    await asyncio.gather(*it.asking, return_exceptions=True)
    it.asking.clear()
    await it.until(waiting=0)
    it.begin(1, THINGS, "new-bob")
    await it.until(waiting=1)

    assert [status for status, *_ in await it.let_go()] == [200]


async def test_waiting_is_not_being_answered(place):
    """A user's two reviews and two answers are counted each for itself."""
    it = await place(2)
    it.group.go_on.clear()
    it.begin(1, LATE, "known-ann")
    await it.until(waiting=1)
    answered = asyncio.ensure_future(it.ask(THINGS, "known-ann"))
    async with asyncio.timeout(20):
        await it.group.started.acquire()
    it.group.go_on.set()

    assert (await answered)[0] == 200
    assert [status for status, *_ in await it.let_go()] == [404]


def requests_alive():
    return sum(isinstance(each, web.Request) for each in gc.get_objects())


async def test_a_request_is_gone_with_its_answer_and_needs_no_collection(place):
    """Collections are put off while a service starts, and each costs milliseconds."""
    it = await place(400)
    gc.collect()
    gc.disable()
    try:
        before = requests_alive()
        for _ in range(50):
            await it.ask(THINGS, "known-ann")
        more = requests_alive() - before
    finally:
        gc.enable()

    assert more < 10
