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
        "verbosity; 4 and more log what happens in detail",
        peer=Peer.BOTH,
        short="v",
    )
