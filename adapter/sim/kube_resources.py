"""The resources the stand-in serves from the start, and how the workloads look as objects."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from adapter.model.times import format_rfc3339
from adapter.sim.workloads import Pod

_COMMON_FIELDS = ("metadata.name", "metadata.namespace")


class Resource(NamedTuple):
    """One resource: what discovery says of it and which fields can be selected."""

    name: str
    kind: str
    namespaced: bool
    singular: str
    short_names: tuple[str, ...] = ()
    fields: tuple[str, ...] = _COMMON_FIELDS
    verbs: tuple[str, ...] = ("get", "list", "watch")
    group: str = ""
    version: str = "v1"

    @property
    def key(self) -> str:
        """Under which the store has its objects, whatever version they are asked for in."""
        return f"{self.name}.{self.group}" if self.group else self.name

    @property
    def api_version(self) -> str:
        """``apiVersion`` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version


def _review(group: str, name: str, kind: str) -> Resource:
    return Resource(name, kind, False, kind.lower(), verbs=("create",), group=group)


_PODS = Resource(
    "pods", "Pod", True, "pod", ("po",), (*_COMMON_FIELDS, "spec.nodeName", "status.phase")
)

_WRITTEN = ("create", "get", "list", "patch", "update", "watch")
_AUTOSCALERS = Resource(
    "horizontalpodautoscalers",
    "HorizontalPodAutoscaler",
    True,
    "horizontalpodautoscaler",
    ("hpa",),
    verbs=_WRITTEN,
    group="autoscaling",
    version="v2",
)

RESOURCES: Sequence[Resource] = (
    Resource("configmaps", "ConfigMap", True, "configmap", ("cm",)),
    Resource("events", "Event", True, "event", ("ev",), verbs=_WRITTEN),
    Resource("namespaces", "Namespace", False, "namespace", ("ns",)),
    Resource("nodes", "Node", False, "node", ("no",)),
    Resource("persistentvolumes", "PersistentVolume", False, "persistentvolume", ("pv",)),
    _PODS,
    Resource("secrets", "Secret", True, "secret", verbs=_WRITTEN),
    Resource("services", "Service", True, "service", ("svc",)),
    Resource(
        "apiservices",
        "APIService",
        False,
        "apiservice",
        verbs=_WRITTEN,
        group="apiregistration.k8s.io",
    ),
    Resource("deployments", "Deployment", True, "deployment", ("deploy",), group="apps"),
    Resource("replicasets", "ReplicaSet", True, "replicaset", ("rs",), group="apps"),
    Resource("statefulsets", "StatefulSet", True, "statefulset", ("sts",), group="apps"),
    _review("authentication.k8s.io", "tokenreviews", "TokenReview"),
    _review("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    _review("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview"),
    _AUTOSCALERS,
    Resource("jobs", "Job", True, "job", group="batch"),
    Resource("ingresses", "Ingress", True, "ingress", ("ing",), group="networking.k8s.io"),
)
"""By group, the groups as discovery lists them."""


def plain_object(
    namespace: str, name: str, labels: Mapping[str, str], created: float
) -> dict[str, Any]:
    """An object of which nothing matters but its labels; *namespace* is "" for none."""
    metadata = {
        "name": name,
        **({"namespace": namespace} if namespace else {}),
        "uid": f"object-{namespace}-{name}",
        "creationTimestamp": format_rfc3339(created),
        "labels": dict(labels),
    }
    return {"metadata": metadata, "spec": {}}


def namespace_object(name: str, created: float) -> dict[str, Any]:
    """A namespace."""
    metadata = {
        "name": name,
        "uid": f"namespace-{name}",
        "creationTimestamp": format_rfc3339(created),
        "labels": {"kubernetes.io/metadata.name": name},
    }
    return {"metadata": metadata, "spec": {}, "status": {"phase": "Active"}}


def config_map_object(
    namespace: str, name: str, data: Mapping[str, str], created: float
) -> dict[str, Any]:
    """A ConfigMap."""
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": f"configmap-{namespace}-{name}",
        "creationTimestamp": format_rfc3339(created),
    }
    return {"metadata": metadata, "data": dict(data)}


