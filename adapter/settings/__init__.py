"""Every flag, declared once: command line, environment, ``--help`` and documents derive from it.

``options`` declares, ``parse`` reads, ``validate`` finds what does not fit together. Flags are
fixed for the life of the process; what may change while it runs belongs in the rule file.
"""

from adapter.settings.options import Settings
from adapter.settings.parse import parse_settings

__all__ = ["Settings", "parse_settings"]
