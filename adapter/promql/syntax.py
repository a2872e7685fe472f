"""PromQL as its parser gives it: the tree, and what is known of functions and operators.

The tree is only looked at. It is never printed: the parser's printer does not escape, so that a
label value could become PromQL.
"""

import re
from functools import cache
from types import ModuleType
from typing import Any, TypeAlias

from adapter.promql.matchers import quote

MAX_NESTING = 200
"""Operators and parentheses a query may have. The parser descends without a limit of its own and
ends the process at some thousands; a rule of hundreds is a mistake."""

_OPAQUE = re.compile(
    r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|\#[^\n]*""", re.VERBOSE | re.DOTALL
)
_BRACES = re.compile(r"\{[^{}]*\}")
_NESTING = re.compile(r"[-+*/%^(\[<>]|[=!]=|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)

_PER_SERIES = """
abs acos acosh asin asinh atan atanh avg_over_time ceil changes clamp clamp_max clamp_min cos cosh
count_over_time day_of_month day_of_week day_of_year days_in_month deg delta deriv
double_exponential_smoothing exp floor histogram_avg histogram_count histogram_stddev
histogram_stdvar histogram_sum holt_winters hour idelta increase irate last_over_time ln log10 log2
max_over_time min_over_time minute month predict_linear present_over_time quantile_over_time rad
rate resets round sgn sin sinh sort sort_desc sqrt stddev_over_time stdvar_over_time sum_over_time
tan tanh timestamp year
"""
PER_SERIES = frozenset(_PER_SERIES.split())
"""Functions that compute each element of the result from one series, and keep its labels."""

BUCKET_FUNCTIONS = frozenset({"histogram_fraction", "histogram_quantile"})
"""Functions that merge the buckets of a histogram: series that differ by ``le`` only."""

LABEL_FUNCTIONS = frozenset({"label_join", "label_replace"})
"""Functions that set the label which their second argument names."""

PICKING = frozenset({"bottomk", "limit_ratio", "limitk", "topk"})
"""Aggregations that keep some of their elements as they are, with all labels."""

SET_OPERATORS = frozenset({"and", "or", "unless"})
"""Binary operators that keep elements as they are."""


Expression: TypeAlias = Any
"""A node of the parser's tree; its class, by name, says what it is (see `kind_of`)."""


class PromQLError(ValueError):
    """A text is not the PromQL it should be; the message says why."""


def parse_promql(promql: str) -> Expression:
    """Parse *promql*.

    Raises:
        PromQLError: It is no PromQL, or nested too deeply.
    """
    bare = _BRACES.sub("", _OPAQUE.sub("", promql))
    nesting = sum(1 for _ in _NESTING.finditer(bare))
    if nesting > MAX_NESTING:
        raise PromQLError(
            f"has {nesting} operators and parentheses, the limit is {MAX_NESTING}; "
            "record parts of it with recording rules"
        )
    try:
        return _parser().parse(_OPAQUE.sub(_without_backquotes, promql))
    except ValueError as error:
        raise PromQLError(" ".join(str(error).split())) from None


@cache
def _parser() -> ModuleType:
    """Import the parser, a Rust library that a process without rules never needs."""
    import promql_parser  # noqa: PLC0415 - see above

    matrix, scalar = promql_parser.ValueType.Matrix, promql_parser.ValueType.Scalar
    # Prometheus 2's name for double_exponential_smoothing; the parser knows that of Prometheus 3.
    types = [matrix, scalar, scalar]
    holt_winters = promql_parser.Function("holt_winters", types, promql_parser.ValueType.Vector)
    promql_parser.register_extra_functions([holt_winters])
    return promql_parser


def _without_backquotes(match: re.Match[str]) -> str:
    r"""Write a raw string with double quotes: the parser takes the ``\d`` in one for an escape."""
    text = match[0]
    return quote(text[1:-1]) if text.startswith("`") else text


def kind_of(expression: Expression) -> str:
    """Name of the node's class, such as ``VectorSelector``."""
    return type(expression).__name__


def without_parentheses(expression: Expression) -> Expression:
    """Return what stands inside the parentheses around *expression*, if there are any."""
    while kind_of(expression) == "ParenExpr":
        expression = expression.expr
    return expression


def is_scalar(expression: Expression) -> bool:
    """Whether *expression* gives a number, or a string, without labels."""
    match kind_of(expression):
        case "NumberLiteral" | "StringLiteral":
            return True
        case "ParenExpr" | "UnaryExpr":
            return is_scalar(expression.expr)
        case "BinaryExpr":
            return is_scalar(expression.lhs) and is_scalar(expression.rhs)
        case "Call":
            return str(expression.func.return_type).endswith("Scalar")
        case _:
            return False
