"""The part of Go's ``text/template`` that rule files use, with ``<<`` and ``>>`` as delimiters.

Three steps: text → tokens (`adapter.promql.lexer`), tokens → closures (`_Parser`), closures →
text (`Template.render`). What the subset lacks is refused with its position, never rendered
wrongly.

Supported: fields (``.Series``, ``.LabelValuesByName.pod``), ``.``, ``$`` and the variables of a
``range``, string and integer literals, parentheses, the functions of `adapter.promql.functions`,
``if``/``else if``/``else``/``end``, ``range``, comments, and the trims ``<<-`` and ``->>``.
"""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from adapter.promql.functions import FUNCTIONS, TemplateError, Value
from adapter.promql.lexer import Kind, Token, tokens_of, unquote
from adapter.promql.nodes import (
    Node,
    Operand,
    Scope,
    call,
    constant,
    if_node,
    path,
    print_node,
    range_node,
    run,
    text_node,
)

__all__ = ["Template", "TemplateError", "Value", "parse_template"]


class Template(NamedTuple):
    """A parsed template: its text, and the top-level fields it refers to."""

    source: str
    fields: frozenset[str]
    nodes: tuple[Node, ...]

    def render(self, values: Mapping[str, Value]) -> str:
        """Fill in *values*, by field name without the dot.

        Raises:
            TemplateError: A function does not fit its arguments.
        """
        parts: list[str] = []
        run(self.nodes, Scope(None, values, {}), parts)
        return "".join(parts)


def parse_template(source: str, fields: Collection[str]) -> Template:
    """Parse *source*, which may refer to *fields*.

    Raises:
        TemplateError: Not in the subset, or an unknown field.

    >>> template = parse_template("<<range .GroupBySlice>>[<<.>>]<<end>>", {"GroupBySlice"})
    >>> template.render({"GroupBySlice": ["pod", "container"]})
    '[pod][container]'
    """
    parser = _Parser(source, fields)
    nodes, end = parser.block(top=True)
    if end is not None:
        raise TemplateError(f"<<{end.text}>> without <<if>> or <<range>>", end.position)
    return Template(source, frozenset(parser.used), nodes)


