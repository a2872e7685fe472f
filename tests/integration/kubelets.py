"""The kubelet source over simulated kubelets: TLS is real, time is turned by hand."""

import asyncio
import contextlib

import pytest

from adapter.kube.listers import NodeAddress, NodeInfo, NodeLister
from adapter.model.labels import EVERYTHING
from adapter.model.resources import PodKey
from adapter.sim.clock import ManualClock
from adapter.sim.cluster import SimCluster
from adapter.sources.kubelet.access import KubeletAccess
from adapter.sources.kubelet.client import KubeletClient, KubeletOptions
from adapter.sources.kubelet.scraper import TICK_SECONDS, Scraper
from adapter.sources.kubelet.source import KubeletResourceSource
from adapter.sources.kubelet.storage import Storage
from adapter.telemetry import Telemetry

RESOLUTION = 15.0
TIMEOUT = 10.0


class Lab:
    """A cluster, and the kubelet source that scrapes it."""

    def __init__(self, cluster: SimCluster, **options) -> None:
        self.cluster = cluster
        self.clock = cluster.clock
        self.nodes = NodeLister()
        self.telemetry = Telemetry()
        self.storage = Storage(RESOLUTION)
        settings = {"use_node_status_port": True, "request_timeout": TIMEOUT} | options
        access = settings.pop("access", lambda _: {})(cluster)
        access = KubeletAccess(
            **{
                "token": lambda: cluster.kubelet_token,
                "ca_file": str(cluster.kubelet_ca_file),
            }
            | access
        )
        self.scraper = Scraper(
            nodes=self.nodes,
            selector=EVERYTHING,
            client=KubeletClient(KubeletOptions(**settings), access.tls_context(), access.token),
            storage=self.storage,
            resolution=RESOLUTION,
            clock=self.clock,
            telemetry=self.telemetry,
        )
        self.source = KubeletResourceSource(self.storage, self.scraper, self.clock)
        self.nodes.replace([self.info(name) for name in cluster.kubelets])

    def info(self, name: str, *before: tuple[str, str]) -> NodeInfo:
        addresses = (*before, ("InternalIP", "127.0.0.1"))
        return NodeInfo(
            name=name,
            addresses=tuple(NodeAddress(*address) for address in addresses),
            kubelet_port=self.cluster.kubelets[name].port,
        )

    async def settle(self, left: int = 0) -> None:
        """Wait for the network until only *left* scrapes are under way."""
        async with asyncio.timeout(20):
            while self.scraper.in_flight > left:
                await asyncio.sleep(0.001)
                await self.scraper.tick()

    async def turn(self, seconds: float, left: int = 0) -> None:
        """Let the wheel turn; no time passes while more than *left* answers are under way."""
        for _ in range(round(seconds / TICK_SECONDS)):
            self.clock.advance(TICK_SECONDS)
            await self.scraper.tick()
            await self.settle(left)

    async def warm(self) -> None:
        """Two readings of every node."""
        await self.turn(RESOLUTION)
        await self.turn(RESOLUTION)

    def pod(self, key: PodKey):
        return self.storage.pod(key, self.clock.monotonic())

    def node(self, name: str):
        return self.storage.node(name, self.clock.monotonic())

    def keys(self, node: str) -> list[PodKey]:
        return [pod.key for pod in self.cluster.workloads.pods(node)]

    def served(self, node: str) -> int:
        return sum(self.pod(key) is not None for key in self.keys(node))

    def check_truth(self, key: PodKey, rel: float = 0.001) -> None:
        """What is served of *key* is the true usage of the interval it claims."""
        usage = self.pod(key)
        assert usage is not None
        pod = self.cluster.workloads.pod(key)
        assert [entry.name for entry in usage.containers] == [c.key.name for c in pod.containers]
        for container, entry in zip(pod.containers, usage.containers, strict=True):
            start = usage.timestamp - usage.window
            true_cpu = self.cluster.workloads.cpu(container.key, start, usage.timestamp)
            assert entry.cpu == pytest.approx(true_cpu, rel=rel, abs=1e-6)
            assert entry.memory == self.cluster.workloads.memory(container.key, usage.timestamp)

    def scrapes(self, result: str) -> float:
        return self.telemetry.scrapes.labels(result)._value.get()


@contextlib.asynccontextmanager
async def lab_of(*, cluster=None, **options):
    sizes = {"nodes": 3, "pods_per_node": 4, "housekeeping": 0.0} | (cluster or {})
    async with SimCluster(clock=ManualClock(), **sizes) as made:
        lab = Lab(made, **options)
        try:
            yield lab
        finally:
            await lab.scraper.close()


FAULTY = "node-0001"
"""The node tests do things to."""
