"""What does not fit together; every problem, not only the first.

The rules for kubelets, the period and their combinations are metrics-server's
(``cmd/metrics-server/app/options``), those for Prometheus are prometheus-adapter's.
"""

import ipaddress
from collections.abc import Iterator

from adapter.errors import BadRequest
from adapter.model.labels import parse_selector
from adapter.model.times import format_duration
from adapter.rules.urls import read_url
from adapter.settings.options import Settings
from adapter.settings.validate_access import access_cautions, access_problems
from adapter.settings.validate_json import json_cautions, json_problems
from adapter.settings.validate_logging import logging_cautions, logging_problems
from adapter.settings.validate_serving import limit_problems, tls_cautions, tls_problems

_SHORTEST_RESOLUTION = 10.0
_ADDRESS_TYPES = ("Hostname", "InternalDNS", "InternalIP", "ExternalDNS", "ExternalIP")


def problems(settings: Settings) -> tuple[str, ...]:
    """Sentences, each naming the flag to change; empty when all is well."""
    return (
        *_serving(settings),
        *access_problems(settings),
        *tls_problems(settings),
        *limit_problems(settings),
        *logging_problems(settings),
        *json_problems(settings),
        *_periods(settings),
        *_kubelet(settings),
        *_kubelet_credentials(settings),
        *_prometheus(settings),
        *_discovery(settings),
    )


def cautions(settings: Settings) -> tuple[str, ...]:
    """Sentences about what works but may not be meant."""
    found = []
    if settings.kubelet_insecure_tls:
        found.append("--kubelet-insecure-tls: certificates of kubelets are not verified")
    found += tls_cautions(settings)
    found += access_cautions(settings)
    found += logging_cautions(settings)
    found += json_cautions(settings)
    return tuple(found)


def is_address(text: str) -> bool:
    """True for an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _serving(settings: Settings) -> Iterator[str]:
    if not is_address(settings.bind_address):
        yield f'--bind-address "{settings.bind_address}" must be an IP address, such as 0.0.0.0'
    if not 0 <= settings.secure_port <= 65535:
        yield f"--secure-port {settings.secure_port} must be between 0 and 65535"
    yield from _together(
        "tls-cert-file",
        settings.tls_cert_file,
        "tls-private-key-file",
        settings.tls_private_key_file,
    )
    if settings.shutdown_delay_duration < 0:
        yield "--shutdown-delay-duration must not be negative"


def _periods(settings: Settings) -> Iterator[str]:
    resolution, timeout = settings.metric_resolution, settings.kubelet_request_timeout
    if resolution < _SHORTEST_RESOLUTION:
        yield (
            f"--metric-resolution {format_duration(resolution)} must be at least "
            f"{format_duration(_SHORTEST_RESOLUTION)}: kubelets refresh their metrics no faster"
        )
    # in whole nanoseconds, as Go: 10s * 9 / 10 must equal 9s
    if round(resolution * 1e9) * 9 // 10 < round(timeout * 1e9):
        yield (
            f"--kubelet-request-timeout {format_duration(timeout)} must not be longer than nine "
            f"tenths of --metric-resolution {format_duration(resolution)}"
        )
    if timeout <= 0:
        yield f"--kubelet-request-timeout {format_duration(timeout)} must be positive"


def _kubelet(settings: Settings) -> Iterator[str]:
    if not 1 <= settings.kubelet_port <= 65535:
        yield f"--kubelet-port {settings.kubelet_port} must be between 1 and 65535"
    if settings.kubelet_max_body_bytes <= 0:
        yield f"--kubelet-max-body-bytes {settings.kubelet_max_body_bytes} must be positive"
    types = settings.kubelet_preferred_address_types
    if not types:
        yield "--kubelet-preferred-address-types must name at least one type of address"
    for unknown in [name for name in types if name not in _ADDRESS_TYPES]:
        yield (
            f'--kubelet-preferred-address-types: "{unknown}" is not one of '
            f"{', '.join(_ADDRESS_TYPES)}"
        )
    try:
        parse_selector(settings.node_selector)
    except BadRequest as error:
        yield f"--node-selector: {error}"


def _kubelet_credentials(settings: Settings) -> Iterator[str]:
    if settings.kubelet_certificate_authority and settings.kubelet_insecure_tls:
        yield "--kubelet-certificate-authority and --kubelet-insecure-tls exclude each other"
    yield from _together(
        "kubelet-client-certificate",
        settings.kubelet_client_certificate,
        "kubelet-client-key",
        settings.kubelet_client_key,
    )
    if not settings.deprecated_kubelet_completely_insecure:
        return
    pointless = {
        "kubelet-certificate-authority": settings.kubelet_certificate_authority,
        "kubelet-insecure-tls": settings.kubelet_insecure_tls,
        "kubelet-client-certificate": settings.kubelet_client_certificate,
        "kubelet-client-key": settings.kubelet_client_key,
    }
    for name, value in pointless.items():
        if value:
            yield f"--deprecated-kubelet-completely-insecure and --{name} exclude each other"


def _prometheus(settings: Settings) -> Iterator[str]:
    if settings.prometheus_url:
        yield from _prometheus_url(settings.prometheus_url)
        if not any(settings.config):
            yield "--prometheus-url needs --config: the rule file says what to ask Prometheus for"
    elif settings.fallback == "off":
        yield "--fallback off needs --prometheus-url: nothing would be left to serve from"
    if settings.prometheus_auth_incluster and settings.prometheus_auth_config:
        yield "--prometheus-auth-incluster and --prometheus-auth-config exclude each other"
    yield from _together(
        "prometheus-client-tls-cert-file",
        settings.prometheus_client_tls_cert_file,
        "prometheus-client-tls-key-file",
        settings.prometheus_client_tls_key_file,
    )
    if settings.prometheus_timeout <= 0:
        yield "--prometheus-timeout must be positive"
    for number, header in enumerate(settings.prometheus_header, start=1):
        if not header.partition("=")[0].strip():
            yield f"--prometheus-header number {number} has no name: write it as NAME=VALUE"


def _discovery(settings: Settings) -> Iterator[str]:
    interval, age = settings.metrics_relist_interval, settings.metrics_max_age
    if interval <= 0:
        yield "--metrics-relist-interval must be positive"
    if age < 0:
        yield "--metrics-max-age must not be negative"
    if 0 < age < interval:
        yield (
            f"--metrics-max-age {format_duration(age)} must not be less than "
            f"--metrics-relist-interval {format_duration(interval)}: series would be overlooked"
        )
    if settings.metrics_delist_grace < 0:
        yield "--metrics-delist-grace must not be negative"


def _prometheus_url(url: str) -> Iterator[str]:
    """Judge the URL without repeating it: it may hold a password."""
    complete, _ = read_url(url)
    if not complete:
        yield "--prometheus-url must be http:// or https:// with a host, such as http://prometheus:9090"


def _together(first: str, first_value: str, second: str, second_value: str) -> Iterator[str]:
    if bool(first_value) != bool(second_value):
        given, missing = (first, second) if first_value else (second, first)
        yield f"--{given} needs --{missing}"
