"""Answers shared by the requests that need them: fetched once at a time, and kept for a while."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from adapter.periodic import Clock
from adapter.rules.schema import DiscoveryRule
from adapter.sources.prometheus.refresh import Backoff, Refreshed
from adapter.telemetry import Telemetry

KEEP_SECONDS = 5.0
"""How long an answer serves further requests, where the rule does not say: a third of the period of
the HPA controller, so that its HPAs share queries and none sees a value much older than it could
be."""

AHEAD = 0.2
"""Part of that time before whose end an answer that many ask for is fetched anew: a second, which
is more than most queries take."""

UNUSED_SECONDS = 60.0
"""How long an answer nobody asks for is held."""

MOST_ANSWERS = 4096
"""Answers held at most; beyond, the ones not used for longest go."""


def keep_seconds(rule: DiscoveryRule) -> float:
    """How long answers of *rule* are kept."""
    return KEEP_SECONDS if rule.cache_ttl is None else rule.cache_ttl


Key = TypeVar("Key", bound=Hashable)
T = TypeVar("T")


class AnswerCache(Generic[Key, T]):
    """Answers by what was asked.

    Args:
        clock: Where time comes from.
        telemetry: Where hits are counted.
    """

    def __init__(self, clock: Clock, telemetry: Telemetry) -> None:
        self._clock = clock
        self._telemetry = telemetry
        self._answers: dict[Key, Refreshed[T]] = {}
        self._tidy_at = 0.0

    def __len__(self) -> int:
        return len(self._answers)

    async def get(self, key: Key, fetch: Callable[[], Awaitable[T]], keep_seconds: float) -> T:
        """Return the answer to *key*: a kept one, that of a fetch under way, or a new one.

        Args:
            key: What is asked; two equal keys have one answer.
            fetch: Asks; raises `SourceError`.
            keep_seconds: How long a new answer is kept.

        Raises:
            SourceError: It could not be fetched, now or a moment ago.
        """
        answer = self._answers.get(key)
        result = "miss"
        if answer is None:
            self._tidy()
            answer = self._answers[key] = Refreshed(
                lambda _: fetch(),
                keep_seconds=keep_seconds,
                clock=self._clock,
                outage=Backoff(self._clock),
                unwatched=False,  # a client that has gone costs Prometheus nothing more
                ahead_seconds=keep_seconds * AHEAD,
            )
        elif answer.fresh is not None:
            result = "hit"
        elif answer.under_way:
            result = "shared"
        self._telemetry.cache_requests.labels(result).inc()
        return await answer.get()

    async def close(self) -> None:
        """End all fetches that are under way."""
        for answer in self._answers.values():
            await answer.close()
        self._answers.clear()

    def _tidy(self) -> None:
        now = self._clock.monotonic()
        if now < self._tidy_at and len(self._answers) < MOST_ANSWERS:
            return
        self._tidy_at = now + UNUSED_SECONDS / 2
        used = sorted(
            (
                (answer.last_used, key)
                for key, answer in self._answers.items()
                if not answer.under_way
            ),
            key=lambda pair: pair[0],
        )
        surplus = len(self._answers) - MOST_ANSWERS // 2
        full = len(self._answers) >= MOST_ANSWERS
        for number, (last_used, key) in enumerate(used):
            if now - last_used > UNUSED_SECONDS or (full and number < surplus):
                del self._answers[key]