def node_object(
    name: str,
    *,
    labels: Mapping[str, str],
    addresses: Sequence[tuple[str, str]],
    kubelet_port: int,
    created: float,
) -> dict[str, Any]:
    """A ready node of 16 cores and 64 GiB.

    Args:
        name: Its name.
        labels: Its labels.
        addresses: Type and address, in the order the node reports them.
        kubelet_port: ``status.daemonEndpoints``.
        created: Unix seconds.
    """
    resources = {"cpu": "16", "memory": "64Gi", "pods": "250"}
    since = format_rfc3339(created)
    return {
        "metadata": {
            "name": name,
            "uid": f"node-{name}",
            "creationTimestamp": since,
            "labels": dict(labels),
        },
        "spec": {},
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "KubeletReady",
                    "message": "kubelet is posting ready status",
                    "lastHeartbeatTime": since,
                    "lastTransitionTime": since,
                }
            ],
            "addresses": _addresses(addresses),
            "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet_port}},
            "nodeInfo": {"kubeletVersion": "v1.34.0", "operatingSystem": "linux"},
        },
    }


def changed_node(
    node: Mapping[str, Any],
    *,
    ready: bool | None,
    labels: Mapping[str, str] | None,
    annotations: Mapping[str, str] | None,
    addresses: Sequence[tuple[str, str]] | None,
) -> dict[str, Any]:
    """Copy *node* with the parts that are not None replaced."""
    metadata, status = dict(node["metadata"]), dict(node["status"])
    if labels is not None:
        metadata["labels"] = dict(labels)
    if annotations is not None:
        metadata["annotations"] = dict(annotations)
    if ready is not None:
        [condition] = status["conditions"]
        status["conditions"] = [{**condition, "status": "True" if ready else "False"}]
    if addresses is not None:
        status["addresses"] = _addresses(addresses)
    return {**node, "metadata": metadata, "status": status}


def _addresses(addresses: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"type": kind, "address": address} for kind, address in addresses]


def pod_object(pod: Pod) -> dict[str, Any]:
    """A pod as the workloads have it now."""
    metadata = {
        "name": pod.key.name,
        "namespace": pod.key.namespace,
        "uid": pod.uid,
        "creationTimestamp": format_rfc3339(pod.created),
        "labels": dict(pod.labels),
    }
    if pod.terminating is not None:
        metadata["deletionTimestamp"] = format_rfc3339(pod.terminating)
    containers: list[dict[str, Any]] = [
        {
            "name": container.key.name,
            "image": "registry.example/app:1",
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
        }
        for container in pod.containers
    ]
    if pod.ports:
        containers[0]["ports"] = [
            {"name": name, "containerPort": port} for name, port in pod.ports.items()
        ]
    spec = {"nodeName": pod.node, "containers": containers}
    return {"metadata": metadata, "spec": spec, "status": _pod_status(pod)}


def _pod_status(pod: Pod) -> dict[str, Any]:
    running = pod.phase == "Running"
    ready = running and pod.ready
    changed = pod.created if pod.ready_changed is None else pod.ready_changed
    return {
        "phase": pod.phase,
        "startTime": format_rfc3339(pod.created),
        **({"podIP": pod.ip, "podIPs": [{"ip": pod.ip}]} if running else {}),
        "conditions": [
            {
                "type": "Ready",
                "status": "True" if ready else "False",
                "lastTransitionTime": format_rfc3339(changed),
            }
        ],
        "containerStatuses": [
            {
                "name": container.key.name,
                "ready": ready,
                "restartCount": len(container.starts) - 1,
                "state": {"running": {"startedAt": format_rfc3339(container.starts[-1])}},
                "image": "registry.example/app:1",
                "imageID": "",
            }
            for container in pod.containers
        ],
    }
