"""Values of JSON documents → numbers."""

import math
import re
from enum import StrEnum

from adapter.jsonpath.errors import ExtractionError
from adapter.jsonpath.explanation import kind_of
from adapter.model.quantity import NANO, Quantity
from adapter.model.times import parse_duration, parse_rfc3339

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LONGEST = 400
"""Characters of a number in a string; the longest float has 17 digits, or 325 without exponent."""

_NOT_FINITE = frozenset({"nan", "inf", "infinity", "+inf", "-inf", "+infinity", "-infinity"})

_MILLISECONDS = 1e11
"""From here on a time is in milliseconds: as seconds it would be the year 5138, as milliseconds it
is 1973."""

_MICROSECONDS = 1e14


class ValueType(StrEnum):
    """What a value of a document is."""

    NUMBER = "number"
    """A number, also as a string: ``3``, ``"3.5"``."""

    QUANTITY = "quantity"
    """A Kubernetes quantity: ``"100m"``, ``"1Ki"``."""

    DURATION = "duration"
    """A duration, in seconds: ``"1m30s"``."""

    BOOLEAN = "boolean"
    """``true`` is 1, ``false`` is 0."""


def to_number(value: object, value_type: ValueType) -> float:
    """Convert *value* of a document.

    NaN and infinities of the document stay what they are. The texts of errors are clauses that
    follow the expression; they do not show the value, which may be a secret at the wrong place.

    Raises:
        ExtractionError: It is nothing of *value_type*, or is too large for a float.

    >>> to_number("1500m", ValueType.QUANTITY), to_number("1m30s", ValueType.DURATION)
    (1.5, 90.0)
    """
    if isinstance(value, bool):
        if value_type is ValueType.BOOLEAN:
            return float(value)
        raise ExtractionError("is a boolean; valueType: boolean makes 1 and 0 of it")
    if isinstance(value, str):
        return _from_text(value, value_type)
    if not isinstance(value, int | float):
        raise ExtractionError(f"is {kind_of(value)}, no {value_type}")
    if value_type is ValueType.BOOLEAN:
        raise ExtractionError("is a number, no boolean; leave valueType out")
    if value_type is ValueType.DURATION:
        raise ExtractionError("is a number without a unit, no duration such as 1m30s")
    return _finite_or_said(value)


def _finite_or_said(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ExtractionError("is a number too large for a float") from None


def _from_text(text: str, value_type: ValueType) -> float:
    if len(text) <= _LONGEST:
        number = _convert(text, value_type)
        if number is not None:
            if math.isinf(number):
                raise ExtractionError("is a number too large for a float")
            return number
    raise ExtractionError(f"is a string that is no {value_type}{_hint(text)}")


def _convert(text: str, value_type: ValueType) -> float | None:
    """Convert *text*; None if it is nothing of *value_type*."""
    try:
        match value_type:
            case ValueType.NUMBER:
                return float(text) if _NUMBER.fullmatch(text) else None
            case ValueType.QUANTITY:
                return Quantity.parse(text).nanos / NANO
            case ValueType.DURATION:
                return parse_duration(text)
            case ValueType.BOOLEAN:
                return {"true": 1.0, "false": 0.0}.get(text)
    except OverflowError:
        return math.inf
    except ValueError:
        return None


def _hint(text: str) -> str:
    """What *text* is instead."""
    if not text:
        return "; it is empty"
    if text.lower() in _NOT_FINITE:
        return "; it says NaN or infinity, which only a number itself can be"
    if len(text) <= _LONGEST:
        for value_type in ValueType:
            if _convert(text, value_type) is not None:
                return _READ_BY[value_type]
        if _convert(text.strip(), ValueType.NUMBER) is not None:
            return "; it has spaces around it"
    return ""


_READ_BY = {each: f"; valueType: {each} reads it" for each in ValueType} | {
    ValueType.NUMBER: "; leave valueType out"
}


def to_time(value: object) -> float:
    """Convert a time of a document to Unix seconds.

    RFC 3339, or Unix seconds, also as a string; above 10^11 they are milliseconds.

    Raises:
        ExtractionError: It is no such time, or one before 1970.

    >>> to_time("2021-10-03T09:37:08.5Z"), to_time(1633253828500)
    (1633253828.5, 1633253828.5)
    """
    seconds = _time(value)
    if seconds is None:
        raise ExtractionError(
            f"is {kind_of(value)}, but no time: RFC 3339 such as 2021-10-03T09:37:08Z, or Unix "
            "seconds or milliseconds"
        )
    if not seconds > 0:
        raise ExtractionError("is a time before 1970; is it set?")
    return seconds


def _time(value: object) -> float | None:
    if isinstance(value, str):
        if len(value) <= _LONGEST and _NUMBER.fullmatch(value):
            return _unix(float(value))
        try:
            return parse_rfc3339(value.upper())
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _unix(_finite_or_said(value))


def _unix(number: float) -> float | None:
    if not number < _MICROSECONDS:
        return None
    return number / 1000 if number > _MILLISECONDS else number
