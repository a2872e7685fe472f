"""A real kubectl against the service, through the aggregator's stand-in."""

import json

import pytest
from integration.service import NEEDS_KUBECTL, warm_lab

from adapter.model.quantity import Quantity
from adapter.model.times import parse_duration, parse_rfc3339
from adapter.sim.workloads import ContainerKey

pytestmark = NEEDS_KUBECTL


@pytest.fixture(scope="module")
async def service():
    async with warm_lab(nodes=3, pods_per_node=4) as made:
        yield made


def rows(printed: str) -> list[list[str]]:
    return [line.split() for line in printed.splitlines()]


async def kubectl(service, *words: str) -> str:
    code, printed, complained = await service.kubectl(*words)
    assert code == 0, complained
    assert "rror" not in complained, complained
    return printed


async def test_top_nodes(service):
    header, *lines = rows(await kubectl(service, "top", "nodes"))

    assert header in (
        ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"],
        ["NAME", "CPU(cores)", "CPU%", "MEMORY(bytes)", "MEMORY%"],  # before kubectl 1.32
    )
    assert [line[0] for line in lines] == ["node-0000", "node-0001", "node-0002"]
    for name, cpu, _, memory, _ in lines:
        now = service.clock.time()
        true_cpu = service.cluster.workloads.cpu(name, now - 30, now)
        assert int(cpu.removesuffix("m")) == pytest.approx(true_cpu * 1000, rel=0.05, abs=1)
        true_memory = service.cluster.workloads.memory(name, now)
        assert int(memory.removesuffix("Mi")) == pytest.approx(true_memory >> 20, rel=0.05)


async def test_top_pods_everywhere(service):
    header, *lines = rows(await kubectl(service, "top", "pods", "-A"))

    assert header == ["NAMESPACE", "NAME", "CPU(cores)", "MEMORY(bytes)"]
    assert [tuple(line[:2]) for line in lines] == sorted(
        pod.key for pod in service.cluster.workloads.pods()
    )


async def test_top_one_pod_with_containers(service):
    pod = service.cluster.workloads.pods()[0]

    printed = await kubectl(
        service, "top", "pod", pod.key.name, "-n", pod.key.namespace, "--containers"
    )

    header, *lines = rows(printed)
    assert header == ["POD", "NAME", "CPU(cores)", "MEMORY(bytes)"]
    assert [line[1] for line in lines] == ["app", "proxy"]
    for line in lines:
        key = ContainerKey(*pod.key, line[1])
        now = service.clock.time()
        true_cpu = service.cluster.workloads.cpu(key, now - 30, now)
        assert int(line[2].removesuffix("m")) == pytest.approx(true_cpu * 1000, rel=0.05, abs=1)
        assert int(line[3].removesuffix("Mi")) == service.cluster.workloads.memory(key, now) >> 20


async def test_top_by_label(service):
    _, *lines = rows(await kubectl(service, "top", "pods", "-A", "-l", "team in (team-01)"))

    assert {line[0] for line in lines} == {"team-01"}


@pytest.mark.parametrize(
    "words", [("get", "podmetrics", "-A"), ("get", "pods.metrics.k8s.io", "-A")]
)
async def test_get_podmetrics(service, words):
    header, *lines = rows(await kubectl(service, *words))

    assert header == ["NAMESPACE", "NAME", "CPU", "MEMORY", "WINDOW"]
    assert len(lines) == 12
    for line in lines:
        assert float(Quantity.parse(line[2])) > 0
        assert parse_duration(line[4]) > 0


async def test_get_nodemetrics(service):
    header, *lines = rows(await kubectl(service, "get", "nodemetrics"))

    assert header == ["NAME", "CPU", "MEMORY", "WINDOW"]
    assert [line[0] for line in lines] == ["node-0000", "node-0001", "node-0002"]


async def test_get_podmetrics_as_yaml_of_one(service):
    key = service.cluster.workloads.pods()[0].key

    printed = await kubectl(
        service, "get", "podmetrics", key.name, "-n", key.namespace, "-o", "json"
    )

    body = json.loads(printed)
    assert body["kind"] == "PodMetrics"
    assert [container["name"] for container in body["containers"]] == ["app", "proxy"]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_get_raw(service, version):
    body = json.loads(
        await kubectl(service, "get", "--raw", f"/apis/metrics.k8s.io/{version}/pods")
    )

    assert (body["kind"], body["apiVersion"]) == ("PodMetricsList", f"metrics.k8s.io/{version}")
    for item in body["items"]:
        end, window = parse_rfc3339(item["timestamp"]), parse_duration(item["window"])
        pod = (item["metadata"]["namespace"], item["metadata"]["name"])
        for container in item["containers"]:
            key = ContainerKey(*pod, container["name"])
            true_cpu = service.cluster.workloads.cpu(key, end - window, end)
            cpu = float(Quantity.parse(container["usage"]["cpu"]))
            assert cpu == pytest.approx(true_cpu, rel=0.01)


async def test_get_raw_of_what_is_missing(service):
    code, _, complained = await service.kubectl(
        "get", "--raw", "/apis/metrics.k8s.io/v1/nodes/absent"
    )

    assert code == 1
    assert 'node "absent" not found' in complained


async def test_api_resources(service):
    printed = await kubectl(service, "api-resources", "--api-group=metrics.k8s.io", "--no-headers")

    assert rows(printed) == [
        ["nodes", "metrics.k8s.io/v1", "false", "NodeMetrics"],
        ["pods", "metrics.k8s.io/v1", "true", "PodMetrics"],
    ]
