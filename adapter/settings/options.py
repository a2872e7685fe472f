"""The flags: one field each, ``--metric-resolution`` is ``metric_resolution``."""

import dataclasses
import functools

from adapter.settings.access import AccessSettings
from adapter.settings.flags import Flag, Kind, Peer, option
from adapter.settings.json_source import JsonSettings
from adapter.settings.logging import LoggingSettings
from adapter.settings.serving import ServingSettings

SOURCES = "Sources"
KUBERNETES = "Kubernetes"
KUBELET = "Kubelets"
PROMETHEUS = "Prometheus"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(LoggingSettings, JsonSettings, AccessSettings, ServingSettings):
    """One field per flag. Durations are seconds, sizes are bytes, empty text is "not given".

    Values built by hand are taken as they are; `parse_settings` checks them.
    """

    metric_resolution: float = option(
        Kind.DURATION,
        15.0,
        SOURCES,
        "period of kubelet scrapes; at least 10s, and nine tenths of it must cover "
        "--kubelet-request-timeout",
        peer=Peer.METRICS_SERVER,
        unit="seconds",
    )
    fallback: str = option(
        Kind.TEXT,
        "warm",
        SOURCES,
        "what stands by while Prometheus serves: warm keeps the kubelet scraper running, off "
        "leaves Prometheus alone; without --config the scraper serves in any case. A rule file "
        "without resourceRules leaves metrics.k8s.io to another server, unless this is primary: "
        "then the scraper serves it",
        choices=("warm", "off", "primary"),
    )

    kubeconfig: str = option(
        Kind.TEXT,
        "",
        KUBERNETES,
        "kubeconfig for kube-apiserver, whose credentials also go to the kubelets; empty takes "
        "those of the pod",
        peer=Peer.METRICS_SERVER,
        aliases=("lister-kubeconfig",),
    )
    node_selector: str = option(
        Kind.TEXT,
        "",
        KUBERNETES,
        "label selector of the nodes to scrape and to list; empty takes all",
        peer=Peer.METRICS_SERVER,
        short="l",
    )

    kubelet_port: int = option(
        Kind.INTEGER, 10250, KUBELET, "port of the kubelets", peer=Peer.METRICS_SERVER
    )
    kubelet_use_node_status_port: bool = option(
        Kind.SWITCH,
        False,
        KUBELET,
        "use the port in the node's status where there is one; beats --kubelet-port",
        peer=Peer.METRICS_SERVER,
    )
    kubelet_preferred_address_types: tuple[str, ...] = option(
        Kind.LIST,
        ("InternalIP", "ExternalIP", "Hostname", "InternalDNS", "ExternalDNS"),
        KUBELET,
        "types of node address in the order they are tried; the default needs no DNS for nodes",
        peer=Peer.METRICS_SERVER,
    )
    kubelet_request_timeout: float = option(
        Kind.DURATION,
        10.0,
        KUBELET,
        "time one scrape may take",
        peer=Peer.METRICS_SERVER,
        unit="seconds",
    )
    kubelet_insecure_tls: bool = option(
        Kind.SWITCH,
        False,
        KUBELET,
        "do not verify serving certificates of kubelets; for tests only",
        peer=Peer.METRICS_SERVER,
    )
    kubelet_certificate_authority: str = option(
        Kind.TEXT,
        "",
        KUBELET,
        "CA file for serving certificates of kubelets; empty takes the cluster's",
        peer=Peer.METRICS_SERVER,
    )
    kubelet_client_certificate: str = option(
        Kind.TEXT, "", KUBELET, "client certificate for kubelets (PEM)", peer=Peer.METRICS_SERVER
    )
    kubelet_client_key: str = option(
        Kind.TEXT, "", KUBELET, "key of the client certificate (PEM)", peer=Peer.METRICS_SERVER
    )
    deprecated_kubelet_completely_insecure: bool = option(
        Kind.SWITCH,
        False,
        KUBELET,
        "plain HTTP without credentials, for the old read-only port",
        peer=Peer.METRICS_SERVER,
    )
    kubelet_tls_server_name: str = option(
        Kind.TEXT,
        "",
        KUBELET,
        "name a kubelet's certificate must carry: empty is the address dialled, node is the "
        "node's name, for certificates that lack the IP",
        choices=("", "node"),
    )
    kubelet_endpoint: str = option(
        Kind.TEXT,
        "auto",
        KUBELET,
        "what is read: resource is /metrics/resource, summary is /stats/summary, auto tries "
        "resource and remembers which kubelets lack it",
        choices=("auto", "resource", "summary"),
    )
    kubelet_max_body_bytes: int = option(
        Kind.INTEGER,
        32 * 1024 * 1024,
        KUBELET,
        "largest answer read; a container takes about 600 bytes, so the default holds 50,000 on "
        "one node while a runaway kubelet cannot take our memory",
        unit="bytes",
    )

    prometheus_url: str = option(
        Kind.TEXT,
        "",
        PROMETHEUS,
        "base URL without /api/v1, a path before it is kept; empty is no Prometheus: kubelets "
        "alone serve (prometheus-adapter would ask https://localhost)",
        peer=Peer.PROMETHEUS_ADAPTER,
        secret=True,
    )
    prometheus_auth_incluster: bool = option(
        Kind.SWITCH,
        False,
        PROMETHEUS,
        "use the pod's service account token and CA for Prometheus",
        peer=Peer.PROMETHEUS_ADAPTER,
    )
    prometheus_auth_config: str = option(
        Kind.TEXT,
        "",
        PROMETHEUS,
        "kubeconfig whose credentials and TLS settings are used for Prometheus; its server is not",
        peer=Peer.PROMETHEUS_ADAPTER,
    )
    prometheus_ca_file: str = option(
        Kind.TEXT, "", PROMETHEUS, "CA file for Prometheus (PEM)", peer=Peer.PROMETHEUS_ADAPTER
    )
    prometheus_client_tls_cert_file: str = option(
        Kind.TEXT, "", PROMETHEUS, "client certificate (PEM)", peer=Peer.PROMETHEUS_ADAPTER
    )
    prometheus_client_tls_key_file: str = option(
        Kind.TEXT, "", PROMETHEUS, "key of the client certificate", peer=Peer.PROMETHEUS_ADAPTER
    )
    prometheus_token_file: str = option(
        Kind.TEXT,
        "",
        PROMETHEUS,
        "file with a bearer token, read again when it changes",
        peer=Peer.PROMETHEUS_ADAPTER,
    )
    prometheus_header: tuple[str, ...] = option(
        Kind.ARRAY,
        (),
        PROMETHEUS,
        "header for each request to Prometheus, as NAME=VALUE",
        peer=Peer.PROMETHEUS_ADAPTER,
        secret=True,
    )
    prometheus_verb: str = option(
        Kind.TEXT,
        "POST",
        PROMETHEUS,
        "method of queries; POST has no limit of length (prometheus-adapter's default is GET)",
        peer=Peer.PROMETHEUS_ADAPTER,
        choices=("GET", "POST"),
    )
    prometheus_timeout: float = option(
        Kind.DURATION, 10.0, PROMETHEUS, "time one request to Prometheus may take", unit="seconds"
    )
    config: tuple[str, ...] = option(
        Kind.ARRAY,
        (),
        PROMETHEUS,
        "rule file in prometheus-adapter's format, or a directory of *.yaml and *.yml files; all "
        "that are given count, in that order",
        peer=Peer.PROMETHEUS_ADAPTER,
    )
    metrics_relist_interval: float = option(
        Kind.DURATION,
        600.0,
        PROMETHEUS,
        "period of series discovery",
        peer=Peer.PROMETHEUS_ADAPTER,
        unit="seconds",
    )
    metrics_max_age: float = option(
        Kind.DURATION,
        0.0,
        PROMETHEUS,
        "how far discovery looks back; 0 is --metrics-relist-interval",
        peer=Peer.PROMETHEUS_ADAPTER,
        unit="seconds",
    )
    metrics_delist_grace: float = option(
        Kind.DURATION,
        300.0,
        PROMETHEUS,
        "how long a custom or external metric stays known when discovery no longer finds its "
        "series, so that a gap in its scrapes takes nothing away",
        unit="seconds",
    )

    warnings: tuple[str, ...] = ()
    """What the reader of the arguments should know; logged once at start."""


@functools.cache
def declared_flags() -> tuple[Flag, ...]:
    """Every flag in the order of declaration."""
    return tuple(
        dataclasses.replace(field.metadata["flag"], field=field.name, default=field.default)
        for field in dataclasses.fields(Settings)
        if "flag" in field.metadata
    )
