"""Every metric this process exposes about itself. Labels come from enums or fixed words.

A module for each subject, all in one object: `Telemetry`.
"""

from adapter.telemetry.access import AuditTelemetry
from adapter.telemetry.process import Telemetry

__all__ = ["AuditTelemetry", "Telemetry"]
