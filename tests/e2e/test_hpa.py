"""The real HPA controller scales real Deployments by what Viaduct serves."""

import math
import time

import pytest

from e2e.lab import NODES
from e2e.manifests import autoscaler, deployment, ingress, namespace
from e2e.programs import poll
from e2e.publishing import BROKER_PATH, POD_PATH

SHOP = "shop"
NAMES = {
    "cpu": "cpu-utilization",
    "memory": "container-memory",
    "pods": "pods-metric",
    "object": "object-metric",
    "external": "external-metric",
    "json": "json-pods",
    "url": "json-url",
    "annotated-pods": "annotated-pods",
    "annotated-url": "annotated-url",
    "annotated-query": "annotated-query",
}
WITHOUT_PROMETHEUS = ("cpu", "memory", "json", "url", "annotated-pods", "annotated-url")
"""What goes on when it is dead: from the kubelets, and from JSON."""

FROM_PROMETHEUS = ("pods", "object", "external", "annotated-query")

CORES, BYTES, COUNT = 0.1, 64 << 20, 10
"""What one pod should have, by the autoscalers' targets."""

FOLLOW_SECONDS = 60.0
"""In which a new load must have led to its replicas: scrapes, two rounds of the controller, and
the time pods take to start; half of it on a quiet machine."""

HOLD_SECONDS = 3.0
"""Three rounds of the controller, in which nothing may change."""


def metric_of(kind):
    """The metric an autoscaler of this kind has, as autoscaling/v2 writes it."""
    average = {"type": "AverageValue", "averageValue": str(COUNT)}
    ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "front"}
    queue = {"name": "queue_depth", "selector": {"matchLabels": {"queue": "orders"}}}
    broker = {"name": "broker-queue", "selector": {"matchLabels": {"queue": "orders"}}}
    return {
        "cpu": {
            "type": "Resource",
            "resource": {
                "name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 50},
            },
        },
        "memory": {
            "type": "ContainerResource",
            "containerResource": {
                "name": "memory",
                "container": "app",
                "target": {"type": "AverageValue", "averageValue": str(BYTES)},
            },
        },
        "pods": {
            "type": "Pods",
            "pods": {"metric": {"name": "http_requests_per_second"}, "target": average},
        },
        "object": {
            "type": "Object",
            "object": {
                "metric": {"name": "ingress_requests"},
                "describedObject": ingress,
                "target": average,
            },
        },
        "external": {"type": "External", "external": {"metric": queue, "target": average}},
        "json": {"type": "Pods", "pods": {"metric": {"name": "queue-depth"}, "target": average}},
        "url": {"type": "External", "external": {"metric": broker, "target": average}},
        "annotated-pods": {"type": "Pods", "pods": {"metric": {"name": "jobs"}, "target": average}},
        "annotated-url": {
            "type": "External",
            "external": {"metric": _of_type("orders", "json-path"), "target": average},
        },
        "annotated-query": {
            "type": "External",
            "external": {"metric": _of_type("waiting", "prometheus"), "target": average},
        },
    }[kind]


def _of_type(name, collector):
    return {"name": name, "selector": {"matchLabels": {"type": collector}}}


def annotations_of(kind, port):
    """What its HPA says of the metric, in kube-metrics-adapter's grammar."""
    query = f'sum(queue_depth{{namespace="{SHOP}",queue="orders"}})'
    return {
        "annotated-pods": {
            "metric-config.pods.jobs.json-path/json-key": "$.queue.depth",
            "metric-config.pods.jobs.json-path/path": POD_PATH,
            "metric-config.pods.jobs.json-path/port": str(port),
            "metric-config.pods.jobs.json-path/interval": "2s",
        },
        "annotated-url": {
            "metric-config.external.orders.json-path/json-key": "$.queues[0].waiting",
            "metric-config.external.orders.json-path/endpoint": (
                f"http://127.0.0.1:{port}{BROKER_PATH}"
            ),
            "metric-config.external.orders.json-path/interval": "2s",
        },
        "annotated-query": {"metric-config.external.waiting.prometheus/query": query},
    }.get(kind, {})


