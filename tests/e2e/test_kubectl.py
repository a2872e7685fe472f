"""A real kubectl sees in a real cluster what its pods truly use."""

import json

import pytest

from adapter.model.quantity import Quantity
from e2e.lab import CPU, INGRESS_REQUESTS, MEMORY, NODES, QUEUE_DEPTH, REQUESTS, TEAM
from e2e.programs import poll
from e2e.viaduct import GROUP_VERSIONS

MIB = 1 << 20
CUSTOM = ("v1beta1", "v1beta2")
PATHS = (
    f"/apis/metrics.k8s.io/v1beta1/namespaces/{TEAM}/pods",
    "/apis/metrics.k8s.io/v1/nodes",
    f"/apis/custom.metrics.k8s.io/v1beta1/namespaces/{TEAM}/pods/*/http_requests_per_second",
    f"/apis/custom.metrics.k8s.io/v1beta2/namespaces/{TEAM}/pods/*/http_requests_per_second",
    f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{TEAM}/queue_depth",
)
KNOWN_SECONDS = 40.0
"""Two scrapes by Prometheus and one discovery of series."""


@pytest.fixture(scope="module", autouse=True)
def metrics(lab):
    """Everything has been measured twice."""
    for path in PATHS:
        poll(lambda path=path: lab.serves(path), KNOWN_SECONDS)


def raw(lab, path):
    return json.loads(lab.kubectl("get", "--raw", path).out)


def test_top_nodes(lab):
    header, *rows = lab.kubectl("top", "nodes").rows()

    assert header[:2] == ["NAME", "CPU(cores)"]
    assert [row[0] for row in rows] == list(NODES)
    for row in rows:
        assert int(row[1].removesuffix("m")) >= 1000 * sum(CPU.values())


def test_top_pods(lab):
    header, *rows = lab.kubectl("top", "pods", f"--namespace={TEAM}").rows()

    assert header == ["NAME", "CPU(cores)", "MEMORY(bytes)"]
    assert [row[0] for row in rows] == ["web-0", "web-1"]
    for _, cpu, memory in rows:
        assert int(cpu.removesuffix("m")) == pytest.approx(1000 * sum(CPU.values()), rel=0.03)
        assert int(memory.removesuffix("Mi")) == sum(MEMORY.values()) // MIB


@pytest.mark.parametrize("protobuf", ["true", "false"])
def test_top_pods_with_containers(lab, protobuf):
    flags = (f"--namespace={TEAM}", "--containers", f"--use-protocol-buffers={protobuf}")
    header, *rows = lab.kubectl("top", "pods", *flags).rows()

    assert header == ["POD", "NAME", "CPU(cores)", "MEMORY(bytes)"]
    assert [row[:2] for row in rows] == [
        [pod, container] for pod in ("web-0", "web-1") for container in CPU
    ]
    for _, container, cpu, memory in rows:
        assert int(cpu.removesuffix("m")) == pytest.approx(1000 * CPU[container], rel=0.03)
        assert int(memory.removesuffix("Mi")) == MEMORY[container] // MIB


def test_get_podmetrics_prints_a_table(lab):
    header, *rows = lab.kubectl("get", "podmetrics", f"--namespace={TEAM}").rows()

    assert header == ["NAME", "CPU", "MEMORY", "WINDOW"]
    assert [row[0] for row in rows] == ["web-0", "web-1"]


def test_get_one_nodemetrics_as_json(lab):
    body = json.loads(lab.kubectl("get", "nodemetrics", NODES[0], "--output=json").out)

    assert (body["kind"], body["metadata"]["name"]) == ("NodeMetrics", NODES[0])


@pytest.mark.parametrize("version", CUSTOM)
def test_get_raw_of_a_pods_metric(lab, version):
    path = f"namespaces/{TEAM}/pods/*/http_requests_per_second"
    body = raw(lab, f"/apis/custom.metrics.k8s.io/{version}/{path}")

    assert body["apiVersion"] == f"custom.metrics.k8s.io/{version}"
    values = {
        i["describedObject"]["name"]: float(Quantity.parse(i["value"])) for i in body["items"]
    }
    assert values == pytest.approx({"web-0": REQUESTS, "web-1": REQUESTS}, rel=0.03)


@pytest.mark.parametrize("version", CUSTOM)
def test_get_raw_of_an_objects_metric(lab, version):
    path = f"namespaces/{TEAM}/ingresses.networking.k8s.io/front/ingress_requests"
    body = raw(lab, f"/apis/custom.metrics.k8s.io/{version}/{path}")

    (item,) = body["items"]
    assert item["value"] == str(INGRESS_REQUESTS)
    assert item["describedObject"]["kind"] == "Ingress"


def test_get_raw_of_an_external_metric(lab):
    path = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{TEAM}/queue_depth"
    body = raw(lab, f"{path}?labelSelector=queue%3Dmail")

    (item,) = body["items"]
    assert item["value"] == str(QUEUE_DEPTH)
    assert item["metricLabels"] == {"queue": "mail"}


def test_api_resources(lab):
    printed = lab.kubectl("api-resources", "--api-group=metrics.k8s.io", "--no-headers")

    assert printed.err == ""
    assert [row[-3:] for row in printed.rows()] == [
        ["metrics.k8s.io/v1", "false", "NodeMetrics"],
        ["metrics.k8s.io/v1", "true", "PodMetrics"],
    ]


def test_api_versions(lab):
    printed = lab.kubectl("api-versions").out.split()

    assert {f"{group}/{version}" for group, version in GROUP_VERSIONS} <= set(printed)


def test_custom_and_external_metrics_are_listed(lab):
    custom = raw(lab, "/apis/custom.metrics.k8s.io/v1beta2")
    external = raw(lab, "/apis/external.metrics.k8s.io/v1beta1")

    names = {resource["name"] for resource in custom["resources"]}
    assert "pods/http_requests_per_second" in names
    assert "ingresses.networking.k8s.io/ingress_requests" in names
    assert "pods/queue-depth" in names
    assert {"queue_depth", "broker-queue"} <= {each["name"] for each in external["resources"]}


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("podmetrics", "containers"),
        ("podmetrics.containers.usage", "usage"),
        ("nodemetrics", "window"),
    ],
)
def test_explain(lab, what, text):
    assert text in lab.kubectl("explain", what).out


@pytest.mark.parametrize("path", PATHS)
def test_controllers_get_the_protobuf_they_ask_for_first(lab, path):
    answer = lab.admin.get(path, Accept="application/vnd.kubernetes.protobuf, */*")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/vnd.kubernetes.protobuf"
    assert answer.body.startswith(b"k8s\0")
