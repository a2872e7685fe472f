"""A custom metric read from JSON that pods publish, and whether what is served is the truth."""

import time

import aiohttp
import msgspec

from adapter.model.quantity import Quantity
from adapter.model.resources import PodKey
from adapter.model.times import parse_rfc3339
from adapter.sim.cluster import SimCluster
from adapter.sim.demo.report import Report
from adapter.sim.json_pods import PATH, PORT_NAME
from adapter.sim.layout import node_name
from adapter.sim.patterns import Sine
from adapter.sim.workloads import POD_NETWORK

NAMESPACE, APP, METRIC = "shop", "checkout", "queue-depth"
REPLICAS = 3
INTERVAL_SECONDS = 5
AGE_SECONDS = 3600.0

API = "custom.metrics.k8s.io"
VERSIONS = ("v1beta2", "v1beta1")
REQUEST = (
    f"/apis/{API}/{VERSIONS[0]}/namespaces/{NAMESPACE}/pods/*/{METRIC}?labelSelector=app%3D{APP}"
)
"""What an HPA on the metric asks for."""

RULE_FILE = "rules.json-pods.yaml"
RULES = f"""\
rules:
- metric: {METRIC}
  json:
    pods: {{selector: app={APP}, namespaces: [{NAMESPACE}]}}
    port: {PORT_NAME}
    path: {PATH}
    query: $.queue.depth
    timestamp: $.time
    interval: {INTERVAL_SECONDS}s
"""


class _Object(msgspec.Struct):
    name: str
    namespace: str


class _Metric(msgspec.Struct):
    name: str


class _Value(msgspec.Struct, rename="camel"):
    described_object: _Object
    metric: _Metric
    timestamp: str
    value: str


class _Values(msgspec.Struct):
    items: list[_Value]


class Documents:
    """Pods that publish how many items wait in their queues.

    Args:
        cluster: Where they run.
        report: Where the figures go.
    """

    def __init__(self, cluster: SimCluster, report: Report) -> None:
        self._cluster = cluster
        self._report = report

    async def publish(self) -> str:
        """Start the pods; what they are, for a person."""
        cluster = self._cluster
        for replica in range(REPLICAS):
            key = PodKey(NAMESPACE, f"{APP}-{replica}")
            cpu = Sine(0.1, amplitude=0.02, period=600.0, phase=replica / REPLICAS)
            node = node_name(replica % len(cluster.workloads.nodes()))
            labels = {"app": APP, "team": NAMESPACE}
            cluster.add_pod(key, node, {"app": (cpu, 64 << 20)}, labels=labels, age=AGE_SECONDS)
            await cluster.json.publish(key)
        example = cluster.json[PodKey(NAMESPACE, f"{APP}-0")].url
        return f"{REPLICAS} pods of {NAMESPACE} publish JSON, such as {example}"

    def flags(self) -> list[str]:
        """Flags of the service: the rule, and that pods are at loopback addresses here."""
        rules = self._cluster.directory / RULE_FILE
        rules.write_text(RULES, encoding="utf-8")
        return [f"--config={rules}", f"--json-allow={POD_NETWORK}"]

    async def judge(self, session: aiohttp.ClientSession) -> None:
        """Ask once as an HPA does, and compare each value with the truth at its time."""
        report = self._report
        report.requests += 1
        try:
            async with session.get(REQUEST) as response:
                body = await response.read()
                if response.status != 200:
                    report.fail(f"{REQUEST}: {response.status} {body[:200].decode()}")
                    return
        except (aiohttp.ClientError, TimeoutError) as error:
            report.fail(f"{REQUEST}: {type(error).__name__} {error}")
            return
        values = msgspec.json.decode(body, type=_Values).items
        if len(values) < REPLICAS:
            report.fail(f"{REQUEST}: {len(values)} values instead of {REPLICAS}")
        for value in values:
            self._compare(value)

    def _compare(self, value: _Value) -> None:
        described, at = value.described_object, parse_rfc3339(value.timestamp)
        served = float(Quantity.parse(value.value))
        # the document says of which second it is, so there is one truth
        truth = self._cluster.json[PodKey(described.namespace, described.name)].figures.depth(at)
        self._report.json_values += 1
        if served != truth:
            self._report.json_wrong += 1
            self._report.note(f"{METRIC} of {described.name}: {served:g} instead of {truth}")
        age = time.time() - at
        self._report.worst_json_age_seconds = max(self._report.worst_json_age_seconds, age)
