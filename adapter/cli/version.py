"""``viaduct version``: what runs here."""

import platform
from collections.abc import Sequence

from adapter import __version__


def main(argv: Sequence[str] = ()) -> int:
    """Print the version; *argv* is ignored."""
    del argv
    print(version_line())
    return 0


def version_line() -> str:
    """One line with the version, and Python's."""
    return f"viaduct {__version__} (Python {platform.python_version()}, {platform.machine()})"
