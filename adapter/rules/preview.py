"""What rules would serve for given series, and the PromQL they would send; without any server."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from adapter.errors import AdapterError
from adapter.model.labels import EVERYTHING
from adapter.model.resources import GroupResource
from adapter.model.restmapper import BUILTIN
from adapter.promql.matchers import Matcher, MatchOp
from adapter.promql.selectors import SeriesSelector, parse_series_selector
from adapter.promql.template import parse_template
from adapter.rules.findings import Place
from adapter.rules.json_section import JsonSection
from adapter.rules.lint_query import PLACEHOLDER, Labels, labels_of, render_sample, subject_of
from adapter.rules.load import Loaded
from adapter.rules.mapping import PODS, ResourceMapping
from adapter.rules.naming import SeriesNamer
from adapter.rules.patterns import Pattern, PatternError
from adapter.rules.schema import DiscoveryRule
from adapter.rules.sections import QUERY_FIELDS
from adapter.rules.urls import shown_url

CUSTOM = "custom.metrics.k8s.io"
EXTERNAL = "external.metrics.k8s.io"

_SECTIONS = (("rules", CUSTOM), ("externalRules", EXTERNAL))


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series' name, and the labels that series of this name have."""

    name: str
    labels: Mapping[str, frozenset[str]]
    """Label name → its values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A metric of the API.

    Attributes:
        rule: The rule: ``rules[0]``.
        place: Where it stands.
        api: The API group.
        name: The metric's name; empty where it depends on the series, which are not known.
        series: The series behind it; empty where that is not known, or does not matter.
        resources: What it belongs to; empty for an external metric.
        query: PromQL for one sample object; or ``error:`` and why there is none. Of a rule with
            ``json`` what is fetched, and what is read from it.
        hidden_by: The rule that gives the same name before, for every resource; may be empty.
    """

    rule: str
    place: Place
    api: str
    name: str
    series: str
    resources: tuple[str, ...]
    query: str
    hidden_by: str = ""


def series_of(samples: Iterable[tuple[str, Mapping[str, str]]]) -> list[Series]:
    """Sum up *samples*, names and labels, by name."""
    found: dict[str, dict[str, set[str]]] = {}
    for name, labels in samples:
        known = found.setdefault(name, {})
        for label, value in labels.items():
            known.setdefault(label, set()).add(value)
    return [
        Series(name=name, labels={label: frozenset(values) for label, values in labels.items()})
        for name, labels in sorted(found.items())
    ]


def preview(loaded: Loaded, series: Sequence[Series] | None) -> list[Served]:
    """List the metrics of all rules without an error, in the order of the rules.

    Args:
        loaded: The rules.
        series: What there is in Prometheus; None where that is not known.
    """
    found: list[Served] = []
    for section, api in _SECTIONS:
        external = api == EXTERNAL
        rules = loaded.rule_file.external_rules if external else loaded.rule_file.rules
        taken: dict[tuple[str, str], str] = {}
        for number, rule in enumerate(rules):
            rule_id = f"{section}[{number}]"
            if rule_id in loaded.broken:
                continue
            for name, metric, resources, query in _of_rule(rule, series, external=external):
                served = Served(
                    rule=rule_id,
                    place=loaded.places[rule_id],
                    api=api,
                    name=name,
                    series=metric,
                    resources=() if external else resources,
                    query=query,
                )
                found.append(_with_precedence(served, taken))
    return found


def _with_precedence(served: Served, taken: dict[tuple[str, str], str]) -> Served:
    """Note what *served* takes, and take from it what an earlier rule has."""
    if not served.name:
        return served
    keys = [(served.name, resource) for resource in served.resources or ("",)]
    winners = [taken.setdefault(key, served.rule) for key in keys]
    if served.rule in winners:
        kept = zip(served.resources, winners, strict=False)
        mine = tuple(resource for resource, winner in kept if winner == served.rule)
        return replace(served, resources=mine)
    return replace(served, hidden_by=winners[0])


