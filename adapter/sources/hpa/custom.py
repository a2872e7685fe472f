"""``custom.metrics.k8s.io``, of what HPAs define by annotations."""

import asyncio

from adapter.errors import SourceError
from adapter.kube.api import KubeApiError
from adapter.kube.mapper import KubeMapper
from adapter.kube.scales import Scales
from adapter.model.autoscaling import SourceType
from adapter.model.metrics import MetricValue
from adapter.model.resources import GroupResource, ListedMetric
from adapter.rules.annotations import Definition, PrometheusMetric
from adapter.rules.annotations_metrics import ORDER
from adapter.rules.policy import Cause, Refusal
from adapter.sources.base import InstantQuery, ObjectQuestion, ObjectValues, no_metric
from adapter.sources.hpa.definitions import Definitions
from adapter.sources.hpa.index import Index
from adapter.sources.hpa.pods import PODS, PodsOfWorkloads
from adapter.sources.hpa.results import divided, only_value
from adapter.sources.judging import described, object_values
from adapter.telemetry import Telemetry


class HpaCustomSource:
    """Implements `adapter.sources.base.CustomMetricsSource`.

    Args:
        definitions: What HPAs define.
        pods: Gives metrics of pods.
        scales: How many replicas a workload has.
        queries: Asks Prometheus.
        mapper: What the resource of a kind is called.
        telemetry: Own metrics.
    """

    def __init__(
        self,
        definitions: Definitions,
        *,
        pods: PodsOfWorkloads,
        scales: Scales,
        queries: InstantQuery,
        mapper: KubeMapper,
        telemetry: Telemetry,
    ) -> None:
        self._definitions = definitions
        self._pods = pods
        self._scales = scales
        self._queries = queries
        self._mapper = mapper
        self._telemetry = telemetry
        self._listed_for: tuple[Index, int] | None = None
        self._listed: tuple[ListedMetric, ...] = ()
        self._served: frozenset[tuple[GroupResource, str]] = frozenset()

    def listed(self) -> tuple[ListedMetric, ...]:
        """What discovery lists."""
        index = self._definitions.index
        if self._listed_for != (index, self._mapper.revision):
            self._listed_for = index, self._mapper.revision
            listed = tuple(sorted({*self._of_pods(index), *self._of_objects(index)}))
            self._listed = self._listed if listed == self._listed else listed
            self._served = frozenset((each.resource, each.metric) for each in listed)
        return self._listed

    def order(self, resource: GroupResource, metric: str) -> int | None:
        """Place among the rules: after all of them; None where no HPA has such a metric."""
        if metric in self._definitions.index.mistaken:
            return ORDER
        self.listed()
        return ORDER if (resource, metric) in self._served else None

    async def object_values(self, question: ObjectQuestion) -> ObjectValues:
        """Values of a metric for objects; see the protocol."""
        index = self._definitions.index
        if not question.resource.namespaced:
            # an HPA speaks for its own namespace: another's could name the same object
            why = "annotations define metrics of objects in namespaces only"
            raise no_metric(question.metric, described(question), why)
        objects = self._about(question, index)
        if objects:
            return await self._values(question, objects)
        namespace, metric = question.namespace, question.metric
        if question.resource.group_resource == PODS:
            found = index.find(SourceType.PODS, namespace, metric, question.selector)
            if found:
                return await self._pods.object_values(question, found)
        if problem := self._definitions.problem:
            raise SourceError(problem)
        raise no_metric(metric, described(question), index.why_not(namespace, metric))

    def _of_pods(self, index: Index) -> set[ListedMetric]:
        return {ListedMetric(PODS, metric, namespaced=True) for metric in index.pods}

    def _of_objects(self, index: Index) -> set[ListedMetric]:
        found = set()
        for metric, api_version, kind in index.objects:
            info = self._mapper.mapper.resolve(kind, api_version.rpartition("/")[0])
            if info is not None and info.namespaced:
                found.add(ListedMetric(info.group_resource, metric, namespaced=True))
        return found

    def _about(self, question: ObjectQuestion, index: Index) -> dict[str, Definition]:
        """By name, the metrics that are about the objects of *question*."""
        info = question.resource
        found = index.find(
            SourceType.OBJECT, question.namespace, question.metric, question.selector
        )
        by_name: dict[str, Definition] = {}
        for each in found:
            about = each.described
            if about is None or about.kind != info.kind or about.name not in question.names:
                continue
            if about.api_version.rpartition("/")[0] == info.group:
                by_name.setdefault(about.name, each)
        return by_name

    async def _values(
        self, question: ObjectQuestion, objects: dict[str, Definition]
    ) -> ObjectValues:
        found = await asyncio.gather(*(self._value(each) for each in objects.values()))
        values: dict[str, MetricValue] = {}
        refusals = {
            name: Refusal(Cause.EMPTY, "no HPA defines the metric for it")
            for name in question.names
            if name not in objects
        }
        for name, value in zip(objects, found, strict=True):
            if isinstance(value, Refusal):
                self._telemetry.refused_values.labels(value.cause.value).inc()
                refusals[name] = value
            else:
                values[name] = value
        return object_values(question, values, refusals)

    async def _value(self, definition: Definition) -> MetricValue | Refusal:
        metric = definition.source
        if not isinstance(metric, PrometheusMetric):
            return Refusal(Cause.FAILED, "metrics of objects come from prometheus alone")
        series = await self._queries.ask(metric.backend, metric.query, metric.keep_seconds)
        value = only_value(series)
        if isinstance(value, Refusal) or not definition.per_replica:
            return value
        return divided(value, await self._replicas(definition))

    async def _replicas(self, definition: Definition) -> int:
        """Current replicas of the workload: what the HPA saw last, else what its scale says."""
        hpa = self._definitions.hpa(definition.namespace, definition.hpa)
        if hpa is not None and hpa.current_replicas:
            return hpa.current_replicas
        try:
            return (await self._scales.scale(definition.namespace, *definition.target)).replicas
        except KubeApiError as error:
            raise SourceError(str(error)) from error
