"""Bodies of answers → JSON documents, of bounded size and depth."""

import json
from itertools import count

from adapter.jsonpath.errors import DocumentError

MOST_NODES = 50_000
"""Values a document may have, containers included. 800 queues of RabbitMQ's API have so many."""

DEEPEST = 64
"""Arrays and objects that may lie within each other."""


def read_document(body: bytes) -> object:
    """Read the JSON document in *body*: UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    ``NaN``, ``Infinity`` and ``-Infinity``, which many serializers write though JSON has no such
    numbers, become floats: what they mean is for the rule to say. Of a key that is there several
    times the last value counts, as in Go and JavaScript.

    Raises:
        DocumentError: It is no JSON, or is larger or deeper than the limits; the text says where.

    >>> read_document(b'{"queue": {"depth": 3}}')
    {'queue': {'depth': 3}}
    """
    if not body.strip(b" \t\r\n\0"):
        raise DocumentError("the body is empty")
    text = _decoded(body)
    _check_marks(text)
    try:
        document: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise DocumentError(_broken(error)) from None
    except RecursionError:
        raise DocumentError(_too_deep()) from None
    except ValueError:  # the only other one: more digits than int() converts
        raise DocumentError("the body has a number of more than 4300 digits") from None
    _check_size(document)
    return document


def _decoded(body: bytes) -> str:
    encoding = json.detect_encoding(body)  # of RFC 4627; json.loads() does so for bytes
    try:
        return body.decode(encoding, "surrogatepass")
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"the body is no valid {error.encoding.upper()} at offset {error.start}"
        ) from None


def _broken(error: json.JSONDecodeError) -> str:
    text = error.doc.lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        return "the body is no JSON but HTML or XML; is the path right?"
    if text.startswith(("# HELP ", "# TYPE ")):
        return (
            "the body is no JSON but Prometheus text: let Prometheus scrape it, and use a rule "
            "with seriesQuery"
        )
    if _ends_early(error):
        return f"the body ends within the JSON document, at offset {len(error.doc)}: is it cut off?"
    if error.msg == "Extra data":
        return f"the body has more after its JSON document, from offset {error.pos} on"
    what = error.msg[:1].lower() + error.msg[1:]
    return (
        f"the body is no JSON: {what} at offset {error.pos} (line {error.lineno}, "
        f"column {error.colno})"
    )


def _ends_early(error: json.JSONDecodeError) -> bool:
    rest = error.doc[error.pos :].rstrip()
    if error.msg.startswith("Unterminated string"):
        return True
    return any(literal.startswith(rest) for literal in ("true", "false", "null", "NaN", "-"))


def _check_marks(text: str) -> None:
    """Refuse what has too many values before any is made: a body of ``[[],[],…`` takes long.

    A document has more values than commas, and one for each bracket and brace that opens.
    """
    if not text.lstrip(" \t\r\n").startswith(("[", "{")) or not _has_many_marks(text):
        return
    # within strings they mean nothing; without escapes, each quote begins or ends one
    outside = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    if _has_many_marks(outside):
        raise DocumentError(_too_large())


def _has_many_marks(text: str) -> bool:
    return text.count(",") >= MOST_NODES or text.count("[") + text.count("{") > MOST_NODES


def _check_size(document: object) -> None:
    """Level by level, which takes no stack."""
    nodes = 1
    level = [document] if isinstance(document, dict | list) else []
    for depth in count(1):
        if not level:
            return
        if depth > DEEPEST:
            raise DocumentError(_too_deep())
        children: list[object] = []
        for container in level:
            children += container.values() if isinstance(container, dict) else container
        nodes += len(children)
        if nodes > MOST_NODES:
            raise DocumentError(_too_large())
        # json makes exactly these types; isinstance() takes five times as long
        level = [child for child in children if type(child) is dict or type(child) is list]


def _too_large() -> str:
    return f"the document has more than {MOST_NODES} values"


def _too_deep() -> str:
    return f"the document has more than {DEEPEST} arrays and objects within each other"
