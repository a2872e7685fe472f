"""The cluster the golden answers were recorded from, and a source that knows its true usage."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from adapter.apis.base import APIGroup
from adapter.apis.resource_metrics.handlers import resource_metrics_group
from adapter.kube.listers import NodeInfo, NodeLister, PodLister, PodMeta
from adapter.kube.placement import PodPlacement
from adapter.model.labels import EVERYTHING
from adapter.model.metrics import ContainerMetrics, NodeMetrics, Origin, PodMetrics
from adapter.model.resources import PodKey
from adapter.server.app import build_app
from adapter.server.probes import Check, Checks
from adapter.telemetry import Telemetry

NOW = 1_795_269_125.75
"""2026-11-21T13:52:05Z and a fraction."""

WINDOW = 19.632
DEAD_NODE = "node-0002"
PODS = [
    ("team-00", "svc-000-00000000-00000", 0, 0),
    ("team-01", "svc-001-360d5a3f-00001", 0, 1),
    ("team-02", "svc-002-6c1ab47e-00002", 0, 2),
    ("team-03", "svc-003-a2280ebd-00003", 0, 3),
    ("team-01", "svc-007-d7437b53-00200", 1, 0),
    ("team-02", "svc-008-0d50d592-00201", 1, 1),
    ("team-03", "svc-009-435e2fd1-00202", 1, 2),
    ("team-04", "svc-010-796b8a10-00203", 1, 3),
    ("team-02", "svc-014-ae86f6a6-00400", 2, 0),
    ("team-03", "svc-015-e49450e5-00401", 2, 1),
    ("team-04", "svc-016-1aa1ab24-00402", 2, 2),
    ("team-05", "svc-017-50af0563-00403", 2, 3),
]
"""Namespace, name, index of the node, index on the node."""


def true_cpu(node: int, pod: int, container: int) -> float:
    """Cores a container uses."""
    return 0.001 * (1 + (31 * node + 17 * pod + 7 * container) % 500)


def true_memory(node: int, pod: int, container: int) -> int:
    """Bytes a container uses."""
    return (8 << 20) + 4096 * ((131 * node + 71 * pod + 13 * container) % 50000)


def pod_lister() -> PodLister:
    lister = PodLister()
    lister.replace(
        PodMeta(
            namespace,
            name,
            {
                "team": namespace,
                "app.kubernetes.io/name": name[:7],
                "app.kubernetes.io/managed-by": "Helm",
                "pod-template-hash": "5d5f8b7c9d",
            },
        )
        for namespace, name, _, _ in PODS
    )
    return lister


def node_lister() -> NodeLister:
    lister = NodeLister()
    lister.replace(
        NodeInfo(
            f"node-000{n}",
            {
                "pool": f"p{n}",
                "kubernetes.io/os": "linux",
                "kubernetes.io/hostname": f"node-000{n}",
            },
        )
        for n in range(3)
    )
    return lister


class FakeClock:
    """Stands still."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class FakeSource:
    """Answers from two dicts a test may change; fails with *error* when that is set."""

    def __init__(self, origin: Origin = Origin.PROMETHEUS) -> None:
        self.error: Exception | None = None
        self.asked: list[object] = []
        self.by_pod = {
            PodKey(namespace, name): PodMetrics(
                namespace=namespace,
                name=name,
                timestamp=NOW - 10,
                window=WINDOW,
                containers=tuple(
                    ContainerMetrics(container, true_cpu(n, i, c), true_memory(n, i, c))
                    for c, container in enumerate(("app", "proxy"))
                ),
                origin=origin,
            )
            for namespace, name, n, i in PODS
            if n != 2
        }
        self.by_node = {
            f"node-000{n}": NodeMetrics(
                name=f"node-000{n}",
                timestamp=NOW - 10,
                window=WINDOW,
                cpu=4.5,
                memory=20 << 30,
                origin=origin,
            )
            for n in range(2)
        }

    async def pods(
        self, keys: Sequence[PodKey], namespace: str | None
    ) -> Sequence[PodMetrics | None]:
        self.asked.append((list(keys), namespace))
        if self.error:
            raise self.error
        return [self.by_pod.get(key) for key in keys]

    async def nodes(self, names: Sequence[str]) -> Sequence[NodeMetrics | None]:
        self.asked.append(list(names))
        if self.error:
            raise self.error
        return [self.by_node.get(name) for name in names]

    def why_no_pod(self, key: PodKey, node: str | None) -> str:
        return f"node {node or 'unknown'} cannot be reached"

    def why_no_node(self, name: str) -> str:
        return "the kubelet cannot be reached"


class FakePlacement:
    """Where each pod is, as a test says."""

    def __init__(self) -> None:
        self.placements = {
            PodKey(namespace, name): PodPlacement("Running", f"node-000{n}")
            for namespace, name, n, _ in PODS
        }

    async def placement(self, key: PodKey) -> PodPlacement | None:
        return self.placements.get(key)


class Cluster:
    """A service over the golden cluster; change its parts before `app`."""

    def __init__(self) -> None:
        self.source = FakeSource()
        self.pods = pod_lister()
        self.nodes = node_lister()
        self.placement = FakePlacement()
        self.clock = FakeClock()
        self.telemetry = Telemetry()
        self.node_selector = EVERYTHING
        self.warning: str | None = None
        self.checks = peer_checks()

    def group(self) -> APIGroup:
        return resource_metrics_group(
            source=self.source,
            pods=self.pods,
            nodes=self.nodes,
            placement=self.placement,
            node_selector=self.node_selector,
            warning=lambda: self.warning,
            clock=self.clock,
            telemetry=self.telemetry,
        )

    def app(self, **options: Any) -> web.Application:
        return build_app(
            groups=[self.group()], checks=self.checks, telemetry=self.telemetry, **options
        )


@contextlib.asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[ClientSession]:
    """Serve *app* at a free port; the session's URLs are relative to it."""
    async with (
        TestServer(app, handler_cancellation=True) as server,
        ClientSession(server.make_url("/")) as session,
    ):
        yield session


def peer_checks() -> Checks:
    """The checks metrics-server registers, all passing."""

    def passes() -> None:
        return None

    return Checks(
        [
            Check("metric-storage-ready", passes, ("readyz",)),
            Check("metric-informer-sync", passes, ("readyz",)),
            Check("metric-collection-timely", passes, ("livez",)),
            Check("metadata-informer-sync", passes),
        ]
    )
