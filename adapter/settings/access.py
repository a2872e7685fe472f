"""Flags of authentication and authorization."""

import dataclasses

from adapter.settings.flags import Kind, Peer, option

ACCESS = "Access"


@dataclasses.dataclass(frozen=True, kw_only=True)
class AccessSettings:
    """One field per flag; see `adapter.settings.options.Settings`."""

    authentication_kubeconfig: str = option(
        Kind.TEXT,
        "",
        ACCESS,
        "kubeconfig for reviews of tokens and for ConfigMap "
        "kube-system/extension-apiserver-authentication; empty takes what --kubeconfig says",
        peer=Peer.BOTH,
    )
    authentication_skip_lookup: bool = option(
        Kind.SWITCH,
        False,
        ACCESS,
        "do not read that ConfigMap: CAs and headers are those of the flags alone",
        peer=Peer.BOTH,
    )
    authentication_tolerate_lookup_failure: bool = option(
        Kind.SWITCH,
        False,
        ACCESS,
        "be ready also while that ConfigMap cannot be read and the aggregator is not known",
        peer=Peer.BOTH,
    )
    authentication_token_webhook_cache_ttl: float = option(
        Kind.DURATION,
        10.0,
        ACCESS,
        "how long the review of a bearer token is kept; 0 asks each time",
        peer=Peer.BOTH,
        unit="seconds",
    )
    client_ca_file: str = option(
        Kind.TEXT,
        "",
        ACCESS,
        "CAs of client certificates (PEM), read again each minute; empty takes the ConfigMap's",
        peer=Peer.BOTH,
    )
    requestheader_client_ca_file: str = option(
        Kind.TEXT,
        "",
        ACCESS,
        "CAs of the aggregator's certificate (PEM), without which no header is believed; empty "
        "takes the ConfigMap's",
        peer=Peer.BOTH,
    )
    requestheader_allowed_names: tuple[str, ...] = option(
        Kind.LIST,
        (),
        ACCESS,
        "common names the aggregator's certificate may have; empty takes the ConfigMap's, and "
        "any when it has none",
        peer=Peer.BOTH,
    )
    requestheader_username_headers: tuple[str, ...] = option(
        Kind.LIST,
        (),
        ACCESS,
        "headers with the user's name; empty takes the ConfigMap's, or X-Remote-User where "
        "--requestheader-client-ca-file is given",
        peer=Peer.BOTH,
    )
    requestheader_uid_headers: tuple[str, ...] = option(
        Kind.LIST,
        (),
        ACCESS,
        "headers with the user's uid; empty takes the ConfigMap's",
        peer=Peer.METRICS_SERVER,
    )
    requestheader_group_headers: tuple[str, ...] = option(
        Kind.LIST,
        (),
        ACCESS,
        "headers with the user's groups; empty as above, with X-Remote-Group",
        peer=Peer.BOTH,
    )
    requestheader_extra_headers_prefix: tuple[str, ...] = option(
        Kind.LIST,
        (),
        ACCESS,
        "prefixes of headers with more about the user; empty as above, with X-Remote-Extra-",
        peer=Peer.BOTH,
    )
    authorization_kubeconfig: str = option(
        Kind.TEXT,
        "",
        ACCESS,
        "kubeconfig for reviews of access; empty takes what --kubeconfig says",
        peer=Peer.BOTH,
    )
    authorization_always_allow_paths: tuple[str, ...] = option(
        Kind.LIST,
        ("/healthz", "/readyz", "/livez"),
        ACCESS,
        "paths that need no authorization, exact or with a * at the end; giving it replaces the "
        "list. For an API group's resources it has no effect",
        peer=Peer.BOTH,
    )
    authorization_webhook_cache_authorized_ttl: float = option(
        Kind.DURATION,
        10.0,
        ACCESS,
        "how long a permission is kept; 0 asks each time",
        peer=Peer.BOTH,
        unit="seconds",
    )
    authorization_webhook_cache_unauthorized_ttl: float = option(
        Kind.DURATION,
        10.0,
        ACCESS,
        "how long a refusal is kept; 0 asks each time",
        peer=Peer.BOTH,
        unit="seconds",
    )
