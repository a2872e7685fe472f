"""Spares a server that does not answer, and everyone the wait for it."""

import asyncio
import copy
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from adapter.errors import SourceError, SourceTimeout
from adapter.periodic import Clock
from adapter.sources.prometheus.failure import is_outage
from adapter.sources.prometheus.refresh import PATIENCE_SECONDS, Backoff

TIMEOUTS_IN_A_ROW = 3
"""Timeouts, with no answer between them, that count as an outage: one alone may be a slow query,
for which other queries must not suffer."""

T = TypeVar("T")


class _Trial(NamedTuple):
    """A request that finds out whether the outage is over; goes on when nobody waits for it."""

    task: "asyncio.Task[object]"
    until: float
    outage: SourceError

    def check(self) -> None:
        """Raise the outage where the trial takes too long to be waited for."""
        if not self.task.done() and asyncio.get_running_loop().time() >= self.until:
            raise copy.copy(self.outage)


class Breaker:
    """Lets requests fail at once with the cause of an outage; after a pause, one tries again.

    The others wait for that one's outcome. Nobody waits longer than `PATIENCE_SECONDS` for it, not
    even who tries: a server that hangs would hold them all for as long as a query may take.

    Args:
        clock: Where time comes from.
        told: Called after each request with whether the server answers.
    """

    def __init__(self, clock: Clock, told: Callable[[bool], None] = lambda _: None) -> None:
        self._backoff = Backoff(clock)
        self._told = told
        self._timeouts = 0
        self._trial: _Trial | None = None

    @property
    def error(self) -> SourceError | None:
        """The outage, or None."""
        return self._backoff.error

    def check(self) -> None:
        """Find out whether a request is of use now.

        Raises:
            SourceError: It is not: the outage, of its kind and text.
        """
        if self._trial is None:
            self._backoff.check()
        else:
            self._trial.check()

    async def run(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Send one request by *ask*, and take note of how it ends.

        Raises:
            SourceError: It failed; or it is of no use now: the outage, of its kind and text.
        """
        while self._trial is not None:
            await _settled(self._trial)
        self._backoff.check()
        outage = self._backoff.error
        if outage is None:
            return await self._watched(ask)
        outcomes: list[T | SourceError] = []
        until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        task = asyncio.create_task(self._try(ask, outcomes))
        self._trial = _Trial(task, until, outage)
        await _settled(self._trial)
        (outcome,) = outcomes
        if isinstance(outcome, SourceError):
            raise outcome
        return outcome

    async def close(self) -> None:
        """End a trial that is under way."""
        if self._trial is not None:
            task = self._trial.task
            task.cancel()
            await asyncio.wait([task])
            self._trial = None  # one that had not begun does not do so itself

    async def _try(self, ask: Callable[[], Awaitable[T]], outcomes: list[T | SourceError]) -> None:
        try:
            outcomes.append(await self._watched(ask))
        except SourceError as error:
            outcomes.append(error)
        finally:
            self._trial = None

    async def _watched(self, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await ask()
        except SourceError as error:
            self._note(error)
            raise
        else:
            self._answered()
        finally:
            self._told(self._backoff.error is None)
        return answer

    def _answered(self) -> None:
        self._backoff.succeeded()
        self._timeouts = 0

    def _note(self, error: SourceError) -> None:
        if not is_outage(error):
            self._answered()
            return
        if isinstance(error, SourceTimeout):
            self._timeouts += 1
            if self._timeouts < TIMEOUTS_IN_A_ROW and self._backoff.error is None:
                return
        self._backoff.failed(error)


async def _settled(trial: _Trial) -> None:
    """Wait until *trial* has ended.

    Raises:
        SourceError: It takes too long: the outage.
    """
    left = trial.until - asyncio.get_running_loop().time()
    if left > 0:
        await asyncio.wait([trial.task], timeout=left)
    trial.check()
    if trial.task.cancelled():
        raise copy.copy(trial.outage)
    if trial.task.done():
        trial.task.result()  # a defect of ours, not of the server
