"""HPAs in a simulated cluster, and sources that others give: JSON and Prometheus in memory."""

import contextlib

import pytest
from unit.annotating import SERVERS, TARGET, wire_metric

from adapter.errors import SourceError
from adapter.kube.api import KubeApi
from adapter.kube.events import EventRecorder
from adapter.kube.hpas import HorizontalPodAutoscalers, watched_hpas
from adapter.kube.listers import PodLister, PodMeta
from adapter.kube.mapper import KubeMapper
from adapter.kube.scales import Scales
from adapter.model.metrics import ExternalMetricValue, MetricValue
from adapter.rules.policy import Cause, Refusal
from adapter.sim.clock import ManualClock
from adapter.sim.cluster import SimCluster
from adapter.sources.base import ExternalValues
from adapter.sources.hpa.custom import HpaCustomSource
from adapter.sources.hpa.definitions import Definitions
from adapter.sources.hpa.external import HpaExternalSource
from adapter.sources.hpa.pods import PodsOfWorkloads
from adapter.telemetry import Telemetry


class Pods:
    """Implements `PodValues`: *known* by pod's name; what was asked is kept."""

    def __init__(self):
        self.known = {}
        self.asked = []
        self.forgotten = []

    def forget(self, metric):
        self.forgotten.append(metric)

    async def values(self, metric, namespace, names):
        self.asked.append((metric, namespace, tuple(names)))
        nothing = Refusal(Cause.FAILED, "its document cannot be read")
        return {name: self.known.get(name, nothing) for name in names}


class Documents:
    """Implements `URLSeries`: one number by URL."""

    def __init__(self):
        self.known = {}
        self.asked = []
        self.forgotten = []

    def forget(self, metric):
        self.forgotten.append(metric)

    async def series(self, metric, selector, namespace):
        self.asked.append((metric, selector, namespace))
        return ExternalValues([ExternalMetricValue({}, self.known[metric.url], 100.0)])


class Queries:
    """Implements `InstantQuery`: series by backend and query."""

    def __init__(self):
        self.known = {}
        self.asked = []

    def gives(self, query, *values, backend="default"):
        self.known[backend, query] = [ExternalMetricValue({}, value, 100.0) for value in values]

    async def ask(self, backend, query, keep_seconds=None):
        self.asked.append((backend, query, keep_seconds))
        if (backend, query) not in self.known:
            raise SourceError("prometheus refused the query: bad_data: parse error")
        return self.known[backend, query]


class World:
    """A cluster, its HPAs as they are known, and the sources over them."""

    def __init__(self, cluster, api, clock):
        self.cluster, self.api, self.clock = cluster, api, clock
        self.telemetry = Telemetry()
        self.servers = SERVERS
        self.values, self.documents, self.queries = Pods(), Documents(), Queries()
        self.pods = PodLister()
        self.pods.replace()
        self.store = HorizontalPodAutoscalers()
        times = {"clock": clock, "telemetry": self.telemetry}
        self.mapper = KubeMapper(api, **times)
        self.scales = Scales(api, self.mapper, clock=clock)
        self.recorder = EventRecorder(api, **times)
        self.definitions = Definitions(
            [self.store],
            servers=lambda: self.servers,
            recorder=self.recorder,
            telemetry=self.telemetry,
        )
        self.custom = HpaCustomSource(
            self.definitions,
            pods=PodsOfWorkloads(
                self.definitions,
                pods=self.pods,
                scales=self.scales,
                values=self.values,
                clock=clock,
            ),
            scales=self.scales,
            queries=self.queries,
            mapper=self.mapper,
            telemetry=self.telemetry,
        )
        self.external = HpaExternalSource(
            self.definitions,
            documents=self.documents,
            queries=self.queries,
            telemetry=self.telemetry,
        )

    def add_hpa(self, annotations, *metrics, name="myapp-hpa", namespace="shop", **more):
        self.cluster.autoscaling.add_autoscaler(
            namespace,
            name,
            target=more.pop("target", TARGET),
            annotations=annotations,
            metrics=[wire_metric(each) for each in metrics],
            **more,
        )

    def add_workload(self, name="myapp", *pods, namespace="shop", replicas=2):
        self.cluster.autoscaling.add_workload(
            "deployments.apps", namespace, name, selector={"app": name}, replicas=replicas
        )
        for pod in pods:
            self.pods.upsert(PodMeta(namespace, pod, {"app": name}))
            self.values.known[pod] = MetricValue(float(len(self.values.known)), 100.0)

    async def sync(self):
        """Let what kube-apiserver has of HPAs be known."""
        watched = watched_hpas(None)
        hpas, _ = watched.decode_list(await self.api.get(watched.path))
        self.store.replace(hpas)

    async def told(self):
        """Messages of the Events on HPAs, after what changed was taken in."""
        await self.sync()
        await self.definitions.refresh()
        await self.recorder.send()
        return {each["message"] for each in self.cluster.autoscaling.events()}


@pytest.fixture
async def world():
    clock = ManualClock()
    async with contextlib.AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(SimCluster(nodes=1, clock=clock))
        api = await KubeApi.connect(str(cluster.admin_kubeconfig))
        stack.push_async_callback(api.close)
        world = World(cluster, api, clock)
        await world.mapper.refresh()
        yield world
