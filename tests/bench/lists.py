"""GET of all pods of a cluster with 10,000, two containers each: CPU of the handler.

As JSON, and as protobuf, which controllers and kubectl ask for first.
"""

import asyncio
import time

from measure import Row

from adapter.apis.base import APIRequest
from adapter.apis.resource_metrics.handlers import resource_metrics_group
from adapter.kube.listers import NodeLister, PodLister, PodMeta
from adapter.kube.placement import PlacementReader
from adapter.model.labels import EVERYTHING
from adapter.model.metrics import ContainerMetrics, Origin, PodMetrics
from adapter.periodic import SystemClock
from adapter.sim.layout import pod_key, pod_labels
from adapter.telemetry import Telemetry

PODS = 10_000
COLD_MS, WARM_MS = 60.0, 20.0
"""Half, and a sixth when nothing changed, of the 12 µs a pod that metrics-server takes."""


class FixedSource:
    """Hands out the same objects until `renew`."""

    def __init__(self, keys) -> None:
        self._keys = keys
        self.renew(0)

    def renew(self, round_number: int) -> None:
        self.usage = {
            key: PodMetrics(
                namespace=key.namespace,
                name=key.name,
                timestamp=1.79e9 + 15 * round_number,
                window=15.0 + place % 977 / 1000,
                containers=(
                    ContainerMetrics("app", 0.001 * (place + 1) / 3, 8388608 + 4096 * place),
                    ContainerMetrics("proxy", 0.002 * (place + 2) / 7, 4096 * (place + 1)),
                ),
                origin=Origin.KUBELET,
            )
            for place, key in enumerate(self._keys)
        }

    async def pods(self, keys, namespace):
        return [self.usage.get(key) for key in keys]

    async def nodes(self, names):
        return [None] * len(names)

    def why_no_pod(self, key, node):
        return "no sample yet"

    def why_no_node(self, name):
        return "no sample yet"


async def _measure(*, protobuf: bool) -> tuple[float, float, int]:
    places = [(node, pod) for node in range(PODS // 100) for pod in range(100)]
    keys = [pod_key(*place) for place in places]
    pods = PodLister()
    pods.replace(
        [PodMeta(*key, pod_labels(*place)) for key, place in zip(keys, places, strict=True)]
    )
    source = FixedSource(keys)
    group = resource_metrics_group(
        source=source,
        pods=pods,
        nodes=NodeLister(),
        placement=PlacementReader(None),
        node_selector=EVERYTHING,
        warning=lambda: None,
        clock=SystemClock(),
        telemetry=Telemetry(),
    )
    (handler,) = [route.handler for route in group.routes if route.path == "/pods"]
    cold, warm, size = [], [], 0
    for round_number in range(1, 6):
        source.renew(round_number)
        for times in (cold, warm):
            started = time.process_time()
            answer = await handler(APIRequest(version="v1", protobuf=protobuf))
            size = sum(len(chunk) for chunk in answer.chunks)
            times.append(time.process_time() - started)
    return min(cold[1:]), min(warm), size


def run(slower: float) -> list[Row]:
    rows = []
    for form in ("JSON", "protobuf"):
        cold, warm, size = asyncio.run(_measure(protobuf=form == "protobuf"))
        rows += [
            Row(f"list of 10,000 pods as {form}", size / 2**20, "MiB"),
            Row("… every value new", cold * 1e3, "ms CPU", COLD_MS, slower),
            Row("… nothing new", warm * 1e3, "ms CPU", WARM_MS, slower),
        ]
    return rows
