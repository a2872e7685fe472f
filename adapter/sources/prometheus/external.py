"""``external.metrics.k8s.io`` from Prometheus."""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from adapter.errors import ConfigError, Forbidden
from adapter.model.labels import Selector
from adapter.model.resources import GroupResource
from adapter.periodic import Clock
from adapter.promql.analysis import plain_selector
from adapter.promql.response import ResponseError, Sample
from adapter.rules.compiled import CompiledRule
from adapter.rules.metrics_query import Subject, render_external
from adapter.rules.policy import Refusal, ValuePolicy
from adapter.rules.registry import ExternalEntry
from adapter.sources.base import ExternalValues, no_metric
from adapter.sources.judging import Series, SeriesJudge
from adapter.sources.prometheus.backends import Backend, Backends
from adapter.sources.prometheus.cache import AnswerCache, keep_seconds
from adapter.sources.prometheus.client import Vector
from adapter.sources.prometheus.discovery import Discovery
from adapter.sources.prometheus.failure import describe_answer
from adapter.sources.prometheus.together import ask_together
from adapter.telemetry import Telemetry

NAMESPACES = GroupResource("", "namespaces")
_NAME = "__name__"

_Labels = frozenset[tuple[str, str]]


class _Queries(NamedTuple):
    value: str
    timestamp: str | None


_Key = tuple[str, _Queries]


class _Answer(NamedTuple):
    series: tuple[Series, ...]
    warnings: tuple[str, ...]


class PrometheusExternalSource:
    """Implements `adapter.sources.base.ExternalMetricsSource`.

    Args:
        discovery: Which metrics there are.
        backends: Who is asked.
        clock: Where time comes from.
        telemetry: Own metrics.
    """

    def __init__(
        self, discovery: Discovery, backends: Backends, *, clock: Clock, telemetry: Telemetry
    ) -> None:
        self._discovery = discovery
        self._backends = backends
        self._clock = clock
        self._telemetry = telemetry
        self._cache: AnswerCache[_Key, _Answer] = AnswerCache(clock, telemetry)
        self._judge = SeriesJudge()

    async def close(self) -> None:
        """End all queries."""
        await self._cache.close()

    def listed(self) -> tuple[str, ...]:
        """What discovery lists."""
        return self._discovery.registry.listed_external()

    def order(self, metric: str) -> int | None:
        """Place of the rule that serves *metric*."""
        entry = self._discovery.registry.external.get(metric)
        return None if entry is None else entry.rule.order

    async def series(self, metric: str, namespace: str, selector: Selector) -> ExternalValues:
        """All series of *metric*; see the protocol."""
        entry = self._discovery.registry.external.get(metric)
        if entry is None:
            self._discovery.request_relist()
            raise no_metric(metric, _what(namespace), self._discovery.why_unknown(metric, None))
        _check_allowed(entry.rule, metric, namespace)
        queries = self._queries(entry, metric, namespace, selector)
        rule = entry.rule.rule
        fetch = functools.partial(self._fetch, self._backends.get(rule.backend), queries)
        key = rule.backend, queries
        answer = await self._cache.get(key, fetch, keep_seconds(rule))
        now = self._clock.time()
        values = self._judge.values(ValuePolicy.of(rule), key, answer.series, now)
        if isinstance(values, Refusal):
            self._telemetry.refused_values.labels(values.cause.value).inc()
            raise no_metric(metric, _what(namespace), values.text)
        return ExternalValues(values, "; ".join(answer.warnings) or None)

    def _queries(
        self, entry: ExternalEntry, metric: str, namespace: str, selector: Selector
    ) -> _Queries:
        rule = entry.rule
        label = ""
        if rule.rule.resources.namespaced:
            try:
                label = self._discovery.mapping(rule).label_for(NAMESPACES)
            except ConfigError as error:
                raise no_metric(
                    metric, _what(namespace), f"{error}; or set resources.namespaced: false"
                ) from error
        render = functools.partial(
            render_external,
            subject=Subject(entry.series, rule.series_matchers),
            selector=selector,
            namespace_label=label,
            namespace=rule.rule.source_namespace or namespace,
        )
        value = render(rule.query)
        if rule.timestamp_query is not None:
            return _Queries(value, render(rule.timestamp_query))
        dated = rule.rule.max_age > 0 and plain_selector(value)
        return _Queries(value, f"timestamp({value})" if dated else None)

    async def _fetch(self, backend: Backend, queries: _Queries) -> _Answer:
        at = self._clock.time()

        async def ask(question: tuple[str, bool]) -> Vector:
            text, scalar = question
            return await backend.query(text, at=at, scalar=scalar)

        questions = [(queries.value, True)]
        if queries.timestamp is not None:
            questions.append((queries.timestamp, True))
        vectors = await ask_together(ask, questions)
        warnings = tuple(dict.fromkeys(text for each in vectors for text in each.warnings))
        try:
            times = _times(vectors[1].samples) if queries.timestamp is not None else None
            series = tuple(_series(sample, times) for sample in vectors[0].samples)
        except ResponseError as error:
            raise describe_answer(error) from error
        return _Answer(series, warnings)


def _check_allowed(rule: CompiledRule, metric: str, namespace: str) -> None:
    allowed = rule.rule.allowed_namespaces
    if allowed and namespace not in allowed:
        raise Forbidden(
            f"the metric {metric} is not for namespace {namespace}: allowedNamespaces of its rule "
            f"({rule.id}) does not name it",
            details=False,
        )


def _what(namespace: str) -> str:
    return f"namespace {namespace}"


def _identity(labels: Mapping[str, str] | None) -> _Labels:
    """Labels that tell a series from others, whatever functions did to its name."""
    return frozenset((key, text) for key, text in (labels or {}).items() if key != _NAME)


def _times(samples: Sequence[Sample]) -> Mapping[_Labels, float]:
    return {_identity(_labels(sample)): sample.number for sample in samples}


def _series(sample: Sample, times: Mapping[_Labels, float] | None) -> Series:
    labels = _labels(sample)
    identity = _identity(labels)
    timestamp: float | None = sample.timestamp
    if times is not None:
        timestamp = times.get(identity, times.get(frozenset()))
        if timestamp is not None and math.isnan(timestamp):
            timestamp = None
    return Series(labels, sample.number, timestamp, identity)


def _labels(sample: Sample) -> Mapping[str, str] | None:
    return None if bytes(sample.metric) == b"null" else sample.labels
