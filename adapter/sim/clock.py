"""A clock that a test turns by hand."""

import asyncio
import heapq
import itertools

_ROUNDS_TO_SETTLE = 50
"""Turns of the event loop `ManualClock.run` leaves to woken coroutines between two deadlines."""
_ROUNDS_TO_WAIT = 100_000


class ManualClock:
    """Implements `adapter.periodic.Clock`; time passes only when `advance` or `run` is called.

    Args:
        start: Wall time in Unix seconds to begin with.

    >>> clock = ManualClock(start=1000.0)
    >>> clock.advance(15)
    >>> clock.time(), clock.monotonic()
    (1015.0, 15.0)
    """

    def __init__(self, start: float = 1_790_000_000.0) -> None:
        self._start = start
        self._now = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def time(self) -> float:
        """Wall time in Unix seconds."""
        return self._start + self._now

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return when the clock was turned *seconds* further; at once for 0 and less."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), wake))
        await wake

    @property
    def sleepers(self) -> int:
        """How many coroutines sleep now."""
        return sum(not wake.done() for _, _, wake in self._sleepers)

    def advance(self, seconds: float) -> None:
        """Turn the clock on at once; sleepers whose time has come wake when the loop runs."""
        self._now += seconds
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)

    async def run(self, seconds: float) -> None:
        """Turn the clock on from deadline to deadline, letting woken coroutines work at each."""
        end = self._now + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.advance(self._sleepers[0][0] - self._now)
            await self._settle()
        self.advance(end - self._now)
        await self._settle()

    async def wait_for_sleepers(self, count: int) -> None:
        """Return when at least *count* coroutines sleep, for tests that start work in tasks.

        Raises:
            TimeoutError: The event loop turned very often and they still do not.
        """
        for _ in range(_ROUNDS_TO_WAIT):
            if self.sleepers >= count:
                return
            await asyncio.sleep(0)
        raise TimeoutError(f"{self.sleepers} coroutines sleep, not {count}")

    async def _settle(self) -> None:
        for _ in range(_ROUNDS_TO_SETTLE):
            await asyncio.sleep(0)
