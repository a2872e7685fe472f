"""Bytes of a rule file → YAML document, with what is wrong in words for who wrote it.

A YAML parser stops at the first thing it does not understand. Here the list entry or section with
the mistake is then left out and the rest is read, so that one run finds them all.
"""

import re
from typing import NamedTuple

import yaml

from adapter.rules.findings import Severity
from adapter.rules.positions import Document, Position

MAX_BYTES = 1 << 20
"""Largest file; a ConfigMap holds no more."""

_MAX_MISTAKES = 20
_BOM = b"\xef\xbb\xbf"
_NOT_ALLOWED = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ITEM = re.compile(r"( *)-(?=\s|$)")
_SECTION = re.compile(r"[^\s#-]")
_INDENTED_BY_TAB = re.compile(r" *\t")
_OPENED = re.compile("flow|quoted scalar")
_INDENTATION = re.compile("expected key|'-' indicator|mapping values|block end")
_HOPELESS = re.compile("aliases are|alias of|levels of")
_QUOTED_IN_QUOTES = re.compile(r'"[^"\\]*"\w')


class Mistake(NamedTuple):
    """Something the parser does not take."""

    position: Position
    text: str
    hint: str
    severity: Severity = Severity.ERROR
    fatal: bool = True


def read_yaml(content: bytes) -> tuple[Document, list[Mistake]]:
    """Read *content*; the document has what could be understood of it."""
    if len(content) > MAX_BYTES:
        text = "too large: a rule file has 1 MiB at most, as a ConfigMap"
        return Document(""), [Mistake(Position(1, 1), text, "split it: --config is repeatable")]
    text, mistakes = _decode(content)
    lines = text.splitlines(keepends=True)
    document = _parsed(lines, mistakes)
    if document.more is not None:
        place = _begin_of_document(lines, document.more)
        hint = "remove the '---', or make it a file of its own: --config is repeatable"
        what = "a second document begins here, and is not read"
        mistakes.append(Mistake(place, what, hint, fatal=False))  # as prometheus-adapter reads it
    if not mistakes and document.data is None:
        hint = "it may have 'rules', 'externalRules' and 'resourceRules'"
        mistakes.append(
            Mistake(Position(1, 1), "the file is empty", hint, Severity.WARNING, fatal=False)
        )
    return document, mistakes


def _parsed(lines: list[str], mistakes: list[Mistake]) -> Document:
    """Parse *lines* without what has a mistake, which is taken out of them and noted."""
    while True:
        try:
            return Document("".join(lines))
        except yaml.YAMLError as error:
            mistake = _described(error, lines)
        # an anchor may be in what was taken out
        if not mistakes or "undefined alias" not in mistake.text:
            mistakes.append(mistake)
        hopeless = _HOPELESS.search(mistake.text) or len(mistakes) > _MAX_MISTAKES
        if hopeless or not _cut(lines, mistake.position.line - 1):
            return Document("")


def _begin_of_document(lines: list[str], content: Position) -> Position:
    rows = range(content.line, 0, -1)
    return next((Position(row, 1) for row in rows if lines[row - 1].startswith("---")), content)


def _decode(content: bytes) -> tuple[str, list[Mistake]]:
    content = content.removeprefix(_BOM)
    mistakes = []
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        what = f"not UTF-8: byte 0x{content[error.start]:02x}"
        mistakes.append(Mistake(_end_of(before), what, "save the file as UTF-8"))
        text = content.decode(errors="replace")
    bad = _NOT_ALLOWED.search(text)
    if bad is not None:
        what = f"not YAML: control character U+{ord(bad[0]):04X}"
        hint = 'remove it; between double quotes it may be written as "\\x00"'
        mistakes.append(Mistake(_end_of(text[: bad.start()]), what, hint))
        text = _NOT_ALLOWED.sub("\ufffd", text)
    return text, mistakes


def _end_of(text: str) -> Position:
    lines = f"{text}.".splitlines()
    return Position(len(lines), len(lines[-1]))


def _described(error: yaml.YAMLError, lines: list[str]) -> Mistake:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Mistake(Position(1, 1), f"not YAML: {error}", "")
    mark, opened = error.problem_mark, error.context_mark
    what = ", ".join(part for part in (error.context, error.problem) if part)
    if opened is not None and mark.line != opened.line and _OPENED.search(what):
        mark = opened  # what is not closed, not where that was noticed
    row, column = mark.line, mark.column
    while row and (row >= len(lines) or not lines[row].strip()):
        row -= 1  # the end of the text
        column = len(lines[row].rstrip())
    line = lines[row] if lines else ""
    tab = _INDENTED_BY_TAB.match(line)
    if tab:
        what, column = "a tab in the indentation", tab.end() - 1
    return Mistake(Position(row + 1, column + 1), f"not YAML: {what}", _hint(what, line, column))


_WRITE_OUT = "write the values out instead"
_BY_WORDS = (
    ("tab in the", "indent by spaces"),
    ("levels of nesting", "a rule file needs ten"),
    ("its aliases are", _WRITE_OUT),
    ("alias of what", _WRITE_OUT),
    ("undefined alias", "a text that begins with * stands between quotes"),
)
_BY_LINE = (
    (_QUOTED_IN_QUOTES, "a text with double quotes stands between single ones: 'a{b=\"c\"}'"),
    (re.compile("<<"), "a text with << >> stands between single quotes: YAML has its own << and {"),
)
_BY_MORE_WORDS = (
    ("quoted scalar", "a quote is not closed"),
    ("flow", "a bracket is not closed, or a text with { } [ ] or , needs single quotes"),
    ("mapping values", "indent it like its neighbours, or quote the text if it holds ': '"),
    ("cannot start any token", "a text that begins with @, ` or % stands between quotes"),
)


def _hint(what: str, line: str, column: int) -> str:
    """Guess what was meant, from the parser's words and the place it stopped at."""
    if _INDENTATION.search(what) and not line[:column].strip():
        return "its neighbours are indented differently"
    found = [hint for words, hint in _BY_WORDS if words in what]
    found += [hint for pattern, hint in _BY_LINE if pattern.search(line)]
    found += [hint for words, hint in _BY_MORE_WORDS if words in what]
    return found[0] if found else "quote what is meant as text"


def _cut(lines: list[str], number: int) -> bool:
    """Empty the list entry around line *number* (from 0), or its section; False when there is none.

    The lines stay, so that positions of the rest are right.
    """
    number = min(number, len(lines) - 1)
    begin = _section_at(lines, number)
    end = next((at for at in range(begin + 1, len(lines)) if _SECTION.match(lines[at])), len(lines))
    items = [(at, match) for at in range(begin, end) if (match := _ITEM.match(lines[at]))]
    if items:
        indent = min(len(match[1]) for _, match in items)
        starts = [at for at, match in items if len(match[1]) == indent]
        begin = max((at for at in starts if at <= number), default=begin)
        end = min((at for at in starts if at > begin), default=end)
    kept = [line if line.isspace() else "\n" for line in lines[begin:end]]
    changed = kept != lines[begin:end]
    lines[begin:end] = kept
    return changed


def _section_at(lines: list[str], number: int) -> int:
    return max((at for at in range(number + 1) if _SECTION.match(lines[at])), default=0)
