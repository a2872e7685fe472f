"""Flags of metrics-server and prometheus-adapter that mean nothing here.

They are accepted, so that the argument list of either program works unchanged, and their use is
warned about once. A flag that gets a meaning moves from here to ``options``.
"""

from collections.abc import Mapping

_SERVING = """
advertise-address cors-allowed-origins external-hostname goaway-chance livez-grace-period
max-mutating-requests-inflight min-request-timeout shutdown-watch-termination-grace-period
storage-initialization-timeout strict-transport-security-directives tls-curve-preferences
http2-max-streams-per-connection
"""

_SERVING_SWITCHES = """
shutdown-send-retry-after disable-http2-serving disable-http2 permit-address-sharing
permit-port-sharing
"""

_VERSION_EMULATION = "feature-gates emulated-version min-compatibility-version"

_VERSION_EMULATION_SWITCHES = """
emulation-forward-compatible runtime-config-emulation-forward-compatible
"""

_AUDIT = """
audit-webhook-config-file audit-webhook-initial-backoff audit-webhook-batch-initial-backoff
"""

_AUDIT_SINK = """
mode version batch-buffer-size batch-max-size batch-max-wait batch-throttle-qps
batch-throttle-burst truncate-max-batch-size truncate-max-event-size
"""

_AUDIT_SINK_SWITCHES = "batch-throttle-enable truncate-enabled"

_DIAGNOSTICS = """
debug-socket-path vmodule log-flush-frequency log-json-info-buffer-size log-text-info-buffer-size
"""

_DIAGNOSTICS_SWITCHES = """
profiling contention-profiling enable-priority-and-fairness log-json-split-stream
log-text-split-stream logtostderr
"""

_CLIENT = "discovery-interval client-qps client-burst"


def _names(*blocks: str) -> list[str]:
    return [name for block in blocks for name in block.split()]


def _audit(block: str) -> list[str]:
    return [f"audit-{sink}-{name}" for sink in ("log", "webhook") for name in block.split()]


def accepted_flags() -> Mapping[str, bool]:
    """Names of these flags; true for a switch, which takes no value of its own."""
    valued = _names(_SERVING, _VERSION_EMULATION, _AUDIT, _DIAGNOSTICS, _CLIENT)
    switches = _names(_SERVING_SWITCHES, _VERSION_EMULATION_SWITCHES, _DIAGNOSTICS_SWITCHES)
    return {
        **dict.fromkeys([*valued, *_audit(_AUDIT_SINK)], False),
        **dict.fromkeys([*switches, *_audit(_AUDIT_SINK_SWITCHES), "audit-log-compress"], True),
    }
