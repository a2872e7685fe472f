"""What does not fit together in the flags of TLS, of certificates and of limits."""

import re
from collections.abc import Iterator

from adapter.settings.serving import ServingSettings
from adapter.settings.tls import (
    BROKEN_SUITES,
    OLD_TLS_VERSIONS,
    TLS13_SUITES,
    TLS_VERSIONS,
    openssl_ciphers,
    parse_named_pair,
    unknown_suites,
)

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def tls_problems(settings: ServingSettings) -> Iterator[str]:
    """Sentences about TLS and certificates, each naming the flag to change."""
    version = settings.tls_min_version
    if version in OLD_TLS_VERSIONS:
        yield (
            f"--tls-min-version {version} is not served any more (RFC 8996): give VersionTLS12, "
            "which every client of the Kubernetes API speaks"
        )
    elif version and version not in TLS_VERSIONS:
        yield f'--tls-min-version "{version}" is not one of {", ".join(TLS_VERSIONS)}'
    for name in unknown_suites(settings.tls_cipher_suites):
        yield f'--tls-cipher-suites: "{name}" is no cipher suite: give names of Go\'s crypto/tls'
    yield from _nothing_to_choose(settings)
    for text in settings.tls_sni_cert_key:
        try:
            parse_named_pair(text)
        except ValueError as error:
            yield f"--tls-sni-cert-key: {error}"
    if settings.self_managed_certificates:
        yield from _self_managed(settings)


def limit_problems(settings: ServingSettings) -> Iterator[str]:
    """Sentences about limits, each naming the flag to change."""
    if settings.max_connections < 1:
        yield f"--max-connections {settings.max_connections} must be positive"
    if settings.max_requests_inflight < 0:
        yield f"--max-requests-inflight {settings.max_requests_inflight} must not be negative"
    if settings.request_timeout <= 0:
        yield "--request-timeout must be positive"


def tls_cautions(settings: ServingSettings) -> Iterator[str]:
    """Sentences about TLS that works but may not be meant."""
    if fixed := [name for name in settings.tls_cipher_suites if name in TLS13_SUITES]:
        yield (
            f"--tls-cipher-suites: {', '.join(fixed)} cannot be chosen, all suites of TLS 1.3 are "
            "always offered"
        )
    if broken := [name for name in settings.tls_cipher_suites if name in BROKEN_SUITES]:
        yield f"--tls-cipher-suites: {', '.join(broken)} left out, OpenSSL no longer offers them"
    if settings.tls_cipher_suites and settings.tls_min_version == "VersionTLS13":
        yield "--tls-cipher-suites has no effect with --tls-min-version VersionTLS13"


def _nothing_to_choose(settings: ServingSettings) -> Iterator[str]:
    names = settings.tls_cipher_suites
    if set(names) & BROKEN_SUITES and not openssl_ciphers(names) and not set(names) & TLS13_SUITES:
        yield (
            "--tls-cipher-suites names only suites that OpenSSL no longer offers: add "
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 or leave the flag out"
        )


def _self_managed(settings: ServingSettings) -> Iterator[str]:
    if settings.tls_cert_file:
        yield "--self-managed-certificates and --tls-cert-file exclude each other"
    named = {
        "service-name": settings.service_name,
        "service-namespace": settings.service_namespace,
        "serving-certificate-secret": settings.serving_certificate_secret,
    }
    for flag, value in named.items():
        labels = value.split(".") if flag == "serving-certificate-secret" else [value]
        if value and not all(_DNS_LABEL.fullmatch(label) for label in labels):
            yield f'--{flag} "{value}" is no name of a Kubernetes object'
    if not settings.service_name:
        yield "--self-managed-certificates needs --service-name: the APIServices name that Service"
