"""Runs every loop of the process: period, jitter, back-off, last success, log on change.

The clock is passed in, so that tests decide what time it is.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

log = logging.getLogger(__name__)


class Clock(Protocol):
    """Where time comes from."""

    def time(self) -> float:
        """Wall time in Unix seconds, for timestamps of samples."""

    def monotonic(self) -> float:
        """Seconds that never jump, for periods and ages of our own doing."""

    async def sleep(self, seconds: float) -> None:
        """Return *seconds* later by this clock."""


class SystemClock:
    """The machine's clock."""

    def time(self) -> float:
        """Wall time in Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return *seconds* later."""
        await asyncio.sleep(seconds)


class Periodic:
    """One coroutine run again and again.

    A failure is logged when the state changes (ok → failing → ok), not each time, and doubles the
    pause up to *max_backoff*. The loop never ends on an error of its action.

    Args:
        name: Short name for logs and probes, such as ``rules-reload``.
        action: What to run; its exceptions are failures.
        period: Seconds between the starts of two runs.
        clock: Where time comes from.
        jitter: Fraction of the period added at random, so that replicas do not march in step.
        max_backoff: Longest pause in seconds after failures; None keeps to the period.
        retry: Pause in seconds after a first failure, which doubles up to the period: for what
            should not wait for its next turn. None keeps to the period.
    """

    def __init__(
        self,
        name: str,
        action: Callable[[], Awaitable[None]],
        *,
        period: float,
        clock: Clock,
        jitter: float = 0.0,
        max_backoff: float | None = None,
        retry: float | None = None,
    ) -> None:
        self.name = name
        self.period = period
        self.last_start: float | None = None
        self.last_success: float | None = None
        self.last_error: str | None = None
        self._action = action
        self._clock = clock
        self._jitter = jitter
        self._max_backoff = max_backoff
        self._retry = retry
        self._failures = 0

    async def run_once(self) -> bool:
        """Run the action once; True when it succeeded."""
        self.last_start = self._clock.monotonic()
        try:
            await self._action()
        except Exception as error:
            self._failures += 1
            if self._failures == 1:
                log.exception("%s fails", self.name)
            self.last_error = f"{type(error).__name__}: {error}"
            return False
        if self._failures:
            log.info("%s works again after %d failures", self.name, self._failures)
        self._failures = 0
        self.last_error = None
        self.last_success = self._clock.monotonic()
        return True

    async def run(self) -> None:
        """Run the action every period until cancelled."""
        while True:
            started = self._clock.monotonic()
            await self.run_once()
            elapsed = self._clock.monotonic() - started
            await self._clock.sleep(max(0.0, self._pause() - elapsed))

    def check(self) -> str | None:
        """Answer a probe: None when the last run succeeded or none ended yet, else the error."""
        return self.last_error

    def _pause(self) -> float:
        pause = self.period
        if self._failures and self._retry is not None:
            pause = min(pause, self._retry * 2.0 ** min(self._failures - 1, 16))
        elif self._failures and self._max_backoff is not None:
            pause = max(pause, min(self._max_backoff, pause * 2.0 ** min(self._failures, 16)))
        return pause * (1.0 + self._jitter * random.random())  # noqa: S311 - not for secrets


@contextlib.asynccontextmanager
async def running(*loops: Periodic) -> AsyncIterator[None]:
    """Run *loops* as tasks while the block runs; cancel and await them after it."""
    tasks = [asyncio.create_task(loop.run(), name=loop.name) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
