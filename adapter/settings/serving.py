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
        "127.0.0.1",
        SERVING,
        "address to listen on; loopback by default, because requests are not authenticated yet: "
        "in a pod give 0.0.0.0 and keep others away by a network policy",
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
    shutdown_delay_duration: float = option(
        Kind.DURATION,
        0.0,
        SERVING,
        "time to go on serving after a stop signal while readyz already fails",
        peer=Peer.METRICS_SERVER,
        unit="seconds",
    )
