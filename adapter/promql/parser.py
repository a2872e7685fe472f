"""Tokens of a template to closures, by recursive descent."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from adapter.promql.functions import CHOICES, FUNCTIONS
from adapter.promql.lexer import Kind, Token, read_integer, tokens_of, unquote
from adapter.promql.nodes import (
    Node,
    Operand,
    call,
    choose,
    constant,
    evaluated,
    if_node,
    path,
    print_node,
    range_node,
    text_node,
)
from adapter.promql.printf import PLAIN_FORMAT
from adapter.promql.values import TemplateError, Value

MAX_DEPTH = 50
"""How deep parentheses, ``if`` and ``range`` may stand in each other; ``else if`` counts, too."""

_ENDS = frozenset({Kind.CLOSE, Kind.RIGHT, Kind.PIPE})


class TemplateParser:
    """The parser of one template.

    Args:
        source: The template.
        fields: The top-level fields there are.

    Attributes:
        used: The fields that the template refers to.
        straight: It does with texts nothing but print them.
    """

    def __init__(self, source: str, fields: Collection[str]) -> None:
        self.used: set[str] = set()
        self.straight = True
        self._fields = fields
        self._tokens = [*tokens_of(source), Token(Kind.TEXT, "", len(source))]
        self._next = 0
        self._variables: list[str] = []
        self._in_range = 0
        self._depth = 0

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
        self.straight = False
        self._enter(word)
        condition = self._pipeline()
        self._expect(Kind.CLOSE)
        body, end = self.block()
        otherwise = self._otherwise(end, word)
        self._depth -= 1
        return if_node(condition, body, otherwise)

    def _range(self, word: Token) -> Node:
        self._enter(word)
        names = self._declared()
        operand = self._pipeline()
        self._expect(Kind.CLOSE)
        self._variables += names
        self._in_range += 1
        body, end = self.block()
        self._in_range -= 1
        del self._variables[len(self._variables) - len(names) :]
        otherwise = self._otherwise(end, None)
        self._depth -= 1
        return range_node(operand, names, body, otherwise, word.position)

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
            declare = self._take()
            if len(names) > 2:
                raise TemplateError("range has two variables at most", declare.position)
            if any(name == "$" or "." in name for name in names):
                raise TemplateError("a variable is $ and a name", self._tokens[start].position)
            return names
        self._next = start
        return []

    def _pipeline(self) -> Operand:
        operand = self._command(None)
        while self._peek().kind is Kind.PIPE:
            self._take()
            operand = self._command(operand)
        return operand

    def _command(self, piped: Operand | None) -> Operand:
        """Parse an operand, or a function and its arguments; *piped* is the last of them."""
        word = self._peek()
        if word.kind is not Kind.WORD or word.text in {"true", "false"}:
            if piped is not None:
                raise TemplateError("a pipeline goes on with a function", word.position)
            return self._operand()
        self._take()
        self._check_apart()
        if word.text not in FUNCTIONS and word.text not in CHOICES:
            names = ", ".join(sorted((*FUNCTIONS, *CHOICES)))
            raise TemplateError(
                f"{word.text!r} is not supported; use {names}, if or range", word.position
            )
        start = self._next
        args: list[Operand] = []
        while self._peek().kind not in _ENDS:
            args.append(self._operand())
        self.straight &= _prints(word.text, self._tokens[start : self._next])
        if piped is not None:
            args.append(piped)
        if word.text in FUNCTIONS:
            return call(FUNCTIONS[word.text], args, word.position)
        if not args:
            raise TemplateError(f"{word.text} takes one argument or more", word.position)
        chosen = choose(CHOICES[word.text], args)
        return chosen if piped is None else evaluated(piped, chosen)

    def _operand(self) -> Operand:
        token = self._take()
        match token.kind:
            case Kind.FIELD:
                operand = self._field(token)
            case Kind.DOT:
                operand = self._dot(token)
            case Kind.VARIABLE:
                operand = self._variable(token)
            case Kind.LEFT:
                self._enter(token)
                operand = self._pipeline()
                self._expect(Kind.RIGHT)
                self._depth -= 1
            case _:
                operand = constant(_literal(token))
        self._check_apart()
        return operand

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

    def _enter(self, token: Token) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TemplateError(f"nested more than {MAX_DEPTH} deep", token.position)

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._peek()
        self._next += 1
        return token

    def _check_apart(self) -> None:
        """Check that the token just taken is followed by a space, ``)``, ``|`` or the end."""
        before, after = self._tokens[self._next - 1], self._peek()
        if after.kind not in _ENDS and after.position == before.position + len(before.text):
            raise TemplateError(f"a space is missing before {after.text!r}", after.position)

    def _expect(self, kind: Kind) -> None:
        token = self._peek()
        if token.kind is not kind:
            raise TemplateError(f"expected {kind} before {token.text!r}", token.position)
        self._next += 1


def _prints(function: str, args: Sequence[Token]) -> bool:
    """Whether the result of *function* has its texts whole, whatever they are."""
    kinds = [token.kind for token in args]
    match function:
        case "print" | "println":
            return True
        case "printf":
            return kinds[:1] == [Kind.STRING] and bool(PLAIN_FORMAT.match(unquote(args[0])))
        case "index":
            return len(kinds) == 2 and kinds[1] in {Kind.STRING, Kind.INTEGER}
        case _:
            return False


def _literal(token: Token) -> Value:
    match token.kind:
        case Kind.STRING:
            return unquote(token)
        case Kind.INTEGER:
            return read_integer(token)
        case Kind.WORD if token.text in {"true", "false"}:
            return token.text == "true"
        case _:
            raise TemplateError(f"did not expect {token.text!r} here", token.position)
