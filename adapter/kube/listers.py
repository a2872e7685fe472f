"""What is known of pods and nodes, answered from memory.

An informer keeps a lister current; tests and the simulation fill one with `replace`. Objects are
immutable and shared: a caller may keep them, and must not change the sequences it is handed.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Protocol

import msgspec

from adapter.errors import SourceError
from adapter.kube.podstore import PodStore
from adapter.model.labels import Selector
from adapter.model.resources import PodKey

MOST_SELECTORS = 1024
"""Selectors of a namespace whose pods are kept at hand; clients send any number of them."""

LARGEST_SELECTOR = 20
"""Keys and values of a selector whose pods are kept; clients send them of any size, too."""


class PodMeta(msgspec.Struct, frozen=True, gc=False):
    """A running pod. *labels* may be shared between pods; *key* is its namespace and name.

    The key is made once: a list of 10,000 pods would spend a tenth of its time making keys.
    """

    namespace: str
    name: str
    labels: dict[str, str] = {}
    key: PodKey = PodKey("", "")

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "key", PodKey(self.namespace, self.name))


class NodeAddress(msgspec.Struct, frozen=True, gc=False):
    """One of a node's addresses; *type* is ``InternalIP``, ``Hostname``, …."""

    type: str
    address: str


class NodeInfo(msgspec.Struct, frozen=True, gc=False):
    """What is needed of a node to reach its kubelet.

    *kubelet_port* is ``status.daemonEndpoints.kubeletEndpoint.Port``, 0 when not given;
    *resource_metrics_path* the annotation ``metrics.k8s.io/resource-metrics-path``, "" without.
    """

    name: str
    labels: dict[str, str] = {}
    addresses: tuple[NodeAddress, ...] = ()
    kubelet_port: int = 0
    ready: bool = True
    resource_metrics_path: str = ""


class PodLister(PodStore[PodMeta]):
    """Running pods by namespace and name; see `adapter.kube.podstore.PodStore`."""

    def __init__(self) -> None:
        super().__init__()
        self._sorted: dict[str, list[PodMeta]] = {}
        self._sorted_all: list[PodMeta] | None = None
        self._selected: dict[str, dict[Selector, list[PodMeta]]] = {}

    def get(self, key: PodKey) -> PodMeta | None:
        """The running pod *key*, or None."""
        return self._find(*key)

    def list(self, namespace: str | None, selector: Selector) -> Sequence[PodMeta]:
        """Pods of *namespace* (None for all) that *selector* matches, by namespace and name.

        The sequence is shared until the next change.
        """
        pods = self._everything() if namespace is None else self._in_namespace(namespace)
        if selector.empty or not pods:
            return pods
        if namespace is None or selector.size > LARGEST_SELECTOR:
            return _selected(pods, selector)
        # HPAs ask the same again and again; a namespace of thousands of pods costs 0.6 ms each time
        kept = self._selected.setdefault(namespace, {})
        found = kept.get(selector)
        if found is None:
            if len(kept) >= MOST_SELECTORS:
                kept.clear()
            found = kept[selector] = _selected(pods, selector)
        return found

    def _kept(self, pod: PodMeta, namespace: str, labels: dict[str, str]) -> PodMeta:
        return PodMeta(namespace, pod.name, labels)

    def _changed(self, namespace: str | None) -> None:
        super()._changed(namespace)
        self._sorted_all = None
        if namespace is None:
            self._sorted.clear()
            self._selected.clear()
        else:
            self._sorted.pop(namespace, None)
            self._selected.pop(namespace, None)

    def _in_namespace(self, namespace: str) -> Sequence[PodMeta]:
        if namespace not in self._by_namespace:
            return []
        cached = self._sorted.get(namespace)
        if cached is None:
            cached = self._sorted[namespace] = self._sorted_in(namespace)
        return cached

    def _everything(self) -> Sequence[PodMeta]:
        if self._sorted_all is None:
            namespaces = map(self._in_namespace, sorted(self._by_namespace))
            self._sorted_all = list(chain.from_iterable(namespaces))
        return self._sorted_all


def _selected(pods: Sequence[PodMeta], selector: Selector) -> list[PodMeta]:
    # one verdict for all pods that share a label set: a workload's pods cost one match
    verdicts: dict[int, bool] = {}
    found = []
    for pod in pods:
        verdict = verdicts.get(id(pod.labels))
        if verdict is None:
            verdict = verdicts[id(pod.labels)] = selector.matches(pod.labels)
        if verdict:
            found.append(pod)
    return found


class NodeLister:
    """Nodes by name.

    Attributes:
        revision: Grows when a node was added, removed or changed in what `NodeInfo` holds; a
            heartbeat changes nothing.
        problem: Why they cannot be read from kube-apiserver now, or None.
    """

    def __init__(self) -> None:
        self.has_synced = False
        self.problem: str | None = None
        self.revision = 0
        self._nodes: dict[str, NodeInfo] = {}
        self._staged: dict[str, NodeInfo] = {}
        self._sorted: list[NodeInfo] | None = None

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, name: str) -> NodeInfo | None:
        """The node *name*, or None."""
        return self._nodes.get(name)

    def list(self, selector: Selector) -> Sequence[NodeInfo]:
        """Nodes that *selector* matches, by name.

        The sequence is shared until the next change.
        """
        if self._sorted is None:
            self._sorted = [self._nodes[name] for name in sorted(self._nodes)]
        if selector.empty:
            return self._sorted
        return [node for node in self._sorted if selector.matches(node.labels)]

    def stage(self, nodes: Iterable[NodeInfo]) -> None:
        """Set *nodes* aside for `replace`, a page at a time."""
        before = self._nodes
        self._staged |= {node.name: _unchanged(before.get(node.name), node) for node in nodes}

    def unstage(self) -> None:
        """Forget what was set aside."""
        self._staged = {}

    def replace(self, nodes: Iterable[NodeInfo] = ()) -> None:
        """Hold exactly what is staged and *nodes* from now on; the lister has synced then."""
        self.stage(nodes)
        after = self._staged
        self.unstage()
        if after != self._nodes:
            self._nodes = after
            self._changed()
        self.has_synced = True

    def upsert(self, node: NodeInfo) -> None:
        """Add *node*, or take what changed of it."""
        if self._nodes.get(node.name) != node:
            self._nodes[node.name] = node
            self._changed()

    def remove(self, node: NodeInfo) -> None:
        """Forget *node*; nothing happens when it is not known."""
        if self._nodes.pop(node.name, None) is not None:
            self._changed()

    def _changed(self) -> None:
        self.revision += 1
        self._sorted = None


class Synced(Protocol):
    """What an informer fills."""

    @property
    def has_synced(self) -> bool:
        """Whether a first list was completed."""

    @property
    def problem(self) -> str | None:
        """Why kube-apiserver cannot be read now, or None."""


def why_unsynced(store: Synced, resource: str) -> str | None:
    """Why nothing is known of *resource* yet, with the cause where kube-apiserver refuses it."""
    if store.has_synced:
        return None
    cause = f": {store.problem}" if store.problem else ""
    return f"the {resource} have not been read from kube-apiserver yet{cause}"


def check_synced(store: Synced, resource: str) -> None:
    """Refuse to answer from a list that was never read: empty would read as "there are none".

    Raises:
        SourceError: It was not; with the cause where kube-apiserver refuses it.
    """
    if why := why_unsynced(store, resource):
        raise SourceError(why)


def _unchanged(before: NodeInfo | None, after: NodeInfo) -> NodeInfo:
    return before if before is not None and before == after else after
