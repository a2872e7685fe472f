"""Arithmetic over paths: the scripts of kube-metrics-adapter's ``json-eval``.

There they are evaluated by the Go library spyzhov/ajson. Of its grammar here is what makes a number
out of numbers: ``ceil($['active processes'] / $['total processes'] * 100)``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from adapter.jsonpath.arithmetic import CONSTANTS, FUNCTIONS, OF_NUMBER, PRECEDENCE, compute
from adapter.jsonpath.errors import ExtractionError, JSONPathError, NothingFound
from adapter.jsonpath.explanation import kind_of
from adapter.jsonpath.expressions import compile_path
from adapter.jsonpath.numbers import ValueType, to_number
from adapter.jsonpath.work import Work

LONGEST = 500
"""Characters of a script."""

_DEEPEST = 20
"""Parentheses and functions that may lie within each other."""

_MOST_TOKENS = 100

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
      | (?P<path>\$(?:\.\.?(?:[^\W0-9]\w*|\*)|(?:\.\.?)?\[(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"
            |\[[^][]*\]|[^]['"])*\])*)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<symbol>\*\*|&&|\|\||&\^|<<|>>|[=!<>]=|=~|.)
    )""",
    re.VERBOSE | re.DOTALL,
)

_Node = Callable[[object, Work], object]
"""A part of a script, ready to run: of a document, a number, or a list of values."""


@dataclass(frozen=True, slots=True)
class Script:
    """A compiled script.

    Attributes:
        text: It as it was written.
    """

    text: str
    node: _Node

    def evaluate(self, document: object, work: Work | None = None) -> list[object]:
        """Evaluate it: one number, or one array where it is nothing but a path to several values.

        Raises:
            NothingFound: A path finds nothing, or null.
            ExtractionError: A path finds no number, or the arithmetic has no result.
        """
        try:
            return [self.node(document, work or Work())]
        except NothingFound as error:
            raise NothingFound(f"{self.text}: {error}") from None
        except ExtractionError as error:
            raise ExtractionError(f"{self.text}: {error}") from None


def compile_script(text: str) -> Script:
    """Compile the script *text*.

    Raises:
        JSONPathError: It is none, or uses what is not supported; with position.

    >>> compile_script("ceil($.busy / $.workers * 100)").evaluate({"busy": 1, "workers": 3})
    [34.0]
    """
    if len(text) > LONGEST:
        raise JSONPathError(f"the script is longer than {LONGEST} characters")
    return Script(text.strip(), _Parser(text).parse())


class _Parser:
    """Precedence climbing."""

    def __init__(self, text: str) -> None:
        self._tokens = [
            (match.lastgroup or "", match[match.lastgroup or 0], match.start(match.lastgroup or 0))
            for match in _TOKEN.finditer(text.rstrip())
        ]
        if len(self._tokens) > _MOST_TOKENS:
            raise JSONPathError("the script has too many parts", self._tokens[_MOST_TOKENS][2])
        self._tokens.append(("end", "", len(text)))
        self._next = 0
        self._depth = 0

    def parse(self) -> _Node:
        node = self._expression(0)
        kind, text, at = self._tokens[self._next]
        if kind != "end":
            raise JSONPathError(_unexpected(text), at)
        return node

    def _take(self) -> tuple[str, str, int]:
        token = self._tokens[self._next]
        self._next += token[0] != "end"
        return token

    def _expect(self, symbol: str) -> None:
        _, text, at = self._take()
        if text != symbol:
            raise JSONPathError(f"{symbol!r} is expected{_instead(text)}", at)

    def _expression(self, lowest: int) -> _Node:
        left = self._operand()
        while (symbol := self._tokens[self._next][1]) in PRECEDENCE:
            precedence = PRECEDENCE[symbol]
            if precedence < lowest:
                break
            self._take()
            right = self._expression(precedence + (symbol != "**"))
            left = _binary(symbol, left, right)
        return left

    def _operand(self) -> _Node:
        kind, text, at = self._take()
        if kind == "number":
            return _constant(float(text))
        if kind == "path":
            return _path(text, at)
        if kind == "name":
            return self._named(text, at)
        if text == "-":
            negative = self._operand()
            return lambda document, work: -_number(negative(document, work), "-")
        if text == "(":
            return self._parenthesized()
        raise JSONPathError(f"a number, $ or a function is expected{_instead(text)}", at)

    def _parenthesized(self) -> _Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise JSONPathError(
                f"more than {_DEEPEST} parentheses within each other", self._tokens[self._next][2]
            )
        node = self._expression(0)
        self._expect(")")
        self._depth -= 1
        return node

    def _named(self, name: str, at: int) -> _Node:
        lower = name.lower()
        if lower in CONSTANTS:
            return _constant(CONSTANTS[lower])
        if lower not in FUNCTIONS:
            raise JSONPathError(
                f"{name} is not supported; functions are {', '.join(sorted(FUNCTIONS))}; a key "
                "with a hyphen is written $['a-b']",
                at,
            )
        self._expect("(")
        return _call(lower, self._parenthesized())


def _instead(text: str) -> str:
    return f" instead of {text[:20]!r}" if text else ", but the script ends"


def _unexpected(text: str) -> str:
    operators = " ".join(PRECEDENCE)
    return f"unexpected {text[:20]!r}; operators are {operators}, and no comparisons or bits"


def _constant(number: float) -> _Node:
    def value(document: object, work: Work) -> float:
        del document, work
        return number

    return value


def _path(text: str, at: int) -> _Node:
    try:
        path = compile_path(text)
    except JSONPathError as error:
        raise JSONPathError(str(error), at + (error.position or 0)) from None

    def values(document: object, work: Work) -> object:
        finding = path.look(document, work)
        found = finding.values
        if len(found) == 1 and found[0] is not None:
            return found[0]
        if len(found) > 1 or finding.vacant:
            return found
        raise NothingFound(finding.explain())

    return values


def _binary(symbol: str, left: _Node, right: _Node) -> _Node:
    def result(document: object, work: Work) -> float:
        operands = (
            _number(left(document, work), f"left of {symbol}"),
            _number(right(document, work), f"right of {symbol}"),
        )
        return compute(symbol, *operands)

    return result


def _call(name: str, argument: _Node) -> _Node:
    def result(document: object, work: Work) -> object:
        value = argument(document, work)
        if name in OF_NUMBER:
            return compute(name, _number(value, f"in {name}()"))
        values = value if isinstance(value, list) else [value]
        if name in {"length", "size"}:
            return float(len(value)) if isinstance(value, list | dict) else 1.0
        if not values and name != "sum":
            raise NothingFound(f"{name}() is of an empty array")
        if name in {"first", "last"}:
            return values[0 if name == "first" else -1]
        work.spend(len(values))
        return compute(name, [_converted(each, f"in {name}()") for each in values])

    return result


def _number(value: object, where: str) -> float:
    if value is None:
        raise NothingFound(f"the value {where} is null")
    if isinstance(value, list):
        raise ExtractionError(
            f"the value {where} is {kind_of(value)}: make one number of it by sum, avg, min, max"
        )
    return _converted(value, where)


def _converted(value: object, where: str) -> float:
    try:
        return to_number(value, ValueType.NUMBER)
    except ExtractionError as error:
        raise ExtractionError(f"the value {where} {error}") from None
