"""What token and access reviews have in common: asking, asking again, and keeping the outcome."""

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

from adapter.flight import SingleFlight
from adapter.kube.api import KubeApi, KubeApiError
from adapter.periodic import Clock
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

ATTEMPTS = 3
FIRST_PAUSE = 0.5
PAUSE_GROWTH = 1.5
"""Pauses in seconds between attempts, as those of the Go library's webhooks, which try 5 times."""

ATTEMPT_SECONDS = 10.0
"""How long one attempt may take."""

ALL_SECONDS = 15.0
"""How long all attempts may take: whoever waits for us waits at most a minute, usually 30 s."""

KEPT = 8192
"""Outcomes that are kept, those that were used last."""

SWEEP_SECONDS = 10.0
"""How often those that are over are looked for."""

_AGAIN = frozenset({None, 429, 500, 502, 503, 504})
"""Status codes, None for no answer, after which another attempt may do better."""

_LOOKUPS = ("hit", "shared", "miss")

V = TypeVar("V")


class Reviews(Generic[V]):
    """Asks for reviews of one kind, each only once at a time, and keeps what came out.

    Failures are not kept. A change between working and failing is logged, not each failure.

    Args:
        kind: ``TokenReview`` or ``SubjectAccessReview``; the name in logs and own metrics.
        path: Where they are posted.
        seconds: How long an outcome is kept.
        at_once: Most that are asked for at once; the others wait, within their time.
        clock: Where time comes from.
        telemetry: Lookups and requests are counted there.
    """

    def __init__(
        self,
        api: KubeApi,
        *,
        kind: str,
        path: str,
        seconds: Callable[[V], float],
        at_once: int,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._api = api
        self._kind = kind
        self._path = path
        self._seconds = seconds
        self._turns = asyncio.Semaphore(at_once)
        self._clock = clock
        counted = telemetry.access
        self._lookups = {each: counted.lookups.labels(kind, each) for each in _LOOKUPS}
        self._answered = counted.reviews.labels(kind, "answered")
        self._failed = counted.reviews.labels(kind, "failed")
        self._kept: OrderedDict[bytes, tuple[float, V]] = OrderedDict()
        self._swept = clock.monotonic()
        self._flights: dict[bytes, SingleFlight[V]] = {}
        self._failing = False

    async def outcome(self, key: bytes, body: Callable[[], bytes], read: Callable[[bytes], V]) -> V:
        """The outcome for *key*: kept, being asked for, or asked for now.

        Args:
            key: Tells one review from another: a digest, as strangers choose what is asked about.
            body: Gives the review to post.
            read: Reads the answer; raises `KubeApiError` for one that is none.

        Raises:
            KubeApiError: No attempt gave an answer.
        """
        kept = self._kept.get(key)
        if kept is not None and kept[0] > self._clock.monotonic():
            self._kept.move_to_end(key)
            self._lookups["hit"].inc()
            return kept[1]
        flight = self._flights.get(key)
        self._lookups["miss" if flight is None else "shared"].inc()
        if flight is None:
            ask = partial(self._ask, key, body(), read)
            flight = self._flights[key] = SingleFlight(ask)
        try:
            return await flight.run()
        finally:
            if not flight.under_way and self._flights.get(key) is flight:
                del self._flights[key]  # one that is given up before it began does not do so itself

    async def _ask(self, key: bytes, body: bytes, read: Callable[[bytes], V]) -> V:
        try:
            found = await self._attempts(lambda seconds: self._attempt(body, read, seconds))
        finally:
            self._flights.pop(key, None)
        self._keep(key, found)
        return found

    async def _attempts(self, attempt: Callable[[float], Awaitable[V]]) -> V:
        """Try until it works, a further attempt makes no sense, or time is up."""
        ends = self._clock.monotonic() + ALL_SECONDS
        pause = FIRST_PAUSE
        for number in range(1, ATTEMPTS + 1):
            left = ends - self._clock.monotonic()
            jittered = pause * random.uniform(1.0, 1.2)  # noqa: S311 - spreads load, no secret
            try:
                found = await attempt(min(ATTEMPT_SECONDS, left))
            except KubeApiError as error:
                self._failed.inc()
                if (
                    number == ATTEMPTS
                    or error.http_status not in _AGAIN
                    or self._clock.monotonic() + jittered >= ends
                ):
                    self._fails(str(error))
                    raise
            else:
                self._answered.inc()
                self._works()
                return found
            await self._clock.sleep(jittered)
            pause *= PAUSE_GROWTH
        raise KubeApiError(f"{self._kind}: no attempt was made")

    async def _attempt(self, body: bytes, read: Callable[[bytes], V], seconds: float) -> V:
        try:
            async with asyncio.timeout(seconds), self._turns:
                return read(await self._api.post(self._path, body))
        except TimeoutError:
            raise KubeApiError(
                f"POST {self._path}: kube-apiserver did not answer within {seconds:.2g} s"
            ) from None

    def _keep(self, key: bytes, found: V) -> None:
        seconds = self._seconds(found)
        if seconds <= 0:
            return
        now = self._clock.monotonic()
        self._sweep(now)
        self._kept[key] = (now + seconds, found)
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def _sweep(self, now: float) -> None:
        """Let go of what is over: most strangers do not ask again."""
        if now - self._swept < SWEEP_SECONDS:
            return
        self._swept = now
        for key in [key for key, (ends, _) in self._kept.items() if ends <= now]:
            del self._kept[key]

    def _fails(self, why: str) -> None:
        if not self._failing:
            log.error("%s fails, so whoever needs one is refused: %s", self._kind, why)
        self._failing = True

    def _works(self) -> None:
        if self._failing:
            log.info("%s works again", self._kind)
        self._failing = False
