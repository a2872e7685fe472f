"""All own metrics of the process."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from adapter.peermetrics import Exposition, KubeletRequests
from adapter.telemetry.access import AccessTelemetry, AuditTelemetry
from adapter.telemetry.ages import AgeHistogram
from adapter.telemetry.json_source import JsonMetrics
from adapter.telemetry.kube import KubeMetrics
from adapter.telemetry.prometheus import PrometheusMetrics
from adapter.telemetry.serving import ServingMetrics


class Telemetry(PrometheusMetrics, KubeMetrics, ServingMetrics, JsonMetrics):
    """The process' own metrics in a registry of their own: no globals, tests read their own.

    Names are ``viaduct_<subsystem>_<quantity>_<unit>[_total]``.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "viaduct_api_requests_total",
            "API requests answered, by group, resource, verb and status code.",
            ["group", "resource", "verb", "code"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "viaduct_api_request_duration_seconds",
            "Time to answer an API request.",
            ["group", "resource", "verb"],
            registry=self.registry,
        )
        self.answers = Counter(
            "viaduct_resource_metrics_answers_total",
            "Objects answered in metrics.k8s.io, by the source their values came from.",
            ["resource", "origin"],
            registry=self.registry,
        )
        self.answer_age = AgeHistogram(
            "viaduct_resource_metrics_age_seconds",
            "Age of the samples answered in metrics.k8s.io, one observation per object.",
        )
        self.registry.register(self.answer_age)
        self.value_age = AgeHistogram(
            "viaduct_api_value_age_seconds",
            "Age of the values answered in custom.metrics.k8s.io and external.metrics.k8s.io.",
            label="group",
        )
        self.registry.register(self.value_age)
        self.serving_origin = Gauge(
            "viaduct_resource_metrics_origin",
            "1 for the source that serves metrics.k8s.io now, 0 for the others.",
            ["origin"],
            registry=self.registry,
        )
        self.failovers = Counter(
            "viaduct_failover_changes_total",
            "Changes of the source that serves metrics.k8s.io, by the new source.",
            ["origin"],
            registry=self.registry,
        )
        self.scrapes = Counter(
            "viaduct_kubelet_scrapes_total",
            "Scrapes of kubelets by result.",
            ["result"],
            registry=self.registry,
        )
        self.scrape_seconds = Histogram(
            "viaduct_kubelet_scrape_duration_seconds",
            "Time from sending a scrape to its whole answer.",
            registry=self.registry,
        )
        self.storage_points = Gauge(
            "viaduct_kubelet_storage_points",
            "Nodes and containers of which the scraper has two points, so that they can be served.",
            ["type"],
            registry=self.registry,
        )
        self.bad_lines = Counter(
            "viaduct_kubelet_bad_lines_total",
            "Lines of kubelet answers that could not be understood and were skipped.",
            registry=self.registry,
        )
        PrometheusMetrics.__init__(self, self.registry)
        KubeMetrics.__init__(self, self.registry)
        ServingMetrics.__init__(self, self.registry)
        JsonMetrics.__init__(self, self.registry)
        self.access = AccessTelemetry(self.registry)
        self.audit = AuditTelemetry(self.registry)
        self.kubelets = KubeletRequests()
        self._exposition = Exposition(self.registry, self.kubelets)

    def exposition(self) -> Iterator[bytes]:
        """Text exposition of all own metrics, and of the peers' names for them, in pieces."""
        return self._exposition.chunks()

    def expose(self) -> bytes:
        """Text exposition of all own metrics, under their own names alone."""
        return generate_latest(self.registry)
