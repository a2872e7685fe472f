"""Own metrics of what is read from kube-apiserver."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class KubeMetrics:
    """What is read from kube-apiserver."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.informer_objects = Gauge(
            "viaduct_informer_objects",
            "Objects held by an informer.",
            ["resource"],
            registry=registry,
        )
        self.informer_relists = Counter(
            "viaduct_informer_relists_total",
            "Full lists an informer had to make.",
            ["resource"],
            registry=registry,
        )
        self.kube_discovery_refreshes = Counter(
            "viaduct_kube_discovery_refreshes_total",
            "Readings of Kubernetes' discovery, by result: changed, unchanged or failed.",
            ["result"],
            registry=registry,
        )
        self.kube_discovery_resources = Gauge(
            "viaduct_kube_discovery_resources",
            "Resources in Kubernetes' discovery, each version of one counted.",
            registry=registry,
        )
        self.kube_discovery_stale_versions = Gauge(
            "viaduct_kube_discovery_stale_versions",
            "Group versions whose server did not tell its resources; they stay as they were.",
            registry=registry,
        )
        self.object_lists = Counter(
            "viaduct_object_lists_total",
            "Lists of objects needed to answer for a selector, pods and nodes apart: kept is one "
            "that was there, listed a request to kube-apiserver, failed one that was refused.",
            ["result"],
            registry=registry,
        )
        self.object_list_objects = Gauge(
            "viaduct_object_list_objects",
            "Objects in the lists that are kept, pods and nodes apart.",
            registry=registry,
        )
