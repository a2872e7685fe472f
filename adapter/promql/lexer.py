"""Tokens of a template: text outside ``<< >>``, words inside.

Rules of trims and strings are those of Go's ``text/template/parse/lex.go``.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from adapter.promql.functions import TemplateError


class Kind(StrEnum):
    """What a token is; the value names it in a message."""

    TEXT = "text"
    OPEN = "<<"
    CLOSE = ">>"
    FIELD = "field"
    DOT = "."
    VARIABLE = "variable"
    WORD = "word"
    STRING = "string"
    INTEGER = "integer"
    DECLARE = ":="
    COMMA = ","
    LEFT = "("
    RIGHT = ")"


class Token(NamedTuple):
    """A token, its text and its offset in the template."""

    kind: Kind
    text: str
    position: int


_SPACE = " \t\r\n"
_INSIDE = re.compile(
    r"""(?P<field>(?:\.[A-Za-z_]\w*)+)
      | (?P<variable>\$\w*(?:\.[A-Za-z_]\w*)*)
      | (?P<dot>\.(?![\w.]))
      | (?P<word>[A-Za-z_]\w*)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
      | (?P<integer>[+-]?[0-9]+(?![\w.]))
      | (?P<declare>:=)
      | (?P<comma>,)
      | (?P<left>\()
      | (?P<right>\))""",
    re.VERBOSE,
)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def tokens_of(source: str) -> Iterator[Token]:
    """Cut *source* into tokens; trims are applied to the texts around them.

    Raises:
        TemplateError: An action is not closed or holds a character it cannot.
    """
    position = 0
    trim = False
    while True:
        opened = source.find("<<", position)
        text = source[position:] if opened < 0 else source[position:opened]
        skipped = len(text) - len(text.lstrip(_SPACE)) if trim else 0
        inside = opened + 2
        if opened >= 0 and _trims_left(source, inside):
            inside += 1
            text = text.rstrip(_SPACE)
        if text[skipped:]:
            yield Token(Kind.TEXT, text[skipped:], position + skipped)
        if opened < 0:
            return
        comment = _COMMENT.match(source, _skip_space(source, inside))
        if comment is not None:
            position, trim = _close_of_comment(source, opened, comment.end())
            continue
        yield Token(Kind.OPEN, "<<", opened)
        for token in _inside(source, opened, inside):
            yield token
            position = token.position + len(token.text)
        trim = source.startswith("->>", position - 3)


def unquote(token: Token) -> str:
    """Read the string literal *token*.

    Raises:
        TemplateError: It holds an unknown escape.
    """
    if token.text.startswith("`"):
        return token.text[1:-1]
    return _ESCAPE.sub(lambda match: _unescape(match, token), token.text[1:-1])


def _unescape(match: re.Match[str], token: Token) -> str:
    code = next((group for group in match.groups()[:3] if group), None)
    if code is not None:
        number = int(code, 16)
    elif match[4]:
        number = int(match[4], 8)
    elif match[5] in '\\"':
        return match[5]
    elif match[5] in _SIMPLE:
        return _SIMPLE[match[5]]
    else:
        raise TemplateError(f"unknown escape {match[0]}", token.position + 1 + match.start())
    if number > 0x10FFFF:
        raise TemplateError(f"{match[0]} is no character", token.position + 1 + match.start())
    return chr(number)


def _trims_left(source: str, inside: int) -> bool:
    return source[inside : inside + 1] == "-" and source[inside + 1 : inside + 2] in tuple(_SPACE)


def _skip_space(source: str, position: int) -> int:
    while source[position : position + 1] in tuple(_SPACE):
        position += 1
    return position


def _close_at(source: str, position: int) -> str:
    """Return the closing delimiter that stands at *position*, or an empty text."""
    if source.startswith(">>", position):
        return ">>"
    trims = source.startswith("->>", position) and source[position - 1] in _SPACE
    return "->>" if trims else ""


def _close_of_comment(source: str, opened: int, end: int) -> tuple[int, bool]:
    position = _skip_space(source, end)
    close = _close_at(source, position)
    if not close:
        raise TemplateError("a comment must fill its << >>", opened)
    return position + len(close), close == "->>"


def _inside(source: str, opened: int, position: int) -> Iterator[Token]:
    while True:
        position = _skip_space(source, position)
        close = _close_at(source, position)
        if close:
            yield Token(Kind.CLOSE, close, position)
            return
        if position >= len(source) or source.startswith("<<", position):
            raise TemplateError("<< is not closed by >>", opened)
        match = _INSIDE.match(source, position)
        if match is None or match.lastgroup is None:
            raise TemplateError(f"cannot understand {source[position]!r} here", position)
        yield Token(Kind[match.lastgroup.upper()], match[0], position)
        position = match.end()
