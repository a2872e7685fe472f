"""``external.metrics.k8s.io`` from JSON documents."""

from collections.abc import Iterable

from adapter.errors import Forbidden
from adapter.model.labels import Selector
from adapter.rules.json_metric import URLMetric
from adapter.sources.base import NO_RULE, ExternalValues, URLSeries, no_metric


class JsonExternalSource:
    """Implements `adapter.sources.joined.OrderedExternalSource`.

    Args:
        metrics: In the order of the file; of two with one name the first is served.
        reader: Reads them.
    """

    def __init__(self, metrics: Iterable[URLMetric], reader: URLSeries) -> None:
        self._metrics: dict[str, URLMetric] = {}
        for metric in metrics:
            self._metrics.setdefault(metric.metric, metric)
        self._reader = reader
        self._listed = tuple(sorted(self._metrics))

    def listed(self) -> tuple[str, ...]:
        """The metrics of all rules; whether there are values shows when one is asked for."""
        return self._listed

    def order(self, metric: str) -> int | None:
        """Place of the rule that serves *metric*."""
        found = self._metrics.get(metric)
        return None if found is None else found.order

    async def series(self, metric: str, namespace: str, selector: Selector) -> ExternalValues:
        """All series of *metric*; see the protocol."""
        found = self._metrics.get(metric)
        if found is None:
            raise no_metric(metric, f"namespace {namespace}", NO_RULE)
        if found.allowed_namespaces and namespace not in found.allowed_namespaces:
            raise Forbidden(
                f"the metric {metric} is not for namespace {namespace}: allowedNamespaces of its "
                f"rule ({found.id}) does not name it",
                details=False,
            )
        return await self._reader.series(found, selector, namespace)
