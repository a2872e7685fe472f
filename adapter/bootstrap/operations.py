"""What is recorded of requests: the audit and the access log, from the flags."""

import logging
from collections.abc import Sequence

from aiohttp.typedefs import Middleware

from adapter.bootstrap.parts import Parts
from adapter.errors import ConfigError
from adapter.server.accesslog import VERBOSITY, access_logged
from adapter.server.audit import Audit, audited, json_line, legacy_line
from adapter.server.auditlog import STDOUT, AuditLog, Output, RotatedFile, StandardOutput
from adapter.server.auditpolicy import read_policy

log = logging.getLogger(__name__)


def recorded(parts: Parts) -> Sequence[Middleware]:
    """The middlewares that record requests: outside of what turns errors into answers.

    Raises:
        ConfigError: The policy is wrong, or the audit's file cannot be written.
    """
    middlewares = [audited(_audit(parts), parts.clock)]
    if parts.settings.v >= VERBOSITY:
        middlewares.append(access_logged(parts.clock))
    return middlewares


def _audit(parts: Parts) -> Audit | None:
    settings = parts.settings
    if not settings.audit_policy_file:
        return None
    policy = read_policy(settings.audit_policy_file)
    if policy.wants_bodies:
        log.warning(
            "--audit-policy-file %s: levels Request and RequestResponse are taken for Metadata, "
            "requests have no bodies here",
            settings.audit_policy_file,
        )
    if not settings.audit_log_path:
        return None
    lines = AuditLog(_output(parts), parts.telemetry.audit)
    lines.start()
    parts.stack.callback(lines.close)
    return Audit(policy, lines, json_line if settings.audit_log_format == "json" else legacy_line)


def _output(parts: Parts) -> Output:
    settings = parts.settings
    if settings.audit_log_path == STDOUT:
        return StandardOutput()
    file = RotatedFile(
        settings.audit_log_path,
        max_megabytes=settings.audit_log_maxsize,
        max_backups=settings.audit_log_maxbackup,
        max_days=settings.audit_log_maxage,
        clock=parts.clock,
    )
    try:
        file.open()
    except OSError as error:
        text = f"--audit-log-path {settings.audit_log_path}: {error.strerror}"
        raise ConfigError([text]) from error
    return file
