"""Text of a path → jsonpath-ng's tree, without what must not or need not run here.

What jsonpath-ng reads otherwise than its author meant it is refused, with what to write instead:
an expression that silently finds something else is worse than none.
"""

import re
from collections.abc import Sequence
from typing import Any

from jsonpath_ng import JSONPath
from jsonpath_ng.exceptions import JsonPathLexerError, JsonPathParserError
from jsonpath_ng.ext.parser import ExtendedJsonPathLexer, ExtendedJsonPathParser

from adapter.jsonpath.errors import JSONPathError

LONGEST = 500
"""Characters of an expression."""

_LONGEST_SHOWN = 60

_COLUMN = re.compile(r"(?:col |at 1:)([0-9]+)")
_TOKEN = re.compile(r"near token (.+) \(")

_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_ESCAPE_OR_CONTROL = re.compile(r"\\.|[\x00-\x1f]", re.DOTALL)
_ESCAPES = frozenset({"\\\\", "\\'", '\\"', "\\/"})
_GJSON = re.compile(r"\.#\(([\w.]+)\s*={1,2}\s*[\"']?([^\"')]*)[\"']?\)#?")
_ARITHMETIC = "arithmetic is not supported in a path"
_EXPONENT = "write the number without exponent"
_FUNCTIONS = "functions are not supported"
_TYPOGRAPHIC_QUOTES = "\u2018\u2019\u201c\u201d\u201e"

_HINTS = (
    (r"\[\s*\0?\(\s*@", "the last element is [-1]"),
    (r"\b(?:length|count|match|search|value)\s*\0?\(", _FUNCTIONS),
    (r"\[\0@", "a filter begins with ?, as in $.items[?@.key == 'value']"),
    (r"\0and\b", "'and' is written &&"),
    (r"\0or\b", "'or' is written ||"),
    (
        r"!\s*(?:\([^)]*|[@$][^&|]*)\0",
        "! stands only before a key that must not be there: use !=, < or >",
    ),
    (
        r"(?:[?(]|&&|\|\|)\s*-?[0-9.]+\s*\0[=!<>]",
        "keys begin with @ and stand on the left of a comparison, values on its right",
    ),
    (r"[0-9]\0[eE]-?[0-9]", _EXPONENT),
    (r"[^,\s]\s*\0-\s*[0-9]", _ARITHMETIC),
    (
        r"\[[^\]]*,[^\]]*\0|\[[^\]]*\0,",
        "only keys, or only indexes, can stand side by side in brackets",
    ),
)
"""What the text around an error, which is at the NUL, tells of what was meant."""

_REFUSED_TOKENS = {
    "|": "'|' is not supported: read one path, or name several keys as in ['a','b']",
    "&": "'&' is not supported; 'and' is written &&",
    "+": _ARITHMETIC,
    "-": f"{_ARITHMETIC}; a key with a hyphen stands without spaces, or quoted, $['a-b']",
    "/": "arithmetic and sorting are not supported in a path",
    "WHERE": "'where' is not supported: write a filter, $.items[?@.key == 'value']; a key of "
    "that name is quoted, $['where']",
    "WHERENOT": "'wherenot' is not supported: write a filter; a key of that name is quoted, "
    "$['wherenot']",
    "SORT_DIRECTION": "arithmetic and sorting are not supported in a path",
}


def parse(text: str) -> JSONPath:
    """Parse the path *text*.

    Raises:
        JSONPathError: It is none, is too long, or uses what is refused.
    """
    if len(text) > LONGEST:
        raise JSONPathError(f"the path is longer than {LONGEST} characters")
    _check_beginning(text)
    _check_quoted(text)
    return _parsed(text)


def _parsed(text: str) -> JSONPath:
    line = re.sub(r"[\t\n\r]", " ", text)  # one line, so that columns are offsets
    try:
        tokens = list(ExtendedJsonPathLexer().tokenize(line))
    except JsonPathLexerError as error:
        raise _lexer_error(line, str(error)) from None
    for index, token in enumerate(tokens):
        _check_token(tokens, index, token.lexpos)
    try:
        return ExtendedJsonPathParser().parse_token_stream(iter(tokens))
    except JsonPathParserError as error:
        raise _parser_error(line, str(error)) from None


def _check_beginning(text: str) -> None:
    path = text.strip()
    if path.startswith("$"):
        return
    if not path:
        raise JSONPathError("the path is empty; the whole document is $", 0)
    why = "a path begins with $, the document"
    if path.startswith("{") and path.endswith("}"):
        path, why = path[1:-1].strip(), "kubectl's braces are not supported"
    raise JSONPathError(f"{why}: write {_rooted(path)}", 0)


def _rooted(path: str) -> str:
    """*path* as it was probably meant, in kubectl, jq, GJSON or JavaScript."""
    path = path.removeprefix("@").lstrip()
    path = path if path.startswith("$") else f"${path if path[:1] in '.[' else '.' + path}"
    meant = _GJSON.sub(lambda found: f"[?@.{found[1]} == '{found[2]}']", path)
    meant = re.sub(
        r"\.([0-9]+)(?=\.|\[|$)", r"[\1]", meant.replace("[]", "[*]").replace(".#", "[*]")
    )
    try:
        _parsed(meant)
    except JSONPathError:
        return "one such as $.queue.depth"
    return meant if len(meant) <= _LONGEST_SHOWN else "it with $ in front"


