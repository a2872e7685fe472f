"""Laws of durations and times: parsing undoes printing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.model.times import (
    format_duration,
    format_rfc3339,
    parse_duration,
    parse_prometheus_duration,
    parse_rfc3339,
)

UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "\u00b5s": 1e-6, "ns": 1e-9}

# milliseconds up to a year: what windows and flags are made of; floats hold them to the nanosecond
durations = st.integers(-31_536_000_000, 31_536_000_000).map(lambda ms: ms / 1000)


@given(durations)
def test_parse_undoes_print(seconds):
    assert parse_duration(format_duration(seconds)) == seconds


@given(durations)
def test_duration_text_adds_up(seconds):
    text = format_duration(seconds)
    parts = re.findall(r"([0-9.]+)([a-z\u00b5]+)", text)

    total = sum(float(number) * UNITS[unit] for number, unit in parts)

    assert "".join(map("".join, parts)) == text.removeprefix("-")
    assert total == pytest.approx(abs(seconds))
    assert text.startswith("-") is (seconds < 0)


@given(st.floats(allow_nan=False))
def test_every_float_has_a_duration_text(seconds):
    parse_duration(format_duration(seconds))


@given(st.text(alphabet="0123456789.hmsnu\u00b5\u03bc-+ d", max_size=10))
def test_any_text_parses_or_is_refused(text):
    for parse in (parse_duration, parse_prometheus_duration):
        try:
            parse(text)
        except ValueError as error:
            assert "invalid duration" in str(error)  # noqa: PT017 - either way is fine


@given(st.dictionaries(st.sampled_from(["y", "w", "d", "h", "m", "s", "ms"]), st.integers(0, 40)))
def test_prometheus_durations_add_up(counts):
    seconds = {"y": 31536000, "w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
    text = "".join(f"{counts[unit]}{unit}" for unit in seconds if unit in counts)
    if not text:
        return

    expected = sum(count * seconds[unit] for unit, count in counts.items())
    assert parse_prometheus_duration(text) == pytest.approx(expected)


@given(st.integers(-62135596800, 253402300799))
def test_time_text_round_trips(unix):
    text = format_rfc3339(unix)

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text)
    assert parse_rfc3339(text) == unix


@given(st.floats(-1e9, 4e9))
def test_fractions_are_cut(unix):
    assert parse_rfc3339(format_rfc3339(unix)) == unix // 1
