"""What does not fit together among the flags of logs."""

from collections.abc import Iterator

from adapter.settings.logging import LoggingSettings


def logging_problems(settings: LoggingSettings) -> Iterator[str]:
    """Sentences, each naming the flag to change."""
    limits = {
        "maxsize": settings.audit_log_maxsize,
        "maxbackup": settings.audit_log_maxbackup,
        "maxage": settings.audit_log_maxage,
    }
    for name, value in limits.items():
        if value < 0:
            yield f"--audit-log-{name} {value} must not be negative"


def logging_cautions(settings: LoggingSettings) -> Iterator[str]:
    """Sentences about what works but may not be meant."""
    if settings.audit_log_path and not settings.audit_policy_file:
        yield "--audit-log-path without --audit-policy-file: nothing is audited"
    if settings.audit_policy_file and not settings.audit_log_path:
        yield "--audit-policy-file without --audit-log-path: the audit goes nowhere"