class _Parser:
    """Recursive descent; `block` is a list of nodes up to ``end``, ``else`` or the end."""

    def __init__(self, source: str, fields: Collection[str]) -> None:
        self.used: set[str] = set()
        self._fields = fields
        self._tokens = [*tokens_of(source), Token(Kind.TEXT, "", len(source))]
        self._next = 0
        self._variables: list[str] = []
        self._in_range = 0

    def block(self, *, top: bool = False) -> tuple[tuple[Node, ...], Token | None]:
        """Parse nodes; return them with the ``end`` or ``else`` that ended them."""
        nodes: list[Node] = []
        while self._next < len(self._tokens) - 1:
            token = self._take()
            if token.kind is Kind.TEXT:
                nodes.append(text_node(token.text))
                continue
            word = self._peek()
            if word.kind is Kind.WORD and word.text in {"end", "else"}:
                return tuple(nodes), self._take()
            nodes.append(self._action())
        if not top:
            raise TemplateError("<<end>> is missing", self._peek().position)
        return tuple(nodes), None

    def _action(self) -> Node:
        word = self._peek()
        if word.kind is Kind.WORD and word.text in {"if", "range"}:
            self._take()
            return self._if(word) if word.text == "if" else self._range(word)
        if word.kind is Kind.CLOSE:
            raise TemplateError("<< >> is empty", word.position)
        operand = self._pipeline()
        self._expect(Kind.CLOSE)
        return print_node(operand)

    def _if(self, word: Token) -> Node:
        condition = self._pipeline()
        self._expect(Kind.CLOSE)
        body, end = self.block()
        return if_node(condition, body, self._otherwise(end, word))

    def _range(self, word: Token) -> Node:
        names = self._declared()
        operand = self._pipeline()
        self._expect(Kind.CLOSE)
        self._variables += names
        self._in_range += 1
        body, end = self.block()
        self._in_range -= 1
        del self._variables[len(self._variables) - len(names) :]
        return range_node(operand, names, body, self._otherwise(end, None), word.position)

    def _otherwise(self, end: Token | None, chained: Token | None) -> tuple[Node, ...]:
        """Parse what follows ``else``; *chained* permits ``else if``."""
        if end is None or end.text == "end":
            self._expect(Kind.CLOSE)
            return ()
        word = self._peek()
        if chained is not None and word.kind is Kind.WORD and word.text == "if":
            return (self._if(self._take()),)
        self._expect(Kind.CLOSE)
        body, last = self.block()
        if last is not None and last.text == "else":
            raise TemplateError("a second <<else>>", last.position)
        self._expect(Kind.CLOSE)
        return body

    def _declared(self) -> list[str]:
        """Parse ``$k, $v :=`` where it stands."""
        start = self._next
        names: list[str] = []
        while self._peek().kind is Kind.VARIABLE:
            names.append(self._take().text)
            if self._peek().kind is not Kind.COMMA:
                break
            self._take()
        if names and self._peek().kind is Kind.DECLARE:
            if len(names) > 2:
                raise TemplateError("range has two variables at most", self._peek().position)
            self._take()
            return names
        self._next = start
        return []

    def _pipeline(self) -> Operand:
        word = self._peek()
        if word.kind is not Kind.WORD or word.text in {"true", "false"}:
            return self._operand()
        self._take()
        function = FUNCTIONS.get(word.text)
        if function is None:
            raise TemplateError(
                f"{word.text!r} is not supported; use {', '.join(sorted(FUNCTIONS))}, if or range",
                word.position,
            )
        args: list[Operand] = []
        while self._peek().kind not in {Kind.CLOSE, Kind.RIGHT}:
            args.append(self._operand())
        return call(function, args, word.position)

    def _operand(self) -> Operand:
        token = self._take()
        match token.kind:
            case Kind.FIELD:
                return self._field(token)
            case Kind.DOT:
                return self._dot(token)
            case Kind.VARIABLE:
                return self._variable(token)
            case Kind.LEFT:
                operand = self._pipeline()
                self._expect(Kind.RIGHT)
                return operand
            case _:
                return constant(_literal(token))

    def _dot(self, token: Token) -> Operand:
        if not self._in_range:
            raise TemplateError(". stands for an element only inside range", token.position)
        return lambda scope: scope.dot

    def _field(self, token: Token) -> Operand:
        names = token.text[1:].split(".")
        if self._in_range:
            raise TemplateError(
                f"inside range . is the element; write ${token.text}", token.position
            )
        return self._root_field(names, token.position)

    def _variable(self, token: Token) -> Operand:
        name, *names = token.text.split(".")
        if name == "$" and names:
            return self._root_field(names, token.position)
        if name not in self._variables:
            raise TemplateError(f"variable {name} is not defined here", token.position)
        return path(lambda scope: scope.variables[name], names, token.position)

    def _root_field(self, names: Sequence[str], position: int) -> Operand:
        field = names[0]
        if field not in self._fields:
            close = get_close_matches(field, self._fields, n=1)
            hint = (
                f"did you mean .{close[0]}?"
                if close
                else "known: " + ", ".join(f".{name}" for name in sorted(self._fields))
            )
            raise TemplateError(f"unknown field .{field}; {hint}", position)
        self.used.add(field)
        return path(lambda scope: scope.root.get(field), names[1:], position)

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._peek()
        self._next += 1
        return token

    def _expect(self, kind: Kind) -> None:
        token = self._peek()
        if token.kind is not kind:
            raise TemplateError(f"expected {kind} before {token.text!r}", token.position)
        self._next += 1


def _literal(token: Token) -> Value:
    match token.kind:
        case Kind.STRING:
            return unquote(token)
        case Kind.INTEGER:
            return int(token.text)
        case Kind.WORD if token.text in {"true", "false"}:
            return token.text == "true"
        case _:
            raise TemplateError(f"did not expect {token.text!r} here", token.position)
