"""``custom.metrics.k8s.io`` from JSON documents of pods."""

from collections.abc import Iterable

from adapter.model.resources import GroupResource, ListedMetric
from adapter.rules.json_metric import PodsMetric
from adapter.sources.base import NO_RULE, ObjectQuestion, ObjectValues, PodValues, no_metric
from adapter.sources.judging import described, pod_values

PODS = GroupResource("", "pods")


class JsonCustomSource:
    """Implements `adapter.sources.joined.OrderedCustomSource`.

    Args:
        metrics: In the order of the file; of two with one name the first is served.
        reader: Reads them.
    """

    def __init__(self, metrics: Iterable[PodsMetric], reader: PodValues) -> None:
        self._metrics: dict[str, PodsMetric] = {}
        for metric in metrics:
            self._metrics.setdefault(metric.metric, metric)
        self._reader = reader
        self._listed = tuple(
            sorted(ListedMetric(PODS, name, namespaced=True) for name in self._metrics)
        )

    def listed(self) -> tuple[ListedMetric, ...]:
        """The metrics of all rules; whether there are values shows when one is asked for."""
        return self._listed

    def order(self, resource: GroupResource, metric: str) -> int | None:
        """Place of the rule that serves *metric*."""
        found = self._metrics.get(metric)
        return None if found is None or resource != PODS else found.order

    async def object_values(self, question: ObjectQuestion) -> ObjectValues:
        """Values of a metric for pods; see the protocol."""
        metric = self._metric(question)
        judged = await self._reader.values(metric, question.namespace, question.names)
        return pod_values(question, judged)

    def _metric(self, question: ObjectQuestion) -> PodsMetric:
        resource = question.resource.group_resource
        metric = self._metrics.get(question.metric)
        if metric is None:
            why = NO_RULE
        elif resource != PODS:
            why = f"{metric.id} gives it for pods"
        elif metric.namespaces and question.namespace not in metric.namespaces:
            why = f"{metric.id} reads pods of {', '.join(sorted(metric.namespaces))} only"
        elif not question.selector.matches({}):
            why = f"{metric.id} reads JSON, whose values have no labels to select by"
        else:
            return metric
        raise no_metric(question.metric, described(question), why)
