"""``print``, ``println`` and ``printf`` of a template, with Go's results."""

import re
from collections.abc import Mapping, Sequence

from adapter.promql.matchers import quote
from adapter.promql.values import TemplateError, Value, format_value, kind_of

_DIRECTIVE = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<width>\d*)(?P<precision>\.\d*)?(?P<verb>.)?", re.DOTALL
)
_MAX_WIDTH = 1000
_VERBS = "sqvd"

PLAIN_FORMAT = re.compile(rf"(?:[^%]|%[{_VERBS}%])*\Z", re.DOTALL)
"""A format that prints its arguments as they are: their text does not decide about the rest."""


def print_values(*args: Value) -> str:
    """Join *args*, with a space between two that are no strings."""
    parts: list[str] = []
    before: Value = ""
    for arg in args:
        if parts and not isinstance(arg, str) and not isinstance(before, str):
            parts.append(" ")
        parts.append(_plain(arg))
        before = arg
    return "".join(parts)


def print_line(*args: Value) -> str:
    """Join *args* with spaces, and end the line."""
    return " ".join(map(_plain, args)) + "\n"


def print_format(*args: Value) -> str:
    """Fill the first of *args*, a format, with the others.

    Supported are ``%s``, ``%q``, ``%v``, ``%d`` and ``%%``, a width, a precision, ``-`` and ``0``.

    Raises:
        TemplateError: Another verb or flag, or arguments that do not fit: Go would print
            ``%!d(string=…)`` then.
    """
    if not args or not isinstance(args[0], str):
        raise TemplateError("printf takes a format, a string")
    left = list(args[1:])

    def fill(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        _check(match)
        if not left:
            raise TemplateError(f"printf has no argument for {match[0]}")
        return _fill(match, left.pop(0))

    text = _DIRECTIVE.sub(fill, args[0])
    if left:
        raise TemplateError("printf has more arguments than its format prints")
    return text


def _plain(value: Value) -> str:
    return "<nil>" if value is None else format_value(value)


def _check(match: re.Match[str]) -> None:
    verb, flags, width = match["verb"] or "", match["flags"], match["width"]
    if not verb or verb not in _VERBS:
        raise TemplateError(f"printf does not support {match[0]}; use %s, %q, %v or %d")
    if set(flags) - set("-0") or ("0" in flags and ("-" in flags or verb in "sq")):
        raise TemplateError(f"printf does not support the flags of {match[0]}")
    if max(int(width or 0), int((match["precision"] or "")[1:] or 0)) > _MAX_WIDTH:
        raise TemplateError(f"printf does not print {match[0]}: more than {_MAX_WIDTH} wide")


def _fill(match: re.Match[str], value: Value) -> str:
    text = _verb(match, value)
    width = int(match["width"] or 0)
    if "-" in match["flags"]:
        return text.ljust(width)
    if "0" in match["flags"] and match["precision"] is None:
        sign = text[: text.startswith("-")]
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width)


def _verb(match: re.Match[str], value: Value) -> str:
    verb, precision = match["verb"], match["precision"]
    digits = None if precision is None else int(precision[1:] or 0)
    match value:
        case str() if verb != "d" and "0" not in match["flags"]:
            text = value[:digits]
            return quote(text) if verb == "q" else text
        case bool() if match[0] == "%v":
            return format_value(value)
        case bool():
            pass
        case int() if verb in "dv":
            return _integer(value, digits)
        case Mapping() | Sequence() if match[0] in {"%s", "%v"}:
            return format_value(value)
        case _:
            pass
    raise TemplateError(f"printf cannot print {kind_of(value)} by {match[0]}")


def _integer(value: int, digits: int | None) -> str:
    if digits == 0 and value == 0:
        return ""
    sign = "-" if value < 0 else ""
    return sign + str(abs(value)).rjust(digits or 0, "0")
