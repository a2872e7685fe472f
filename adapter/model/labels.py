"""Label selectors: the whole Kubernetes grammar (apimachinery ``pkg/labels/selector.go``).

Error texts are kube-apiserver's, because people search for them.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from adapter.errors import BadRequest
from adapter.model.names import label_value_problems, qualified_name_problems


class Operator(StrEnum):
    """How a requirement relates a key and its values."""

    IN = "in"
    NOT_IN = "notin"
    EQUALS = "="
    DOUBLE_EQUALS = "=="
    NOT_EQUALS = "!="
    GREATER_THAN = "gt"
    LESS_THAN = "lt"
    EXISTS = "exists"
    DOES_NOT_EXIST = "!"


_BINARY_OPERATORS = tuple(op for op in Operator if op not in {Operator.EXISTS, "!"})
_POSITIVE = {Operator.IN, Operator.EQUALS, Operator.DOUBLE_EQUALS}
_NEGATIVE = {Operator.NOT_IN, Operator.NOT_EQUALS}
_EXACT = {Operator.EQUALS, Operator.DOUBLE_EQUALS, Operator.NOT_EQUALS}
_ORDERED = {Operator.GREATER_THAN, Operator.LESS_THAN}
_UNARY = {Operator.EXISTS, Operator.DOES_NOT_EXIST}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on labels; use `Requirement.checked` for input that is not trusted.

    Attributes:
        key: The label's name.
        operator: The relation.
        values: Sorted, without duplicates; one for the exact and ordered operators, none for the
            unary ones.

    >>> str(Requirement("app", Operator.IN, ("a", "b")))
    'app in (a,b)'
    """

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    @classmethod
    def checked(cls, key: str, operator: Operator, values: Iterable[str] = ()) -> "Requirement":
        """Build a requirement and check it as apimachinery's ``NewRequirement`` does.

        Raises:
            BadRequest: Wrong number of values, or a key or value no label can have.
        """
        requirement = cls(key, operator, tuple(sorted(set(values))))
        problems = list(_problems(requirement))
        if problems:
            raise BadRequest(_aggregate(problems), details=False)
        return requirement

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether *labels* satisfy the requirement; ``!=`` and ``notin`` accept an absent key."""
        value = labels.get(self.key)
        if self.operator in _POSITIVE:
            return value is not None and value in self.values
        if self.operator in _NEGATIVE:
            return value is None or value not in self.values
        if self.operator is Operator.EXISTS:
            return value is not None
        if self.operator is Operator.DOES_NOT_EXIST:
            return value is None
        return self._matches_number(value)

    def _matches_number(self, value: str | None) -> bool:
        number = None if value is None else _int64(value)
        bound = _int64(self.values[0])
        if number is None or bound is None:
            return False
        return number > bound if self.operator is Operator.GREATER_THAN else number < bound

    def __str__(self) -> str:
        joined = ",".join(self.values)
        match self.operator:
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"
            case Operator.IN | Operator.NOT_IN:
                return f"{self.key} {self.operator} ({joined})"
            case Operator.GREATER_THAN:
                return f"{self.key}>{joined}"
            case Operator.LESS_THAN:
                return f"{self.key}<{joined}"
            case _:
                return f"{self.key}{self.operator}{joined}"


def _is_exact(requirement: Requirement) -> bool:
    return requirement.operator in _POSITIVE and len(requirement.values) == 1


@dataclass(frozen=True, slots=True)
class Selector:
    """A conjunction of requirements; none of them selects everything.

    Attributes:
        requirements: Sorted by key.
    """

    requirements: tuple[Requirement, ...] = ()
    _exact: Mapping[str, str] | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.requirements, key=lambda requirement: requirement.key))
        object.__setattr__(self, "requirements", ordered)
        exact = {each.key: each.values[0] for each in ordered if _is_exact(each)}
        if len(exact) == len(ordered):
            # what every HPA sends; asked per pod, so it gets a way without a loop of ours
            object.__setattr__(self, "_exact", exact)

    @property
    def empty(self) -> bool:
        """Whether everything is selected."""
        return not self.requirements

    @property
    def size(self) -> int:
        """How many keys and values it has in all."""
        return sum(1 + len(each.values) for each in self.requirements)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether *labels* satisfy every requirement."""
        if self._exact is not None:
            return self._exact.items() <= labels.items()
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __and__(self, other: "Selector") -> "Selector":
        """Both selectors at once."""
        return Selector(self.requirements + other.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


EVERYTHING = Selector()
"""Matches any labels."""

MOST_REQUIREMENTS = 1000
"""Of one selector. What is longer than a person or a controller writes only costs time."""

MOST_VALUES = 10_000
"""Of all requirements of one selector, about as many as fit into a request."""

_REMEMBERED_LENGTH = 1000
"""Characters of a selector that is kept: those of HPAs come again and again, and are short."""


def parse_selector(text: str) -> Selector:
    """Read a label selector such as ``app=web,tier in (a,b),!canary,rank>3``.

    Raises:
        BadRequest: *text* is no selector, and the message is kube-apiserver's; or it is larger than
            `MOST_REQUIREMENTS` and `MOST_VALUES` allow, which kube-apiserver does not know.

    >>> str(parse_selector("tier notin (b, a), app == web"))
    'app==web,tier notin (a,b)'
    """
    return (_remembered if len(text) <= _REMEMBERED_LENGTH else _read)(text)


def _read(text: str) -> Selector:
    if text.count(",") > MOST_VALUES:
        raise _bad(f"a label selector has at most {MOST_VALUES} values")
    requirements = tuple(islice(_Parser(text).requirements(), MOST_REQUIREMENTS + 1))
    if len(requirements) > MOST_REQUIREMENTS:
        raise _bad(f"a label selector has at most {MOST_REQUIREMENTS} requirements")
    return Selector(requirements) if requirements else EVERYTHING


_remembered = lru_cache(maxsize=1024)(_read)


class _Token(NamedTuple):
    kind: str  # "identifier", "in", "notin", "end" or the symbol itself
    literal: str


_LEXEME = re.compile(r"[ \t\r\n]*(?:(?P<symbol>==|!=|[=!(),<>])|(?P<word>[^=!(),<> \t\r\n]+))")
_END = _Token("end", "")
_WORDS = {"identifier", "in", "notin"}  # "in" and "notin" are also names and values
_OPERATORS = {
    "in": Operator.IN,
    "notin": Operator.NOT_IN,
    "=": Operator.EQUALS,
    "==": Operator.DOUBLE_EQUALS,
    "!=": Operator.NOT_EQUALS,
    ">": Operator.GREATER_THAN,
    "<": Operator.LESS_THAN,
}


def _tokens(text: str) -> Iterator[_Token]:
    for match in _LEXEME.finditer(text):
        word = match["word"]
        if word is None:
            yield _Token(match["symbol"], match["symbol"])
        else:
            yield _Token(word if word in {"in", "notin"} else "identifier", word)


class _Parser:
    """Recursive descent over the tokens of one selector."""

    def __init__(self, text: str) -> None:
        self._rest = _tokens(text)
        self._ahead = next(self._rest, _END)

    def requirements(self) -> Iterable[Requirement]:
        """Yield each requirement of the selector."""
        while (token := self._peek()) is not _END:
            if token.kind not in _WORDS | {"!"}:
                raise _bad(f"found '{token.literal}', expected: !, identifier, or 'end of string'")
            try:
                requirement = self._requirement()
            except BadRequest as error:
                raise _bad(f"unable to parse requirement: {error}") from None
            yield requirement
            separator = self._next()
            if separator is _END:
                return
            if separator.kind != ",":
                raise _bad(f"found '{separator.literal}', expected: ',' or 'end of string'")
            after = self._peek()
            if after.kind not in _WORDS | {"!"}:
                raise _bad(f"found '{after.literal}', expected: identifier after ','")

    def _peek(self) -> _Token:
        return self._ahead

    def _next(self) -> _Token:
        token, self._ahead = self._ahead, next(self._rest, _END)
        return token

    def _requirement(self) -> Requirement:
        token = self._next()
        negated = token.kind == "!"
        if negated:
            token = self._next()
        if token.kind not in _WORDS:
            raise _bad(f"found '{token.literal}', expected: identifier")
        key = token.literal
        if problems := qualified_name_problems(key):
            raise _bad(_invalid("<nil>", key, problems))
        if negated:
            return Requirement.checked(key, Operator.DOES_NOT_EXIST)
        if self._peek() is _END or self._peek().kind == ",":
            return Requirement.checked(key, Operator.EXISTS)
        return self._relation(key)

    def _relation(self, key: str) -> Requirement:
        token = self._next()
        operator = _OPERATORS.get(token.kind)
        if operator is None:
            raise _bad(f"found '{token.literal}', expected: {', '.join(_BINARY_OPERATORS)}")
        if operator in {Operator.IN, Operator.NOT_IN}:
            return Requirement.checked(key, operator, self._value_set())
        return Requirement.checked(key, operator, [self._exact_value()])

    def _exact_value(self) -> str:
        if self._peek() is _END or self._peek().kind == ",":
            return ""
        token = self._next()
        if token.kind not in _WORDS:
            raise _bad(f"found '{token.literal}', expected: identifier")
        return token.literal

    def _value_set(self) -> Iterable[str]:
        token = self._next()
        if token.kind != "(":
            raise _bad(f"found '{token.literal}' expected: '('")
        first = self._peek()
        if first.kind not in _WORDS | {",", ")"}:
            raise _bad(f"found '{first.literal}', expected: ',', ')' or identifier")
        values = []
        while True:  # an absent value between separators is the empty string
            value = self._next().literal if self._peek().kind in _WORDS else ""
            values.append(value)
            token = self._peek()
            if token.kind not in {",", ")"}:
                expected = "',' or ')'" if value else "',', or identifier"
                raise _bad(f"found '{token.literal}', expected: {expected}")
            if self._next().kind == ")":
                return values


_SET_EMPTY = "for 'in', 'notin' operators, values set can't be empty"
_ONE_EXACT = "exact-match compatibility requires one single value"
_ONE_BOUND = "for 'Gt', 'Lt' operators, exactly one value is required"
_NO_VALUES = "values set must be empty for exists and does not exist"
_NOT_INTEGER = "for 'Gt', 'Lt' operators, the value must be an integer"


def _problems(requirement: Requirement) -> Iterable[str]:
    key, operator, values = requirement.key, requirement.operator, requirement.values
    if wrong := qualified_name_problems(key):
        yield _invalid("key", key, wrong)
    if count := _wrong_count(operator, len(values)):
        yield _invalid("values", values, [count])
    for index, value in enumerate(values):
        if operator in _ORDERED and _int64(value) is None:
            yield _invalid(f"values[{index}]", value, [_NOT_INTEGER])
    for index, value in enumerate(values):
        if wrong := label_value_problems(value):
            yield _invalid(f"values[{index}][{key}]", value, wrong)


def _wrong_count(operator: Operator, count: int) -> str | None:
    """Why *operator* cannot have *count* values."""
    if operator in _UNARY:
        return _NO_VALUES if count else None
    if operator in _EXACT:
        return _ONE_EXACT if count != 1 else None
    if operator in _ORDERED:
        return _ONE_BOUND if count != 1 else None
    return None if count else _SET_EMPTY


def _invalid(path: str, value: str | Iterable[str], problems: list[str]) -> str:
    shown = json.dumps(value if isinstance(value, str) else list(value), ensure_ascii=False)
    return f"{path}: Invalid value: {shown}: {'; '.join(problems)}"


def _aggregate(problems: list[str]) -> str:
    return problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"


def _bad(message: str) -> BadRequest:
    return BadRequest(message, details=False)


def _int64(text: str) -> int | None:
    """The number *text* holds if Go's ``strconv.ParseInt`` accepts it, else None."""
    if len(text) > 63 or not re.fullmatch(r"[+-]?[0-9]+", text):
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None
