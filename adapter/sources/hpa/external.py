"""``external.metrics.k8s.io``, of what HPAs define by annotations."""

from collections.abc import Sequence

from adapter.errors import SourceError
from adapter.model.autoscaling import SourceType
from adapter.model.labels import EVERYTHING, Selector
from adapter.model.metrics import ExternalMetricValue
from adapter.rules.annotations import Definition, PrometheusMetric, Source
from adapter.rules.annotations_metrics import ORDER
from adapter.rules.json_metric import PodsMetric, URLMetric
from adapter.rules.policy import Refusal
from adapter.sources.base import ExternalValues, InstantQuery, URLSeries, no_metric
from adapter.sources.hpa.definitions import Definitions
from adapter.sources.hpa.results import only_value
from adapter.telemetry import Telemetry


class HpaExternalSource:
    """Implements `adapter.sources.base.ExternalMetricsSource`.

    Which metric is meant, the namespace, the name and the selector say together: so the answer has
    the labels of the selector, and not those of a series.

    Args:
        definitions: What HPAs define.
        documents: Reads JSON.
        queries: Asks Prometheus.
        telemetry: Own metrics.
    """

    def __init__(
        self,
        definitions: Definitions,
        *,
        documents: URLSeries,
        queries: InstantQuery,
        telemetry: Telemetry,
    ) -> None:
        self._definitions = definitions
        self._documents = documents
        self._queries = queries
        self._telemetry = telemetry
        self._names: frozenset[str] = frozenset()
        self._listed: tuple[str, ...] = ()
        definitions.when_dropped(self._forget)

    def listed(self) -> tuple[str, ...]:
        """What discovery lists."""
        names = self._definitions.index.external
        if names != self._names:
            self._names, self._listed = names, tuple(sorted(names))
        return self._listed

    def order(self, metric: str) -> int | None:
        """Place among the rules: after all of them; None where no HPA has such a metric."""
        index = self._definitions.index
        return ORDER if metric in index.external or metric in index.mistaken else None

    async def series(self, metric: str, namespace: str, selector: Selector) -> ExternalValues:
        """All series of *metric*; see the protocol."""
        index = self._definitions.index
        found = index.find(SourceType.EXTERNAL, namespace, metric, selector)
        if not found:
            if problem := self._definitions.problem:
                raise SourceError(problem)
            raise no_metric(metric, f"namespace {namespace}", index.why_not(namespace, metric))
        values: list[ExternalMetricValue] = []
        warnings = []
        for each in _distinct(found):
            answer = await self._values(each)
            values += answer.values
            warnings += [answer.warning] if answer.warning else []
        return ExternalValues(values, "; ".join(warnings) or None)

    def _forget(self, source: Source) -> None:
        if isinstance(source, URLMetric):
            self._documents.forget(source)

    async def _values(self, definition: Definition) -> ExternalValues:
        match definition.source:
            case PrometheusMetric() as metric:
                answer = await self._asked(metric, definition.namespace)
            case PodsMetric() as metric:  # never: an external metric is not one of pods
                raise no_metric(metric.metric, "external metrics", "it is a metric of pods")
            case metric:
                answer = await self._documents.series(metric, EVERYTHING, definition.namespace)
        relabelled = [
            ExternalMetricValue(definition.labels, each.value, each.timestamp, each.window)
            for each in answer.values
        ]
        return ExternalValues(relabelled, answer.warning)

    async def _asked(self, metric: PrometheusMetric, namespace: str) -> ExternalValues:
        series = await self._queries.ask(metric.backend, metric.query, metric.keep_seconds)
        value = only_value(series)
        if isinstance(value, Refusal):
            self._telemetry.refused_values.labels(value.cause.value).inc()
            raise no_metric(metric.metric, f"namespace {namespace}", value.text)
        return ExternalValues(
            [ExternalMetricValue(None, value.value, value.timestamp, value.window)]
        )


def _distinct(definitions: Sequence[Definition]) -> Sequence[Definition]:
    """One for each metric: several HPAs may define the very same."""
    found: dict[frozenset[tuple[str, str]], Definition] = {}
    for each in definitions:
        found.setdefault(frozenset(each.labels.items()), each)
    return [*found.values()]
