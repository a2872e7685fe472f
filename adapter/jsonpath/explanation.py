"""Why a path finds nothing: how far it got, and what there is. Keys, never values."""

import re
from collections.abc import Sequence
from itertools import islice

from adapter.jsonpath.selection import Filtered, Named, Segment

_MOST_KEYS = 8
_LONGEST_KEY = 40
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def member(names: Sequence[str]) -> str:
    """Write the segment that selects *names*.

    >>> member(["a"]), member(["a-b"]), member(["a", "b"])
    ('.a', "['a-b']", "['a','b']")
    """
    if len(names) == 1 and _PLAIN.fullmatch(names[0]):
        return f".{names[0]}"
    quoted = (name.replace("\\", "\\\\").replace("'", "\\'") for name in names)
    return "[" + ",".join(f"'{name}'" for name in quoted) + "]"


def kind_of(value: object) -> str:
    """Name the JSON type of *value*, with its article.

    >>> kind_of([1, 2]), kind_of(True), kind_of(None)
    ('an array of 2', 'a boolean', 'null')
    """
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, bool):
        return "a boolean"
    return "a string" if isinstance(value, str) else "a number"


def nothing_found(segment: Segment, reached: str, values: Sequence[object]) -> str:
    """Say why *segment* selects nothing from *values*, which *reached* has found."""
    if reached.endswith(".."):
        return f"there is no {_wanted(segment)} anywhere in {reached.removesuffix('..')}"
    if len(values) > 1:
        return f"{reached} finds {len(values)} values, and none of them has {_wanted(segment)}"
    (value,) = values
    if isinstance(segment, Named):
        return _nothing_named(segment, reached, value)
    what = f"{reached} is {kind_of(value)}"
    if isinstance(value, dict | list) and not value:
        return f"{reached} is an empty {'object' if isinstance(value, dict) else 'array'}"
    if isinstance(value, dict | list) and isinstance(segment, Filtered):
        return f"none of the {len(value)} in {reached} passes the filter"
    return f"{what}; {segment.text} finds nothing in it"


def _nothing_named(segment: Named, reached: str, value: object) -> str:
    there_is_no = f"there is no {_wanted(segment)} in {reached}"
    names = all(isinstance(name, str) for name in segment.names)
    if isinstance(value, dict):
        if names:
            return f"{there_is_no}, which {_keys(value)}"
        return f"{there_is_no}, which is an object and {_keys(value)}"
    if isinstance(value, list) and names:
        rest = segment.text
        return f"{reached} is {kind_of(value)}: write {reached}[0]{rest} or {reached}[*]{rest}"
    return f"{there_is_no}, which is {kind_of(value)}"


def _wanted(segment: Segment) -> str:
    if isinstance(segment, Named) and len(segment.names) == 1:
        (name,) = segment.names
        return f"'{name}'" if isinstance(name, str) else segment.text
    return segment.text


def _keys(value: dict[str, object]) -> str:
    if not value:
        return "is empty"
    keys = ", ".join(_shown(key) for key in islice(value, _MOST_KEYS))
    more = len(value) - _MOST_KEYS
    return f"has {keys} and {more} more" if more > 0 else f"has {keys}"


def _shown(key: str) -> str:
    """*key* as it can stand in a message: printable and short."""
    short = key if len(key) <= _LONGEST_KEY else key[: _LONGEST_KEY - 1] + "\u2026"
    if _PLAIN.fullmatch(short) or (short.isprintable() and not set(short) & set(" ,'")):
        return short
    return repr(short)
