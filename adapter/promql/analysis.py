"""What can be said of a query without asking Prometheus."""

from collections.abc import Callable, Collection, Mapping

from adapter.promql.matchers import MatchOp
from adapter.promql.modifiers import grouping_of, matching_of
from adapter.promql.selectors import matchers_of
from adapter.promql.syntax import (
    BUCKET_FUNCTIONS,
    LABEL_FUNCTIONS,
    PER_SERIES,
    PICKING,
    SET_OPERATORS,
    Expression,
    PromQLError,
    is_scalar,
    kind_of,
    parse_promql,
    without_parentheses,
)

_BUCKET_LABEL = "le"
_Labels = frozenset[str]
_NONE: _Labels = frozenset()


def check_promql(promql: str) -> None:
    """Check that *promql* is a query.

    Raises:
        PromQLError: It is not; the message is the parser's.
    """
    parse_promql(promql)


def plain_selector(promql: str) -> bool:
    """Whether *promql* only selects series, so that its samples have times of their own.

    Raises:
        PromQLError: It is no PromQL.

    >>> plain_selector('up{job="a"}'), plain_selector("rate(up[5m])"), plain_selector("-up")
    (True, False, False)
    """
    return kind_of(without_parentheses(parse_promql(promql))) == "VectorSelector"


def lost_labels(promql: str, labels: Collection[str]) -> set[str]:
    """Tell which of *labels* no element of the result can have.

    What is not certain is not reported: a function that is not known may set any label.

    Raises:
        PromQLError: *promql* is no PromQL.

    >>> sorted(lost_labels("sum by (pod) (rate(http_requests_total[5m]))", ["pod", "namespace"]))
    ['namespace']
    """
    return set(_lost(parse_promql(promql), frozenset(labels)))


def _lost(expression: Expression, labels: _Labels) -> _Labels:
    if is_scalar(expression):
        return labels
    kind = kind_of(expression)
    if kind in {"ParenExpr", "UnaryExpr", "SubqueryExpr"}:
        return _lost(expression.expr, labels)
    if kind == "MatrixSelector":
        return labels & _demanded_absent(expression.vector_selector)
    if kind == "VectorSelector":
        return labels & _demanded_absent(expression)
    rule = _RULES.get(kind)
    return rule(expression, labels) if rule else _NONE


def _demanded_absent(selector: Expression) -> _Labels:
    """Labels that a matcher such as ``pod=""`` keeps away."""
    try:
        matchers = matchers_of(selector)
    except PromQLError:
        return _NONE
    return frozenset(m.label for m in matchers if m.op is MatchOp.EQUAL and not m.value)


def _lost_by_aggregation(expression: Expression, labels: _Labels) -> _Labels:
    inner = _lost(expression.expr, labels)
    operator = str(expression.op)
    if operator in PICKING:
        return inner
    by, listed = grouping_of(expression)
    lost = inner | (labels - listed if by else labels & listed)
    if operator == "count_values":
        lost -= _literals(expression.param)
    return lost


def _lost_by_operator(expression: Expression, labels: _Labels) -> _Labels:
    if is_scalar(expression.lhs):
        return _lost(expression.rhs, labels)
    if is_scalar(expression.rhs):
        return _lost(expression.lhs, labels)
    left = _lost(expression.lhs, labels)
    right = _lost(expression.rhs, labels)
    matching = matching_of(expression)
    if matching.keeps == "or" or matching.fills != (None, None):
        return left & right
    if matching.keeps in SET_OPERATORS:
        return left
    matched = matching.compared(labels)
    # A label that is matched on is there on both sides, or on neither.
    lost = (left | right) & matched
    if matching.keeps == "OneToOne":
        return lost | (labels - matched)
    many, one = (left, right) if matching.keeps == "ManyToOne" else (right, left)
    copied = labels & matching.copied
    return ((lost | many) - copied) | (one & copied)


def _lost_by_call(expression: Expression, labels: _Labels) -> _Labels:
    name = expression.func.name
    if name == "vector":
        return labels
    vectors = [arg for arg in expression.args if not is_scalar(arg)]
    if name in PER_SERIES:
        # Without an argument, minute() and its like tell of the evaluation time.
        return _lost(vectors[0], labels) if vectors else labels
    if name in BUCKET_FUNCTIONS:
        return _lost(vectors[0], labels) | (labels & {_BUCKET_LABEL})
    if name in LABEL_FUNCTIONS:
        return _lost(vectors[0], labels) - _literals(expression.args[1])
    return _NONE


_RULES: Mapping[str, Callable[[Expression, _Labels], _Labels]] = {
    "AggregateExpr": _lost_by_aggregation,
    "BinaryExpr": _lost_by_operator,
    "Call": _lost_by_call,
}


def _literals(expression: Expression) -> _Labels:
    """Return the text of a string literal, in parentheses or not."""
    return frozenset({without_parentheses(expression).val})
