"""The kubelet source: `ResourceMetricsSource` over storage and scraper."""

from collections.abc import Sequence
from typing import TypeVar

from adapter.errors import SourceError
from adapter.model.metrics import NodeMetrics, PodMetrics
from adapter.model.resources import PodKey
from adapter.periodic import Clock
from adapter.sources.kubelet.scraper import Scraper
from adapter.sources.kubelet.storage import Storage

Usage = TypeVar("Usage", PodMetrics, NodeMetrics)


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
        return self._checked([self._storage.pod(key, now) for key in keys])

    async def nodes(self, names: Sequence[str]) -> Sequence[NodeMetrics | None]:
        now = self._clock.monotonic()
        return self._checked([self._storage.node(name, now) for name in names])

    def why_no_pod(self, key: PodKey, node: str | None) -> str:
        stored = self._storage.why_no_pod(key, self._clock.monotonic())
        return self._scraper.why(node) or stored or "no kubelet has reported the pod yet"

    def why_no_node(self, name: str) -> str:
        stored = self._storage.why_no_node(name, self._clock.monotonic())
        return self._scraper.why(name) or stored

    def check_ready(self) -> str | None:
        """Probe ``metric-storage-ready``: None when there are values.

        Of all nodes that do not fail, two periods after the start at the latest: during a rolling
        update half of the answers come from whoever has just become ready, and an HPA counts the
        pods that are missing in them.
        """
        nodes, containers = self._storage.points(self._clock.monotonic())
        if nodes and containers:
            unrated = self._scraper.unrated()
            return f"{unrated} nodes have not been read twice yet" if unrated else None
        missing = "pod" if nodes else "node" if containers else "node or pod"
        return f"no {missing} has two samples yet"

    def _checked(self, found: Sequence[Usage | None]) -> Sequence[Usage | None]:
        """*found*; an empty answer is no answer where no kubelet has given anything at all.

        Raises:
            SourceError: That is so; says why.
        """
        if found and all(each is None for each in found) and not any(self._scraper.points()):
            why = self._scraper.why_nothing()
            if why is not None:
                raise SourceError(why)
        return found
