"""Annotations on an HPA → the metrics they define, and what is wrong with them. Pure.

The grammar is kube-metrics-adapter's, so that its users need not touch their HPAs. What that skips
or fails on in silence is a `Mistake` here, which becomes an Event on the HPA.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from adapter.model.autoscaling import HorizontalPodAutoscaler, MetricSpec, ObjectName, SourceType
from adapter.rules.annotations_keys import (
    COLLECTORS,
    PROMETHEUS,
    TYPES,
    UNSUPPORTED,
    Key,
    Mistake,
    concerns_us,
    did_you_mean,
    name_hint,
    parse_key,
    too_much,
)
from adapter.rules.annotations_metrics import (
    PER_REPLICA,
    PODS_OPTIONS,
    PROMETHEUS_OPTIONS,
    QUERY_NAME,
    URL_OPTIONS,
    PrometheusMetric,
    Servers,
    per_replica,
    pods_metric,
    prometheus_metric,
    url_metric,
)
from adapter.rules.annotations_options import Options
from adapter.rules.json_metric import PodsMetric, URLMetric

__all__ = ["Annotated", "Definition", "Mistake", "PrometheusMetric", "concerns_us", "owner_of"]

TYPE_LABEL = "type"
"""Label of a selector that names the collector of an external metric."""

_PACE = frozenset(("interval", "request-timeout", "connect-timeout"))

Source = PodsMetric | URLMetric | PrometheusMetric


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A metric that an HPA defines.

    Attributes:
        namespace: That of the HPA.
        hpa: The HPA's name.
        type: In which API it is.
        metric: Name in the API.
        labels: ``matchLabels`` of the metric in the HPA: with namespace and name they say which
            metric is meant, and they are the labels it is answered with.
        described: The object it is about, for `SourceType.OBJECT`.
        target: What the HPA scales.
        per_replica: Whether the value is divided by the number of the target's replicas.
        source: Where values come from; not compared.
        content: All that *source* is made of.
    """

    namespace: str
    hpa: str
    type: SourceType
    metric: str
    labels: Mapping[str, str]
    described: ObjectName | None
    target: ObjectName
    per_replica: bool
    source: Source = field(compare=False)
    content: tuple[tuple[str, str], ...]

    @property
    def meaning(self) -> Hashable:
        """What decides about values: equal for definitions that differ in pace alone."""
        asked = tuple(pair for pair in self.content if pair[0] not in _PACE)
        return asked, self.per_replica


class Annotated(NamedTuple):
    """What the annotations of one HPA come to."""

    definitions: tuple[Definition, ...]
    mistakes: tuple[Mistake, ...]


def owner_of(hpa: HorizontalPodAutoscaler) -> str:
    """What people call *hpa*."""
    return f"HorizontalPodAutoscaler {hpa.namespace}/{hpa.name}"


def read_annotations(hpa: HorizontalPodAutoscaler, servers: Servers) -> Annotated:
    """Read the annotations of *hpa*.

    Args:
        hpa: The HPA.
        servers: URLs of the Prometheus servers that may be asked, by name.
    """
    if excess := too_much(hpa):
        return Annotated((), (excess,))
    reader = _Reader(hpa, servers)
    definitions = tuple(reader.definitions())
    return Annotated(definitions, tuple(dict.fromkeys(reader.mistakes)))


class _Group(NamedTuple):
    """The annotations of one metric by one collector."""

    prefix: str
    type: SourceType
    metric: str
    collector: str
    given: dict[str, str]


