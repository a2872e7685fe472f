"""Work that nothing interrupts, spread so that the event loop looks for what is new in between."""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial

from aiohttp import web


class Turns:
    """Lets one task go on in each turn of the event loop.

    Users take turns, and so do the tasks of one user: who asks for one thing does not wait for
    all that somebody else has asked for before.
    """

    def __init__(self) -> None:
        self._taken = False
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def take(self, user: str) -> None:
        """Return at once when nobody else did in this turn of the loop, else in a later one."""
        loop = asyncio.get_running_loop()
        if not self._taken:
            self._taken = True
            loop.call_soon(self._next, loop)
            return
        mine = loop.create_future()
        self._waiting.setdefault(user, deque()).append(mine)
        await mine

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            user = next(iter(self._waiting))
            tasks = self._waiting.pop(user)
            first = tasks.popleft()
            if tasks:
                self._waiting[user] = tasks  # at the end
            if not first.done():  # who waited may have been cancelled
                first.set_result(None)
                loop.call_soon(self._next, loop)
                return
        self._taken = False


class Gates:
    """Lets a few of each kind in at a time, in the order they came.

    Whoever takes longer than *seconds* no longer counts as being inside: the slow must not keep
    the quick out.

    Args:
        width: How many of a kind may be inside.
        seconds: How long one counts.
    """

    def __init__(self, width: int, seconds: float) -> None:
        self._width = width
        self._seconds = seconds
        self._inside: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @contextlib.asynccontextmanager
    async def enter(self, kind: str) -> AsyncIterator[None]:
        """Wait until there is room for *kind*, and be inside while the block runs."""
        loop = asyncio.get_running_loop()
        if self._inside[kind] < self._width:
            self._inside[kind] += 1
        else:
            mine = loop.create_future()
            self._waiting.setdefault(kind, deque()).append(mine)
            try:
                await mine
            except asyncio.CancelledError:
                if mine.done() and not mine.cancelled():
                    self._leave(kind)  # let in and cancelled in the same turn
                raise
        leave = _Once(partial(self._leave, kind))
        timer = loop.call_later(self._seconds, leave)
        try:
            yield
        finally:
            timer.cancel()
            leave()

    def _leave(self, kind: str) -> None:
        waiting = self._waiting.get(kind) or deque()
        while waiting:
            first = waiting.popleft()
            if not first.done():
                first.set_result(None)  # in its place
                return
        self._waiting.pop(kind, None)
        self._inside[kind] -= 1
        if not self._inside[kind]:
            del self._inside[kind]


class _Once:
    """Calls *action* the first time it is called."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action: Callable[[], None] | None = action

    def __call__(self) -> None:
        action, self._action = self._action, None
        if action is not None:
            action()


@dataclass(frozen=True, slots=True)
class Turn:
    """The place of a request of *user* among those of all."""

    turns: Turns
    user: str

    async def take(self) -> None:
        """Return when it is the request's turn to do the next piece of its work."""
        await self.turns.take(self.user)


TURN = web.RequestKey("turn", Turn)
"""Taken before each piece of work for a request that is one of many."""
