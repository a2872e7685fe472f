"""Usage over time as functions whose integral is known exactly."""

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

PAGE_BYTES = 4096


class Pattern(Protocol):
    """A quantity over time (Unix seconds): cores for cpu, bytes for memory."""

    def at(self, time: float) -> float:
        """Value at *time*."""

    def integral(self, start: float, end: float) -> float:
        """Integral from *start* to *end*: core-seconds, for cpu."""

    def extremes(self, start: float, end: float) -> tuple[float, float]:
        """Least and greatest value from *start* to *end*, both included."""


@dataclass(frozen=True, slots=True)
class Steady:
    """The same *value* all the time.

    >>> Steady(0.25).integral(10.0, 30.0)
    5.0
    """

    value: float

    def at(self, time: float) -> float:  # noqa: ARG002 - part of the protocol
        """Value at *time*."""
        return self.value

    def integral(self, start: float, end: float) -> float:
        """Integral from *start* to *end*."""
        return self.value * (end - start)

    def extremes(self, start: float, end: float) -> tuple[float, float]:  # noqa: ARG002 - part of the protocol
        """Least and greatest value from *start* to *end*."""
        return self.value, self.value


@dataclass(frozen=True, slots=True)
class Sine:
    """*mean* ± *amplitude* with a *period* in seconds; *phase* is a part of the period.

    >>> Sine(mean=1.0, amplitude=0.5, period=600.0).integral(0.0, 600.0)
    600.0
    """

    mean: float
    amplitude: float
    period: float
    phase: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.amplitude <= self.mean:
            raise ValueError("amplitude must be between 0 and the mean: usage is never negative")

    def at(self, time: float) -> float:
        """Value at *time*."""
        return self.mean + self.amplitude * math.sin(self._angle(time))

    def integral(self, start: float, end: float) -> float:
        """Integral from *start* to *end*."""
        wave = math.cos(self._angle(start)) - math.cos(self._angle(end))
        return self.mean * (end - start) + self.amplitude * self.period / math.tau * wave

    def extremes(self, start: float, end: float) -> tuple[float, float]:
        """Least and greatest value from *start* to *end*."""
        values = [self.at(start), self.at(end)]
        for turning in (0.25, 0.75):
            first = math.ceil(start / self.period + self.phase - turning)
            if (first + turning - self.phase) * self.period <= end:
                values.append(self.mean + self.amplitude * (1 if turning < 0.5 else -1))
        return min(values), max(values)

    def _angle(self, time: float) -> float:
        # The remainder first: the sine of 1e9 has lost the digits that matter.
        return math.tau * ((time / self.period + self.phase) % 1.0)


class Steps:
    """*levels* one after another, each for *seconds*, again and again from Unix time 0.

    >>> steps = Steps([1.0, 3.0], seconds=10.0)
    >>> steps.at(5.0), steps.at(15.0), steps.integral(5.0, 15.0), steps.extremes(11.0, 12.0)
    (1.0, 3.0, 20.0, (3.0, 3.0))
    """

    def __init__(self, levels: Sequence[float], seconds: float) -> None:
        if not levels or min(levels) < 0 or seconds <= 0:
            raise ValueError("steps need levels of 0 and more and a positive length")
        self._levels = tuple(levels)
        self._seconds = seconds
        self._period = seconds * len(levels)
        self._sums = [0.0, *itertools.accumulate(level * seconds for level in levels)]
        self._edges = [seconds * index for index in range(len(levels) + 1)]

    def at(self, time: float) -> float:
        """Value at *time*."""
        return self._levels[int(time // self._seconds) % len(self._levels)]

    def integral(self, start: float, end: float) -> float:
        """Integral from *start* to *end*."""
        # Whole periods are counted from *start*'s, so that the figures stay small and exact.
        origin = start // self._period * self._period
        return self._since(end - origin) - self._since(start - origin)

    def extremes(self, start: float, end: float) -> tuple[float, float]:
        """Least and greatest value from *start* to *end*."""
        first, last = int(start // self._seconds), int(end // self._seconds)
        last = min(last, first + len(self._levels))
        levels = [self._levels[index % len(self._levels)] for index in range(first, last + 1)]
        return min(levels), max(levels)

    def _since(self, seconds: float) -> float:
        periods, rest = divmod(seconds, self._period)
        index = min(bisect.bisect_right(self._edges, rest) - 1, len(self._levels) - 1)
        partial = self._sums[index] + (rest - self._edges[index]) * self._levels[index]
        return periods * self._sums[-1] + partial


def whole_pages(memory_bytes: float) -> int:
    """Round to the pages a kernel accounts in.

    >>> whole_pages(10_000.0)
    8192
    """
    return round(memory_bytes / PAGE_BYTES) * PAGE_BYTES
