"""prometheus-adapter's recorded answers about usage, probes and paths: ours, or how ours differ."""

import json
from dataclasses import replace

import pytest
from golden.cluster import Cluster, serving
from golden.compare import ADAPTER_OPERATIONS, Answer, Golden, as_text, differences
from golden.custom_cluster import CustomCluster
from yarl import URL

from adapter.errors import SourceError
from adapter.model.metrics import ContainerMetrics, NodeMetrics, Origin, PodMetrics
from adapter.model.quantity import Quantity
from adapter.model.resources import PodKey
from adapter.model.times import parse_duration, parse_rfc3339

ORIGIN = Origin.PROMETHEUS


def load(name):
    return Golden.load(name, ADAPTER_OPERATIONS)


async def ask(app, golden):
    async with serving(app) as session:
        headers = {"Accept-Encoding": "identity", **golden.request_headers}
        url = URL(golden.path, encoded=True)
        async with session.request(golden.method, url, headers=headers) as response:
            answered = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, answered, as_text(await response.read()))


def usage(item):
    return float(Quantity.parse(item["usage"]["cpu"])), int(
        float(Quantity.parse(item["usage"]["memory"]))
    )


def times(item):
    return {
        "timestamp": parse_rfc3339(item["timestamp"]),
        "window": parse_duration(item["window"]),
        "origin": ORIGIN,
    }


def node_metrics(item):
    cpu, memory = usage(item)
    return NodeMetrics(name=item["metadata"]["name"], cpu=cpu, memory=memory, **times(item))


def pod_metrics(item):
    meta = item["metadata"]
    containers = tuple(ContainerMetrics(each["name"], *usage(each)) for each in item["containers"])
    return PodMetrics(
        namespace=meta["namespace"], name=meta["name"], containers=containers, **times(item)
    )


async def test_nodes_are_listed_as_there():
    """Given the same samples; when they were taken, the peer does not tell."""
    golden, cluster = load("resource-nodes"), Cluster()
    cluster.source.by_node = {
        item["metadata"]["name"]: node_metrics(item) for item in golden.answer.body["items"]
    }

    assert differences(golden, await ask(cluster.app(), golden)) == []


async def test_pods_are_listed_as_there():
    golden, cluster = load("resource-pods"), Cluster()
    cluster.source.by_pod = {
        PodKey(item["metadata"]["namespace"], item["metadata"]["name"]): pod_metrics(item)
        for item in golden.answer.body["items"]
    }

    assert differences(golden, await ask(cluster.app(), golden)) == []


async def test_a_pod_without_a_sample_is_not_found_because():
    golden = load("resource-pod-dead")

    def because(body):
        return {**body, "message": body["message"] + ": …"}

    assert differences(golden.changed(because), await ask(Cluster().app(), golden)) == []


@pytest.mark.parametrize("name", ["down-resource-nodes", "down-resource-pod"])
async def test_without_prometheus_usage_is_not_available(name):
    """The peer lists nothing, and finds no pod, as if the cluster were empty.

    That is without a fallback; with one the kubelets' values are answered.
    """
    golden, cluster = load(name), Cluster()
    cluster.source.error = SourceError("prometheus does not answer")

    answer = await ask(cluster.app(), golden)

    assert (golden.answer.status, answer.status) in {(200, 503), (404, 503)}
    assert answer.body["reason"] == "ServiceUnavailable"
    assert answer.body["message"] == "prometheus does not answer"


@pytest.mark.parametrize("name", ["livez-verbose", "readyz-verbose", "down-readyz"])
async def test_probes_have_the_names_of_metrics_server(name):
    """Both peers have ping, log and the hooks of an API server; what they wait for differs."""
    golden = load(name)

    answer = await ask(Cluster().app(), golden)

    assert alike_but_for_text(golden, answer)
    peers = [line for line in golden.answer.text.splitlines() if "informer" not in line]
    ours = [
        line for line in answer.text.splitlines() if "metric" not in line and "meta" not in line
    ]
    assert ours == peers


def alike_but_for_text(golden, answer):
    return not differences(golden, replace(answer, text=golden.answer.text))


async def test_the_paths_are_listed():
    """Without those of checks that are not ours, and with the version Kubernetes 1.37 prefers."""
    golden = load("root")

    answer = await ask(CustomCluster().app(), golden)

    assert alike_but_for_text(golden, answer)
    theirs = {path for path in golden.answer.body["paths"] if "informer" not in path}
    assert set(answer.body["paths"]) == theirs | {"/apis/metrics.k8s.io/v1"}
    assert answer.text == json.dumps(answer.body, indent=2)
