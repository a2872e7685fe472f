"""When usage was last sampled, as cAdvisor does it: per container, at jittered times.

A kubelet reports the newest such sample with the sample's own time. Two scrapes close together
see the same point, and containers of one node have different times.
"""

_SPREAD = 1.25
_JITTER = 0.25


class Housekeeping:
    """The sampling times of a kubelet; a pure function of seed, subject and time.

    Two samples of one subject are *interval* to 1.5 times *interval* apart.

    Args:
        interval: Seconds; 0 samples at the very moment of the scrape.
        seed: Decides the jitter.
    """

    def __init__(self, interval: float, seed: int) -> None:
        self._interval = interval
        self._seed = seed * 0x9E3779B1

    def newest(self, subject: int, first: float, now: float) -> float | None:
        """Time of the newest sample not after *now*, in whole milliseconds.

        Args:
            subject: Number that tells this subject from others.
            first: Unix seconds of its first sample.
            now: Unix seconds.

        Returns:
            Unix seconds, or None when *now* is before the first sample.
        """
        if now < first:
            return None
        if self._interval == 0:
            return int(now * 1000) / 1000
        period = self._interval * _SPREAD
        index = int((now - first) / period)
        time = self._time(subject, first, index, period)
        if time > now:
            time = self._time(subject, first, index - 1, period)
        return time

    def _time(self, subject: int, first: float, index: int, period: float) -> float:
        if index <= 0:
            return int(first * 1000) / 1000
        mixed = (subject ^ self._seed ^ (index * 0x85EBCA6B)) & 0xFFFFFFFF
        mixed = ((mixed ^ (mixed >> 15)) * 0x2C1B3C6D) & 0xFFFFFFFF
        jitter = (mixed >> 8) / 0x1000000 * _JITTER * self._interval
        return int((first + index * period + jitter) * 1000) / 1000
