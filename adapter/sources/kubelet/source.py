"""The kubelet source: `ResourceMetricsSource` over storage and scraper."""

from collections.abc import Sequence

from adapter.model.metrics import NodeMetrics, PodMetrics
from adapter.model.resources import PodKey
from adapter.periodic import Clock
from adapter.sources.kubelet.scraper import Scraper
from adapter.sources.kubelet.storage import Storage


class KubeletResourceSource:
    """Answers from memory; never waits for a kubelet."""

    def __init__(self, storage: Storage, scraper: Scraper, clock: Clock) -> None:
        self._storage = storage
        self._scraper = scraper
        self._clock = clock

    async def pods(
        self,
        keys: Sequence[PodKey],
        namespace: str | None,  # noqa: ARG002 - one look-up each
    ) -> Sequence[PodMetrics | None]:
        now = self._clock.monotonic()
        return [self._storage.pod(key, now) for key in keys]

    async def nodes(self, names: Sequence[str]) -> Sequence[NodeMetrics | None]:
        now = self._clock.monotonic()
        return [self._storage.node(name, now) for name in names]

    def why_no_pod(self, key: PodKey, node: str | None) -> str:
        stored = self._storage.why_no_pod(key, self._clock.monotonic())
        return self._scraper.why(node) or stored or "no kubelet has reported the pod yet"

    def why_no_node(self, name: str) -> str:
        stored = self._storage.why_no_node(name, self._clock.monotonic())
        return self._scraper.why(name) or stored

    def check_ready(self) -> str | None:
        """Probe ``metric-storage-ready``: None when there are values of a node and of a pod."""
        nodes, containers = self._storage.points(self._clock.monotonic())
        if nodes and containers:
            return None
        missing = "pod" if nodes else "node" if containers else "node or pod"
        return f"no {missing} has two samples yet"
