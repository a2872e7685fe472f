"""Closures a template is compiled to; each takes a `Scope` and knows its position."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from adapter.promql.values import (
    TemplateError,
    Value,
    field_of,
    format_value,
    kind_of,
    truth,
)


class Scope(NamedTuple):
    """What a closure sees while it renders: ``.``, the fields of the root, the variables."""

    dot: Value
    root: Mapping[str, Value]
    variables: Mapping[str, Value]


Operand = Callable[[Scope], Value]
"""Gives a value."""

Node = Callable[[Scope, list[str]], None]
"""Appends text."""


def run(nodes: Sequence[Node], scope: Scope, parts: list[str]) -> None:
    """Run *nodes* in order."""
    for node in nodes:
        node(scope, parts)


def text_node(text: str) -> Node:
    """Node of fixed text."""
    return lambda _, parts: parts.append(text)


def print_node(operand: Operand) -> Node:
    """Node that prints *operand*."""
    return lambda scope, parts: parts.append(format_value(operand(scope)))


def constant(value: Value) -> Operand:
    """Operand of a literal."""
    return lambda _: value


def if_node(condition: Operand, body: Sequence[Node], otherwise: Sequence[Node]) -> Node:
    """Node of ``if``."""
    return lambda scope, parts: run(body if truth(condition(scope)) else otherwise, scope, parts)


def range_node(
    operand: Operand,
    names: Sequence[str],
    body: Sequence[Node],
    otherwise: Sequence[Node],
    position: int,
) -> Node:
    """Node of ``range``; *names* are its variables, one or two or none."""

    def run_range(scope: Scope, parts: list[str]) -> None:
        items = _items(operand(scope), position)
        for item in items:
            # One variable takes the element, two take key and element.
            declared = dict(zip(names, item[2 - len(names) :], strict=True)) if names else {}
            inner = Scope(item[1], scope.root, {**scope.variables, **declared})
            run(body, inner, parts)
        if not items:
            run(otherwise, scope, parts)

    return run_range


def _items(value: Value, position: int) -> list[tuple[Value, Value]]:
    match value:
        case None:
            return []
        case Mapping():
            return [(key, value[key]) for key in sorted(value)]
        case str() | int():
            raise TemplateError(f"range cannot iterate over {kind_of(value)}", position)
        case _:
            return list(enumerate(value))


def call(function: Callable[..., Value], args: Sequence[Operand], position: int) -> Operand:
    """Operand that calls *function*."""

    def call_function(scope: Scope) -> Value:
        try:
            return function(*(arg(scope) for arg in args))
        except TemplateError as error:
            raise TemplateError(str(error), position) from None

    return call_function


def choose(wanted: bool, args: Sequence[Operand]) -> Operand:  # noqa: FBT001 - a truth value
    """Operand of ``or`` (*wanted* is true) and ``and``: the first with that truth, or the last."""

    def choose_first(scope: Scope) -> Value:
        value: Value = None
        for arg in args:
            value = arg(scope)
            if truth(value) is wanted:
                break
        return value

    return choose_first


def evaluated(operand: Operand, then: Operand) -> Operand:
    """Operand of *then*, which may not need *operand*; an error in that shows all the same."""

    def evaluate_both(scope: Scope) -> Value:
        operand(scope)
        return then(scope)

    return evaluate_both


def path(start: Operand, names: Sequence[str], position: int) -> Operand:
    """Operand that follows the fields *names* from *start*."""
    if not names:
        return start

    def look_up(scope: Scope) -> Value:
        value = start(scope)
        try:
            for name in names:
                value = field_of(value, name)
        except TemplateError as error:
            raise TemplateError(str(error), position) from None
        return value

    return look_up
