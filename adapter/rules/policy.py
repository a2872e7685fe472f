"""What a rule says about missing, odd and old samples, applied to one value. Pure.

Nothing is made up unless the rule asks for it.
"""

import math
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import NamedTuple

from adapter.model.metrics import MetricValue
from adapter.model.times import format_duration, format_rfc3339
from adapter.rules.schema import DiscoveryRule, OnEmpty, OnNaN

LAST_GOOD_SECONDS = 300.0
"""How old a last good value may be where the rule has no ``maxAge``: the time for which Prometheus
itself goes on showing a series that has ended."""


@unique
class Cause(StrEnum):
    """Why there is no value, for own metrics."""

    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    TOO_OLD = "too_old"
    NO_TIME = "no_timestamp"
    FAILED = "failed"


class Refusal(NamedTuple):
    """Why there is no value; *text* is a clause for a person."""

    cause: Cause
    text: str


NO_SAMPLE = Refusal(Cause.EMPTY, "the query has no sample of it")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuePolicy:
    """The policy of one rule; ages and windows in seconds, 0 for none."""

    on_empty: OnEmpty
    on_nan: OnNaN
    max_age: float
    window: float

    @classmethod
    def of(cls, rule: DiscoveryRule) -> "ValuePolicy":
        """The policy of *rule*."""
        return cls(
            on_empty=rule.on_empty, on_nan=rule.on_nan, max_age=rule.max_age, window=rule.window
        )

    @property
    def keeps_last(self) -> bool:
        """Whether a last good value may ever be needed."""
        return self.on_empty is OnEmpty.LAST_GOOD or self.on_nan is OnNaN.LAST_GOOD

    @property
    def last_good_seconds(self) -> float:
        """How old a last good value may be."""
        return self.max_age or LAST_GOOD_SECONDS

    def value(
        self, sample: float, timestamp: float | None, now: float, last: MetricValue | None
    ) -> MetricValue | Refusal:
        """Judge a sample.

        Args:
            sample: Its value; NaN and ±Inf are possible.
            timestamp: Its time in Unix seconds; None when that was asked for and not told.
            now: Unix seconds.
            last: The last good value, if any.
        """
        if timestamp is None:
            return Refusal(Cause.NO_TIME, "its timestampQuery has no answer, so its age is unknown")
        if not math.isfinite(sample):
            return self._odd(sample, now, last)
        age = now - timestamp
        if self.max_age and age > self.max_age:
            # a time and no age: an HPA has an Event and a write for each text that is new
            taken, limit = format_rfc3339(max(timestamp, 0.0)), _seconds(self.max_age)
            return Refusal(Cause.TOO_OLD, f"its newest sample is of {taken}, maxAge is {limit}")
        return MetricValue(sample, timestamp, self.window or None)

    def empty(
        self, now: float, last: MetricValue | None, refusal: Refusal = NO_SAMPLE
    ) -> MetricValue | Refusal:
        """Judge that there is no sample.

        Args:
            now: Unix seconds.
            last: The last good value, if any.
            refusal: What to say when that is not to be served.
        """
        match self.on_empty:
            case OnEmpty.ZERO:
                return MetricValue(0.0, now, None)
            case OnEmpty.LAST_GOOD:
                return self.last_good(now, last) or refusal
            case OnEmpty.ERROR:
                return refusal

    def _odd(self, sample: float, now: float, last: MetricValue | None) -> MetricValue | Refusal:
        refusal = Refusal(Cause.NOT_A_NUMBER, f"its value is {_named(sample)}")
        match self.on_nan:
            case OnNaN.ZERO:
                return MetricValue(0.0, now, None)
            case OnNaN.DROP:
                return self.empty(now, last)
            case OnNaN.LAST_GOOD:
                return self.last_good(now, last) or refusal
            case OnNaN.ERROR:
                return refusal

    def last_good(self, now: float, last: MetricValue | None) -> MetricValue | None:
        """*last*, if it is recent enough to serve again."""
        fresh = last is not None and now - last.timestamp <= self.last_good_seconds
        return last if fresh else None


def _named(sample: float) -> str:
    if math.isnan(sample):
        return "NaN"
    return "+Inf" if sample > 0 else "-Inf"


def _seconds(seconds: float) -> str:
    return format_duration(float(round(seconds)))
