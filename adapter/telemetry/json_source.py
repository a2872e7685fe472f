"""Own metrics of JSON documents, annotations of HPAs, and Events."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class JsonMetrics:
    """JSON documents, and what annotations of HPAs define."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.json_fetches = Counter(
            "viaduct_json_fetches_total",
            "Fetches of JSON documents by result: ok, unchanged (304), failed, timeout, denied.",
            ["result"],
            registry=registry,
        )
        self.json_fetch_seconds = Histogram(
            "viaduct_json_fetch_duration_seconds",
            "Time from sending a request for a JSON document to its whole answer.",
            registry=registry,
        )
        self.json_targets = Gauge(
            "viaduct_json_targets", "JSON documents that are fetched now.", registry=registry
        )
        self.annotation_problems = Gauge(
            "viaduct_hpa_annotation_problems",
            "Annotations of HPAs that cannot be served; each has an Event on its HPA.",
            registry=registry,
        )
        self.events = Counter(
            "viaduct_events_total",
            "Kubernetes Events by result: sent, failed, dropped.",
            ["result"],
            registry=registry,
        )
