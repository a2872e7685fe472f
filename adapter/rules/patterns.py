"""Regular expressions of a rule file: Go's ``regexp``, in what is accepted and in what it costs.

RE2 itself does the work. A pattern of hostile size is refused when it is compiled, and a match
takes time linear in the name, whatever the pattern.
"""

import re
from collections.abc import Iterator

import re2

MAX_MEMORY_BYTES = 8 << 20
"""Largest program a pattern may compile to; the patterns of rule files take a few kilobytes."""

MAX_DEPTH = 1000
"""Nesting of groups that Go's parser allows (``maxHeight`` in ``regexp/syntax/parse.go``)."""

_PARTS = re.compile(
    r"""\\Q.*?(?:\\E|\Z)                                      # literal text
      | (?P<byte>\\C)
      | \\.                                                   # an escape
      | \[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]               # a class
      | (?P<open>\((?:\?P?<(?P<name>\w+)>)?)
      | (?P<close>\))""",
    re.VERBOSE | re.DOTALL,
)


class PatternError(ValueError):
    """A pattern Go would refuse; the text says why."""


class Pattern:
    """A compiled pattern.

    Attributes:
        groups: Number of its groups.
        names: Named groups and their numbers.
    """

    def __init__(self, text: str) -> None:
        _check_what_only_go_refuses(text)
        options = re2.Options()
        options.max_mem = MAX_MEMORY_BYTES
        options.log_errors = False
        try:
            self._compiled = re2.compile(text, options)
        except re2.error as error:
            raise PatternError(_reason(error)) from None
        except UnicodeEncodeError:
            raise PatternError("invalid UTF-8") from None
        self.groups: int = self._compiled.groups
        self.names: dict[str, int] = self._compiled.groupindex

    def search(self, text: str) -> tuple[str | None, ...] | None:
        """Find the pattern anywhere in *text*: the match and its groups, or None.

        >>> Pattern("b(x)?(.)").search("abc")
        ('bc', None, 'c')
        """
        match = self._compiled.search(text)
        return None if match is None else (match.group(0), *match.groups())


def references(template: str) -> Iterator[str]:
    """Groups that *template* refers to, by name or number, as Go's ``Expand`` reads it."""
    yield from (name for literal, name in _parts(template) if name)


def expand(template: str, pattern: Pattern, groups: tuple[str | None, ...]) -> str:
    """Fill *groups* of a match into *template*, as Go's ``Regexp.Expand`` does.

    A name is the longest run of letters, digits and underscores, so ``$1_rate`` is the group
    ``1_rate``; a group that does not exist or did not take part is empty; ``$$`` is a dollar sign.

    >>> pattern = Pattern("(?P<what>.*)_total")
    >>> groups = pattern.search("jobs_total")
    >>> expand("${1}_rate", pattern, groups), expand("$1_rate", pattern, groups)
    ('jobs_rate', '')
    """
    return "".join(
        literal if not name else _group(name, pattern, groups) for literal, name in _parts(template)
    )


def has_group(pattern: Pattern, name: str) -> bool:
    """Tell whether *pattern* has the group *name*, a name or a number."""
    number = _number(name)
    return name in pattern.names if number is None else number <= pattern.groups


def _group(name: str, pattern: Pattern, groups: tuple[str | None, ...]) -> str:
    if not has_group(pattern, name):
        return ""
    number = _number(name)
    return groups[pattern.names[name] if number is None else number] or ""


def _number(name: str) -> int | None:
    """Read *name* as a number as ``extract`` in Go's ``regexp.go`` does: no leading zeros."""
    digits = name.isascii() and name.isdigit()
    if not digits or len(name) > 9 or (name[0] == "0" and len(name) > 1):
        return None
    return int(name)


def _parts(template: str) -> Iterator[tuple[str, str]]:
    """Cut *template* into pairs of literal text and group name, one of which is empty."""
    position = 0
    while (dollar := template.find("$", position)) >= 0:
        yield template[position:dollar], ""
        if template.startswith("$$", dollar):
            yield "$", ""
            position = dollar + 2
            continue
        name, position = _name_at(template, dollar + 1)
        yield ("", name) if name else ("$", "")
    yield template[position:], ""


def _name_at(template: str, start: int) -> tuple[str, int]:
    """Read ``name`` or ``{name}``; an empty name, and *start*, where there is none."""
    brace = template.startswith("{", start)
    first = end = start + brace
    while end < len(template) and _in_name(template[end]):
        end += 1
    if end == first or (brace and not template.startswith("}", end)):
        return "", start
    return template[first:end], end + brace


def _in_name(char: str) -> bool:
    return char.isalpha() or char.isdecimal() or char == "_"


def _check_what_only_go_refuses(text: str) -> None:
    depth, names = 0, set[str]()
    for part in _PARTS.finditer(text):
        if part["byte"]:
            raise PatternError(r"invalid escape sequence: \C")
        depth += bool(part["open"]) - bool(part["close"])
        if depth > MAX_DEPTH:
            raise PatternError("expression nests too deeply")
        if part["name"] in names:
            raise PatternError(f"duplicate capture group name: {part['name']}")
        if part["name"]:
            names.add(part["name"])


def _reason(error: re2.error) -> str:
    reason = error.args[0]
    text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
    if text.startswith("pattern too large"):
        return "expression too large"
    return text if len(text) <= 120 else text[:120] + "…"
