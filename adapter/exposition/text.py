"""Strict parser of the Prometheus text format 0.0.4, one line at a time.

A line that breaks the grammar costs that line only and is reported with its number and the
reason; the format and its escapes are those of Prometheus' ``model/textparse``.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*')
_NUMBER = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])"
)
_TIMESTAMP = re.compile(r"[+-]?\d{1,18}")
_ESCAPE = re.compile(r'\\([\\"n])')
_UNESCAPED = {"\\": "\\", '"': '"', "n": "\n"}


class Sample(NamedTuple):
    """One sample line; *series* is its raw text before the value, *timestamp_ms* Unix time."""

    name: str
    labels: dict[str, str]
    value: float
    timestamp_ms: int | None
    series: str


class BadLine(NamedTuple):
    """A line that was skipped: its number (from 1), why, and the start of its text."""

    number: int
    reason: str
    text: str


def parse_lines(body: bytes) -> Iterator[Sample | BadLine]:
    """Parse *body* line by line; comments and empty lines yield nothing.

    >>> list(parse_lines(b'up{job="a"} 1 1500'))
    [Sample(name='up', labels={'job': 'a'}, value=1.0, timestamp_ms=1500, series='up{job="a"}')]
    >>> list(parse_lines(b"up 1 2 3"))
    [BadLine(number=1, reason='text after the timestamp', text='up 1 2 3')]
    """
    for number, raw in enumerate(body.split(b"\n"), 1):
        stripped = raw.strip(b" \t\r")
        if not stripped or stripped.startswith(b"#"):
            continue
        try:
            line = stripped.decode()
        except UnicodeDecodeError:
            yield BadLine(number, "not UTF-8", repr(stripped[:80]))
            continue
        try:
            yield parse_line(line)
        except ValueError as error:
            yield BadLine(number, str(error), line[:80])


def parse_line(line: str) -> Sample:
    """Parse one sample line without surrounding white space.

    Raises:
        ValueError: The line breaks the grammar; the text says how.
    """
    match = _NAME.match(line)
    if match is None:
        raise ValueError("no metric name")
    name, position = match[0], match.end()
    rest = line[position:].lstrip(" \t")
    labels: dict[str, str] = {}
    if rest.startswith("{"):
        position = len(line) - len(rest)
        labels, position = _parse_labels(line, position + 1)
    elif rest == line[position:]:
        raise ValueError("no white space after the metric name")
    value, timestamp = _parse_numbers(line[position:])
    return Sample(name, labels, value, timestamp, line[:position])


def _parse_labels(line: str, position: int) -> tuple[dict[str, str], int]:
    labels: dict[str, str] = {}
    while True:
        match = _LABEL.match(line, position)
        if match is None:
            break
        label, value = match[1], match[2]
        if label in labels:
            raise ValueError(f"label {label} twice")
        if "\\" in value:
            value = _ESCAPE.sub(lambda found: _UNESCAPED[found[1]], value)
        labels[label] = value
        position = match.end()
        if line[position : position + 1] != ",":
            break
        position += 1
    while line[position : position + 1] in (" ", "\t"):
        position += 1
    if line[position : position + 1] != "}":
        raise ValueError("labels do not end with a brace")
    return labels, position + 1


def _parse_numbers(text: str) -> tuple[float, int | None]:
    fields = text.split()
    if not fields:
        raise ValueError("no value")
    if _NUMBER.fullmatch(fields[0]) is None:
        raise ValueError(f"value {fields[0][:40]!r} is not a number")
    if len(fields) == 1:
        return float(fields[0]), None
    if _TIMESTAMP.fullmatch(fields[1]) is None:
        raise ValueError(f"timestamp {fields[1][:40]!r} is not whole milliseconds")
    if len(fields) > 2:
        raise ValueError("text after the timestamp")
    return float(fields[0]), int(fields[1])