def _check_quoted(text: str) -> None:
    for quoted in _QUOTED.finditer(text):
        for part in _ESCAPE_OR_CONTROL.finditer(quoted[0]):
            if part[0] in _ESCAPES:
                continue
            why = "a control character in quotes"
            if part[0].startswith("\\"):
                why = f"'{part[0]}' is not supported in quotes: write the character itself"
            raise JSONPathError(why, quoted.start() + part.start())


def _check_token(tokens: Sequence[Any], index: int, at: int) -> None:
    """Check what the tree does not show, or where parsing would warn."""
    token = tokens[index]
    kind, value, before = token.type, token.value, tokens[index - 1].type if index else ""
    if kind == "NAMED_OPERATOR":
        # a quoted token's position is that of its closing quote
        raise JSONPathError(_named_operator(value), at - len(value) - 1)
    if kind == "FILTER_OP":
        _check_comparison(value, tokens[index + 1 : index + 3], at)
    if kind == "NUMBER" and before in {".", "DOUBLEDOT"}:
        raise JSONPathError(
            "an index is written in brackets, [0], a key of digits quoted, ['0']", at
        )
    if kind == "*" and before not in {".", "DOUBLEDOT", "[", ","}:
        raise JSONPathError(_ARITHMETIC, at)
    if kind in {"$", "(", ","} and index and not _within_brackets(tokens[:index]):
        where = {"$": "at the beginning and in filters", "(": "in filters", ",": "in brackets"}[
            kind
        ]
        raise JSONPathError(f"{kind} stands only {where}", at)
    if kind == "+" and _is_exponent(tokens[max(0, index - 2) : index]):
        raise JSONPathError(_EXPONENT, at)
    if kind in _REFUSED_TOKENS:
        raise JSONPathError(_REFUSED_TOKENS[kind], at)


def _within_brackets(tokens: Sequence[Any]) -> bool:
    kinds = [token.type for token in tokens]
    return kinds.count("[") > kinds.count("]")


def _is_exponent(tokens: Sequence[Any]) -> bool:
    kinds = [token.type for token in tokens]
    return kinds in (["NUMBER", "ID"], ["FLOAT", "ID"]) and tokens[1].value in {"e", "E"}


def _named_operator(name: str) -> str:
    if name == "len":
        return "`len` is not supported: leave it out, and set aggregate: count"
    return f"jsonpath-ng's operator `{name[:_LONGEST_SHOWN]}` is not supported"


def _check_comparison(operator: str, following: Sequence[Any], at: int) -> None:
    if operator == "=~":
        raise JSONPathError("regular expressions are not supported in filters", at)
    if operator == "=":
        raise JSONPathError("equality is written ==", at)
    if not following or following[0].type != "ID" or getattr(following[0], "quoted", False):
        return
    operand = following[0]
    if [token.type for token in following[1:]] == ["("]:
        raise JSONPathError(_FUNCTIONS, operand.lexpos)
    word = operand.value[:_LONGEST_SHOWN]
    raise JSONPathError(
        f"{word} stands without quotes: write '{word}' for a string, or @.{word} for a key",
        operand.lexpos,
    )


def _lexer_error(text: str, message: str) -> JSONPathError:
    at = _column(message)
    if at is None:
        return JSONPathError("a quote is not closed", _open_quote(text))
    character = text[at : at + 1]
    hint = ""
    if character == "#":
        hint = "; GJSON's # is [*] here, and #(a==\"b\") is [?@.a == 'b']"
    elif character in _TYPOGRAPHIC_QUOTES:
        hint = "; strings and keys stand in ' or \""
    elif character.isalpha() or not character.isascii():
        hint = "; quote the key, as in $['\u00e4']"
    elif character in "{}":
        hint = "; kubectl's braces are not supported"
    elif character == "%":
        hint = f"; {_ARITHMETIC}"
    return JSONPathError(f"unexpected character {character!r}{hint}", at)


def _open_quote(text: str) -> int:
    quote, at, index = "", 0, 0
    while index < len(text):
        character = text[index]
        if quote and character == "\\":
            index += 1
        elif character == quote:
            quote = ""
        elif not quote and character in "'\"`":
            quote, at = character, index
        index += 1
    return at


def _parser_error(text: str, message: str) -> JSONPathError:
    at = _column(message)
    bare = _QUOTED.sub(lambda found: " " * len(found[0]), text)
    if at is None:
        if bare.count("[") > bare.count("]"):
            return JSONPathError("a [ is not closed", bare.rindex("["))
        if bare.count("(") > bare.count(")"):
            return JSONPathError("a ( is not closed", bare.rindex("("))
        return JSONPathError("the path ends where a key or an index is expected", len(text))
    if text[at] in "'\"":  # jsonpath-ng gives the closing quote
        at = text.rindex(text[at], 0, at)
    found = _TOKEN.search(message)
    what = f"unexpected {found[1][:_LONGEST_SHOWN]!r}" if found else "syntax error"
    return JSONPathError(what + _parser_hint(bare, at), at)


def _parser_hint(bare: str, at: int) -> str:
    if bare[at : at + 1] == "]" and bare.count("]") > bare.count("["):
        return "; no [ is open"
    marked = f"{bare[:at]}\0{bare[at:]}"
    return next((f"; {hint}" for pattern, hint in _HINTS if re.search(pattern, marked)), "")


def _column(message: str) -> int | None:
    found = _COLUMN.search(message)
    return int(found[1]) if found else None
