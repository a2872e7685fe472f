"""Times and durations as text: RFC 3339, Go's ``time.Duration``, Prometheus' durations.

Inside the service times are Unix seconds and durations are seconds, both as float.
"""

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

_MAX_INT64 = 2**63 - 1
_SECOND = 10**9
_GO_UNITS = {
    "ns": 1,
    "us": 10**3,
    "\u00b5s": 10**3,  # micro sign: what Go prints
    "\u03bcs": 10**3,  # Greek small mu
    "ms": 10**6,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
}
_GO_PART = re.compile(r"(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?(?P<unit>[^0-9.]*)")

_PROMETHEUS_MILLISECONDS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
_PROMETHEUS = re.compile("".join(f"(?:([0-9]+){unit})?" for unit in _PROMETHEUS_MILLISECONDS))

_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)


def format_rfc3339(unix: float) -> str:
    """UTC text of Unix seconds, whole seconds, fraction cut, as ``metav1.Time`` prints.

    Raises:
        ValueError: NaN, infinite or outside the years 1 to 9999.

    >>> format_rfc3339(1633253828.078)
    '2021-10-03T09:37:08Z'
    """
    if not -1e12 < unix < 1e12:
        raise ValueError(f"{unix} is no time")
    return _format_second(int(unix // 1))


@lru_cache(maxsize=4096)
def _format_second(second: int) -> str:
    # cached: the samples of a whole list lie within a minute or two
    try:
        moment = datetime.fromtimestamp(0, UTC) + timedelta(seconds=second)
    except OverflowError:
        raise ValueError(f"{second} is no time between the years 1 and 9999") from None
    return f"{moment.year:04}-{moment:%m-%dT%H:%M:%SZ}"


def parse_rfc3339(text: str) -> float:
    """Unix seconds of an RFC 3339 time with any offset and any number of fraction digits.

    Raises:
        ValueError: *text* is no such time.

    >>> parse_rfc3339("2021-10-03T11:37:08.5+02:00")
    1633253828.5
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(
            f'invalid time "{text[:80]}": expected RFC 3339 such as 2021-10-03T09:37:08Z'
        )
    year, month, day, hour, minute, second, fraction, sign, offset_hours, offset_minutes = (
        match.groups()
    )
    offset = timedelta(hours=int(offset_hours or 0), minutes=int(offset_minutes or 0))
    try:
        zone = timezone(-offset if sign == "-" else offset)
        moment = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=zone
        )
    except ValueError as error:
        raise ValueError(f'invalid time "{text[:80]}": {error}') from None
    seconds = (moment - datetime.fromtimestamp(0, UTC)) // timedelta(seconds=1)
    return seconds + float(fraction or 0)


def format_duration(seconds: float) -> str:
    """Go's text of a duration, rounded to nanoseconds; saturates at Go's int64 range.

    Raises:
        ValueError: *seconds* is NaN.

    >>> format_duration(15.953), format_duration(60.5), format_duration(0.01), format_duration(0)
    ('15.953s', '1m0.5s', '10ms', '0s')
    """
    if math.isnan(seconds):
        raise ValueError("nan is no duration")
    nanos = round(min(max(seconds, -1e10), 1e10) * 1e9)
    sign, nanos = ("", min(nanos, _MAX_INT64)) if nanos >= 0 else ("-", min(-nanos, _MAX_INT64 + 1))
    if nanos < _SECOND:
        return sign + _format_below_second(nanos)
    minutes, nanos = divmod(nanos, 60 * _SECOND)
    text = f"{_with_fraction(nanos, _SECOND)}s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}"
    return sign + text


def _format_below_second(nanos: int) -> str:
    if not nanos:
        return "0s"
    if nanos < 10**3:
        return f"{nanos}ns"
    if nanos < 10**6:
        return f"{_with_fraction(nanos, 10**3)}\u00b5s"
    return f"{_with_fraction(nanos, 10**6)}ms"


def _with_fraction(number: int, unit: int) -> str:
    """``number / unit`` in decimal without final zeros; *unit* is a power of ten."""
    whole, rest = divmod(number, unit)
    if not rest:
        return str(whole)
    return f"{whole}.{str(unit + rest)[1:].rstrip('0')}"


def parse_duration(text: str) -> float:
    """Seconds of a Go duration such as ``1m30s``, ``1.5h``, ``-250ms`` or ``0``.

    Raises:
        ValueError: *text* is no such duration, or is outside Go's int64 nanoseconds.

    >>> parse_duration("1m0.5s")
    60.5
    """
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in {"-", "+"} else text
    if rest == "0":
        return 0.0
    if not rest:
        raise ValueError(f'invalid duration "{text}": expected one such as 30s or 1m30s')
    nanos = 0
    position = 0
    while position < len(rest):
        match = _GO_PART.match(rest, position)
        nanos += _go_part(match, text)
        position = match.end() if match else len(rest)
    if nanos > _MAX_INT64 + (sign < 0):
        raise ValueError(f'invalid duration "{text[:80]}": longer than 2562047h (292 years)')
    return sign * nanos / _SECOND


def _go_part(match: re.Match[str] | None, text: str) -> int:
    """Nanoseconds of one number with its unit."""
    whole, part, unit = match.group("whole", "part", "unit") if match else ("", "", "")
    part = part or ""
    if not whole and not part:
        raise ValueError(f'invalid duration "{text[:80]}": a number must come before its unit')
    if not unit:
        raise ValueError(f'invalid duration "{text[:80]}": missing unit (ns, us, ms, s, m, h)')
    nanos = _GO_UNITS.get(unit)
    if nanos is None:
        raise ValueError(
            f'invalid duration "{text[:80]}": unknown unit "{unit[:20]}" (ns, us, ms, s, m, h)'
        )
    if len(whole) > 30:
        return _MAX_INT64 + 2
    part = part[:30]  # far finer than nanoseconds
    return int(whole or 0) * nanos + int(part or 0) * nanos // int(10 ** len(part))


def parse_prometheus_duration(text: str) -> float:
    """Seconds of a Prometheus duration: ``5m``, ``1h30m``, ``500ms``, ``1d``, ``0``.

    Whole numbers, units from ``y`` down to ``ms``, each at most once and in that order
    (prometheus/common ``model.ParseDuration``); a day is 24 hours, a year 365 days.

    Raises:
        ValueError: *text* is no such duration.

    >>> parse_prometheus_duration("1h30m"), parse_prometheus_duration("500ms")
    (5400.0, 0.5)
    """
    if text == "0":
        return 0.0
    match = _PROMETHEUS.fullmatch(text) if 0 < len(text) <= 80 else None
    if match is None:
        raise ValueError(
            f'invalid duration "{text[:80]}": expected whole numbers with units '
            "y, w, d, h, m, s, ms in that order, such as 5m or 1h30m"
        )
    milliseconds = sum(
        int(count) * unit
        for count, unit in zip(match.groups(), _PROMETHEUS_MILLISECONDS.values(), strict=True)
        if count
    )
    if milliseconds * 10**6 > _MAX_INT64:
        raise ValueError(f'invalid duration "{text}": longer than 292 years')
    return milliseconds / 1000
