"""Own metrics of Prometheus as a source."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class PrometheusMetrics:
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
