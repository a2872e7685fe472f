"""Flags of logs: of the process, of requests, of the audit."""

import dataclasses

from adapter.settings.flags import Kind, Peer, option

LOGGING = "Logging"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoggingSettings:
    """One field per flag; see `adapter.settings.options.Settings`."""

    logging_format: str = option(
        Kind.TEXT,
        "text",
        LOGGING,
        "format of log lines",
        peer=Peer.METRICS_SERVER,
        choices=("text", "json"),
    )
    v: int = option(
        Kind.INTEGER,
        0,
        LOGGING,
        "verbosity; 3 and more log each request, 4 and more what happens in detail",
        peer=Peer.BOTH,
        short="v",
    )
    audit_policy_file: str = option(
        Kind.TEXT,
        "",
        LOGGING,
        "Policy of audit.k8s.io/v1: which requests are audited; empty is none. Levels above "
        "Metadata are taken for it",
        peer=Peer.BOTH,
    )
    audit_log_path: str = option(
        Kind.TEXT,
        "",
        LOGGING,
        "file the audit is written to, - is standard output; empty is none. What cannot be written "
        "is lost and counted, requests are answered all the same",
        peer=Peer.BOTH,
    )
    audit_log_format: str = option(
        Kind.TEXT,
        "json",
        LOGGING,
        "format of the audit: an event as JSON, or a line of text",
        peer=Peer.BOTH,
        choices=("json", "legacy"),
    )
    audit_log_maxsize: int = option(
        Kind.INTEGER,
        100,
        LOGGING,
        "size at which the audit's file is set aside under a name with the time; 0 is 100",
        peer=Peer.BOTH,
        unit="megabytes",
    )
    audit_log_maxbackup: int = option(
        Kind.INTEGER,
        100,
        LOGGING,
        "how many of those are kept; 0 keeps all",
        peer=Peer.BOTH,
    )
    audit_log_maxage: int = option(
        Kind.INTEGER,
        366,
        LOGGING,
        "how long those are kept; 0 keeps them for ever",
        peer=Peer.BOTH,
        unit="days",
    )
