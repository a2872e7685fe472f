"""Label matchers and string quoting, as PromQL reads them.

Queries are put together as text; this module is the only place that quotes, so that no label
value can end its string and become PromQL.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
"""What a label may be called without quotes (Prometheus data model)."""

_REGEX_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")

_ESCAPES = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
    '"': r"\"",
}


class MatchOp(StrEnum):
    """How a matcher compares."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


class Matcher(NamedTuple):
    r"""One condition on a label.

    >>> str(Matcher("queue", MatchOp.EQUAL, 'a"b'))
    'queue="a\\"b"'
    """

    label: str
    op: MatchOp
    value: str

    def __str__(self) -> str:
        label = self.label if LABEL_NAME.match(self.label) else quote(self.label)
        return f"{label}{self.op}{quote(self.value)}"


def format_matchers(matchers: Iterable[Matcher]) -> str:
    """Join *matchers* as they stand between braces.

    >>> format_matchers([Matcher("a", MatchOp.EQUAL, "x"), Matcher("b", MatchOp.NOT_EQUAL, "")])
    'a="x",b!=""'
    """
    return ",".join(map(str, matchers))


def quote(text: str) -> str:
    r"""Quote *text* as a PromQL string, the way Go's ``%q`` does.

    Lone surrogates, which are no text, become U+FFFD. That is escaped, which Go does not do:
    Prometheus takes the character itself for broken UTF-8.

    >>> print(quote('say "hi"\n'), quote("é"), quote("\x00"), quote("\u200b"))
    "say \"hi\"\n" "é" "\x00" "\u200b"
    """
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(map(_escape, text)) + '"'


def escape_regex(text: str) -> str:
    r"""Write *text* as a regular expression that matches nothing else, as Go's ``QuoteMeta`` does.

    The result still has to be quoted.

    >>> print(escape_regex("web-0.shop"), quote(escape_regex("a|b")))
    web-0\.shop "a\\|b"
    """
    return _REGEX_SPECIAL.sub(r"\\\g<0>", text)


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF or code == 0xFFFD:
        return r"\ufffd"
    if char.isprintable():
        return char
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
