"""Values of documents to numbers and times."""

import math

import pytest

from adapter.jsonpath.errors import ExtractionError
from adapter.jsonpath.numbers import ValueType, to_number, to_time


@pytest.mark.parametrize(
    ("value", "value_type", "expected"),
    [
        (3, "number", 3.0),
        (-2.5, "number", -2.5),
        (math.inf, "number", math.inf),
        ("3", "number", 3.0),
        ("-3.5e-1", "number", -0.35),
        ("0", "number", 0.0),
        (10**300, "number", 1e300),
        ("100m", "quantity", 0.1),
        ("1Ki", "quantity", 1024.0),
        ("1.5", "quantity", 1.5),
        ("-2k", "quantity", -2000.0),
        (7, "quantity", 7.0),
        ("1m30s", "duration", 90.0),
        ("500ms", "duration", 0.5),
        ("-1h", "duration", -3600.0),
        ("0", "duration", 0.0),
        (True, "boolean", 1.0),
        (False, "boolean", 0.0),
        ("true", "boolean", 1.0),
        ("false", "boolean", 0.0),
    ],
)
def test_numbers(value, value_type, expected):
    assert to_number(value, ValueType(value_type)) == expected


def test_nan_stays():
    assert math.isnan(to_number(math.nan, ValueType.NUMBER))


@pytest.mark.parametrize(
    ("value", "value_type", "why"),
    [
        ("s3cret", "number", "is a string that is no number"),
        ("", "number", "is a string that is no number; it is empty"),
        (" 3 ", "number", "it has spaces around it"),
        ("NaN", "number", "it says NaN or infinity"),
        ("-Infinity", "number", "it says NaN or infinity"),
        ("0x10", "number", "no number"),
        ("1_000", "number", "no number"),
        ("01", "number", "valueType: quantity reads it"),
        ("+1", "number", "valueType: quantity reads it"),
        ("\u0663", "number", "no number"),
        ("1e999", "number", "is a number too large for a float"),
        ("9" * 401, "number", "no number"),
        (10**400, "number", "is a number too large for a float"),
        ("12ms", "number", "valueType: duration reads it"),
        ("100m", "number", "valueType: quantity reads it"),
        ("true", "number", "valueType: boolean reads it"),
        (True, "number", "is a boolean; valueType: boolean makes 1 and 0 of it"),
        (True, "quantity", "is a boolean; valueType: boolean"),
        (None, "number", "is null, no number"),
        ([1, 2], "number", "is an array of 2, no number"),
        ({"a": 1}, "duration", "is an object, no duration"),
        ("1 GB", "quantity", "is a string that is no quantity"),
        ("1e1000", "quantity", "is a number too large for a float"),
        ("3 min", "duration", "is a string that is no duration"),
        ("1.5", "duration", "leave valueType out"),
        (90, "duration", "is a number without a unit, no duration such as 1m30s"),
        (1, "boolean", "is a number, no boolean; leave valueType out"),
        ("yes", "boolean", "is a string that is no boolean"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_no_number(value, value_type, why):
    with pytest.raises(ExtractionError) as raised:
        to_number(value, ValueType(value_type))

    assert why in str(raised.value)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2021-10-03T09:37:08Z", 1633253828.0),
        ("2021-10-03t11:37:08.5+02:00", 1633253828.5),
        (1633253828, 1633253828.0),
        (1633253828.25, 1633253828.25),
        (1633253828250, 1633253828.25),
        ("1633253828", 1633253828.0),
        ("1633253828250", 1633253828.25),
        (1e11, 1e11),
    ],
)
def test_times(value, expected):
    assert to_time(value) == expected


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("yesterday", "is a string, but no time: RFC 3339"),
        ("2021-10-03 09:37:08", "is a string, but no time"),
        ("2021-10-03T09:37:08", "is a string, but no time"),
        (True, "is a boolean, but no time"),
        (None, "is null, but no time"),
        ([1], "is an array of 1, but no time"),
        (math.nan, "is a number, but no time"),
        (math.inf, "is a number, but no time"),
        (1633253828250000, "is a number, but no time"),
        (10**400, "is a number too large"),
        (0, "is a time before 1970"),
        (-5, "is a time before 1970"),
        ("0001-01-01T00:00:00Z", "is a time before 1970; is it set?"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_no_time(value, why):
    with pytest.raises(ExtractionError, match=why):
        to_time(value)
