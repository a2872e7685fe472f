"""Flags of JSON documents as a source, and of what annotations of HPAs define."""

import dataclasses

from adapter.settings.flags import Kind, option

JSON = "JSON documents"


@dataclasses.dataclass(frozen=True, kw_only=True)
class JsonSettings:
    """One field per flag; see `adapter.settings.options.Settings`."""

    json_allow: tuple[str, ...] = option(
        Kind.LIST,
        (),
        JSON,
        "hosts, addresses and networks (10.0.0.0/8) that may be read from though they are denied: "
        "loopback and link-local addresses, metadata services of clouds, kube-apiserver. What is "
        "given opens all that is in it",
    )
    json_idle_after: float = option(
        Kind.DURATION,
        300.0,
        JSON,
        "how long a metric is fetched after it was last asked for",
        unit="seconds",
    )
    json_max_fetches: int = option(
        Kind.INTEGER, 64, JSON, "fetches under way at once; more wait for a turn"
    )
    json_max_body_bytes: int = option(
        Kind.INTEGER,
        1024 * 1024,
        JSON,
        "largest document read; a larger one is an error of its pod or URL",
        unit="bytes",
    )
    hpa_annotations: tuple[str, ...] = option(
        Kind.LIST,
        (),
        JSON,
        "namespaces whose HPAs may define metrics by annotations as kube-metrics-adapter reads "
        "them, * for all; whoever may write such an HPA makes this server fetch what it names. "
        "Empty: no HPA may",
    )
