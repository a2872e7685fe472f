"""Names of series → names in the API (prometheus-adapter's ``seriesFilters`` and ``name``).

All patterns are searched for anywhere in the name of the series, as Go's ``MatchString`` does; the
name in the API is ``name.as``, filled in from the first match of ``name.matches``.
"""

from collections.abc import Iterator

from adapter.errors import ConfigError
from adapter.rules.findings import Problem
from adapter.rules.patterns import Pattern, PatternError, expand, has_group, references
from adapter.rules.schema import DiscoveryRule, NameSection, SeriesFilter

ANY_NAME = ".*"
"""What an empty ``name.matches`` stands for."""

_UNUSABLE = frozenset("/%?#\\")


class SeriesNamer:
    """What one rule calls the series it finds.

    Raises:
        ConfigError: A pattern is none, or ``name.as`` is missing where it is needed.
    """

    def __init__(self, rule: DiscoveryRule) -> None:
        problems = [problem for problem in naming_problems(rule) if problem.fatal]
        if problems:
            raise ConfigError([problem.text for problem in problems])
        self._constant = rule.metric
        self._keep = [Pattern(entry.is_) for entry in rule.series_filters if entry.is_]
        self._leave = [Pattern(entry.is_not) for entry in rule.series_filters if entry.is_not]
        self._pattern = Pattern(rule.name.matches or ANY_NAME)
        self._template = rule.name.as_ or _default_template(self._pattern) or "$0"

    def name_for(self, series: str) -> str | None:
        """Name in the API of the series called *series*.

        None where the filters leave the series out, or its name would be empty or could not stand
        in a path. A rule with ``metric`` gives that name to every series.
        """
        if self._constant:
            return self._constant
        if not all(pattern.search(series) for pattern in self._keep):
            return None
        if any(pattern.search(series) for pattern in self._leave):
            return None
        groups = self._pattern.search(series)
        if groups is None:
            return None
        name = expand(self._template, self._pattern, groups)
        return name if usable_name(name) else None


def usable_name(name: str) -> bool:
    """Tell whether *name* can be a segment of a path, and be typed by a person.

    Besides what apimachinery's ``IsValidPathSegmentName`` refuses, what ends a path in a URL, and
    white space and control characters.

    >>> [usable_name(name) for name in ("http_requests", "job:rate5m", "a/b", "", "..", "a b")]
    [True, True, False, False, False, False]
    """
    if not name or name in {".", ".."}:
        return False
    return name.isprintable() and " " not in name and _UNUSABLE.isdisjoint(name)


def naming_problems(rule: DiscoveryRule) -> Iterator[Problem]:
    """Find what is wrong with the patterns of *rule*; paths are relative to it."""
    for number, entry in enumerate(rule.series_filters):
        yield from _filter_problems(entry, ("seriesFilters", number))
    yield from _name_problems(rule.name)


def _filter_problems(entry: SeriesFilter, path: tuple[int | str, ...]) -> Iterator[Problem]:
    for field, text in (("is", entry.is_), ("isNot", entry.is_not)):
        try:
            Pattern(text)
        except PatternError as error:
            yield _bad_pattern(error, (*path, field))


def _name_problems(name: NameSection) -> Iterator[Problem]:
    try:
        pattern = Pattern(name.matches or ANY_NAME)
    except PatternError as error:
        yield _bad_pattern(error, ("name", "matches"))
        return
    if not name.as_:
        if _default_template(pattern) is None:
            yield Problem(
                ("name", "matches"),
                f"matches: has {pattern.groups} groups, so an 'as' must be specified",
                "say which one is the name, such as 'as: ${1}'",
                fatal=True,
            )
        return
    for group in references(name.as_):
        if not has_group(pattern, group):
            yield Problem(
                ("name", "as"),
                f"as: 'matches' has no group {group!r}, so ${{{group}}} is empty",
                _group_hint(pattern, group),
                offset=max(name.as_.find(group) - 1, 0),
            )


def _group_hint(pattern: Pattern, group: str) -> str:
    """Say what was meant; most often digits of ``$1`` that letters follow."""
    digits = group[: len(group) - len(group.lstrip("0123456789"))]
    rest = group[len(digits) :]
    if digits and rest and has_group(pattern, digits):
        return f"write ${{{digits}}}{rest}: a name goes on as far as letters, digits and _ do"
    if not pattern.groups:
        return "put parentheses around the part of 'matches' that is meant, or use ${0}"
    known = [*map(str, range(1, pattern.groups + 1)), *pattern.names]
    return "its groups: " + ", ".join(known)


def _default_template(pattern: Pattern) -> str | None:
    """Choose what an empty ``as`` stands for; None where there is a choice."""
    return {0: "$0", 1: "$1"}.get(pattern.groups)


def _bad_pattern(error: PatternError, path: tuple[int | str, ...]) -> Problem:
    return Problem(
        path,
        f"{path[-1]}: not a regular expression: {error}",
        _pattern_hint(str(error)),
        fatal=True,
    )


def _pattern_hint(reason: str) -> str:
    if "perl operator" in reason or "escape sequence" in reason:
        return "the syntax is RE2's, without look-around and back-references"
    if "missing" in reason or "unexpected" in reason:
        return r"a bracket that is meant as such is written \( or \["
    if "repetition" in reason:
        return "something must stand before *, + or ?, and {n} goes up to 1000"
    return "the syntax is RE2's, as in Go"