class _Reader:
    def __init__(self, hpa: HorizontalPodAutoscaler, servers: Servers) -> None:
        self.mistakes: list[Mistake] = []
        self._hpa = hpa
        self._servers = servers

    def definitions(self) -> Iterator[Definition]:
        for group in self._groups():
            specs = self._specs(group)
            queries = frozenset(
                spec.match_labels[QUERY_NAME] for spec in specs if QUERY_NAME in spec.match_labels
            )
            for spec in specs:
                yield from self._definition(group, spec, queries)

    def _groups(self) -> Iterator[_Group]:
        """The annotations by metric; of a metric with two collectors none."""
        found: dict[tuple[SourceType, str], dict[str, _Group]] = {}
        for text, value in sorted(self._hpa.annotations.items()):
            key = parse_key(text)
            if isinstance(key, Mistake):
                self.mistakes.append(key)
                continue
            kind, collector = self._type(key), ""
            if kind is not None:
                collector = self._collector(key, kind)
            if kind is not None and collector:
                group = _Group(key.prefix, kind, key.metric, collector, {})
                by_prefix = found.setdefault((kind, key.metric), {})
                by_prefix.setdefault(key.prefix, group).given[key.option] = value
        for groups in found.values():
            if len(groups) == 1:
                yield from groups.values()
            else:
                self._two_collectors([*groups.values()])

    def _type(self, key: Key) -> SourceType | None:
        kind = TYPES.get(key.type)
        if kind is not None:
            return kind
        if self._has(SourceType.EXTERNAL, key.metric):
            return SourceType.EXTERNAL  # what any other word is for kube-metrics-adapter
        hint = did_you_mean(key.type, TYPES, "there are pods, object and external")
        self._wrong(key.prefix, f"there is no type {key.type!r}", hint, key.metric)
        return None

    def _collector(self, key: Key, kind: SourceType) -> str:
        """The collector that *key* means; "" where there is none."""
        known = COLLECTORS[kind]
        if key.collector in known:
            return known[key.collector]
        word = kind.value
        if key.collector in UNSUPPORTED:
            text = f"the collector {key.collector!r} of kube-metrics-adapter is not supported"
            hint = "there are json-path and prometheus; or write a rule"
            self._wrong(key.prefix, text, hint, key.metric)
            return ""
        otherwise = f"metrics of type {word} have {' and '.join(sorted(set(known.values())))}"
        text = f"there is no collector {key.collector!r} for metrics of type {word}"
        hint = did_you_mean(key.collector, known, otherwise)
        self._wrong(key.prefix, text, hint, key.metric)
        return ""

    def _two_collectors(self, groups: list[_Group]) -> None:
        first, *others = groups
        for other in others:
            text = f"the metric has annotations of another collector, too: {first.prefix}"
            self._wrong(other.prefix, text, "remove those of one of them", other.metric)

    def _has(self, kind: SourceType, metric: str) -> bool:
        return any(spec.type is kind and spec.name == metric for spec in self._hpa.metrics)

    def _specs(self, group: _Group) -> list[MetricSpec]:
        """Metrics of the HPA that the annotations are about."""
        named = [spec for spec in self._hpa.metrics if spec.name == group.metric]
        found = [spec for spec in named if spec.type is group.type]
        if found:
            return found
        if named:
            is_type, word = named[0].type, group.type
            text = f"the metric {group.metric} of this HPA is of type {is_type}, not {word}"
            hint = f"begin with metric-config.{is_type.lower()}."
        else:
            names = {spec.name for spec in self._hpa.metrics}
            text = f"no metric of this HPA is called {group.metric!r}"
            hint = name_hint(group.metric, names)
        self._wrong(group.prefix, text, hint, group.metric)
        return []

    def _definition(
        self, group: _Group, spec: MetricSpec, queries: frozenset[str]
    ) -> Iterator[Definition]:
        if not self._fits(group, spec):
            return
        # labels are options, too, where no annotation says something else
        known = _known_options(group) | queries
        labels = {key: value for key, value in spec.match_labels.items() if key in known}
        options = Options(group.prefix, group.metric, {**labels, **group.given})
        source, divided = self._source(group, options, queries)
        self.mistakes += options.mistakes
        if source is None:
            return
        yield Definition(
            namespace=self._hpa.namespace,
            hpa=self._hpa.name,
            type=spec.type,
            metric=spec.name,
            labels=spec.match_labels,
            described=spec.described,
            target=self._hpa.target,
            per_replica=divided,
            source=source,
            content=_content(group, source, options),
        )

    def _source(
        self, group: _Group, options: Options, queries: frozenset[str]
    ) -> tuple[Source | None, bool]:
        """Where values come from, and whether they are per replica."""
        owner, namespace = owner_of(self._hpa), self._hpa.namespace
        if group.type is SourceType.PODS:
            return pods_metric(options, owner, namespace), False
        if group.collector != PROMETHEUS:
            return url_metric(options, owner, namespace), False
        divided = False
        if group.type is SourceType.OBJECT:
            divided = per_replica(options)
            queries |= {PER_REPLICA}
        return prometheus_metric(options, owner, self._servers, queries), divided

    def _fits(self, group: _Group, spec: MetricSpec) -> bool:
        """Whether the selector of *spec* is one that annotations can serve."""
        if spec.has_expressions:
            text = f"the selector of the metric {spec.name} has matchExpressions"
            self._wrong(group.prefix, text, "use matchLabels alone", spec.name)
            return False
        word = spec.match_labels.get(TYPE_LABEL, "")
        meant = COLLECTORS[group.type].get(word, word)
        if group.type is SourceType.EXTERNAL and word and meant != group.collector:
            text = f"the selector of the metric {spec.name} says {TYPE_LABEL}: {word}"
            if word in UNSUPPORTED:
                hint = "which is not supported"
            else:
                hint = f"write {TYPE_LABEL}: {group.collector}, or annotations for {word}"
            self._wrong(group.prefix, text, hint, spec.name)
            return False
        return True

    def _wrong(self, where: str, text: str, hint: str, metric: str) -> None:
        self.mistakes.append(Mistake(where, text, hint, metric))


def _known_options(group: _Group) -> frozenset[str]:
    if group.type is SourceType.PODS:
        return PODS_OPTIONS
    if group.collector != PROMETHEUS:
        return URL_OPTIONS
    return PROMETHEUS_OPTIONS | ({PER_REPLICA} if group.type is SourceType.OBJECT else frozenset())


def _content(group: _Group, source: Source, options: Options) -> tuple[tuple[str, str], ...]:
    if isinstance(source, PrometheusMetric):
        content = {"backend": source.backend, "query": source.query}
        known = frozenset(("interval",))
    else:
        content, known = {}, _known_options(group)
    content |= {key: options.text(key) for key in options.given if key in known}
    return (("collector", group.collector), *sorted(content.items()))
