"""Tokens of a template: text outside ``<< >>``, words inside.

Rules of trims and strings are those of Go's ``text/template/parse/lex.go``.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from adapter.promql.values import TemplateError


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
    PIPE = "|"
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
      | (?P<word>[A-Za-z_]\w*(?=[\s.,|:()]|-?>>|\Z))
      | (?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
      | (?P<integer>[+-]?[0-9]+(?![\w.]))
      | (?P<declare>:=)
      | (?P<pipe>\|)
      | (?P<comma>,)
      | (?P<left>\()
      | (?P<right>\))""",
    re.VERBOSE | re.ASCII,
)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL
)
_SIMPLE = dict(zip('abfnrtv"\\', '\a\b\f\n\r\t\v"\\', strict=True))


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
        # Go wants a comment right behind << or one space after the trim.
        comment = _COMMENT.match(source, inside + (inside - opened - 2))
        if comment is not None:
            position, trim = _close_of_comment(source, opened, comment.end())
            continue
        yield Token(Kind.OPEN, "<<", opened)
        for token in _inside(source, opened, inside):
            yield token
            position = token.position + len(token.text)
            trim = token.text == "->>"


def unquote(token: Token) -> str:
    """Read the string literal *token*.

    Raises:
        TemplateError: It holds an unknown escape.
    """
    if token.text.startswith("`"):
        return token.text[1:-1].replace("\r", "")
    return _ESCAPE.sub(lambda match: _unescape(match, token), token.text[1:-1])


def read_integer(token: Token) -> int:
    """Read the integer literal *token*.

    Raises:
        TemplateError: It has more than 64 bits, or a leading zero: Go would read octal digits.
    """
    digits = token.text.lstrip("+-")
    if digits != "0" and digits.startswith("0"):
        raise TemplateError(f"write {token.text} without the leading zero", token.position)
    number = int(token.text)
    if not -(2**63) <= number < 2**63:
        raise TemplateError(f"{token.text} is too large", token.position)
    return number


def _unescape(match: re.Match[str], token: Token) -> str:
    position = token.position + 1 + match.start()
    if match[5]:
        if match[5] not in _SIMPLE:
            raise TemplateError(f"unknown escape {match[0]}", position)
        return _SIMPLE[match[5]]
    byte, octal = match[1], match[4]
    number = int(octal, 8) if octal else int(byte or match[2] or match[3], 16)
    if (byte or octal) and number > 0x7F:
        raise TemplateError(f"write a character instead of the byte {match[0]}", position)
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        raise TemplateError(f"{match[0]} is no character", position)
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
    if source.startswith(">>", end):
        return end + 2, False
    if source.startswith("->>", end + 1) and source[end] in _SPACE:
        return end + 4, True
    raise TemplateError("a comment must fill its << >>", opened)


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
