"""Rules with errors of form, less what is wrong: so that the rest of them is checked in one go."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from adapter.rules.findings import Path, Problem
from adapter.rules.schema import DiscoveryRule

_FIELDS = frozenset((field.alias,) for field in DiscoveryRule.model_fields.values())


class MendedRule(NamedTuple):
    """A rule without the fields that were wrong.

    Attributes:
        path: Of the rule, from the root of the file.
        rule: What is left of it. Never served: it may mean something else now.
        removed: What was taken away, as paths from the rule.
    """

    path: Path
    rule: DiscoveryRule
    removed: tuple[Path, ...]

    def concerns(self, problem: Problem) -> bool:
        """Whether *problem* (its path from the rule) may be no mere consequence of the mending.

        What is said of the whole rule, or of a section that lost a part, may be one: that
        ``metricsQuery`` is missing where it was misspelt. So may be what is said of ``metric``,
        which goes with either ``json`` or ``resources``, where that was taken away.
        """
        if problem.path == ("metric",) and any(map(_goes_with_metric, self.removed)):
            return False
        return bool(problem.path) and not any(
            path[: len(problem.path)] == problem.path for path in self.removed
        )


def mended_rules(data: object, errors: Iterable[Path]) -> Iterator[MendedRule]:
    """Mend what can be of the rules in *data*.

    Args:
        data: The file.
        errors: Where it is wrong, as pydantic tells it.
    """
    by_rule: dict[Path, list[Path]] = {}
    for path in errors:
        if len(path) > 2 and path[0] in {"rules", "externalRules"}:
            by_rule.setdefault(path[:2], []).append(_removable(path[2:]))
    for path, wrong in by_rule.items():
        entry = copy.deepcopy(_at(data, path))
        for place in wrong:
            _remove(entry, place)
        try:
            yield MendedRule(path, DiscoveryRule.model_validate(entry), tuple(wrong))
        except ValidationError:
            continue


def _goes_with_metric(removed: Path) -> bool:
    """Whether *removed* is, or by its spelling may be, what ``metric`` needs beside it."""
    return removed[:1] in {("json",), ("resources",)} or removed[:1] not in _FIELDS


def _removable(path: Path) -> Path:
    """What is taken away for an error at *path*: of a list all, or its other entries would move."""
    keys = [part for part in path if part != "[key]"]  # pydantic's mark for the key of a mapping
    numbers = [place for place, part in enumerate(keys) if isinstance(part, int)]
    return tuple(keys[: numbers[0]] if numbers else keys)


def _at(value: Any, path: Sequence[int | str]) -> Any:
    for part in path:
        value = value[part]
    return value


def _remove(entry: Any, path: Path) -> None:
    for part in path[:-1]:
        if not isinstance(entry, dict) or part not in entry:
            return
        entry = entry[part]
    if isinstance(entry, dict) and path:
        entry.pop(path[-1], None)
