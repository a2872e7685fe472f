"""Fast path for exposition text that looks as it did last time.

The body is cut into family blocks; a block is split at white space; series are compared with the
ones the strict parser has understood before; numbers are read by orjson. Whatever is unusual
(other series, NaN, a space inside a label value) raises `Unfamiliar` and the caller takes the
strict parser, so nothing can be read wrongly here, only slowly.
"""

from typing import NamedTuple

import orjson

_NUMBER_CHARACTERS = b"0123456789.eE+-,"
_TIMESTAMP_LIMIT = 10**18


class Unfamiliar(Exception):
    """The text is not as it was last time; only the strict parser may read it."""


class Columns(NamedTuple):
    """Values of one family in the order of its lines; timestamps in Unix milliseconds or None."""

    values: list[float]
    timestamps: list[int] | None


def split_families(body: bytes) -> dict[bytes, bytes]:
    """Cut *body* into its families: name to the text from the name on.

    The format requires all lines of a metric to stand together after its ``# HELP``.

    Raises:
        Unfamiliar: A family occurs twice, text precedes the first one, or the last line is cut.
    """
    starts = []
    at = body.find(b"#")  # one byte: memchr, several times as fast as looking for "# HELP"
    while at >= 0:
        if body.startswith(b"# HELP ", at):
            starts.append(at)
        at = body.find(b"#", at + 1)
    ends = starts[1:]
    ends.append(len(body))
    blocks = {
        body[start + 7 : body.find(b" ", start + 7)]: body[start + 7 : end]
        for start, end in zip(starts, ends, strict=True)
    }
    if starts[:1] != [0] or body[-1:] != b"\n" or len(blocks) != len(starts):
        raise Unfamiliar
    return blocks


def read_block(block: bytes, series: list[bytes]) -> Columns:
    """Read the samples of a family *block* whose series must be exactly *series*, in order.

    Raises:
        Unfamiliar: Other series, or numbers that are not plain, finite and positive or zero.
    """
    start = block.find(b"\n") + 1
    if block.startswith(b"# TYPE ", start):
        start = block.find(b"\n", start) + 1
    tokens = block[start:].split()
    count = len(series)
    stride, rest = divmod(len(tokens), count)
    if rest or stride not in (2, 3) or block.count(b"\n", start) != count:
        raise Unfamiliar
    if tokens[::stride] != series:
        raise Unfamiliar
    values = _numbers(tokens[1::stride])
    return Columns(values, _integers(tokens[2::3]) if stride == 3 else None)


def _numbers(tokens: list[bytes]) -> list[float]:
    """Read JSON numbers.

    What is left after deleting the characters of numbers must be nothing: ``true``, ``null`` and
    brackets would be JSON as well. Numbers are counted since a token may hold a comma.
    """
    text = b",".join(tokens)
    if text.translate(None, _NUMBER_CHARACTERS):
        raise Unfamiliar
    try:
        numbers: list[float] = orjson.loads(b"[" + text + b"]")
    except orjson.JSONDecodeError:
        raise Unfamiliar from None
    if len(numbers) != len(tokens) or (b"-" in text and min(numbers) < 0):
        raise Unfamiliar
    return numbers


def _integers(tokens: list[bytes]) -> list[int]:
    """Read timestamps: digits only, so that no fraction or exponent is taken for milliseconds."""
    if not b"".join(tokens).isdigit():
        raise Unfamiliar
    numbers: list[int] = orjson.loads(b"[" + b",".join(tokens) + b"]")
    if max(numbers) >= _TIMESTAMP_LIMIT:
        raise Unfamiliar
    return numbers
