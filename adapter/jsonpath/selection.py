"""The segments of a path, applied one after another to what the ones before found.

jsonpath-ng's selectors do the selecting. Going from one to the next is done here, over plain
values, so that each costs what it costs and no more than there is left: in jsonpath-ng itself
nothing can stop ``$..*..*..*``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from adapter.jsonpath.work import Work


class Selector(Protocol):
    """One of jsonpath-ng's; it is not imported here, see `adapter.jsonpath.compiling`."""

    def find(self, datum: object) -> Iterable[Any]:
        """What it selects, each with its ``value``."""


class Segment(Protocol):
    """One segment of a path."""

    @property
    def text(self) -> str:
        """It as it is written in a path."""

    @property
    def several(self) -> bool:
        """Whether it selects as many values as there are, rather than those it names."""

    def select(self, values: Sequence[object], document: object, work: Work) -> list[object]:
        """Select from each of *values*; *document* is the root of filters.

        Raises:
            TooMuchWork: It is more than *work* has left.
        """


@dataclass(frozen=True, slots=True)
class Named:
    """Names or indexes.

    Attributes:
        selector: Selects them.
        text: The segment as it is written.
        names: What it names.
    """

    selector: Selector
    text: str
    names: tuple[str, ...] | tuple[int, ...]
    several = False

    def select(self, values: Sequence[object], document: object, work: Work) -> list[object]:
        del document
        work.spend(len(values) * (1 + len(self.names)))
        return [datum.value for value in values for datum in self.selector.find(value)]


@dataclass(frozen=True, slots=True)
class Children:
    """A wildcard or a slice.

    Attributes:
        selector: Selects them.
        text: The segment as it is written.
    """

    selector: Selector
    text: str
    several = True

    def select(self, values: Sequence[object], document: object, work: Work) -> list[object]:
        del document
        found: list[object] = []
        for value in values:
            work.spend(1 + _width(value))
            found.extend(datum.value for datum in self.selector.find(value))
        return found


@dataclass(frozen=True, slots=True)
class Filtered:
    """A filter.

    Attributes:
        passing: Gives what passes of a value; its second argument is the root of the document.
        text: The segment as it is written.
        steps: What it costs to look at one value.
        compares_queries: Whether it compares two places of the document, which may hold arrays and
            objects of any size.
    """

    passing: Callable[[object, object], list[object]]
    text: str
    steps: int
    compares_queries: bool
    several = True

    def select(self, values: Sequence[object], document: object, work: Work) -> list[object]:
        found: list[object] = []
        for value in values:
            work.spend(4 + _width(value) * self.steps)
            if self.compares_queries:
                for _ in _containers(value, work):
                    pass
            found += self.passing(value, document)
        return found


@dataclass(frozen=True, slots=True)
class Descend:
    """Recursive descent: the values themselves and all below them.

    Scalars are left out, as no segment can follow that selects anything from one.
    """

    text = ".."
    several = True

    def select(self, values: Sequence[object], document: object, work: Work) -> list[object]:
        del document
        return [container for value in values for container in _containers(value, work)]


def _width(value: object) -> int:
    return len(value) if isinstance(value, dict | list) else 0


def _containers(value: object, work: Work) -> Iterator[object]:
    """*value* and all arrays and objects below it, parents first."""
    stack = [value]
    while stack:
        container = stack.pop()
        if isinstance(container, dict):
            children = list(container.values())
        elif isinstance(container, list):
            children = container
        else:
            continue
        work.spend(1 + len(children))
        yield container
        stack += [
            child for child in reversed(children) if type(child) is dict or type(child) is list
        ]
