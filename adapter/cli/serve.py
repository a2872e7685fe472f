"""``viaduct serve``: reads the flags and hands over to the composition root."""

import asyncio
import logging
import os
import sys
from collections.abc import Iterable, Sequence

from adapter.cli.version import version_line
from adapter.errors import AdapterError, ConfigError
from adapter.logs import configure_logs
from adapter.settings import Settings, parse_settings

log = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> int:
    """Serve until stopped by a signal; 2 when the flags are wrong, 1 when serving fails."""
    if {"-h", "--help"} & set(argv):
        from adapter.cli.usage import help_text

        print(help_text())
        return 0
    try:
        settings = parse_settings(argv, os.environ)
    except ConfigError as error:
        _complain(error.problems)
        print("viaduct --help lists all flags", file=sys.stderr)
        return 2
    if settings.version:
        print(version_line())
        return 0
    return _serve(settings)


def _serve(settings: Settings) -> int:
    configure_logs(json_format=settings.logging_format == "json", verbosity=settings.v)
    for warning in settings.warnings:
        log.warning("%s", warning)
    from adapter.bootstrap import serve

    try:
        asyncio.run(serve(settings))
    except (AdapterError, OSError) as error:
        # wrong rule file, port in use, unreadable file: plain lines; the traceback is for -v=4
        log.debug("cannot serve", exc_info=True)
        _complain(str(error).splitlines())
        return 1
    return 0


def _complain(problems: Iterable[str]) -> None:
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
