"""Spares a server that does not answer, and everyone the wait for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from adapter.errors import SourceError, SourceTimeout
from adapter.periodic import Clock
from adapter.sources.prometheus.failure import is_outage
from adapter.sources.prometheus.refresh import Backoff

TIMEOUTS_IN_A_ROW = 3
"""Timeouts, with no answer between them, that count as an outage: one alone may be a slow query,
for which other queries must not suffer."""


class Breaker:
    """Lets requests fail at once with the cause of an outage; after a pause, one tries again.

    The others wait for that one's outcome.

    Args:
        clock: Where time comes from.
    """

    def __init__(self, clock: Clock) -> None:
        self._backoff = Backoff(clock)
        self._timeouts = 0
        self._trial: asyncio.Event | None = None

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

    @contextlib.asynccontextmanager
    async def watch(self) -> AsyncIterator[None]:
        """Send one request in the block, and take note of how it ends.

        Raises:
            SourceError: It is of no use now: the outage, of its kind and text.
        """
        while self._trial is not None:
            await self._trial.wait()
        self.check()
        trial = self._trial = asyncio.Event() if self._backoff.error is not None else None
        try:
            yield
        except SourceError as error:
            self._note(error)
            raise
        else:
            self._answered()
        finally:
            if trial is not None:
                self._trial = None
                trial.set()

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
