"""``metrics.k8s.io``: what can be asked, and how it is answered.

Every handler does the same: read the question, take the objects from a lister, ask the source for
their usage, encode. An answer is *lister ∩ source*: only running pods are listed, and what has no
usable sample is left out of lists and is "not found, because …" when asked for by name.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

from adapter.apis.base import (
    RESOURCE_TRANSFORMS,
    Answer,
    APIGroup,
    APIRequest,
    APIResource,
    Route,
)
from adapter.apis.resource_metrics.encode import (
    FragmentCache,
    Key,
    Metrics,
    ObjectMeta,
    encode_node_name,
    encode_node_values,
    encode_pod_name,
    encode_pod_values,
    stamped,
)
from adapter.apis.resource_metrics.options import ListOptions
from adapter.apis.resource_metrics.table import (
    Cells,
    Kind,
    list_document,
    node_cells,
    object_document,
    pod_cells,
)
from adapter.errors import NotFound, SourceError
from adapter.kube.listers import NodeLister, PodLister
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
_SWITCHED_ON = frozenset({"1", "t", "T", "true", "TRUE", "True"})  # Go's strconv.ParseBool


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
        pod_encoding=_Encoding(
            "PodMetrics", pod_cells, FragmentCache(encode_pod_name, encode_pod_values)
        ),
        node_encoding=_Encoding(
            "NodeMetrics", node_cells, FragmentCache(encode_node_name, encode_node_values)
        ),
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
        routes=(
            Route("/nodes", handlers.list_nodes, "nodes", "list"),
            Route("/nodes/{name}", handlers.get_node, "nodes", "get"),
            Route("/pods", handlers.list_pods, "pods", "list"),
            Route("/namespaces/{namespace}/pods", handlers.list_pods, "pods", "list"),
            Route("/namespaces/{namespace}/pods/{name}", handlers.get_pod, "pods", "get"),
        ),
        transforms=RESOURCE_TRANSFORMS,
    )


@dataclass(frozen=True, slots=True)
class _Encoding(Generic[Key, Metrics]):
    """How one resource is written."""

    kind: str
    cells: Callable[[Metrics], Cells]
    fragments: FragmentCache[Key, Metrics]

    def many(
        self,
        request: APIRequest,
        keys: Sequence[Key],
        objects: Sequence[ObjectMeta],
        metrics: Sequence[Metrics | None],
    ) -> Iterable[bytes]:
        """A list; the three sequences are parallel."""
        chunks = self.fragments.chunks(keys, objects, metrics)
        if _wants_origin(request):
            chunks = ([fragment.with_origin() for fragment in chunk] for chunk in chunks)
        return list_document(self._kind(request), chunks, self.cells, request)

    def one(
        self, request: APIRequest, key: Key, labels: Mapping[str, str], metrics: Metrics
    ) -> Iterable[bytes]:
        """One object."""
        fragment = self.fragments.fragment(key, labels, metrics)
        if _wants_origin(request):
            fragment = fragment.with_origin()
        return object_document(self._kind(request), fragment, self.cells, request)

    def _kind(self, request: APIRequest) -> Kind:
        return Kind(self.kind, f"{GROUP}/{request.version}")


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
    pod_encoding: _Encoding[PodKey, PodMetrics]
    node_encoding: _Encoding[str, NodeMetrics]

    async def list_pods(self, request: APIRequest) -> Answer:
        """Serve ``/pods`` and ``/namespaces/{namespace}/pods``."""
        options = ListOptions.parse(request.query, GroupResource(GROUP, "pods"))
        _check_synced(self.pods, "pods")
        namespace = request.path.get("namespace") or options.namespace()
        pods = self.pods.list(namespace, options.labels)
        if not options.fields.empty:
            pods = [pod for pod in pods if options.fields.matches(pod.namespace, pod.name)]
        keys = [pod.key for pod in pods]
        metrics = await self.source.pods(keys, namespace) if keys else ()
        self.pod_encoding.fragments.forget(lambda key: self.pods.get(key) is not None)
        document = self.pod_encoding.many(request, keys, pods, metrics)
        return self._answer("pods", document, metrics)

    async def get_pod(self, request: APIRequest) -> Answer:
        """Serve ``/namespaces/{namespace}/pods/{name}``."""
        _check_synced(self.pods, "pods")
        key = PodKey(request.path["namespace"], request.path["name"])
        pod = self.pods.get(key)
        if pod is None:
            raise await self._no_such_pod(key)
        (metrics,) = await self.source.pods([key], key.namespace)
        if metrics is None:
            raise await self._no_pod_metrics(key)
        document = self.pod_encoding.one(request, key, pod.labels, metrics)
        return self._answer("pods", document, [metrics])

    async def list_nodes(self, request: APIRequest) -> Answer:
        """Serve ``/nodes``."""
        options = ListOptions.parse(request.query, GroupResource(GROUP, "nodes"))
        _check_synced(self.nodes, "nodes")
        nodes = self.nodes.list(options.labels & self.node_selector)
        if not options.fields.empty:
            nodes = [node for node in nodes if options.fields.matches("", node.name)]
        names = [node.name for node in nodes]
        metrics = await self.source.nodes(names) if names else ()
        self.node_encoding.fragments.forget(lambda name: self.nodes.get(name) is not None)
        document = self.node_encoding.many(request, names, nodes, metrics)
        return self._answer("nodes", document, metrics)

    async def get_node(self, request: APIRequest) -> Answer:
        """Serve ``/nodes/{name}``."""
        _check_synced(self.nodes, "nodes")
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
        document = self.node_encoding.one(request, name, node.labels, metrics)
        return self._answer("nodes", document, [metrics])

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
    ) -> Answer:
        now = self.clock.time()
        found = [sample for sample in metrics if sample is not None]
        origins = [sample.origin for sample in found]
        for origin in Origin:
            if count := origins.count(origin):
                self.telemetry.answers.labels(resource, origin.value).inc(count)
        for timestamp, count in Counter([sample.timestamp for sample in found]).items():
            self.telemetry.answer_age.observe(resource, now - timestamp, count)
        return Answer(stamped(document, now), self.warning())


def _check_synced(lister: PodLister | NodeLister, resource: str) -> None:
    # an empty list would read as "nothing runs"
    if not lister.has_synced:
        raise SourceError(f"the {resource} have not been read from kube-apiserver yet")


def _wants_origin(request: APIRequest) -> bool:
    return request.query.get("origin") in _SWITCHED_ON


def _why_not_listed(phase: str) -> str:
    if phase == _RUNNING:
        return "the pod started a moment ago and is not known here yet"
    return f"the pod is {phase}; only running pods have metrics"


def _no_node_metrics(name: str, why: str) -> NotFound:
    return NotFound(
        f'nodemetrics.{GROUP} "{name}" not found: {why}', name=name, group=GROUP, kind="nodemetrics"
    )
