"""Requests that wait for kube-apiserver to say who asks, or whether they may.

Such a review can take many seconds, and who sends what needs one may be anybody. So requests that
wait for one are counted apart from those that are being answered, and strangers apart from users.

What needs no review, because the answer is remembered or the path is open, passes without a pause
in which others run. So a request is counted, and refused if there is no room, only when the event
loop comes round before it has passed: probes and known users never wait behind strangers.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from adapter.errors import TooManyRequests
from adapter.model.identity import ANONYMOUS, UserInfo
from adapter.server.authn import USER
from adapter.telemetry import Telemetry

STRANGERS = 200
"""Requests of strangers that may wait at once: of those with a token nobody knows yet, and of the
anonymous. Half of ``--max-requests-inflight`` if that is less, as for a user."""

STRANGERS_REVIEWS = 32
"""Different reviews they may wait for: a third of the connections to kube-apiserver, the others are
for reviews of known users."""


TOKENS_MET = 4096
"""Tokens that are remembered, as numbers, to have been somebody's: when what kube-apiserver said of
them is over, whoever has one does not wait among strangers again."""


def bounded(identity: Sequence[Middleware], limit: int, telemetry: Telemetry) -> list[Middleware]:
    """*identity*, in which only so many requests may wait at once; the others get 429.

    Args:
        identity: What may ask kube-apiserver: authentication, then authorization.
        limit: Most requests of known users, each of whom may have half of them; 0 is no limit.
        telemetry: Counts what is refused.
    """
    if not identity:
        return []
    room = _Room(limit)

    @web.middleware
    async def wait(request: web.Request, handler: Handler) -> web.StreamResponse:
        _passed(request)  # what was before this one
        if (before := request.get(_WAITING)) is not None:
            room.meet(before.token, request.get(USER, ANONYMOUS))
        waiting = request[_WAITING] = _Waiting(room, request)
        try:
            async with waiting.patience:
                return await handler(request)
        except TimeoutError:
            if not waiting.patience.expired():  # somebody else's
                raise
            telemetry.requests_refused.inc()
            again = f"try again in {TooManyRequests.retry_after_seconds} s"
            raise TooManyRequests(f"{waiting.refusal}: {again}") from None
        finally:
            waiting.end()

    @web.middleware
    async def passed(request: web.Request, handler: Handler) -> web.StreamResponse:
        _passed(request)
        return await handler(request)

    return [*(each for inner in identity for each in (wait, inner)), passed]


class _Room:
    """How many wait: of known users, by name, and of strangers, by what has to be reviewed."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._most_strangers = min(STRANGERS, max(limit // 2, 1)) if limit else STRANGERS
        self._users: Counter[Hashable] = Counter()
        self._strangers: Counter[Hashable] = Counter()
        self._met: OrderedDict[int, None] = OrderedDict()

    def meet(self, token: int, user: UserInfo) -> None:
        """Remember *token* where it was *user*'s: its next review is a user's."""
        if token and user.name != ANONYMOUS.name:
            self._met[token] = None
            self._met.move_to_end(token)
            if len(self._met) > TOKENS_MET:
                self._met.popitem(last=False)

    def enter(self, request: web.Request, token: int) -> "_Place | str":
        """Where *request* with *token* is counted from now on, or why there is no room."""
        user = request.get(USER, ANONYMOUS)
        # the same token has one review, and so has the same path
        key: Hashable = token or hash(request.raw_path)
        if user.name != ANONYMOUS.name:
            key = user.name
        elif key not in self._met:
            return self._counted(self._strangers, key, self._strangers_full(key))
        return self._counted(self._users, key, self._users_full(key))

    def _counted(self, counter: Counter[Hashable], key: Hashable, refusal: str) -> "_Place | str":
        if refusal:
            return refusal
        counter[key] += 1
        return _Place(counter, key)

    def _strangers_full(self, key: Hashable) -> str:
        if self._strangers.total() >= self._most_strangers:
            return f"{self._most_strangers} requests of users who are not known yet wait to be"
        if key not in self._strangers and len(self._strangers) >= STRANGERS_REVIEWS:
            return (
                f"kube-apiserver is asked about {STRANGERS_REVIEWS} unknown tokens or paths already"
            )
        return ""

    def _users_full(self, key: Hashable) -> str:
        if self._limit and self._users.total() >= self._limit:
            return f"{self._limit} requests wait for kube-apiserver (--max-requests-inflight)"
        if self._limit and 2 * self._users[key] >= self._limit:
            return "half of --max-requests-inflight are this user's, and wait for kube-apiserver"
        return ""


class _Place(NamedTuple):
    """Where a request is counted."""

    counter: Counter[Hashable]
    key: Hashable

    def leave(self) -> None:
        self.counter[self.key] -= 1
        if not self.counter[self.key]:
            del self.counter[self.key]


class _Waiting:
    """One request before a part of the identity.

    Attributes:
        patience: Ends at once if there is no room.
        refusal: Why there is none.
        token: What stands for the token of the request; 0 where it has none any more. Others do not
            see it: authentication takes it away.
    """

    def __init__(self, room: _Room, request: web.Request) -> None:
        self.patience = asyncio.timeout(None)
        self.refusal = ""
        token = request.headers.get(hdrs.AUTHORIZATION)
        self.token = hash(token) if token else 0
        self._room = room
        self._place: _Place | None = None
        # the request is not kept here, as it keeps this: both would wait for a collection
        turn = asyncio.get_running_loop().call_soon(self._begin, request)
        self._turn: asyncio.Handle | None = turn

    def passed(self) -> None:
        """It went through, in time even if there was no room: let it go on."""
        if self.patience.when() is not None and not self.patience.expired():
            self.patience.reschedule(None)
        self.end()

    def end(self) -> None:
        """It waits no more."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        if self._place is not None:
            self._place.leave()
            self._place = None

    def _begin(self, request: web.Request) -> None:
        """The loop has come round and the request has not passed: it does wait."""
        self._turn = None
        place = self._room.enter(request, self.token)
        if isinstance(place, _Place):
            self._place = place
        else:
            self.refusal = f"too many requests at once, {place}"
            self.patience.reschedule(asyncio.get_running_loop().time())


_WAITING = web.RequestKey("waiting", _Waiting)


def _passed(request: web.Request) -> None:
    if (waiting := request.get(_WAITING)) is not None:
        waiting.passed()