def _of_rule(
    rule: DiscoveryRule, series: Sequence[Series] | None, *, external: bool
) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Yield name, series, resources and query of each metric of *rule*."""
    if rule.json_ is not None:
        yield rule.metric, "", () if external else (str(PODS),), _fetched(rule.json_)
        return
    selector = parse_series_selector(rule.series_query) if rule.series_query else None
    mapped = _Mapped(rule)
    if rule.metric or series is None:
        name = selector.name if selector else ""
        metric = rule.metric or (SeriesNamer(rule).name_for(name) if name else "")
        if metric is not None:
            query = _query(rule, selector, name, mapped.labels(), external=external)
            yield metric, name, mapped.everything(), query
        return
    namer = SeriesNamer(rule)
    for each in series:
        metric = namer.name_for(each.name) if selector and _matches(selector, each) else None
        resources = mapped.resources(each.labels)
        if metric and (resources or external):
            labels = mapped.labels(each.labels)
            query = _query(rule, selector, each.name, labels, external=external)
            yield metric, each.name, resources, query


def _fetched(section: JsonSection) -> str:
    """Say what is fetched and read: ``GET http://<pod>:8080/stats → $.queue.length``."""
    where = shown_url(section.url)
    if section.pods is not None:
        where = f"{section.scheme}://<pod>:{section.port}{shown_url(section.path)}"
    value = f"{section.aggregate}({section.query})" if section.aggregate else section.query
    labels = ", ".join(f"{label}: {path}" for label, path in section.labels.items())
    items = f" → each {section.each}" if section.each else ""
    return f"GET {where}{items} → {value}" + (f" {{{labels}}}" if labels else "")


class _Mapped:
    """Labels of one rule and the resources they name."""

    def __init__(self, rule: DiscoveryRule) -> None:
        self._rule = rule
        self._labels = labels_of(rule)
        self._mapping = ResourceMapping(
            rule.resources, BUILTIN, namespace_label=rule.namespace_label
        )

    def labels(self, present: Iterable[str] | None = None) -> Labels:
        """Labels for a query; of those that are *present*, if known, with pods before others."""
        if present is None:
            return self._labels
        found = [label for label in present if self._name(label)]
        objects = [label for label in found if label != self._labels.namespace]
        objects.sort(key=lambda label: (self._name(label) != str(PODS), label))
        return self._labels._replace(objects=objects)

    def resources(self, labels: Iterable[str]) -> tuple[str, ...]:
        """Resources that *labels* name, sorted."""
        return tuple(sorted({name for label in labels if (name := self._name(label))}))

    def everything(self) -> tuple[str, ...]:
        """Resources that may be named, whichever labels there are."""
        found = [self._name(label) for label in self._mapping.override_labels]
        if self._mapping.has_template:
            found.append(f"as {self._rule.resources.template} says")
        return tuple(dict.fromkeys(found))

    def _name(self, label: str) -> str:
        """Resource that *label* names; empty for none."""
        info = self._mapping.resource_for(label)
        if info is not None:
            return str(info.group_resource)
        override = self._rule.resources.overrides.get(label)
        return str(GroupResource(override.group, override.resource)) if override else ""


def _query(
    rule: DiscoveryRule,
    selector: SeriesSelector | None,
    series: str,
    labels: Labels,
    *,
    external: bool,
) -> str:
    if external and labels.unmapped:
        return "error: no label names the namespace"
    template = parse_template(rule.metrics_query, QUERY_FIELDS)
    subject = subject_of(selector, series or PLACEHOLDER)
    try:
        return render_sample(template, subject, labels, EVERYTHING, external=external)
    except AdapterError as error:
        return f"error: {error}"


def _matches(selector: SeriesSelector, series: Series) -> bool:
    """Tell whether any series of this name may match; label by label, which is near enough."""
    if selector.name and selector.name != series.name:
        return False
    return all(_matches_one(matcher, series) for matcher in selector.matchers)


def _matches_one(matcher: Matcher, series: Series) -> bool:
    if matcher.label == "__name__":
        values = frozenset([series.name])
    else:
        values = series.labels.get(matcher.label, frozenset([""]))
    match matcher.op:
        case MatchOp.EQUAL:
            return matcher.value in values
        case MatchOp.NOT_EQUAL:
            return values != {matcher.value}
        case _:
            wanted = matcher.op is MatchOp.REGEX
            return any(_fits(matcher.value, value) == wanted for value in values)


def _fits(pattern: str, value: str) -> bool:
    """Match as Prometheus does: the whole value, and ``.`` takes line ends."""
    try:
        return Pattern(f"^(?s:{pattern})$").search(value) is not None
    except PatternError:
        return False