class Shop:
    """Deployments with an autoscaler each; each on a metric of another kind."""

    def __init__(self, lab):
        self._lab = lab

    def open(self):
        self.load(1.9)
        port = self._lab.publisher.port
        objects = [namespace(SHOP), ingress(SHOP, "front")]
        for kind, name in NAMES.items():
            objects += [
                deployment(SHOP, name, NODES[0], replicas=2),
                autoscaler(SHOP, name, metric_of(kind), annotations_of(kind, port)),
            ]
        self._lab.apply(*objects)

    def load(self, pods):
        """Give each application what so many pods are for; it shares that among those it has."""
        share = self._lab.nodes.share
        share(SHOP, NAMES["cpu"], "app", cpu=0.9 * pods * CORES)
        share(SHOP, NAMES["cpu"], "proxy", cpu=0.1 * pods * CORES)
        share(SHOP, NAMES["memory"], "app", memory=pods * BYTES)
        share(SHOP, NAMES["pods"], "app", requests=pods * COUNT)
        for kind in ("json", "annotated-pods"):
            share(SHOP, NAMES[kind], "app", depth=pods * COUNT)
        self._lab.publisher.queues |= {"orders": pods * COUNT, "other": 1000}
        gauges = self._lab.exporter.gauges
        gauges[f'ingress_requests{{namespace="{SHOP}",ingress="front"}}'] = pods * COUNT
        gauges[f'queue_depth{{namespace="{SHOP}",queue="orders"}}'] = pods * COUNT

    def replicas(self):
        """How many pods each Deployment wants and has, by kind of metric."""
        path = f"/apis/apps/v1/namespaces/{SHOP}/deployments"
        found = {d["metadata"]["name"]: d for d in self._lab.admin.read(path)["items"]}
        return {
            kind: (found[name]["spec"]["replicas"], found[name]["status"].get("readyReplicas", 0))
            for kind, name in NAMES.items()
        }

    def active(self):
        """The condition ScalingActive of each autoscaler: status, reason, message."""
        path = f"/apis/autoscaling/v2/namespaces/{SHOP}/horizontalpodautoscalers"
        items = self._lab.admin.read(path)["items"]
        found = {hpa["metadata"]["name"]: hpa["status"].get("conditions", []) for hpa in items}
        return {
            kind: next(
                (
                    (c["status"], c["reason"], c["message"])
                    for c in found[name]
                    if c["type"] == "ScalingActive"
                ),
                ("Unknown", "", ""),
            )
            for kind, name in NAMES.items()
        }

    def follows(self):
        """Whether all autoscalers have their metric."""
        return {status for status, _, _ in self.active().values()} == {"True"}

    def settles(self, wanted, held=()):
        """Wait until each kind has the replicas *wanted* of it and keeps them.

        Those *held* must have them all the time; the others may pass by: a rate covers what was
        before and after a change of load, and the autoscalers here smooth nothing.
        """
        pairs = {kind: (count, count) for kind, count in wanted.items()}
        since = time.monotonic()

        def settled():
            nonlocal since
            found = self.replicas()
            for kind in held:
                assert found[kind] == pairs[kind], kind
            if found != pairs:
                since = time.monotonic()
            return time.monotonic() - since > HOLD_SECONDS

        poll(settled, FOLLOW_SECONDS, lambda: f"{self.replicas()}, {self.active()}")

    def describe(self, kind):
        """What ``kubectl describe hpa`` prints."""
        words = ("describe", "hpa", NAMES[kind], f"--namespace={SHOP}")
        return self._lab.kubectl(*words).out


@pytest.fixture(scope="module")
def shop(lab):
    if lab.control_plane.controllers is None:
        pytest.skip("end-to-end suite: no kube-controller-manager, nobody scales")
    made = Shop(lab)
    made.open()
    poll(made.follows, FOLLOW_SECONDS, lambda: str(made.active()))
    return made


def test_replicas_stay_while_the_load_does(shop):
    shop.settles(dict.fromkeys(NAMES, 2))


@pytest.mark.parametrize("pods", [5.6, 2.6], ids=["up", "down"])
def test_replicas_follow_the_load(shop, pods):
    shop.load(pods)

    shop.settles(dict.fromkeys(NAMES, math.ceil(pods)))


def test_without_prometheus_usage_scales_on_and_the_rest_holds_and_says_why(shop, lab):
    before = {kind: wanted for kind, (wanted, _) in shop.replicas().items()}
    with lab.viaduct.watched() as unavailable:
        with lab.without_prometheus():
            shop.load(4.6)
            shop.settles(before | dict.fromkeys(WITHOUT_PROMETHEUS, 5), held=FROM_PROMETHEUS)
            active = {kind: status for kind, (status, _, _) in shop.active().items()}
            described = {kind: shop.describe(kind) for kind in NAMES}
        shop.settles(dict.fromkeys(NAMES, 5))

    assert active == {kind: str(kind in WITHOUT_PROMETHEUS) for kind in NAMES}
    for kind in FROM_PROMETHEUS:
        assert "cannot connect to prometheus" in described[kind], described[kind]
    assert unavailable == []


def test_a_mistake_in_an_annotation_is_told_by_describe(shop, lab):
    wrong = {"metric-config.pods.jobs.json-path/json-kye": "$.queue.depth"}
    lab.apply(autoscaler(SHOP, "mistaken", metric_of("annotated-pods"), wrong))

    def described():
        return lab.kubectl("describe", "hpa", "mistaken", f"--namespace={SHOP}").out

    poll(lambda: "FailedParseMetricAnnotation" in described(), FOLLOW_SECONDS, described)
    assert "did you mean json-key" in described().replace("'", "").replace('"', "")
    lab.kubectl("delete", "hpa", "mistaken", f"--namespace={SHOP}")
