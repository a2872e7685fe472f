"""Flags of the server: address, certificates, limits."""

import dataclasses

from adapter.settings.flags import Kind, Peer, option

SERVING = "Serving"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServingSettings:
    """One field per flag; see `adapter.settings.options.Settings`."""

    version: bool = option(
        Kind.SWITCH, False, SERVING, "print the version and exit", peer=Peer.METRICS_SERVER
    )
    bind_address: str = option(
        Kind.TEXT,
        "0.0.0.0",
        SERVING,
        "address to listen on; the default is every IPv4 address",
        peer=Peer.BOTH,
    )
    secure_port: int = option(
        Kind.INTEGER,
        6443,
        SERVING,
        "HTTPS port; 0 takes any free one. Neither 443, which needs privileges, nor 10250, which "
        "is the kubelet's own and taken under hostNetwork",
        peer=Peer.BOTH,
    )
    cert_dir: str = option(
        Kind.TEXT,
        "apiserver.local.config/certificates",
        SERVING,
        "where a self-signed serving pair is kept when --tls-cert-file is not given",
        peer=Peer.BOTH,
    )
    tls_cert_file: str = option(
        Kind.TEXT, "", SERVING, "serving certificate with its chain (PEM)", peer=Peer.BOTH
    )
    tls_private_key_file: str = option(
        Kind.TEXT, "", SERVING, "key of the serving certificate (PEM)", peer=Peer.BOTH
    )
    tls_sni_cert_key: tuple[str, ...] = option(
        Kind.ARRAY,
        (),
        SERVING,
        "further serving pair for clients that ask for one of its names, as CERT,KEY or "
        "CERT,KEY:NAME,*.NAME; without names those in the certificate",
        peer=Peer.BOTH,
    )
    tls_min_version: str = option(
        Kind.TEXT,
        "",
        SERVING,
        "oldest TLS version served: VersionTLS12, the default, or VersionTLS13",
        peer=Peer.BOTH,
    )
    tls_cipher_suites: tuple[str, ...] = option(
        Kind.LIST,
        (),
        SERVING,
        "cipher suites of TLS 1.2 by their names in Go; empty takes OpenSSL's strong ones. Those "
        "of TLS 1.3 cannot be chosen",
        peer=Peer.BOTH,
    )
    self_managed_certificates: bool = option(
        Kind.SWITCH,
        False,
        SERVING,
        "make a CA and a serving pair for the names of --service-name, keep them in a Secret, "
        "renew them, and write the CA into the APIServices that name this service",
    )
    service_name: str = option(
        Kind.TEXT,
        "viaduct",
        SERVING,
        "the Service that the APIServices name; for --self-managed-certificates",
    )
    service_namespace: str = option(
        Kind.TEXT,
        "",
        SERVING,
        "namespace of --service-name and of the Secret; empty takes the pod's own",
    )
    serving_certificate_secret: str = option(
        Kind.TEXT,
        "",
        SERVING,
        "the Secret of --self-managed-certificates; empty is <service-name>-serving-certificate",
    )
    max_connections: int = option(
        Kind.INTEGER,
        2000,
        SERVING,
        "most connections at once; when there are more, those that have been idle longest are "
        "closed, and where none is idle the one that has waited for its answer for longest, over "
        "5 s. An idle one costs some 30 KB",
    )
    max_requests_inflight: int = option(
        Kind.INTEGER,
        400,
        SERVING,
        "most requests for metrics being answered at once, the others get 429 and may try again "
        "after a second; 0 is no limit. Probes and discovery do not count. "
        "As many more may wait for a review of who asks; of strangers 200 and half of this at most",
        peer=Peer.BOTH,
    )
    request_timeout: float = option(
        Kind.DURATION,
        60.0,
        SERVING,
        "time a request may take",
        peer=Peer.METRICS_SERVER,
        unit="seconds",
    )
    shutdown_delay_duration: float = option(
        Kind.DURATION,
        0.0,
        SERVING,
        "time to go on serving after a stop signal while readyz already fails",
        peer=Peer.METRICS_SERVER,
        unit="seconds",
    )
