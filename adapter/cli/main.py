"""The ``viaduct`` command: picks the sub-command and imports only that one."""

import sys
from collections.abc import Sequence
from importlib import import_module

from adapter.settings.pflag import did_you_mean

COMMANDS = {
    "serve": "serve the metrics APIs; also what flags without a command mean",
    "top": "usage of nodes or pods, with its age and origin",
    "check": "check rule files, and show what they would serve",
    "demo": "simulated cluster, real Prometheus, and what happens when it dies",
    "version": "print the version",
}

_MODULES = {
    "serve": "adapter.cli.serve",
    "top": "adapter.cli.top",
    "check": "adapter.cli.check",
    "demo": "adapter.sim.demo",
    "version": "adapter.cli.version",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    0 is success, 1 a failure while running, 2 arguments that cannot be used.

    Args:
        argv: Arguments without the program's name; None takes the process' own.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    command, rest = _split(arguments)
    if command not in COMMANDS:
        hint = did_you_mean(command, COMMANDS, prefix="")
        print(f'error: unknown command "{command}"{hint}', file=sys.stderr)
        print("commands: " + ", ".join(COMMANDS), file=sys.stderr)
        return 2
    code: int = import_module(_MODULES[command]).main(rest)
    return code


def _split(arguments: list[str]) -> tuple[str, list[str]]:
    """Tell the command from its arguments; flags alone, or a path as charts pass, mean serve."""
    if not arguments or arguments[0].startswith(("-", "/")):
        return "serve", arguments
    return arguments[0], arguments[1:]
