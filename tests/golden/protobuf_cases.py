"""Requests whose answers in protobuf are kept beside, as Go writes them from the same JSON."""

from golden.cluster import NOW
from golden.custom_cluster import CustomCluster

from adapter.model.metrics import ExternalMetricValue

PROTOBUF = "application/vnd.kubernetes.protobuf"
PARTIAL = f"{PROTOBUF};as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = f"{PROTOBUF};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
METRICS = "/apis/metrics.k8s.io/v1beta1"
CUSTOM = "/apis/custom.metrics.k8s.io"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1/namespaces"
POD = f"{METRICS}/namespaces/team-00/pods/svc-000-00000000-00000"
SELECTORS = "code%20in%20(200,500),code!=404,!gone,code"

CASES = {
    "pod": (POD, PROTOBUF),
    "pod-origin": (f"{POD}?origin=1", PROTOBUF),
    "pod-partial": (POD, PARTIAL),
    "pods": (f"{METRICS}/pods", PROTOBUF),
    "pods-empty": (f"{METRICS}/namespaces/none/pods", PROTOBUF),
    "pods-origin": (f"{METRICS}/namespaces/team-01/pods?origin=1", PROTOBUF),
    "pods-partial": (f"{METRICS}/namespaces/team-01/pods", PARTIAL_LIST),
    "node": (f"{METRICS}/nodes/node-0000", PROTOBUF),
    "nodes": (f"{METRICS}/nodes", PROTOBUF),
    "no-pod": (f"{METRICS}/namespaces/team-00/pods/absent", PROTOBUF),
    "no-watch": (f"{METRICS}/pods?watch=1", PROTOBUF),
    "bad-selector": (f"{METRICS}/pods?labelSelector=a%20b%20c", PROTOBUF),
    "no-path": (f"{METRICS}/widgets", PROTOBUF),
    "external": (f"{EXTERNAL}/team-01/queue_messages_ready", PROTOBUF),
    "external-window": (f"{EXTERNAL}/team-01/windowed", PROTOBUF),
    "external-scalar": (f"{EXTERNAL}/team-01/scalar", PROTOBUF),
    "external-none": (f"{EXTERNAL}/team-09/queue_messages_ready", PROTOBUF),
} | {
    f"custom-{version}-{name}": (f"{CUSTOM}/{version}/{path}", PROTOBUF)
    for version in ("v1beta1", "v1beta2")
    for name, path in {
        "pods": "namespaces/team-01/pods/*/queue_depth",
        "node": "nodes/node-0001/node_disk_busy",
        "namespace": "namespaces/team-00/metrics/namespace_jobs",
        "ingress": "namespaces/team-00/ingresses.networking.k8s.io/front/ingress_requests",
        "selector": "namespaces/team-01/pods/*/http_requests_per_second"
        f"?metricLabelSelector={SELECTORS}",
        "labels": "namespaces/team-01/pods/*/http_requests_per_second?metricLabelSelector=code=200",
        "missing": "namespaces/team-01/pods/*/absent",
    }.items()
}


def cluster() -> CustomCluster:
    """All three groups; the external values have what the golden cluster's have not."""
    made = CustomCluster()
    made.custom.window = 300.0
    made.external.metrics = (*made.external.metrics, "scalar", "windowed")
    made.external.values["scalar", ""] = [ExternalMetricValue(None, 0.25, NOW - 0.5)]
    made.external.values["windowed", ""] = [
        ExternalMetricValue({"z": "é漢", "a": "<&>", "m": "x" * 200}, -1.5, 1e9, 0.4),
        ExternalMetricValue({}, 5e17, -3.0, 1e10),
    ]
    return made
