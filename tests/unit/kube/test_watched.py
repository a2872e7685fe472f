"""What is decoded of pods and nodes."""

import json

import msgspec
import pytest

from adapter.kube.listers import NodeAddress, NodeInfo, PodMeta
from adapter.kube.watched import NODES, RUNNING_PODS

NODE = {
    "kind": "Node",
    "metadata": {
        "name": "n1",
        "resourceVersion": "7",
        "labels": {"kubernetes.io/os": "linux"},
        "annotations": {"metrics.k8s.io/resource-metrics-path": "/metrics/nodes/n1"},
        "managedFields": [{"manager": "kubelet"}],
    },
    "spec": {"unschedulable": True},
    "status": {
        "addresses": [
            {"type": "InternalIP", "address": "10.0.0.1"},
            {"type": "Hostname", "address": "n1"},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10251}},
        "conditions": [
            {"type": "MemoryPressure", "status": "False"},
            {"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"},
        ],
    },
}


def decode(watched, item):
    return watched.decode(json.dumps(item).encode())


def test_node_fields():
    node, version = decode(NODES, NODE)

    assert version == "7"
    assert node == NodeInfo(
        name="n1",
        labels={"kubernetes.io/os": "linux"},
        addresses=(NodeAddress("InternalIP", "10.0.0.1"), NodeAddress("Hostname", "n1")),
        kubelet_port=10251,
        ready=True,
        resource_metrics_path="/metrics/nodes/n1",
    )


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [
        ([{"type": "Ready", "status": "False"}], False),
        ([{"type": "Ready", "status": "Unknown"}], False),
        ([], False),
        (None, False),
        ([{"type": "Ready", "status": "True"}], True),
    ],
)
def test_node_readiness(conditions, ready):
    node, _ = decode(NODES, {"metadata": {"name": "n"}, "status": {"conditions": conditions}})

    assert node.ready is ready


@pytest.mark.parametrize(
    ("annotations", "path"),
    [(None, ""), ({}, ""), ({"metrics.k8s.io/resource-metrics-path": "a/b"}, "/a/b")],
)
def test_node_path_annotation(annotations, path):
    node, _ = decode(NODES, {"metadata": {"name": "n", "annotations": annotations}})

    assert node.resource_metrics_path == path


def test_bare_node():
    """A node that has just registered has next to nothing."""
    node, _ = decode(NODES, {"metadata": {"name": "n"}})

    assert node == NodeInfo("n", ready=False)


def test_pod_metadata():
    meta = {"namespace": "ns", "name": "p", "resourceVersion": "3", "labels": {"a": "b"}}
    pod, version = decode(RUNNING_PODS, {"kind": "PartialObjectMetadata", "metadata": meta})

    assert (pod, version) == (PodMeta("ns", "p", {"a": "b"}), "3")


def test_pod_without_labels():
    pod, _ = decode(RUNNING_PODS, {"metadata": {"namespace": "ns", "name": "p"}})

    assert pod.labels == {}


def test_pages():
    body = {
        "metadata": {"resourceVersion": "9", "continue": "more"},
        "items": [{"metadata": {"namespace": "ns", "name": "p"}}],
    }
    pods, meta = RUNNING_PODS.decode_list(json.dumps(body).encode())

    assert pods == [PodMeta("ns", "p")]
    assert (meta.resource_version, meta.continue_) == ("9", "more")


@pytest.mark.parametrize("items", [None, []])
def test_empty_page(items):
    body = json.dumps({"metadata": {"resourceVersion": "9"}, "items": items}).encode()

    assert NODES.decode_list(body)[0] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"items":[]}', b"<html>"])
def test_what_is_no_list_is_refused(body):
    with pytest.raises(msgspec.DecodeError):
        NODES.decode_list(body)
