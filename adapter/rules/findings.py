"""What is wrong with a rule file, and where; how it is said in a line."""

from enum import StrEnum
from typing import NamedTuple

Path = tuple[int | str, ...]
"""Keys and indexes from the root of a file, or from a rule."""


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """It cannot work as it stands."""

    WARNING = "warning"
    """It works, but most likely not as meant."""


class Problem(NamedTuple):
    """What is wrong with the value at *path*, keys as they stand in the file.

    *fatal*: the file is refused. What prometheus-adapter starts with is never fatal: it costs the
    rule at most. *offset* is a character within the value, *key* points at the key instead.
    """

    path: Path
    text: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    fatal: bool = False
    offset: int | None = None
    key: bool = False

    def below(self, *path: int | str) -> "Problem":
        """Return the same problem of a value that stands at *path*."""
        return self._replace(path=(*path, *self.path))


class Place(NamedTuple):
    """Where something stands; line and column count from 1.

    >>> str(Place("rules.yaml", 3, 5))
    'rules.yaml:3'
    """

    filename: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.filename}:{self.line}"


class Finding(NamedTuple):
    """One problem of a file.

    Attributes:
        severity: Error or warning.
        filename: The file, as it was named.
        line: From 1.
        column: From 1, in characters.
        text: What is wrong; never a secret.
        hint: How to mend it; may be empty.
        fatal: The file is refused at start; else the rest is served.
    """

    severity: Severity
    filename: str
    line: int
    column: int
    text: str
    hint: str = ""
    fatal: bool = False

    def __str__(self) -> str:
        ending = f"; {self.hint}" if self.hint else ""
        return f"{self.filename}:{self.line}:{self.column}: {self.text}{ending}"
