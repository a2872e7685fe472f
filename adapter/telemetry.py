"""Every metric this process exposes about itself. Labels come from enums or fixed words."""

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from adapter.peermetrics import Exposition, KubeletRequests


class AgeHistogram(Collector):
    """Ages of samples in seconds, by *label*; many of one age are counted in one step.

    The buckets are those of metrics-server's freshness metric: 20 from 1 s, each 1.364 times the
    one before. ``prometheus_client.Histogram`` takes one observation a call, which for a list of
    150,000 pods would cost more than the list.
    """

    BOUNDS = tuple(round(1.364**step, 3) for step in range(20))

    def __init__(self, name: str, documentation: str, label: str = "resource") -> None:
        self._name = name
        self._documentation = documentation
        self._label = label
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, of: str, age: float, count: int = 1) -> None:
        """Count *count* samples that are *age* seconds old; *of* is the label's value."""
        counts = self._counts.setdefault(of, [0] * (len(self.BOUNDS) + 1))
        counts[bisect_left(self.BOUNDS, age)] += count
        self._sums[of] = self._sums.get(of, 0.0) + age * count

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Hand the histogram to a registry."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=[self._label])
        for of, counts in self._counts.items():
            total = 0
            buckets = []
            for bound, count in zip((*map(str, self.BOUNDS), "+Inf"), counts, strict=True):
                total += count
                buckets.append((bound, total))
            family.add_metric([of], buckets, self._sums[of])
        yield family


class AccessTelemetry:
    """Who asked, whether they might, and what that cost kube-apiserver."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.authentications = Counter(
            "viaduct_authentication_requests_total",
            "Requests by what told who asked: front_proxy, certificate, token, anonymous for "
            "nothing shown, refused for what was shown and does not hold.",
            ["method"],
            registry=registry,
        )
        self.authorizations = Counter(
            "viaduct_authorization_requests_total",
            "Requests by what decided whether they may: master, open_path, allowed and denied by "
            "a SubjectAccessReview, failed when none could be had, which also denies.",
            ["decision"],
            registry=registry,
        )
        self.lookups = Counter(
            "viaduct_review_lookups_total",
            "Token and access reviews needed: hit is a kept one, shared one that was being asked "
            "for, miss a new one.",
            ["kind", "result"],
            registry=registry,
        )
        self.reviews = Counter(
            "viaduct_review_requests_total",
            "Token and access reviews asked of kube-apiserver, each attempt: answered or failed.",
            ["kind", "result"],
            registry=registry,
        )


class AuditTelemetry:
    """What became of the audit's lines."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "viaduct_audit_events_total",
            "Events of the audit log: written, or lost because the disk is full or too slow.",
            ["result"],
            registry=registry,
        )


class _PrometheusMetrics:
    """What Prometheus servers are asked, and what is made of it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.queries = Counter(
            "viaduct_prometheus_queries_total",
            "Requests to Prometheus by kind and result.",
            ["kind", "result"],
            registry=registry,
        )
        self.query_seconds = Histogram(
            "viaduct_prometheus_query_duration_seconds",
            "Time of one request to Prometheus.",
            ["kind"],
            registry=registry,
        )
        self.cache_requests = Counter(
            "viaduct_query_cache_requests_total",
            "Answers needed for custom and external metrics: hit is a kept one, shared one that "
            "was being fetched, miss a new query.",
            ["result"],
            registry=registry,
        )
        self.object_queries = Counter(
            "viaduct_custom_metrics_lookups_total",
            "Lookups for custom metrics by reach: named objects, a whole namespace, the cluster.",
            ["reach"],
            registry=registry,
        )
        self.refused_values = Counter(
            "viaduct_query_refused_values_total",
            "Objects and series that were asked for and had no usable value, by cause.",
            ["cause"],
            registry=registry,
        )
        self.duplicate_objects = Counter(
            "viaduct_custom_metrics_duplicate_objects_total",
            "Objects that several series of one answer described, of which one was served.",
            registry=registry,
        )
        self.backend_up = Gauge(
            "viaduct_prometheus_backend_up",
            "1 while a Prometheus server answers, 0 while requests to it fail at once.",
            ["backend"],
            registry=registry,
        )
        self.discovery_rules = Gauge(
            "viaduct_discovery_rules",
            "Rules for custom and external metrics by how discovery of their series fares.",
            ["state"],
            registry=registry,
        )
        self.discovery_metrics = Gauge(
            "viaduct_discovery_metrics",
            "Metrics listed; one of custom.metrics.k8s.io counts for each resource that has it.",
            ["api"],
            registry=registry,
        )
        self.discovery_conflicts = Gauge(
            "viaduct_discovery_conflicts",
            "Metrics that several rules, or several series of one rule, give: the first serves.",
            registry=registry,
        )
        self.discovery_success = Gauge(
            "viaduct_discovery_last_success_timestamp_seconds",
            "When the series of a rule were last listed.",
            ["rule"],
            registry=registry,
        )
        self.discovery_seconds = Histogram(
            "viaduct_discovery_round_duration_seconds",
            "Time of one round of discovery, over all rules.",
            registry=registry,
        )
        self.dropped_samples = Counter(
            "viaduct_prometheus_dropped_samples_total",
            "Samples of Prometheus that were not used, by reason.",
            ["reason"],
            registry=registry,
        )


class _KubeMetrics:
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


class _ServingMetrics:
    """Clients of ours, and what they cost."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.serving_certificate_end = Gauge(
            "viaduct_serving_certificate_expiration_timestamp_seconds",
            "When the serving certificate ends; of several the first that does.",
            registry=registry,
        )
        self.tls_handshake_failures = Counter(
            "viaduct_tls_handshake_failures_total",
            "TLS handshakes of clients that failed, by reason.",
            ["reason"],
            registry=registry,
        )
        self.connections = Gauge(
            "viaduct_server_connections",
            "Connections to this server, those that are still in their TLS handshake included.",
            registry=registry,
        )
        self.connections_cut = Counter(
            "viaduct_server_connections_cut_total",
            "Connections this server ended for a limit of its own, by limit.",
            ["limit"],
            registry=registry,
        )
        self.requests_in_flight = Gauge(
            "viaduct_server_requests_in_flight",
            "Requests for metrics being answered; those for probes and discovery do not count.",
            registry=registry,
        )
        self.requests_refused = Counter(
            "viaduct_server_requests_refused_total",
            "Requests answered with 429, because too many were in flight.",
            registry=registry,
        )


class _JsonMetrics:
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


class Telemetry(_PrometheusMetrics, _KubeMetrics, _ServingMetrics, _JsonMetrics):
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
        _PrometheusMetrics.__init__(self, self.registry)
        _KubeMetrics.__init__(self, self.registry)
        _ServingMetrics.__init__(self, self.registry)
        _JsonMetrics.__init__(self, self.registry)
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
