import math

import pytest

from adapter.model.times import (
    format_duration,
    format_rfc3339,
    parse_duration,
    parse_prometheus_duration,
    parse_rfc3339,
)

LONGEST = "2562047h47m16.854775807s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (1e-9, "1ns"),
        (999e-9, "999ns"),
        (1e-6, "1\u00b5s"),
        (1.1e-6, "1.1\u00b5s"),
        (0.01, "10ms"),
        (0.0022, "2.2ms"),
        (0.9999, "999.9ms"),
        (1, "1s"),
        (5, "5s"),
        (15.953, "15.953s"),
        (60, "1m0s"),
        (60.5, "1m0.5s"),
        (3600, "1h0m0s"),
        (90061.001, "25h1m1.001s"),
        (-1.5, "-1.5s"),
        (-0.25, "-250ms"),
        (4e-10, "0s"),
        (2**63 / 1e9, LONGEST),
        (math.inf, LONGEST),
        (-math.inf, "-2562047h47m16.854775808s"),
    ],
)
def test_durations_print_as_go_does(seconds, text):
    assert format_duration(seconds) == text


def test_nan_is_no_duration():
    with pytest.raises(ValueError, match="nan"):
        format_duration(math.nan)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("+0", 0),
        ("-0", 0),
        ("0s", 0),
        ("30s", 30),
        ("1m30s", 90),
        ("1.5h", 5400),
        (".5m", 30),
        ("1.s", 1),
        ("-250ms", -0.25),
        ("+1h", 3600),
        ("5us", 5e-6),
        ("5\u00b5s", 5e-6),
        ("5\u03bcs", 5e-6),
        ("7ns", 7e-9),
        ("1s1m", 61),
        ("1h1h", 7200),
        ("0.000000000000000000000000000000000000001h", 0),
        (LONGEST, 9223372036.854775807),
        ("-2562047h47m16.854775808s", -9223372036.854775808),
    ],
)
def test_go_durations_parse(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected one such as"),
        ("-", "expected one such as"),
        ("5", "missing unit"),
        ("1m5", "missing unit"),
        ("s", "a number must come before"),
        (".s", "a number must come before"),
        ("1d", 'unknown unit "d"'),
        ("1m s", 'unknown unit "m s"'),
        ("--1s", "a number must come before"),
        ("1s ", 'unknown unit "s "'),
        ("1S", 'unknown unit "S"'),
        ("2562047h47m16.854775808s", "longer than"),
        ("9" * 200 + "h", "longer than"),
    ],
)
def test_what_is_no_go_duration_is_refused(text, problem):
    with pytest.raises(ValueError, match=problem):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86400),
        ("1w", 604800),
        ("1y", 31536000),
        ("500ms", 0.5),
        ("1y2w3d4h5m6s7ms", 33019506.007),
        ("0s", 0),
        ("90s", 90),
    ],
)
def test_prometheus_durations_parse(text, seconds):
    assert parse_prometheus_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "5", "1m1h", "1s1s", "1.5h", "-5m", "+5m", "1 m", "5M", "ms", "5m ", "300y", "1us"],
)
def test_what_is_no_prometheus_duration_is_refused(text):
    with pytest.raises(ValueError, match="invalid duration"):
        parse_prometheus_duration(text)


@pytest.mark.parametrize(
    ("unix", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1633253828.078, "2021-10-03T09:37:08Z"),
        (1633253828.999999, "2021-10-03T09:37:08Z"),
        (-0.5, "1969-12-31T23:59:59Z"),
        (-62135596800, "0001-01-01T00:00:00Z"),
        (253402300799, "9999-12-31T23:59:59Z"),
    ],
)
def test_times_print_as_kube_does(unix, text):
    assert format_rfc3339(unix) == text


@pytest.mark.parametrize("unix", [math.nan, math.inf, -math.inf, 253402300800, 1e300])
def test_what_is_no_time_is_refused(unix):
    with pytest.raises(ValueError, match="is no time"):
        format_rfc3339(unix)


@pytest.mark.parametrize(
    ("text", "unix"),
    [
        ("2021-10-03T09:37:08Z", 1633253828),
        ("2021-10-03T11:37:08.5+02:00", 1633253828.5),
        ("2021-10-03T04:07:08-05:30", 1633253828),
        ("2021-10-03T09:37:08.123456789Z", 1633253828.123456789),
        ("0001-01-01T00:00:00Z", -62135596800),
    ],
)
def test_rfc3339_parses(text, unix):
    assert parse_rfc3339(text) == pytest.approx(unix, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2021-10-03",
        "2021-10-03 09:37:08Z",
        "2021-10-03T09:37:08",
        "2021-13-03T09:37:08Z",
        "2021-10-03T24:00:00Z",
        "2021-10-03T09:37:08.Z",
        "2021-10-03T09:37:08+99:00",
        "now",
    ],
)
def test_what_is_not_rfc3339_is_refused(text):
    with pytest.raises(ValueError, match="invalid time"):
        parse_rfc3339(text)
