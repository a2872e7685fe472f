"""What a flag is: how its text is read, and what ``--help`` and the documents say about it."""

import csv
import dataclasses
from collections.abc import Callable, Mapping
from enum import Enum, unique
from typing import Any

from adapter.model.times import format_duration, parse_duration

ENV_PREFIX = "VIADUCT_"


@unique
class Kind(Enum):
    """How a flag's text is read; the value is the placeholder in ``--help``."""

    SWITCH = ""
    TEXT = "string"
    INTEGER = "int"
    DURATION = "duration"
    LIST = "a,b,…"
    ARRAY = "string, repeatable"


@unique
class Peer(Enum):
    """The program a flag was taken from, with its name and meaning."""

    OWN = ""
    METRICS_SERVER = "metrics-server"
    PROMETHEUS_ADAPTER = "prometheus-adapter"
    BOTH = "metrics-server, prometheus-adapter"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One declared flag.

    Args:
        kind: How its text is read.
        heading: Under which heading ``--help`` shows it.
        help: What it does; units, what empty means, why the default is what it is.
        peer: Where it comes from.
        short: One-letter form, without the dash.
        aliases: Other flags of the peers whose value is used when this one is empty.
        choices: The only texts allowed; empty allows any.
        unit: Unit of a number.
        secret: The value may hold a credential: never printed.
        field: Name of the field in ``Settings``.
        default: Value when neither flag nor environment variable is given.
    """

    kind: Kind
    heading: str
    help: str
    peer: Peer = Peer.OWN
    short: str = ""
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    unit: str = ""
    secret: bool = False
    field: str = ""
    default: Any = None

    @property
    def name(self) -> str:
        """The flag without its dashes."""
        return self.field.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return ENV_PREFIX + self.field.upper()

    @property
    def default_text(self) -> str:
        """The default as it would be written on the command line; empty for nothing."""
        if self.kind is Kind.SWITCH:
            return ""
        if self.kind is Kind.DURATION:
            return format_duration(self.default)
        if isinstance(self.default, tuple):
            return ",".join(self.default)
        return str(self.default)

    def read(self, text: str) -> Any:
        """Read one value.

        Raises:
            ValueError: *text* is not of this kind, or not one of the choices.
        """
        value = _READERS[self.kind](text)
        if self.choices and value not in self.choices:
            allowed = ", ".join(choice or '""' for choice in self.choices)
            raise ValueError(f'"{text}" is not one of {allowed}')
        return value

    def read_variable(self, text: str) -> Any:
        """Read an environment variable: a repeatable flag has one value per line."""
        if self.kind is Kind.ARRAY:
            return tuple(line for line in text.splitlines() if line)
        return self.read(text)


def option(kind: Kind, default: Any, heading: str, text: str, **more: Any) -> Any:
    """Declare a field of ``Settings`` that is a flag; *more* are further fields of `Flag`."""
    flag = Flag(kind=kind, heading=heading, help=text, **more)
    return dataclasses.field(default=default, repr=not flag.secret, metadata={"flag": flag})


def read_switch(text: str) -> bool:
    """Read a truth value as Go's ``strconv.ParseBool`` does.

    Raises:
        ValueError: It is none.
    """
    if text in {"1", "t", "T", "true", "TRUE", "True"}:
        return True
    if text in {"0", "f", "F", "false", "FALSE", "False"}:
        return False
    raise ValueError(f'"{text}" is neither true nor false')


def _read_integer(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError(f'"{text}" is not a whole number') from None


def _read_list(text: str) -> tuple[str, ...]:
    """Split at commas; double quotes protect one, as in pflag's ``stringSlice``."""
    try:
        return tuple(item for row in csv.reader([text]) for item in row)
    except csv.Error as error:
        raise ValueError(f'"{text}" is no list: {error}') from None


_READERS: Mapping[Kind, Callable[[str], Any]] = {
    Kind.SWITCH: read_switch,
    Kind.TEXT: str,
    Kind.INTEGER: _read_integer,
    Kind.DURATION: parse_duration,
    Kind.LIST: _read_list,
    Kind.ARRAY: lambda text: (text,),
}
