"""Which metrics there are, and by which rule and series each is served.

Made anew from what discovery found, never changed. Of several rules that give one metric the first
of the file serves it, and of several series of one rule the first by name: what is served never
depends on the order of an answer. Each such conflict is told.
"""

import difflib
import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from adapter.model.resources import GroupResource, ListedMetric, ResourceInfo
from adapter.rules.compiled import CompiledRule

MOST_CONFLICTS = 1000
"""Conflicts that are told one by one; rules that overlap wholly have thousands."""

_CANDIDATES = 50
"""Names that are compared letter by letter with a misspelt one, out of any number."""


class Entry(NamedTuple):
    """How a custom metric of one resource is served."""

    rule: CompiledRule
    series: str
    resource: ResourceInfo


class ExternalEntry(NamedTuple):
    """How an external metric is served."""

    rule: CompiledRule
    series: str


class Finding(NamedTuple):
    """What discovery found for one rule.

    Attributes:
        rule: The rule.
        names: Name in the API by series, of the series that have one.
        resources: By resource, the series that describe objects of it. Not used for an external
            rule.
    """

    rule: CompiledRule
    names: Mapping[str, str]
    resources: Mapping[ResourceInfo, Collection[str]]


class Conflict(NamedTuple):
    """A metric that two rules, or two series of one rule, give.

    Attributes:
        metric: Its name in the API.
        resource: The resource; None for an external metric.
        served_by: Id of the rule that serves it.
        series: The series that serves it.
        hidden: Id of the rule that does not.
        hidden_series: The series that does not.
    """

    metric: str
    resource: GroupResource | None
    served_by: str
    series: str
    hidden: str
    hidden_series: str

    def __str__(self) -> str:
        what = f"{self.resource}/{self.metric}" if self.resource else self.metric
        if self.served_by == self.hidden:
            return (
                f"{self.served_by} gives {what} for the series {self.series} and "
                f"{self.hidden_series}: {self.series} serves it, the first by name"
            )
        origin = f", from the series {self.series}" if self.series else ""
        return (
            f"{self.served_by} and {self.hidden} both give {what}: {self.served_by} serves it, "
            f"the first of the file{origin}"
        )


class SeriesRegistry:
    """All metrics of a moment; immutable.

    Args:
        custom: What the rules of ``rules`` found, in the order of the file.
        external: What those of ``externalRules`` found.
        last: The registry before, whose lists are kept where they are the same.

    Attributes:
        custom: By resource and name.
        external: By name.
        conflicts: The first `MOST_CONFLICTS`.
    """

    def __init__(
        self,
        custom: Iterable[Finding] = (),
        external: Iterable[Finding] = (),
        last: "SeriesRegistry | None" = None,
    ) -> None:
        conflicts: list[Conflict] = []
        self.custom: Mapping[tuple[GroupResource, str], Entry] = _custom(custom, conflicts)
        self.external: Mapping[str, ExternalEntry] = _external(external, conflicts)
        self.conflicts: Sequence[Conflict] = tuple(conflicts)
        self._custom_names: frozenset[str] = frozenset(metric for _, metric in self.custom)
        self._similar: dict[tuple[str, bool], list[str]] = {}
        listed_custom = tuple(
            sorted(
                ListedMetric(resource, metric, entry.resource.namespaced)
                for (resource, metric), entry in self.custom.items()
            )
        )
        listed_external = tuple(sorted(self.external))
        if last is not None and last.listed_custom() == listed_custom:
            listed_custom = last.listed_custom()
        if last is not None and last.listed_external() == listed_external:
            listed_external = last.listed_external()
        self._listed_custom = listed_custom
        self._listed_external = listed_external

    def listed_custom(self) -> tuple[ListedMetric, ...]:
        """Custom metrics, sorted; the same tuple from one registry to the next without a change."""
        return self._listed_custom

    def listed_external(self) -> tuple[str, ...]:
        """External metrics, sorted; the same tuple as long as they are the same."""
        return self._listed_external

    def resources_of(self, metric: str) -> list[GroupResource]:
        """Resources that have the custom metric *metric*, sorted."""
        if metric not in self._custom_names:
            return []
        return sorted(resource for resource, name in self.custom if name == metric)

    def similar(self, metric: str, *, external: bool) -> list[str]:
        """Names that *metric* may be a misspelling of, the most similar first; at most three."""
        key = metric, external
        if key not in self._similar:
            if len(self._similar) >= _CANDIDATES:
                self._similar.clear()  # whoever guesses names must not fill the memory
            names = self.external if external else self._custom_names
            self._similar[key] = _similar(metric, names)
        return self._similar[key]


def _custom(
    findings: Iterable[Finding], conflicts: list[Conflict]
) -> dict[tuple[GroupResource, str], Entry]:
    entries: dict[tuple[GroupResource, str], Entry] = {}
    for rule, names, resources in findings:
        for info, found in resources.items():
            resource = info.group_resource
            for series in sorted(found):
                metric = names.get(series)
                if metric is None:
                    continue
                served = entries.setdefault((resource, metric), Entry(rule, series, info))
                _note(conflicts, metric, resource, served, ExternalEntry(rule, series))
    return entries


def _external(findings: Iterable[Finding], conflicts: list[Conflict]) -> dict[str, ExternalEntry]:
    entries: dict[str, ExternalEntry] = {}
    for rule, names, _ in findings:
        for series, metric in sorted(names.items()):
            entry = ExternalEntry(rule, series)
            _note(conflicts, metric, None, entries.setdefault(metric, entry), entry)
    return entries


def _note(
    conflicts: list[Conflict],
    metric: str,
    resource: GroupResource | None,
    served: Entry | ExternalEntry,
    entry: ExternalEntry,
) -> None:
    if served.rule is entry.rule and served.series == entry.series:
        return
    if len(conflicts) < MOST_CONFLICTS:
        conflicts.append(
            Conflict(metric, resource, served.rule.id, served.series, entry.rule.id, entry.series)
        )


def _similar(metric: str, names: Collection[str]) -> list[str]:
    words, letters = frozenset(metric.split("_")), frozenset(metric)

    def likeness(name: str) -> tuple[int, int]:
        return len(words.intersection(name.split("_"))), len(letters.intersection(name))

    candidates = heapq.nlargest(_CANDIDATES, sorted(names), key=likeness)
    return difflib.get_close_matches(metric, candidates, n=3, cutoff=0.7)
