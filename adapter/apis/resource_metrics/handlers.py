"""``metrics.k8s.io``: what can be asked, and how it is answered.

Every handler does the same: read the question, take the objects from a lister, ask the source for
their usage, encode. An answer is *lister ∩ source*: only running pods are listed, and what has no
usable sample is left out of lists and is "not found, because …" when asked for by name.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from adapter.apis.base import (
    RESOURCE_TRANSFORMS,
    Answer,
    APIGroup,
    APIRequest,
    APIResource,
    Operation,
    Route,
)
from adapter.apis.resource_metrics import encode, protobuf
from adapter.apis.resource_metrics.documents import Documents
from adapter.apis.resource_metrics.encode import FragmentCache
from adapter.apis.resource_metrics.options import ListOptions
from adapter.apis.resource_metrics.protobuf import ProtobufFragments
from adapter.apis.resource_metrics.schema import TYPES
from adapter.apis.resource_metrics.table import node_cells, pod_cells
from adapter.errors import NotFound
from adapter.kube.listers import NodeLister, PodLister, check_synced
from adapter.kube.placement import PlacementReader
from adapter.model.labels import Selector
from adapter.model.metrics import NodeMetrics, Origin, PodMetrics
from adapter.model.resources import GroupResource, PodKey
from adapter.periodic import Clock
from adapter.sources.base import ResourceMetricsSource
from adapter.telemetry import Telemetry

GROUP = "metrics.k8s.io"
VERSIONS = ("v1", "v1beta1")
"""Kubernetes 1.37 prefers v1 (KEP-5207); both have the same types."""

_RUNNING = "Running"


def resource_metrics_group(
    *,
    source: ResourceMetricsSource,
    pods: PodLister,
    nodes: NodeLister,
    placement: PlacementReader,
    node_selector: Selector,
    warning: Callable[[], str | None],
    clock: Clock,
    telemetry: Telemetry,
) -> APIGroup:
    """The group ``metrics.k8s.io``.

    Args:
        source: Where usage comes from.
        pods: The running pods.
        nodes: All nodes.
        placement: Tells where a pod is that has no metrics; asked only then.
        node_selector: Nodes that have metrics; those of others are not collected.
        warning: A text for the person who asks, while there is something to warn of.
        clock: Where ``creationTimestamp`` comes from.
        telemetry: Where answers are counted.
    """
    handlers = _Handlers(
        source=source,
        pods=pods,
        nodes=nodes,
        placement=placement,
        node_selector=node_selector,
        warning=warning,
        clock=clock,
        telemetry=telemetry,
        pod_documents=_pod_documents(),
        node_documents=_node_documents(),
    )
    verbs = ("get", "list")
    resources = (
        APIResource("nodes", kind="NodeMetrics", namespaced=False, verbs=verbs),
        APIResource("pods", kind="PodMetrics", namespaced=True, verbs=verbs),
    )
    return APIGroup(
        name=GROUP,
        versions=VERSIONS,
        resources=lambda: resources,
        routes=_routes(handlers),
        transforms=RESOURCE_TRANSFORMS,
        protobuf=True,
        types=TYPES,
    )


def _routes(handlers: "_Handlers") -> tuple[Route, ...]:
    one = ("includeObject", "origin", "pretty")
    many = ("fieldSelector", "labelSelector", *one)
    pods = Operation("What pods use.", "PodMetrics", "PodMetricsList", many)
    pod = Operation("What a pod uses.", "PodMetrics", "PodMetrics", one)
    nodes = Operation("What nodes use.", "NodeMetrics", "NodeMetricsList", many)
    node = Operation("What a node uses.", "NodeMetrics", "NodeMetrics", one)
    in_namespace = "/namespaces/{namespace}/pods"
    return (
        Route("/nodes", handlers.list_nodes, "nodes", "list", nodes),
        Route("/nodes/{name}", handlers.get_node, "nodes", "get", node),
        Route("/pods", handlers.list_pods, "pods", "list", pods),
        Route(in_namespace, handlers.list_pods, "pods", "list", pods),
        Route(f"{in_namespace}/{{name}}", handlers.get_pod, "pods", "get", pod),
    )


def _pod_documents() -> Documents[PodKey, PodMetrics]:
    return Documents(
        group=GROUP,
        kind="PodMetrics",
        cells=pod_cells,
        json=FragmentCache(encode.encode_pod_name, encode.encode_pod_values),
        protobuf=ProtobufFragments(protobuf.encode_pod_name, protobuf.encode_pod_values),
    )


def _node_documents() -> Documents[str, NodeMetrics]:
    return Documents(
        group=GROUP,
        kind="NodeMetrics",
        cells=node_cells,
        json=FragmentCache(encode.encode_node_name, encode.encode_node_values),
        protobuf=ProtobufFragments(protobuf.encode_node_name, protobuf.encode_node_values),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Handlers:
    source: ResourceMetricsSource
    pods: PodLister
    nodes: NodeLister
    placement: PlacementReader
    node_selector: Selector
    warning: Callable[[], str | None]
    clock: Clock
    telemetry: Telemetry
    pod_documents: Documents[PodKey, PodMetrics]
    node_documents: Documents[str, NodeMetrics]

    async def list_pods(self, request: APIRequest) -> Answer:
        """Serve ``/pods`` and ``/namespaces/{namespace}/pods``."""
        options = ListOptions.parse(request.query, GroupResource(GROUP, "pods"))
        check_synced(self.pods, "pods")
        namespace = request.path.get("namespace") or options.namespace()
        pods = self.pods.list(namespace, options.labels)
        if not options.fields.empty:
            pods = [pod for pod in pods if options.fields.matches(pod.namespace, pod.name)]
        keys = [pod.key for pod in pods]
        metrics = await self.source.pods(keys, namespace) if keys else ()
        self.pod_documents.forget(lambda key: self.pods.get(key) is not None)
        now = self.clock.time()
        document = await self.pod_documents.many(request, keys, pods, metrics, now)
        return self._answer("pods", document, metrics, now)

    async def get_pod(self, request: APIRequest) -> Answer:
        """Serve ``/namespaces/{namespace}/pods/{name}``."""
        check_synced(self.pods, "pods")
        key = PodKey(request.path["namespace"], request.path["name"])
        pod = self.pods.get(key)
        if pod is None:
            raise await self._no_such_pod(key)
        (metrics,) = await self.source.pods([key], key.namespace)
        if metrics is None:
            raise await self._no_pod_metrics(key)
        now = self.clock.time()
        document = self.pod_documents.one(request, key, pod.labels, metrics, now)
        return self._answer("pods", document, [metrics], now)

    async def list_nodes(self, request: APIRequest) -> Answer:
        """Serve ``/nodes``."""
        options = ListOptions.parse(request.query, GroupResource(GROUP, "nodes"))
        check_synced(self.nodes, "nodes")
        nodes = self.nodes.list(options.labels & self.node_selector)
        if not options.fields.empty:
            nodes = [node for node in nodes if options.fields.matches("", node.name)]
        names = [node.name for node in nodes]
        metrics = await self.source.nodes(names) if names else ()
        self.node_documents.forget(lambda name: self.nodes.get(name) is not None)
        now = self.clock.time()
        document = await self.node_documents.many(request, names, nodes, metrics, now)
        return self._answer("nodes", document, metrics, now)

    async def get_node(self, request: APIRequest) -> Answer:
        """Serve ``/nodes/{name}``."""
        check_synced(self.nodes, "nodes")
        name = request.path["name"]
        node = self.nodes.get(name)
        if node is None:
            raise NotFound(f'node "{name}" not found', name=name, kind="node")
        if not self.node_selector.matches(node.labels):
            raise _no_node_metrics(
                name, f"the node is not selected by --node-selector {self.node_selector}"
            )
        (metrics,) = await self.source.nodes([name])
        if metrics is None:
            raise _no_node_metrics(name, self.source.why_no_node(name))
        now = self.clock.time()
        document = self.node_documents.one(request, name, node.labels, metrics, now)
        return self._answer("nodes", document, [metrics], now)

    async def _no_such_pod(self, key: PodKey) -> NotFound:
        placement = await self.placement.placement(key)
        message = f'pods "{key.name}" not found'
        if placement is not None and placement.phase:
            message += f": {_why_not_listed(placement.phase)}"
        return NotFound(message, name=key.name, kind="pods")

    async def _no_pod_metrics(self, key: PodKey) -> NotFound:
        placement = await self.placement.placement(key)
        if placement is not None and placement.phase not in {"", _RUNNING}:
            why = _why_not_listed(placement.phase)
        else:
            why = self.source.why_no_pod(key, (placement.node or None) if placement else None)
        name = f"{key.namespace}/{key.name}"
        return NotFound(
            f'podmetrics.{GROUP} "{name}" not found: {why}',
            name=name,
            group=GROUP,
            kind="podmetrics",
        )

    def _answer(
        self,
        resource: str,
        document: Iterable[bytes],
        metrics: Sequence[PodMetrics | NodeMetrics | None],
        now: float,
    ) -> Answer:
        found = [sample for sample in metrics if sample is not None]
        origins = [sample.origin for sample in found]
        for origin in Origin:
            if count := origins.count(origin):
                self.telemetry.answers.labels(resource, origin.value).inc(count)
        for timestamp, count in Counter([sample.timestamp for sample in found]).items():
            self.telemetry.answer_age.observe(resource, now - timestamp, count)
        return Answer(document, self.warning())


def _why_not_listed(phase: str) -> str:
    if phase == _RUNNING:
        return "the pod started a moment ago and is not known here yet"
    return f"the pod is {phase}; only running pods have metrics"


def _no_node_metrics(name: str, why: str) -> NotFound:
    return NotFound(
        f'nodemetrics.{GROUP} "{name}" not found: {why}', name=name, group=GROUP, kind="nodemetrics"
    )
