"""Checks across rules and files: names given twice, rules that hide each other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from adapter.errors import ConfigError
from adapter.model.restmapper import BUILTIN
from adapter.promql.selectors import PromQLError, parse_series_selector
from adapter.rules.backends import DEFAULT_BACKEND, Backend
from adapter.rules.findings import Path, Place, Problem, Severity
from adapter.rules.lint import url_problems
from adapter.rules.mapping import PODS
from adapter.rules.naming import SeriesNamer
from adapter.rules.patterns import references
from adapter.rules.schema import DiscoveryRule


@dataclass
class BackendNames:
    """Names of backends, as the files are read."""

    names: list[str] = field(default_factory=list)


class RuleAtPlace(NamedTuple):
    """A rule, its path in its file, and where that is."""

    path: Path
    place: Place
    rule: DiscoveryRule


class _Named(NamedTuple):
    """A rule that gives a name, and for which resources; empty for any."""

    resources: frozenset[str]
    place: Place
    rule: DiscoveryRule


def backend_problems(
    entries: Iterable[tuple[Path, Backend]], known: BackendNames
) -> Iterator[Problem]:
    """Find what is wrong with backends, and note their names in *known*."""
    for path, backend in entries:
        yield from (problem.below(*path) for problem in url_problems(backend))
        if not backend.name.strip():
            yield Problem((*path, "name"), "name: is empty", fatal=True)
        elif backend.name == DEFAULT_BACKEND:
            text = f"name: {DEFAULT_BACKEND!r} is the backend of the command line"
            yield Problem((*path, "name"), text, "choose another name", fatal=True)
        elif backend.name in known.names:
            text = f"name: there is a backend {backend.name!r} already"
            yield Problem((*path, "name"), text, "choose another name", fatal=True)
        else:
            known.names.append(backend.name)


def overlaps(rules: Sequence[RuleAtPlace]) -> Iterator[tuple[int, Problem]]:
    """Find rules that repeat an earlier one, or give a name that an earlier one gives.

    Yields:
        The rule's number in *rules*, and the problem; its path is relative to the rule.
    """
    same: dict[str, Place] = {}
    named: dict[str, list[_Named]] = {}
    for number, (_, place, rule) in enumerate(rules):
        text = rule.model_dump_json()
        name = constant_name(rule)
        resources = _resources(rule)
        if text in same:
            what = f"this rule is the same as the one at {same[text]}"
            yield number, _warning((), what, "remove one of them")
        elif name:
            for other in named.get(name, []):
                if not other.resources or not resources or other.resources & resources:
                    what = (
                        f"the metric {name!r} is given by the rule at {other.place} already, "
                        "which wins"
                    )
                    yield number, _warning(_source(rule), what, _rename(rule, other.rule))
                    break
        same.setdefault(text, place)
        named.setdefault(name, []).append(_Named(resources, place, rule))


def constant_name(rule: DiscoveryRule) -> str:
    """Name that *rule* gives whatever series there are; empty where that depends on them."""
    if rule.metric:
        return rule.metric
    if rule.name.as_ and not any(references(rule.name.as_)):
        return rule.name.as_.replace("$$", "$")
    try:
        series = parse_series_selector(rule.series_query).name if rule.series_query else ""
        return (series and SeriesNamer(rule).name_for(series)) or ""
    except (PromQLError, ConfigError):
        return ""


def _resources(rule: DiscoveryRule) -> frozenset[str]:
    """Resources of *rule* by name; empty for any, as with a template."""
    if rule.json_ is not None and rule.json_.pods is not None:
        return frozenset({str(PODS)})
    if rule.resources.template:
        return frozenset()
    found = set()
    for override in rule.resources.overrides.values():
        info = BUILTIN.resolve(override.resource, override.group)
        name = info.group_resource if info else f"{override.resource}.{override.group}"
        found.add(str(name))
    return frozenset(found)


def _source(rule: DiscoveryRule) -> Path:
    """Field that gives *rule* its name."""
    if rule.metric:
        return ("metric",)
    if rule.name.as_:
        return ("name", "as")
    return ("seriesQuery",)


def _rename(rule: DiscoveryRule, winner: DiscoveryRule) -> str:
    """Say how *rule* is told apart from *winner*."""
    field = "metric" if rule.metric else "name.as"
    hint = f"rename one of them: {field!r}"
    if rule.json_ is None or winner.json_ is None or rule.json_.pods is None:
        return hint
    # told because it looks as if selectors and namespaces kept the two apart
    return f"{hint}; the first is for all pods, whatever the two select"


def _warning(path: Path, text: str, hint: str) -> Problem:
    return Problem(path, text, hint, Severity.WARNING)
