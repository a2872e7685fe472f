"""What an API group asks of a source. The contract is the documentation."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from adapter.errors import NotFound
from adapter.model.labels import EVERYTHING, Selector
from adapter.model.metrics import ExternalMetricValue, MetricValue, NodeMetrics, PodMetrics
from adapter.model.resources import ListedMetric, PodKey, ResourceInfo
from adapter.rules.json_metric import PodsMetric, URLMetric
from adapter.rules.policy import Refusal


class ResourceMetricsSource(Protocol):
    """Usage of nodes and pods, for ``metrics.k8s.io``."""

    async def pods(
        self, keys: Sequence[PodKey], namespace: str | None
    ) -> Sequence[PodMetrics | None]:
        """Usage of each pod of *keys*, in their order; None where there is no usable sample.

        Args:
            keys: The pods wanted.
            namespace: The namespace all of *keys* are in, or None for any: the scope in which a
                source may look things up at once.

        Raises:
            SourceError: The source as a whole failed; `SourceTimeout` if it was slow.
        """

    async def nodes(self, names: Sequence[str]) -> Sequence[NodeMetrics | None]:
        """Usage of each node of *names*, in their order; None where there is no usable sample.

        Raises:
            SourceError: The source as a whole failed; `SourceTimeout` if it was slow.
        """

    def why_no_pod(self, key: PodKey, node: str | None) -> str:
        """Why `pods` has nothing for *key*: a clause for ``Status.message``, never empty.

        Args:
            key: The pod.
            node: The node it runs on, when that is known.
        """

    def why_no_node(self, name: str) -> str:
        """Why `nodes` has nothing for node *name*: a clause for ``Status.message``."""


class ObjectQuestion(NamedTuple):
    """What a request asks of a custom metric.

    Attributes:
        resource: The kind of the objects described.
        namespace: Theirs; "" for cluster-scoped objects.
        names: The objects, sorted, at least one.
        metric: The metric's name in the API.
        selector: On the labels of the series (``metricLabelSelector``).
        by_name: One object was named; without, *names* are those a label selector found.
    """

    resource: ResourceInfo
    namespace: str
    names: tuple[str, ...]
    metric: str
    selector: Selector = EVERYTHING
    by_name: bool = False


class ObjectValues(NamedTuple):
    """Values by object name; objects without a usable one are absent.

    *warning* is a sentence for the person who asked, such as why objects are absent.
    """

    values: Mapping[str, MetricValue]
    warning: str | None = None


class CustomMetricsSource(Protocol):
    """Metrics of Kubernetes objects, for ``custom.metrics.k8s.io``."""

    def listed(self) -> tuple[ListedMetric, ...]:
        """What discovery lists, sorted; the same tuple until it changes. Answers from memory."""

    async def object_values(self, question: ObjectQuestion) -> ObjectValues:
        """Values of a metric for objects.

        Raises:
            NotFound: The metric is not known for that resource, an object asked for by name has no
                usable value, or no object has one for a reason that should be told; the message is
                that of `no_metric` and ends with the cause.
            BadRequest: The selector cannot be put into a query.
            SourceError: The source as a whole failed; `SourceTimeout` if it was slow.
        """


class ExternalValues(NamedTuple):
    """The series of an external metric; *warning* as in `ObjectValues`."""

    values: Sequence[ExternalMetricValue]
    warning: str | None = None


class ExternalMetricsSource(Protocol):
    """Metrics of things outside of Kubernetes, for ``external.metrics.k8s.io``."""

    def listed(self) -> tuple[str, ...]:
        """What discovery lists, sorted; the same tuple until it changes. Answers from memory."""

    async def series(self, metric: str, namespace: str, selector: Selector) -> ExternalValues:
        """All series of *metric* that *namespace* may see and *selector* selects.

        Raises:
            NotFound: The metric is not known.
            Forbidden: It is not for *namespace*.
            BadRequest: The selector cannot be put into a query.
            SourceError: The source as a whole failed; `SourceTimeout` if it was slow.
        """


class PodValues(Protocol):
    """Values that pods tell of themselves."""

    async def values(
        self, metric: PodsMetric, namespace: str, names: Sequence[str]
    ) -> Mapping[str, MetricValue | Refusal]:
        """The value of each pod of *names*, or why it has none.

        *metric* is known again by its identity: the same object for as long as nothing changes.

        Raises:
            SourceError: Which pods there are is not known.
        """

    def forget(self, metric: PodsMetric) -> None:
        """Read *metric* no more: nothing defines it any longer."""


class URLSeries(Protocol):
    """Series read from one document."""

    async def series(self, metric: URLMetric, selector: Selector, namespace: str) -> ExternalValues:
        """All series of *metric* that *selector* selects, for whom asks from *namespace*.

        *metric* is known again by its identity: the same object for as long as nothing changes.

        Raises:
            NotFound: The document has no usable value; the message is that of `no_metric`.
            SourceError: It could not be fetched; `SourceTimeout` if that took too long.
        """

    def forget(self, metric: URLMetric) -> None:
        """Read *metric* no more: nothing defines it any longer."""


class InstantQuery(Protocol):
    """Answers of single queries, for metrics that no rule file defines."""

    async def ask(
        self, backend: str, query: str, keep_seconds: float | None = None
    ) -> Sequence[ExternalMetricValue]:
        """The result of *query* now, as it is: NaN and ±Inf are possible; a scalar has no labels.

        Args:
            backend: Name of a server; "" for the default one.
            query: In its query language.
            keep_seconds: How long the result may serve further calls; None for the usual time.

        Raises:
            SourceError: The server failed or refused; `SourceTimeout` if it was slow.
        """


NO_RULE = "no rule gives it"
"""Why a source has no metric that it knows nothing of; says little where another one knows more."""


def no_metric(metric: str, what: str, why: str) -> NotFound:
    """The error for a metric that is not there, or has no value.

    Its text begins as custom-metrics-apiserver's (``pkg/provider/errors.go``), which people and
    programs search for; then comes the cause.

    Args:
        metric: The metric's name in the API.
        what: The resource, and the object's name when one was named: ``pods web-0``.
        why: The cause, a clause.
    """
    text = f"the server could not find the metric {metric} for {what}"
    return NotFound(f"{text}: {why}", details=False)
