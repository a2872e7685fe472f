"""Arguments and environment to ``Settings``; every problem at once."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from adapter.errors import ConfigError
from adapter.settings.flags import ENV_PREFIX, Flag, Kind
from adapter.settings.options import Settings, declared_flags
from adapter.settings.peers import accepted_flags
from adapter.settings.pflag import Arguments, did_you_mean
from adapter.settings.validate import cautions, problems

_OF_A_SERVICE = re.compile(f"^{ENV_PREFIX}PORT|_SERVICE_(HOST|PORT)|_PORT_[0-9]+_")
_PROGRAMS = frozenset({"adapter", "metrics-server", "viaduct"})


def parse_settings(argv: Sequence[str], env: Mapping[str, str]) -> Settings:
    """Read the flags of ``viaduct serve``.

    A flag beats its environment variable ``VIADUCT_<NAME>``, which beats the default; an empty
    variable counts as not given.

    Args:
        argv: The arguments, without the program's and the sub-command's name.
        env: The environment.

    Raises:
        ConfigError: With every problem found.
    """
    reader = _Reader(argv, env)
    values = reader.values()
    settings = Settings(**values)
    found = [*reader.problems, *problems(settings)]
    if found:
        raise ConfigError(found)
    return dataclasses.replace(settings, warnings=(*reader.warnings(), *cautions(settings)))


class _Reader:
    """Collects what was given for each flag, and what is wrong with it."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        flags = declared_flags()
        switches = {flag.name: flag.kind is Kind.SWITCH for flag in flags}
        aliases = {alias: False for flag in flags for alias in flag.aliases}
        arguments = Arguments(
            argv,
            switches={**accepted_flags(), **aliases, **switches},
            shorts={flag.short: flag.name for flag in flags if flag.short},
        )
        self.problems = list(arguments.problems)
        self._flags = flags
        self._env = env
        self._texts: dict[str, list[str]] = {}
        for name, text in arguments.flags:
            self._texts.setdefault(name, []).append(text)
        self._programs = [text for text in arguments.positionals if _is_program(text)]
        self.problems += [
            f'unexpected argument "{text}": flags start with --'
            for text in arguments.positionals
            if not _is_program(text)
        ]

    def values(self) -> dict[str, Any]:
        """Values of the fields that were given."""
        given = {}
        for flag in self._flags:
            try:
                value = self._value(flag)
            except ValueError as error:
                self.problems.append(f"--{flag.name}: {error}")
                continue
            if value is not None:
                given[flag.field] = value
        return given

    def warnings(self) -> list[str]:
        """What was given and changes nothing."""
        found = []
        unused = [name for name in self._texts if name in accepted_flags()]
        if unused:
            names = ", ".join(f"--{name}" for name in unused)
            found.append(f"accepted for compatibility, without effect here: {names}")
        found += [f'ignored the argument "{text}"' for text in self._programs]
        return found + self._misspelt_variables()

    def _value(self, flag: Flag) -> Any:
        texts = self._texts.get(flag.name, [])
        if not any(texts):
            texts = next(
                (self._texts[alias] for alias in flag.aliases if alias in self._texts), texts
            )
        if not texts:
            text = self._env.get(flag.variable, "")
            return flag.read_variable(text) if text else None
        values = [flag.read(text) for text in texts]
        if flag.kind in {Kind.LIST, Kind.ARRAY}:
            return tuple(item for value in values for item in value)
        return values[-1]

    def _misspelt_variables(self) -> list[str]:
        """Variables close to one of ours, except those Kubernetes sets for a Service "viaduct"."""
        known = [flag.variable.removeprefix(ENV_PREFIX) for flag in self._flags]
        unknown = [
            name.removeprefix(ENV_PREFIX)
            for name in sorted(self._env)
            if name.startswith(ENV_PREFIX) and not _OF_A_SERVICE.search(name)
        ]
        hints = [
            (name, did_you_mean(name, known, prefix=ENV_PREFIX))
            for name in unknown
            if name not in known
        ]
        return [
            f"unknown environment variable {ENV_PREFIX}{name}{hint}" for name, hint in hints if hint
        ]


def _is_program(text: str) -> bool:
    """True for the program's own path, which some charts pass as the first argument."""
    path = PurePosixPath(text)
    return path.is_absolute() and path.name in _PROGRAMS
