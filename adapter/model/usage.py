"""Cumulative readings and the rate between two of them (KEP-727, metrics-server storage)."""

import msgspec


class PointsDisagree(ValueError):
    """Two points are not successive readings of one counter."""


class MetricsPoint(msgspec.Struct, frozen=True, gc=False):
    """One reading of one container or node.

    *start_time* and *timestamp* are Unix seconds (start 0 when unknown), *cpu_seconds* is
    cumulative, *memory_bytes* the working set.
    """

    start_time: float
    timestamp: float
    cpu_seconds: float
    memory_bytes: int


def elapsed_seconds(prev: MetricsPoint, last: MetricsPoint) -> float:
    """Seconds between two points, to the millisecond kubelets print.

    The difference of two Unix times as floating-point numbers is off by a tenth of a microsecond,
    which would show as a window of 13.108999968s.

    >>> prev = MetricsPoint(0.0, 1790000000.3, cpu_seconds=0.0, memory_bytes=1)
    >>> elapsed_seconds(prev, MetricsPoint(0.0, 1790000013.409, 0.0, 1))
    13.109
    """
    return round(last.timestamp - prev.timestamp, 3)


def cpu_rate(prev: MetricsPoint, last: MetricsPoint) -> float:
    """Average CPU use between two points of one container, in cores.

    Args:
        prev: The earlier point.
        last: The later point.

    Raises:
        PointsDisagree: Time did not advance, or ``start_time`` or ``cpu_seconds`` went down.

    Same checks as metrics-server's ``resourceUsage`` (pkg/storage/types.go).

    >>> prev = MetricsPoint(0.0, 60.0, cpu_seconds=10.0, memory_bytes=1)
    >>> last = MetricsPoint(0.0, 75.0, cpu_seconds=13.0, memory_bytes=1)
    >>> cpu_rate(prev, last)
    0.2
    """
    elapsed = elapsed_seconds(prev, last)
    if elapsed <= 0:
        raise PointsDisagree("time did not advance")
    if last.start_time < prev.start_time or last.cpu_seconds < prev.cpu_seconds:
        raise PointsDisagree("start time or cpu counter went down")
    return (last.cpu_seconds - prev.cpu_seconds) / elapsed
