"""Own metrics of the server and its clients."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class ServingMetrics:
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
            "Requests answered with 429, because too many were in flight or waited for a review.",
            registry=registry,
        )
