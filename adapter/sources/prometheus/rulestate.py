"""What discovery knows of one rule: the series it found, since when, and how it fares."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from adapter.errors import SourceError
from adapter.model.resources import ResourceInfo
from adapter.model.restmapper import RESTMapper
from adapter.promql.selectors import PromQLError, SeriesSelector
from adapter.rules.compiled import CompiledRule
from adapter.rules.mapping import ResourceMapping
from adapter.rules.registry import Conflict, Finding
from adapter.sources.prometheus.questions import Questions

_ANY_LABEL = ""
"""Stands for the label where series count whatever labels they have: for an external rule."""


class MapperView(Protocol):
    """The resources of the cluster as they are known now (`adapter.kube.mapper.KubeMapper`)."""

    @property
    def mapper(self) -> RESTMapper:
        """The resources."""

    @property
    def revision(self) -> int:
        """Another number when the resources are others; 0 until they were read once."""


class RuleHealth(StrEnum):
    """How a rule fares, for own metrics."""

    OK = "ok"
    PENDING = "pending"
    FAILING = "failing"


class RuleStatus(NamedTuple):
    """How a rule fares, for people.

    Attributes:
        rule: Its id.
        health: In one word.
        last_success: Unix seconds at which its series were last listed; None for never.
        names: How many names in the API it gives.
        error: Why it fails, or None.
        conflicts: Metrics it gives and others serve.
        unresolved: Overrides whose resource the cluster does not serve (yet).
    """

    rule: str
    health: RuleHealth
    last_success: float | None
    names: int
    error: str | None
    conflicts: Sequence[Conflict]
    unresolved: Sequence[str]


class RuleState:
    """One rule, from round to round.

    Args:
        rule: The rule.
        external: Whether it is of ``externalRules``: its series need no resource.
        grace: Seconds for which a series is kept that an answer lacks.

    Attributes:
        error: Why the last round failed, or None.
        last_success: Unix seconds of the last round that did not, or None.
    """

    def __init__(self, rule: CompiledRule, *, external: bool, grace: float) -> None:
        self.rule = rule
        self.external = external
        self.error: str | None = rule.problem
        self.last_success: float | None = None
        self._grace = grace
        self._label_names: Sequence[str] = ()
        # By label, the series that have it; and for those that an answer lacked, since when.
        self._series: dict[str, dict[str, float | None]] = {}
        self._selectors: dict[str, str] = {}
        self._names: dict[str, str | None] = {}
        self._mapping: ResourceMapping | None = None
        self._revision = -1

    @property
    def health(self) -> RuleHealth:
        """How it fares."""
        if self.error is not None:
            return RuleHealth.FAILING
        if self.last_success is None and self.asks:
            return RuleHealth.PENDING
        return RuleHealth.OK

    @property
    def asks(self) -> bool:
        """Whether series are to be found at all; not for a rule with ``metric``."""
        return self.rule.problem is None and not self.rule.rule.metric

    def mapping(self, view: MapperView) -> ResourceMapping:
        """The rule's ``resources`` with the resources there are now."""
        if self._mapping is None or self._revision != view.revision:
            rule = self.rule.rule
            self._revision = view.revision
            self._mapping = ResourceMapping(
                rule.resources, view.mapper, namespace_label=rule.namespace_label
            )
        return self._mapping

    def misses_labels(self, view: MapperView) -> bool:
        """Whether labels name a resource now that named none when the rule was last asked."""
        mapping = self.mapping(view)
        return any(
            label not in self._series and mapping.resource_for(label) is not None
            for label in self._label_names
        )

    async def ask(self, questions: Questions, view: MapperView) -> Mapping[str, Sequence[str]]:
        """Ask for the names of series; gives them by label.

        Raises:
            SourceError: A question failed. Half an answer is none.
        """
        selector, backend = self.rule.selector, self.rule.rule.backend
        if selector is None:
            return {}
        if self.external:
            return {_ANY_LABEL: await questions.series_names(backend, selector.text)}
        mapping = self.mapping(view)
        # asked for also while its resource is unknown, so that it need not be when it is known
        labels = list(mapping.override_labels)
        label_names: Sequence[str] = ()
        if mapping.has_template:
            label_names = await questions.label_names(backend, selector.text)
            labels += [label for label in label_names if mapping.resource_for(label)]
        found = {
            label: await questions.series_names(backend, self._selector(selector, label))
            for label in dict.fromkeys(labels)
        }
        self._label_names = label_names
        return found

    def _selector(self, selector: SeriesSelector, label: str) -> str:
        text = self._selectors.get(label)
        if text is None:
            try:
                text = self._selectors[label] = selector.with_label(label)
            except PromQLError as error:
                raise SourceError(f"seriesQuery: {error}") from error
        return text

    def take(self, found: Mapping[str, Sequence[str]], *, now: float, at: float) -> bool:
        """Take what `ask` gave; True when there are other series than before.

        Args:
            found: That.
            now: Seconds that never jump.
            at: Unix seconds.
        """
        self.error = None
        self.last_success = at
        changed = False
        for label in {**self._series, **found}:
            series = self._series.setdefault(label, {})
            present = dict.fromkeys(found.get(label, ()))
            changed |= not present.keys() <= series.keys()
            for name in series.keys() - present.keys():
                since = series[name]
                present[name] = now if since is None else since
            kept = {
                name: since
                for name, since in present.items()
                if since is None or now - since < self._grace
            }
            changed |= len(kept) < len(series)
            self._series[label] = kept
        return changed

    def failed(self, error: SourceError) -> None:
        """Take note that a round failed; what was found before is kept."""
        self.error = str(error)

    def finding(self, view: MapperView) -> Finding:
        """What the rule gives, with the resources there are now."""
        if self.rule.problem is not None:
            return Finding(self.rule, {}, {})
        mapping = self.mapping(view)
        if self.rule.rule.metric:
            series = self.rule.selector.name if self.rule.selector else ""
            infos = filter(None, map(mapping.resource_for, mapping.override_labels))
            resources = dict.fromkeys(infos, (series,))
            return Finding(self.rule, {series: self.rule.rule.metric}, resources)
        by_resource: dict[ResourceInfo, set[str]] = {}
        for label, found in self._series.items():
            info = mapping.resource_for(label) if label else None
            if info is not None:
                by_resource.setdefault(info, set()).update(found)
        return Finding(self.rule, self._api_names(), by_resource)

    def status(self, view: MapperView, conflicts: Sequence[Conflict]) -> RuleStatus:
        """How it fares, with those of *conflicts* in which it is the one that is hidden."""
        return RuleStatus(
            self.rule.id,
            self.health,
            self.last_success,
            len(self.names()),
            self.error,
            tuple(conflict for conflict in conflicts if conflict.hidden == self.rule.id),
            self.mapping(view).unresolved,
        )

    def names(self) -> set[str]:
        """Names in the API it gives."""
        if self.rule.rule.metric:
            return {self.rule.rule.metric}
        return {name for name in self._names.values() if name is not None}

    def _api_names(self) -> dict[str, str]:
        """Names in the API by series; those known from the last round are not made again."""
        name_for, known = self.rule.namer.name_for, self._names
        self._names = {
            series: known[series] if series in known else name_for(series)
            for series in self._all_series()
        }
        return {series: name for series, name in self._names.items() if name is not None}

    def _all_series(self) -> Iterator[str]:
        for found in self._series.values():
            yield from found
