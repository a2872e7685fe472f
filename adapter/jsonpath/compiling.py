"""Text of a path → the segments that select. jsonpath-ng is touched here and in `syntax` alone."""

from collections.abc import Iterator, Sequence

from jsonpath_ng import (
    Child,
    DatumInContext,
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

from adapter.jsonpath.errors import JSONPathError
from adapter.jsonpath.explanation import member
from adapter.jsonpath.selection import Children, Descend, Filtered, Named, Segment
from adapter.jsonpath.syntax import parse


def segments_of(text: str) -> tuple[Segment, ...]:
    """Segments of the JSONPath expression *text*, after ``$``.

    Raises:
        JSONPathError: It is no such expression, or uses what is not supported; with position.
    """
    first, *rest = _flatten(parse(text))
    if not isinstance(first, Root):
        raise JSONPathError("arithmetic is not supported in a path")
    return tuple(_segment(node) for node in rest)


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

    def passing(value: object, document: object) -> list[object]:
        datum = DatumInContext(value, path=This(), context=DatumInContext(document))
        return [passed.value for passed in node.find(datum)]

    return Filtered(passing, "[?…]", steps, compares)


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
