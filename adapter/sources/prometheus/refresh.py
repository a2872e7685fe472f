"""A value that is fetched when asked for, kept for a while, and fetched by one task at a time."""

import asyncio
import contextlib
import copy
import math
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from adapter.errors import SourceError, SourceTimeout
from adapter.flight import SingleFlight
from adapter.periodic import Clock
from adapter.sources.prometheus.failure import is_outage

FIRST_PAUSE = 1.0
"""Seconds after a first failure in which requests fail at once; doubles with each."""

LONGEST_PAUSE = 10.0
"""Seconds such a pause grows to: how late a recovery is noticed."""

PATIENCE_SECONDS = 1.0
"""How long a request waits, during an outage, for the one that finds out whether it is over. It
goes on without them: a server that hangs would hold each of them for the whole timeout, and with
them the few workers of the HPA controller."""

OVERTIMES = 6.0
"""How many times as long as usual a value may serve on while a new one is slow to come. For usage
that is two periods: HPAs ask once in one, and samples older than two are the kubelets' turn."""

AHEAD_USES = 10
"""Uses of a value from which it is likely to be needed again at once when its time is over."""

T = TypeVar("T")


class Backoff:
    """Lets requests fail at once, with the cause, for a while after a failure."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._error: SourceError | None = None
        self._failures = 0
        self._retry_at = 0.0

    @property
    def error(self) -> SourceError | None:
        """The last failure, or None after a success."""
        return self._error

    def failed(self, error: SourceError) -> None:
        """Begin a pause; failures of requests that were already under way do not lengthen it."""
        self._error = error
        now = self._clock.monotonic()
        if now >= self._retry_at:
            self._retry_at = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures, 8))
            self._failures += 1

    def succeeded(self) -> None:
        """Forget failures."""
        self._error = None
        self._failures = 0
        self._retry_at = 0.0

    @property
    def pausing(self) -> bool:
        """Whether the pause lasts."""
        return self._error is not None and self._clock.monotonic() < self._retry_at

    def check(self) -> None:
        """Raise the last failure again while the pause lasts.

        Raises:
            SourceError: Of the kind and text of the failure.
        """
        if self._error is not None and self.pausing:
            # a copy: one exception raised for many callers would gather all their tracebacks
            raise copy.copy(self._error)


class Refreshed(Generic[T]):
    """Keeps what *fetch* gives for *keep_seconds*.

    Callers that come while it is being fetched wait for the same fetch. One that is cancelled does
    not cancel it for the others.

    A value that many ask for is fetched anew a little before its time is over, while it still
    serves: otherwise those that come during the fetch would wait for it, every time.

    Args:
        fetch: Gets a new value from the last one; raises `SourceError`.
        keep_seconds: How long a value is kept, from the start of its fetch.
        clock: Where time comes from.
        outage: Shared by all that ask the same server: a server that cannot be reached is not
            tried by each of them.
        ahead_seconds: How long before its end a value that many ask for is fetched anew; 0 for
            never.
        patience: Seconds that callers wait for a fetch, counted from its start; None is until its
            end. After a failure they are `PATIENCE_SECONDS` at most, and where the last value may
            serve on (`OVERTIMES`), which they then get.
        unwatched: Whether a fetch goes on when the last caller has gone.
    """

    def __init__(
        self,
        fetch: Callable[[T | None], Awaitable[T]],
        *,
        keep_seconds: float,
        clock: Clock,
        outage: Backoff,
        ahead_seconds: float = 0.0,
        patience: float | None = None,
        unwatched: bool = True,
    ) -> None:
        self.last: T | None = None
        self.last_used = clock.monotonic()
        self._fetch = fetch
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._outage = outage
        self._backoff = Backoff(clock)
        self._flight = SingleFlight(self._run, unwatched=unwatched)
        self._fresh_until = 0.0
        self._patience = math.inf if patience is None else patience
        self._begun = 0.0
        self._ahead_seconds = ahead_seconds
        self._uses = 0

    @property
    def fresh(self) -> T | None:
        """The value when it is recent enough to be used without a fetch."""
        return self.last if self._clock.monotonic() < self._fresh_until else None

    @property
    def _usable(self) -> T | None:
        """The value where it may serve on while a new one is slow to come."""
        if self._patience == math.inf:
            return None
        overtime = OVERTIMES * self._keep_seconds
        return self.last if self._clock.monotonic() < self._fresh_until + overtime else None

    @property
    def under_way(self) -> bool:
        """Whether a fetch is."""
        return self._flight.under_way

    @property
    def error(self) -> SourceError | None:
        """Why the last fetch failed, or None."""
        return self._backoff.error or self._outage.error

    async def get(self) -> T:
        """Return the kept value or a new one.

        Raises:
            SourceError: It could not be fetched, now or a moment ago.
        """
        self.last_used = self._clock.monotonic()
        fresh = self.fresh
        if fresh is not None:
            self._uses += 1
            if self._worth_fetching_ahead():
                self._begun = _now()
                self._flight.begin()
            return fresh
        if not self._flight.under_way:
            self._outage.check()
            self._backoff.check()
            self._begun = _now()
        return await self._patiently()

    async def _patiently(self) -> T:
        patience, error, usable = self._patience, self.error, self._usable
        if patience == math.inf and error is None:
            return await self._flight.run()
        if error is not None or usable is not None:
            patience = min(patience, PATIENCE_SECONDS)
        left = self._begun + patience - _now()
        if left > 0:
            with contextlib.suppress(TimeoutError):
                return await self._flight.run(left)
        if error is not None:
            raise copy.copy(error)
        if usable is not None:
            return usable
        raise SourceTimeout(f"prometheus has not answered for {patience:g} s")

    def _worth_fetching_ahead(self) -> bool:
        return (
            self._uses >= AHEAD_USES
            and self._clock.monotonic() >= self._fresh_until - self._ahead_seconds
            and not self._flight.under_way
            and not (self._outage.pausing or self._backoff.pausing)
        )

    async def close(self) -> None:
        """End a fetch that is under way."""
        await self._flight.close()

    async def _run(self) -> T:
        started = self._clock.monotonic()
        try:
            value = await self._fetch(self.last)
        except SourceError as error:
            (self._outage if is_outage(error) else self._backoff).failed(error)
            raise
        self._outage.succeeded()
        self._backoff.succeeded()
        self.last = value
        self._uses = 0
        self._fresh_until = started + self._keep_seconds
        return value


def _now() -> float:
    """Of the loop: the wait is in real seconds, as the timeout of a request is."""
    return asyncio.get_running_loop().time()
