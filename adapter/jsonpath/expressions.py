"""JSONPath expressions: compiled once, vetted, and evaluated within bounds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from jsonpath_ng import (
    Child,
    Descendants,
    Fields,
    Index,
    JSONPath,
    Root,
    Slice,
    This,
    Wildcard,
)
from jsonpath_ng.ext.filter import And, Expression, Filter, Or

from adapter.jsonpath.errors import ExtractionError, JSONPathError
from adapter.jsonpath.explanation import member, nothing_found
from adapter.jsonpath.selection import Children, Descend, Filtered, Named, Segment
from adapter.jsonpath.syntax import parse
from adapter.jsonpath.work import TooMuchWork, Work


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path.

    Attributes:
        text: The expression as it was written.
        segments: What it consists of, after ``$``.
    """

    text: str
    segments: tuple[Segment, ...]

    def find(self, document: object) -> list[object]:
        """Find all values in *document*, in its order; none is no error.

        Raises:
            ExtractionError: It takes more work than is allowed.
        """
        return self.look(document, Work()).values

    def look(self, document: object, work: Work) -> "Finding":
        """Look for the values in *document*, and remember how far that got.

        Args:
            document: As `read_document` gives it.
            work: What it may cost; shared among evaluations that belong together.

        Raises:
            ExtractionError: It takes more work than is left.
        """
        values = [document]
        try:
            for index, segment in enumerate(self.segments):
                found = segment.select(values, document, work)
                if not found:
                    return Finding(self, [], values, index)
                values = found
        except TooMuchWork as error:
            raise ExtractionError(f"{self.text} {error}") from None
        return Finding(self, values, (), len(self.segments))


@dataclass(frozen=True, slots=True)
class Finding:
    """What a path finds in a document.

    Attributes:
        path: Which path.
        values: What it finds.
        last: If that is nothing: what the segments before the one that found nothing have found.
        done: How many those are.
    """

    path: Path
    values: list[object]
    last: Sequence[object]
    done: int

    @property
    def vacant(self) -> bool:
        """Whether there is nothing because a collection on the way holds no such thing.

        An empty array is such a collection, and one of which nothing passes the filter. A key that
        is not there is something else: nobody knows how many there are.
        """
        if self.values or not self.path.segments[self.done].several:
            return False
        return any(isinstance(value, dict | list) for value in self.last)

    def explain(self) -> str:
        """Say how far it got, where nothing was found or null: keys, never values."""
        if self.values:
            return f"{self.path.text} is null"
        segments = self.path.segments
        reached = "$" + "".join(segment.text for segment in segments[: self.done])
        return f"{self.path.text}: {nothing_found(segments[self.done], reached, self.last)}"


@lru_cache(maxsize=1024)  # half a millisecond; reloads and HPAs bring the same ones again
def compile_path(text: str) -> Path:
    """Compile the JSONPath expression *text*.

    Raises:
        JSONPathError: It is no such expression, or uses what is not supported; with position.

    >>> compile_path("$.queues[?@.name == 'a'].depth").find(
    ...     {"queues": [{"name": "a", "depth": 3}, {"name": "b", "depth": 5}]}
    ... )
    [3]
    """
    first, *rest = _flatten(parse(text))
    if not isinstance(first, Root):
        raise JSONPathError("arithmetic is not supported in a path")
    return Path(text.strip(), tuple(_segment(node) for node in rest))


def _flatten(tree: JSONPath) -> Iterator[JSONPath | Descend]:
    """*tree* from left to right; jsonpath-ng nests ``a.b.c`` in more than one way."""
    stack: list[JSONPath | Descend] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, Child):
            stack += [node.right, node.left]
        elif isinstance(node, Descendants):
            stack += [node.right, Descend(), node.left]
        else:
            yield node


def _segment(node: JSONPath | Descend) -> Segment:
    if isinstance(node, Descend):
        return node
    if isinstance(node, Fields):
        return Named(node, member(node.fields), node.fields)
    if isinstance(node, Index):
        return Named(node, str(node), node.indices)
    if isinstance(node, Wildcard):
        return Children(node, "[*]")
    if isinstance(node, Slice):
        return Children(node, str(node))
    if isinstance(node, Filter):
        return _filtered(node)
    raise JSONPathError("arithmetic is not supported in a path")


def _filtered(node: Filter) -> Filtered:
    steps = 1
    compares = False
    for expression in _expressions(node.expressions):
        operands = [expression.target]
        if isinstance(expression.value, JSONPath):
            operands.append(expression.value)
            compares = True
            if _starts_with(expression.target, Root):
                raise JSONPathError(
                    "in a filter @ stands on the left of a comparison, $ on its right"
                )
        steps += 2 + sum(_filter_query(operand) for operand in operands)
    return Filtered(node, "[?…]", steps, compares)


def _expressions(nodes: Sequence[JSONPath]) -> Iterator[Expression]:
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, And | Or):
            stack.extend(node.operands)
        elif isinstance(node, Expression):
            yield node
        else:
            raise JSONPathError("a filter compares what @ has: $.items[?@.key == 'value']")


def _filter_query(query: JSONPath) -> int:
    """Steps of a query in a filter; it is one that finds one value, so that filters stay cheap."""
    first, *rest = _flatten(query)
    if not isinstance(first, This | Root):
        raise JSONPathError(
            "in a filter, keys begin with @, the item, and values stand on the right: "
            "$.items[?@.key == 'value']"
        )
    if not all(_names_one(node) for node in rest):
        raise JSONPathError(
            "in a filter only keys and indexes stand after @ and $: no '*', '..', slice or filter"
        )
    return 1 + len(rest)


def _names_one(node: JSONPath | Descend) -> bool:
    if isinstance(node, Fields):
        return len(node.fields) == 1
    return isinstance(node, Index) and len(node.indices) == 1


def _starts_with(query: JSONPath, kind: type[JSONPath]) -> bool:
    return isinstance(next(iter(_flatten(query))), kind)
