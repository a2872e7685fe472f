r"""Proof that a query for one object can be answered from a query for all objects.

The *narrow* query selects one object, ``pod="x"`` for instance; the *wide* one has ``pod!=""`` in
its place. If each element of the wide answer is computed from series of a single object, and still
says of which, then the elements of an object are the narrow query's answer for it. `is_widening`
walks both syntax trees at once and holds, for each pair of nodes and any value v of a fixed label:

    the elements of the wide result with ``label=v``, and the elements of the narrow result for v,
    are the same but for the fixed labels. Wide elements carry all fixed labels; narrow elements
    carry the same ones among themselves, those which the walk returns.

An expression without a sentinel, the same in both queries, is the same in every narrow query, too.
It may stand where it only adds to elements of the object: as a number, or as the other side of a
join, ``and`` or ``unless``, if what is compared with it is the same in the narrow query.

What the walk does not know it refuses: a query is then sent as it was written.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from adapter.promql.comparison import moment_of, same_expression
from adapter.promql.matchers import Matcher, MatchOp
from adapter.promql.modifiers import Matching, grouping_of, matching_of
from adapter.promql.selectors import matchers_of
from adapter.promql.syntax import (
    BUCKET_FUNCTIONS,
    LABEL_FUNCTIONS,
    PER_SERIES,
    Expression,
    PromQLError,
    is_scalar,
    kind_of,
    parse_promql,
    without_parentheses,
)

_SENTINEL = re.compile(r"[A-Za-z0-9_-]+\Z")
_NOT_FIXED = frozenset({"__name__", ""})
_BUCKET_LABEL = "le"
# Bytes that are no UTF-8 by themselves: our parser and Prometheus read them differently.
_BYTES = re.compile(r"\\(?:x[89a-fA-F]|[2-3][0-7]{2})")
_MERGING = frozenset(
    {"avg", "count", "group", "max", "min", "quantile", "stddev", "stdvar", "sum"},
)
_KEEPING = frozenset({"bottomk", "topk"})
_ANY = frozenset({(MatchOp.NOT_EQUAL, ""), (MatchOp.REGEX, ".+")})

_KEEPS_LEFT = frozenset({"ManyToOne", "and", "unless"})
_KEEPS_RIGHT = frozenset({"OneToMany"})

_Labels = frozenset[str]


class _Unproven(Exception):
    """The queries cannot be shown to agree."""


def is_widening(narrow: str, wide: str, fixed: Mapping[str, str]) -> bool:
    """Whether filtering the answer of *wide* by the *fixed* labels gives the answer of *narrow*.

    Args:
        narrow: The query for one object, with a sentinel where each value of the object stands.
        wide: The same query for all objects: ``label!=""`` or ``label=~".+"`` in their place.
        fixed: Label to sentinel. A sentinel is made of ASCII letters, digits, ``_`` and ``-``,
            and occurs in no query by chance.

    True means: for all values without line breaks, put in the sentinels' place as the literal
    values of their matchers, the elements of the wide answer that have these values are those of
    the narrow answer, in numbers and in labels, except that they have the fixed labels, which the
    narrow answer may lack. False means nothing but that this is not shown.

    Which of equal elements ``topk`` and ``bottomk`` take is left to the engine.

    The wide query can fail where the narrow one does not: another object may have duplicate series,
    or all objects together be too many. Who gets an error asks the narrow query.

    >>> is_widening('rate(a{pod="X0X"}[5m])', 'rate(a{pod!=""}[5m])', {"pod": "X0X"})
    True
    >>> is_widening('sum(a{pod="X0X"})', 'sum(a{pod!=""})', {"pod": "X0X"})
    False
    """
    if not _usable(fixed) or any(sentinel in wide for sentinel in fixed.values()):
        return False
    if _BYTES.search(narrow) or _BYTES.search(wide):
        return False
    try:
        pair = _Pair(parse_promql(narrow), parse_promql(wide))
        _Proof(fixed).vector(pair)
    except (PromQLError, _Unproven):
        return False
    return True


def _usable(fixed: Mapping[str, str]) -> bool:
    values = list(fixed.values())
    return (
        bool(fixed)
        and _NOT_FIXED.isdisjoint(fixed)
        and all(_SENTINEL.match(value) for value in values)
        and not any(a in b for i, a in enumerate(values) for j, b in enumerate(values) if i != j)
    )


class _Pair(NamedTuple):
    """Nodes at the same place of both trees."""

    narrow: Expression
    wide: Expression

    def child(self, name: str) -> "_Pair":
        return _Pair(getattr(self.narrow, name), getattr(self.wide, name))

    @property
    def same(self) -> bool:
        """Whether the nodes are the same in every narrow query: sentinels are not in wide ones."""
        return same_expression(self.narrow, self.wide)


class _Proof:
    """The walk. Each method returns the fixed labels that elements of the narrow result carry.

    Raises:
        _Unproven: Nothing is known of the pair.
    """

    def __init__(self, fixed: Mapping[str, str]) -> None:
        self._fixed = frozenset(fixed)
        self._sentinels = fixed
        self._rules: Mapping[str, Callable[[_Pair], _Labels]] = {
            "AggregateExpr": self._aggregation,
            "BinaryExpr": self._operator,
            "Call": self._call,
            "VectorSelector": self._selector,
        }

    def vector(self, pair: _Pair) -> _Labels:
        """Prove a pair that gives an instant vector."""
        kind = kind_of(pair.narrow)
        _demand(kind == kind_of(pair.wide))
        if kind in {"ParenExpr", "UnaryExpr"}:
            return self.vector(pair.child("expr"))
        _demand(kind in self._rules)
        return self._rules[kind](pair)

    def _range(self, pair: _Pair) -> _Labels:
        """Prove a pair that gives a range vector."""
        kind = kind_of(pair.narrow)
        _demand(kind == kind_of(pair.wide))
        narrow, wide = pair
        match kind:
            case "MatrixSelector":
                _demand(narrow.range == wide.range)
                return self._selector(pair.child("vector_selector"))
            case "SubqueryExpr":
                _demand((narrow.range, narrow.step) == (wide.range, wide.step))
                _demand_same_time(pair)
                return self.vector(pair.child("expr"))
            case "ParenExpr":
                return self._range(pair.child("expr"))
            case _:
                return self.vector(pair)

    def _selector(self, pair: _Pair) -> _Labels:
        _demand(pair.narrow.name == pair.wide.name)
        _demand_same_time(pair)
        narrow, wide = matchers_of(pair.narrow), matchers_of(pair.wide)
        _demand(len(narrow) == len(wide))
        found = set()
        for one, every in zip(narrow, wide, strict=True):
            if one != every:
                _demand(self._widens(one, every))
                found.add(one.label)
        _demand(found == self._fixed)
        return self._fixed

    def _widens(self, one: Matcher, every: Matcher) -> bool:
        return (
            one.label == every.label
            and one.op in {MatchOp.EQUAL, MatchOp.REGEX}
            and one.value == self._sentinels.get(one.label)
            and (every.op, every.value) in _ANY
        )

    def _aggregation(self, pair: _Pair) -> _Labels:
        narrow, wide = pair
        operator = str(narrow.op)
        _demand(operator == str(wide.op) and operator in _MERGING | _KEEPING)
        _demand(narrow.param is None or is_scalar(narrow.param))
        _demand(pair.child("param").same)
        inner = self.vector(pair.child("expr"))
        grouping, wide_grouping = grouping_of(narrow), grouping_of(wide)
        by, labels = grouping
        _demand(by == wide_grouping.by)
        self._demand_alike(labels, wide_grouping.labels, all_fixed=by)
        if operator in _KEEPING:
            return inner
        return inner & labels if by else inner - labels

    def _operator(self, pair: _Pair) -> _Labels:
        narrow, wide = pair
        left, right = pair.child("lhs"), pair.child("rhs")
        matching, wide_matching = matching_of(narrow), matching_of(wide)
        _demand(str(narrow.op) == str(wide.op))
        _demand(matching.unlisted() == wide_matching.unlisted())
        _demand(matching.fills == (None, None) and self._fixed.isdisjoint(matching.copied))
        for vector, number in ((left, right), (right, left)):
            if is_scalar(number.narrow):
                _demand(number.same)
                return self.vector(vector)
        for vector, other, keeping in ((left, right, _KEEPS_LEFT), (right, left, _KEEPS_RIGHT)):
            if other.same:
                _demand(matching == wide_matching)
                carried = self.vector(vector)
                compared = matching.compared(self._fixed)
                _demand(compared <= carried)
                one_to_one = matching.keeps == "OneToOne" and compared == self._fixed
                _demand(one_to_one or matching.keeps in keeping)
                return carried
        _demand(matching.on == wide_matching.on)
        self._demand_alike(matching.listed, wide_matching.listed, all_fixed=matching.on)
        return self._joined(matching, self.vector(left), self.vector(right))

    def _joined(self, matching: Matching, left: _Labels, right: _Labels) -> _Labels:
        """Prove that both sides of a narrow join find each other as those of the wide one do."""
        compared = matching.compared(self._fixed)
        _demand(left & compared == right & compared)
        match matching.keeps:
            case "OneToOne":
                return left & compared
            case "or":
                _demand(left == right)
                return left
            case "OneToMany":
                return right
            case _:
                return left

    def _demand_alike(self, narrow: _Labels, wide: _Labels, *, all_fixed: bool) -> None:
        """Demand lists that differ by fixed labels only; the wide has *all_fixed* or none."""
        _demand(narrow - self._fixed == wide - self._fixed)
        _demand(wide & self._fixed == (self._fixed if all_fixed else frozenset()))

    def _call(self, pair: _Pair) -> _Labels:
        name = pair.narrow.func.name
        _demand(name == pair.wide.func.name)
        arguments = [_Pair(*args) for args in zip(pair.narrow.args, pair.wide.args, strict=False)]
        _demand(len(pair.narrow.args) == len(pair.wide.args))
        vectors = [argument for argument in arguments if not is_scalar(argument.narrow)]
        _demand(len(vectors) == 1)
        _demand(all(argument.same for argument in arguments if argument not in vectors))
        carried = self._range(vectors[0])
        if name in LABEL_FUNCTIONS:
            return self._relabelled(pair.narrow, carried)
        merges = name in BUCKET_FUNCTIONS and _BUCKET_LABEL not in self._fixed
        _demand(name in PER_SERIES or merges)
        return carried

    def _relabelled(self, call: Expression, carried: _Labels) -> _Labels:
        """Prove ``label_replace`` and ``label_join``: they read and set what they may."""
        target, *texts = (without_parentheses(argument).val for argument in call.args[1:])
        _demand(target not in self._fixed)
        read = texts[1:2] if call.func.name == "label_replace" else texts[1:]
        _demand((frozenset(read) & self._fixed) <= carried)
        return carried


def _demand(proven: bool) -> None:  # noqa: FBT001 - reads as a sentence
    if not proven:
        raise _Unproven


def _demand_same_time(pair: _Pair) -> None:
    _demand(pair.narrow.offset == pair.wide.offset)
    _demand(moment_of(pair.narrow) == moment_of(pair.wide))
