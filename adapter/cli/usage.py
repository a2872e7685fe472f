"""The text of ``viaduct --help``, derived from the declared flags."""

import shutil
import textwrap
from collections.abc import Iterator
from itertools import groupby

from adapter.cli.main import COMMANDS
from adapter.settings.flags import Flag, Kind, Peer
from adapter.settings.options import declared_flags
from adapter.settings.peers import accepted_flags

_INDENT = " " * 6
_WIDEST = 100


def help_text(width: int | None = None) -> str:
    """Commands and flags, wrapped to *width* columns; None takes the terminal's."""
    columns = min(width or shutil.get_terminal_size().columns, _WIDEST)
    return "\n".join([*_commands(), *_flags(columns), "", *_without_effect(columns)])


def _commands() -> Iterator[str]:
    yield "Serves the Kubernetes metrics APIs from Prometheus, from the kubelets when it is gone."
    yield ""
    yield "Usage: viaduct [COMMAND] [FLAGS]"
    yield ""
    yield "Commands (viaduct COMMAND --help says more):"
    for name, text in COMMANDS.items():
        yield f"  {name:<10}{text}"
    yield ""
    yield "Flags of viaduct serve; an environment variable is used where its flag is not given:"


def _flags(columns: int) -> Iterator[str]:
    for heading, flags in groupby(declared_flags(), key=lambda flag: flag.heading):
        yield ""
        yield f"{heading}:"
        for flag in flags:
            yield f"  {_synopsis(flag)}"
            yield _filled(_description(flag), columns)


def _synopsis(flag: Flag) -> str:
    names = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
    placeholder = "|".join(filter(None, flag.choices)) or flag.kind.value
    return f"{names} {placeholder}".rstrip()


def _description(flag: Flag) -> str:
    facts = [flag.variable]
    if flag.default_text:
        facts.insert(0, f"default {flag.default_text}")
    if flag.unit and flag.kind is not Kind.DURATION:
        facts.insert(0, f"in {flag.unit}")
    facts += [f"or else --{alias}" for alias in flag.aliases]
    if flag.peer is not Peer.OWN:
        facts.append(f"from {flag.peer.value}")
    return f"{flag.help} [{'; '.join(facts)}]"


def _without_effect(columns: int) -> Iterator[str]:
    yield "Accepted from metrics-server and prometheus-adapter, without effect here:"
    names = " ".join(f"--{name}" for name in sorted(accepted_flags()))
    yield _filled(names, columns)


def _filled(text: str, columns: int) -> str:
    return textwrap.fill(
        text,
        columns,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_on_hyphens=False,  # a flag or a path must stay whole: people copy them
        break_long_words=False,
    )
