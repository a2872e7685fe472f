"""Two points of every container and node, by kubelet; usage is computed when it is read.

Each kubelet's reading is published on its own, as it arrives. A failed scrape changes nothing: the
last pair stays, with its true timestamps, until it is too old.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from adapter.model.metrics import ContainerMetrics, NodeMetrics, Origin, PodMetrics
from adapter.model.resources import PodKey
from adapter.model.usage import MetricsPoint, cpu_rate, elapsed_seconds
from adapter.sources.kubelet.batch import Batch
from adapter.sources.kubelet.pairs import NONE, Pairs, advance, advance_node

MAX_AGE_SECONDS = 60.0
"""Least age at which a pair that is not renewed stops being served."""

STALLED_SECONDS = 600.0
"""A kubelet that answers but whose newest sample stands still this long has no usable values."""


def max_age(resolution: float) -> float:
    """Seconds a pair is served without being renewed: it must outlive two missed scrapes."""
    return max(2.5 * resolution, MAX_AGE_SECONDS)


class Points(NamedTuple):
    """Nodes and containers with two points."""

    nodes: int
    containers: int


class NodeStore:
    """What is known from one kubelet. Times *now* are monotonic seconds."""

    def __init__(self, name: str, resolution: float) -> None:
        self.name = name
        self.pairs: Pairs | None = None
        self.node_prev: MetricsPoint | None = None
        self.node_last: MetricsPoint | None = None
        self.node_seen = 0.0
        self.newest = 0.0
        self.advanced = 0.0
        self._resolution = resolution
        self._max_age = max_age(resolution)
        self._pods: dict[PodKey, PodMetrics] = {}
        self._node: NodeMetrics | None = None

    def store(self, batch: Batch, now: float) -> None:
        """Take in one scrape."""
        self.pairs = advance(self.pairs, batch, self._resolution, now - self._max_age)
        if batch.node is not None:
            self.node_prev, self.node_last = advance_node(
                self.node_prev, self.node_last, batch.node
            )
            self.node_seen = now
        self._pods.clear()
        self._node = None
        newest = max(batch.columns.timestamp_ms, default=0) / 1000
        if batch.node is not None:
            newest = max(newest, batch.node.timestamp)
        if newest != self.newest:
            self.newest, self.advanced = newest, now

    def points(self, now: float) -> Points:
        """Whether the node, and how many containers, have a pair that is not too old."""
        node = self.node_prev is not None and not self._too_old(self.node_seen, now)
        if self.pairs is None or self._too_old(max(self.pairs.last.seen, default=0.0), now):
            return Points(int(node), 0)
        earlier = self.pairs.prev.timestamp_ms
        return Points(int(node), len(earlier) - earlier.count(NONE))

    def rated(self, now: float) -> bool:
        """Whether it was read twice: the node, and its containers where it has any."""
        points = self.points(now)
        idle = self.pairs is None or not self.pairs.layout.pods
        return bool(points.nodes and (points.containers or idle))

    def pod_keys(self) -> Iterator[PodKey]:
        """Pods this kubelet reports."""
        return iter(self.pairs.layout.pods if self.pairs is not None else ())

    def start(self, key: PodKey) -> float:
        """Latest start of a container of *key*, to choose between kubelets that claim it."""
        if self.pairs is None:
            return 0.0
        slots = self.pairs.layout.pods.get(key, ())
        return max((self.pairs.last.start[slot] for slot in slots), default=0.0)

    def pod(self, key: PodKey, now: float) -> PodMetrics | None:
        """Usage of pod *key*; the same object until a newer scrape is stored."""
        if self.pairs is None or self._problem(key, now):
            return None
        cached = self._pods.get(key)
        if cached is None:
            cached = self._pods[key] = self._compute(self.pairs, key)
        return cached

    def node(self, now: float) -> NodeMetrics | None:
        """Usage of the node itself."""
        if self.why_no_node(now):
            return None
        if self._node is None and self.node_prev is not None and self.node_last is not None:
            prev, last = self.node_prev, self.node_last
            self._node = NodeMetrics(
                name=self.name,
                timestamp=last.timestamp,
                window=elapsed_seconds(prev, last),
                cpu=cpu_rate(prev, last),
                memory=last.memory_bytes,
                origin=Origin.KUBELET,
            )
        return self._node

    def why_no_pod(self, key: PodKey, now: float) -> str:
        """Why `pod` gives nothing; empty when it gives something."""
        if self.pairs is None:
            return f"no sample from node {self.name} yet"
        return self._problem(key, now)

    def why_no_node(self, now: float) -> str:
        """Why `node` gives nothing; empty when it gives something."""
        if self.node_last is None:
            return "no sample of the node yet"
        if self.node_prev is None:
            return "only one sample of the node so far, a rate needs two"
        return self._too_old(self.node_seen, now)

    def _problem(self, key: PodKey, now: float) -> str:
        pairs = self.pairs
        if pairs is None or key not in pairs.layout.pods:
            return f"the kubelet of node {self.name} does not report the pod"
        for slot in pairs.layout.pods[key]:
            name = pairs.layout.containers[slot].name
            if pairs.last.timestamp_ms[slot] == NONE:
                missing = pairs.layout.incomplete.get(pairs.layout.containers[slot], "usable")
                return f"container {name} has no {missing} sample"
            if pairs.prev.timestamp_ms[slot] == NONE:
                return f"only one sample of container {name} so far, a rate needs two"
            old = self._too_old(pairs.last.seen[slot], now)
            if old:
                return f"container {name}: {old}"
        return ""

    def _too_old(self, seen: float, now: float) -> str:
        age = now - seen
        if age > self._max_age:
            return f"the last sample came {age:.0f} s ago (limit {self._max_age:.0f} s)"
        if now - self.advanced > STALLED_SECONDS:
            return f"the kubelet repeats the same samples since {now - self.advanced:.0f} s"
        return ""

    def _compute(self, pairs: Pairs, key: PodKey) -> PodMetrics:
        prev, last = pairs.prev, pairs.last
        slots: Sequence[int] = pairs.layout.pods[key]
        containers = []
        for slot in slots:
            window = (last.timestamp_ms[slot] - prev.timestamp_ms[slot]) / 1000
            containers.append(
                ContainerMetrics(
                    pairs.layout.containers[slot].name,
                    (last.cpu[slot] - prev.cpu[slot]) / window,
                    round(last.memory[slot]),
                )
            )
        earliest = min(slots, key=last.timestamp_ms.__getitem__)
        return PodMetrics(
            namespace=key.namespace,
            name=key.name,
            timestamp=last.timestamp_ms[earliest] / 1000,
            window=(last.timestamp_ms[earliest] - prev.timestamp_ms[earliest]) / 1000,
            containers=tuple(containers),
            origin=Origin.KUBELET,
        )


class Storage:
    """All kubelets' stores, and which of them has a pod."""

    def __init__(self, resolution: float) -> None:
        self._resolution = resolution
        self._nodes: dict[str, NodeStore] = {}
        self._owners: dict[PodKey, tuple[NodeStore, ...]] = {}

    def store(self, node: str, batch: Batch, now: float) -> None:
        """Publish one scrape of *node*."""
        store = self._nodes.get(node)
        if store is None:
            store = self._nodes[node] = NodeStore(node, self._resolution)
        before = store.pairs.layout if store.pairs is not None else None
        store.store(batch, now)
        after = store.pairs.layout if store.pairs is not None else None
        if after is not before:
            self._index(store, set(before.pods) if before else set())

    def forget(self, node: str) -> None:
        """Drop a node that left the cluster, and its pods."""
        store = self._nodes.pop(node, None)
        if store is not None:
            for key in store.pod_keys():
                self._disown(key, store)

    def pod(self, key: PodKey, now: float) -> PodMetrics | None:
        """Usage of pod *key*; of the kubelet that started it last when several report it."""
        owners = self._owners.get(key)
        if owners is None:
            return None
        if len(owners) == 1:
            return owners[0].pod(key, now)
        found = [(owner, owner.pod(key, now)) for owner in owners]
        usable = [(owner.start(key), owner.name, usage) for owner, usage in found if usage]
        return max(usable, key=lambda entry: entry[:2])[2] if usable else None

    def node(self, name: str, now: float) -> NodeMetrics | None:
        """Usage of node *name*."""
        store = self._nodes.get(name)
        return store.node(now) if store is not None else None

    def why_no_pod(self, key: PodKey, now: float) -> str | None:
        """Why there is no usage of *key*; None when no kubelet has ever reported the pod."""
        owners = self._owners.get(key, ())
        return next((why for owner in owners if (why := owner.why_no_pod(key, now))), None)

    def why_no_node(self, name: str, now: float) -> str:
        """Why there is no usage of node *name*."""
        store = self._nodes.get(name)
        return store.why_no_node(now) if store is not None else "no sample of the node yet"

    def points(self, now: float) -> Points:
        """What can be rated; kept count of, so that probes and metrics cost next to nothing."""
        counts = [store.points(now) for store in self._nodes.values()]
        return Points(sum(nodes for nodes, _ in counts), sum(rest for _, rest in counts))

    def rated(self, node: str, now: float) -> bool:
        """Whether *node* was read twice."""
        store = self._nodes.get(node)
        return store is not None and store.rated(now)

    def _index(self, store: NodeStore, before: set[PodKey]) -> None:
        after = set(store.pod_keys())
        for key in before - after:
            self._disown(key, store)
        for key in after - before:
            self._owners[key] = (*self._owners.get(key, ()), store)

    def _disown(self, key: PodKey, store: NodeStore) -> None:
        rest = tuple(owner for owner in self._owners.get(key, ()) if owner is not store)
        if rest:
            self._owners[key] = rest
        else:
            self._owners.pop(key, None)
