"""Requests that wait for kube-apiserver to say who asks, or whether they may.

Such a review can take many seconds, and who sends what needs one may be anybody. So requests that
wait for one are counted apart from those that are being answered, and strangers apart from users.

What needs no review, because the answer is remembered or the path is open, passes without a pause
in which others run. So a request is counted, and refused if there is no room, only when the event
loop comes round before it has passed: probes and known users never wait behind strangers.
"""

import asyncio
from collections import Counter
from collections.abc import Hashable, Sequence

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from adapter.errors import TooManyRequests
from adapter.model.identity import ANONYMOUS
from adapter.server.authn import USER
from adapter.telemetry import Telemetry

STRANGERS = 200
"""Requests of strangers that may wait at once: of those with a token nobody knows yet, and of the
anonymous. Half of ``--max-requests-inflight`` if that is less, as for a user."""

STRANGERS_REVIEWS = 32
"""Different reviews they may wait for: a third of the connections to kube-apiserver, the others are
for reviews of known users."""


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
        waiting = request[_WAITING] = _Waiting(room, request)
        try:
            async with waiting.patience:
                return await handler(request)
        except TimeoutError:
            if not waiting.patience.expired():  # somebody else's
                raise
            telemetry.requests_refused.inc()
            raise TooManyRequests(_REFUSED) from None
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

    def enter(self, request: web.Request) -> tuple[Counter[Hashable], Hashable] | None:
        """Where *request* is counted from now on; None when there is no room."""
        user = request.get(USER, ANONYMOUS)
        if user.name == ANONYMOUS.name:
            # the same token has one review, and so has the same path
            key: Hashable = hash(request.headers.get(hdrs.AUTHORIZATION) or request.raw_path)
            counted, full = self._strangers, self._strangers_full(key)
        else:
            key = user.name
            counted, full = self._users, self._users_full(key)
        if full:
            return None
        counted[key] += 1
        return counted, key

    def _strangers_full(self, key: Hashable) -> bool:
        return self._strangers.total() >= self._most_strangers or (
            key not in self._strangers and len(self._strangers) >= STRANGERS_REVIEWS
        )

    def _users_full(self, key: Hashable) -> bool:
        if not self._limit:
            return False
        return self._users.total() >= self._limit or 2 * self._users[key] >= self._limit


class _Waiting:
    """One request before a part of the identity; *patience* ends at once if there is no room."""

    def __init__(self, room: _Room, request: web.Request) -> None:
        self.patience = asyncio.timeout(None)
        self._room = room
        self._request = request
        self._place: tuple[Counter[Hashable], Hashable] | None = None
        self._turn: asyncio.Handle | None = asyncio.get_running_loop().call_soon(self._begin)

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
            counted, key = self._place
            self._place = None
            counted[key] -= 1
            if not counted[key]:
                del counted[key]

    def _begin(self) -> None:
        """The loop has come round and the request has not passed: it does wait."""
        self._turn = None
        self._place = self._room.enter(self._request)
        if self._place is None:
            self.patience.reschedule(asyncio.get_running_loop().time())


_WAITING = web.RequestKey("waiting", _Waiting)


def _passed(request: web.Request) -> None:
    if (waiting := request.get(_WAITING)) is not None:
        waiting.passed()


_REFUSED = (
    "too many requests at once wait until kube-apiserver has said who asks and whether they may "
    f"(--max-requests-inflight): try again in {TooManyRequests.retry_after_seconds} s"
)
