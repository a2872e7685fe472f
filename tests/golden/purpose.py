"""Where our answers differ from metrics-server's on purpose: why, and to what."""

from collections.abc import Callable
from typing import Any, NamedTuple

from golden.compare import Golden

V1 = {"groupVersion": "metrics.k8s.io/v1", "version": "v1"}
NOT_SERVED = {"/statusz"}


class OnPurpose(NamedTuple):
    """Why our answer is another one, and which."""

    why: str
    change: Callable[[Any], Any]
    status: int | None = None


def with_v1(body):
    described = body["groups"][0] if "groups" in body else body
    described["versions"].insert(0, V1)
    described["preferredVersion"] = V1
    return body


def with_v1_aggregated(body):
    versions = body["items"][0]["versions"]
    versions.insert(0, {**versions[0], "version": "v1"})
    return body


def our_paths(body):
    paths = {*body["paths"], "/apis/metrics.k8s.io/v1"} - NOT_SERVED
    return {"paths": sorted(paths)}


def because(why):
    def change(body):
        body["message"] += f": {why}"
        return body

    return change


def v1_resources(_):
    return Golden.load("group-version").answer.body | {"groupVersion": "metrics.k8s.io/v1"}


def sorted_containers(body):
    for item in body["items"]:
        item["containers"].sort(key=lambda container: container["name"])
    return body


SERVES_V1 = "metrics.k8s.io/v1 is served, and preferred as by Kubernetes 1.37"
OWN_PATHS = "/apis/metrics.k8s.io/v1 is served; /statusz is not"
SORTED = "containers are sorted by name, not in random order"

ON_PURPOSE = {
    "api-legacy": OnPurpose(OWN_PATHS, our_paths),
    "apis-aggregated-v2": OnPurpose(SERVES_V1, with_v1_aggregated),
    "apis-legacy": OnPurpose(SERVES_V1, with_v1),
    "group": OnPurpose(SERVES_V1, with_v1),
    "group-version-v1": OnPurpose(SERVES_V1, v1_resources, 200),
    "node-no-metrics": OnPurpose("the message says why", because("the kubelet cannot be reached")),
    "pod-no-metrics": OnPurpose(
        "the message says why", because("node node-0002 cannot be reached")
    ),
    "pods-all": OnPurpose(SORTED, sorted_containers),
    "pods-field-ns": OnPurpose(SORTED, sorted_containers),
    "pods-label": OnPurpose(SORTED, sorted_containers),
    "pods-limit": OnPurpose(SORTED, sorted_containers),
    "root": OnPurpose(OWN_PATHS, our_paths),
    "unknown-group": OnPurpose(OWN_PATHS, our_paths),
    "unknown-path": OnPurpose(OWN_PATHS, our_paths),
}
