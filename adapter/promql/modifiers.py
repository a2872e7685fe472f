"""What stands beside an operator: the labels it groups by, or those by which it finds pairs."""

from typing import NamedTuple

from adapter.promql.syntax import SET_OPERATORS, Expression

_NONE: frozenset[str] = frozenset()


class Grouping(NamedTuple):
    """The clause of an aggregation; without one it is ``by ()``.

    Attributes:
        by: ``by`` the labels, as against ``without`` them.
        labels: The labels listed.
    """

    by: bool
    labels: frozenset[str]


class Matching(NamedTuple):
    """How a binary operator finds pairs, and which labels a pair gives.

    Attributes:
        keeps: The set operator, or the cardinality: ``OneToOne``, ``ManyToOne``, ``OneToMany``.
        on: ``on`` the labels, as against ``ignoring`` them.
        listed: The labels of ``on`` or ``ignoring``.
        copied: The labels of ``group_left`` or ``group_right``.
        returns_bool: A comparison gives 0 or 1 and does not filter.
        fills: Values for elements that find no other; None where such elements are left out.
    """

    keeps: str
    on: bool
    listed: frozenset[str]
    copied: frozenset[str]
    returns_bool: bool
    fills: tuple[float | None, float | None]

    def unlisted(self) -> "Matching":
        """Return all that is said besides ``on`` and ``ignoring``."""
        return self._replace(on=False, listed=_NONE)

    def compared(self, labels: frozenset[str]) -> frozenset[str]:
        """Those of *labels* that have to agree on both sides."""
        return labels & self.listed if self.on else labels - self.listed


def grouping_of(aggregation: Expression) -> Grouping:
    """Return the clause of an ``AggregateExpr``."""
    modifier = aggregation.modifier
    if modifier is None:
        return Grouping(by=True, labels=_NONE)
    return Grouping(str(modifier.type).endswith("By"), frozenset(modifier.labels))


def matching_of(operation: Expression) -> Matching:
    """Return the matching of a ``BinaryExpr``."""
    operator, modifier = str(operation.op), operation.modifier
    keeps = operator if operator in SET_OPERATORS else "OneToOne"
    if modifier is None:
        return Matching(keeps, False, _NONE, _NONE, False, (None, None))
    if operator not in SET_OPERATORS:
        keeps = str(modifier.card).rpartition(".")[2]
    matching, fill = modifier.matching, modifier.fill_values
    return Matching(
        keeps,
        matching is not None and str(matching.type).endswith("Include"),
        frozenset(matching.labels) if matching is not None else _NONE,
        frozenset(modifier.group_labels or ()),
        modifier.return_bool,
        (fill.lhs, fill.rhs) if fill is not None else (None, None),
    )
