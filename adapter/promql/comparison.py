"""Whether two expressions are the same."""

from collections.abc import Callable, Mapping, Sequence

from adapter.promql.modifiers import grouping_of, matching_of
from adapter.promql.syntax import Expression, kind_of


def moment_of(expression: Expression) -> tuple[str, object] | None:
    """Return what stands behind ``@``, comparable."""
    return expression.at and (str(expression.at.type), expression.at.at)


def same_expression(first: Expression, second: Expression) -> bool:
    """Whether both are written the same way, but for spaces, comments and quotes."""
    kind = kind_of(first)
    if kind != kind_of(second):
        return False
    properties = _PROPERTIES.get(kind)
    if properties is not None and properties(first) != properties(second):
        return False
    pairs = zip(_children(first, kind), _children(second, kind), strict=True)
    return all(same_expression(*pair) for pair in pairs)


def _of_selector(selector: Expression) -> object:
    alternatives = [selector.matchers.matchers, *selector.matchers.or_matchers]
    matchers = [[(str(m.op), m.name, m.value) for m in group] for group in alternatives]
    return selector.name, matchers, selector.offset, moment_of(selector)


def _of_subquery(subquery: Expression) -> object:
    return subquery.range, subquery.step, subquery.offset, moment_of(subquery)


_PROPERTIES: Mapping[str, Callable[[Expression], object]] = {
    "AggregateExpr": lambda node: (str(node.op), grouping_of(node)),
    "BinaryExpr": lambda node: (str(node.op), matching_of(node)),
    "Call": lambda node: (node.func.name, len(node.args)),
    "MatrixSelector": lambda node: node.range,
    "NumberLiteral": lambda node: repr(node.val),  # NaN is not equal to itself
    "StringLiteral": lambda node: node.val,
    "SubqueryExpr": _of_subquery,
    "VectorSelector": _of_selector,
}
"""What a node says besides its children; nodes that are not named here say nothing."""


def _children(expression: Expression, kind: str) -> Sequence[Expression]:
    match kind:
        case "MatrixSelector":
            return [expression.vector_selector]
        case "ParenExpr" | "UnaryExpr" | "SubqueryExpr":
            return [expression.expr]
        case "AggregateExpr":
            return [expression.param, expression.expr]
        case "BinaryExpr":
            return [expression.lhs, expression.rhs]
        case "Call":
            return list(expression.args)
        case _:
            return []
