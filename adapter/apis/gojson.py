"""JSON as Go's ``encoding/json`` writes it, so that answers are the same bytes as the peers'."""

import re
from collections.abc import Iterable

import msgspec

_encode = msgspec.json.Encoder(order="deterministic").encode
_PLAIN = re.compile(r"[A-Za-z0-9_.-]*")


def encode_json(value: object) -> bytes:
    r"""JSON of *value* with the keys of dicts sorted.

    >>> encode_json({"b": "<&>", "a": "x"})
    b'{"a":"x","b":"\\u003c\\u0026\\u003e"}'
    """
    return escape_html(_encode(value))


def quote(text: str) -> str:
    r"""*text* as a JSON string.

    >>> quote('a"<b')
    '"a\\"\\u003cb"'
    """
    return encode_json(text).decode()


def quote_all(texts: Iterable[str]) -> list[str]:
    """Each of *texts* as a JSON string; names of objects at a tenth of the cost of `quote`."""
    texts = list(texts)
    if _PLAIN.fullmatch("".join(texts)):
        return [f'"{text}"' for text in texts]
    return [quote(text) for text in texts]


def escape_html(text: bytes) -> bytes:
    r"""Escape in JSON *text* what Go escapes and others do not.

    Outside of strings none of these characters occur in JSON.
    """
    if b"&" in text or b"<" in text or b">" in text:
        text = text.replace(b"&", b"\\u0026").replace(b"<", b"\\u003c").replace(b">", b"\\u003e")
    if not text.isascii():  # the line separators U+2028 and U+2029
        text = text.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    return text
