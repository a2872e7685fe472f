"""Bodies of answers: what is read, and what is said of the rest."""

import json
import math

import pytest

from adapter.jsonpath.documents import DEEPEST, MOST_NODES, read_document
from adapter.jsonpath.errors import DocumentError

TEXT = '{"a": "ä"}'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b" \n[1, 2.5, null, true]\n", [1, 2.5, None, True]),
        (b"3", 3),
        (b'"3"', "3"),
        (b"null", None),
        (b'{"a": 1, "b": 2, "a": 3}', {"a": 3, "b": 2}),
        (b"[1e999]", [math.inf]),
        (b"[-Infinity, Infinity]", [-math.inf, math.inf]),
        (b"[123456789012345678901234567890]", [123456789012345678901234567890]),
        (b"[" * DEEPEST + b"1" + b"]" * DEEPEST, None),
        (b"[" + b"1," * (MOST_NODES - 2) + b"1]", None),
    ],
    ids=[
        "object", "array", "number", "string", "null", "duplicate keys", "too large a float",
        "infinities", "large integer", "deepest", "largest",
    ],
)  # fmt: skip
def test_documents(body, expected):
    document = read_document(body)

    assert expected is None or document == expected


def test_nan_is_a_number():
    (value,) = read_document(b"[NaN]")

    assert math.isnan(value)


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"],
)
def test_encodings(encoding):
    assert read_document(TEXT.encode(encoding)) == {"a": "ä"}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "the body is empty"),
        (b" \r\n", "the body is empty"),
        (b'{"a": {"b": 1', "ends within the JSON document, at offset 13: is it cut off?"),
        (b'{"a": "some te', "ends within the JSON document, at offset 14: is it cut off?"),
        (b'{"a": [tru', "ends within the JSON document, at offset 10: is it cut off?"),
        (b'{"a": -', "ends within the JSON document, at offset 7: is it cut off?"),
        (b'{"a": 1}\n{"a": 2}', "has more after its JSON document, from offset 9 on"),
        (b"{'a': 1}", "no JSON: expecting property name enclosed in double quotes at offset 1 "),
        (b'{"a": 1,\n "b": x}', "no JSON: expecting value at offset 15 (line 2, column 7)"),
        (b"[1,]", "no JSON: "),
        (b'{"a": "\n"}', "no JSON: invalid control character at"),
        (b"<!DOCTYPE html>", "no JSON but HTML or XML; is the path right?"),
        (b"# HELP up Up.\n", "Prometheus text: let Prometheus scrape it"),
        (b'{"a": "\xff"}', "no valid UTF-8 at offset 7"),
        (b"\xff\xfe{\x00\x00", "no valid UTF-16"),
        (b"9" * 5000, "a number of more than 4300 digits"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "more than 64 arrays and objects within"),
        (b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1), "more than 64 arrays and objects"),
        (b"[" * 40_000, "more than 64 arrays and objects within each other"),
        (b"[" + b"1," * (MOST_NODES - 1) + b"1]", f"more than {MOST_NODES} values"),
        (b"[[" + b"1," * MOST_NODES + b"1]]", f"more than {MOST_NODES} values"),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else "",
)
def test_what_is_no_document(body, why):
    with pytest.raises(DocumentError) as raised:
        read_document(body)

    assert why in str(raised.value)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    "item",
    [b"[],", b"{},", b"1,", b"[", b'{"a":', b'"",', b'"a\\\\",', b'"\\"",'],
    ids=lambda item: item.decode(),
)
def test_too_many_values_are_refused_before_any_is_made(item):
    """Nothing of it is read: that it ends early, or would be too deep, is not said."""
    with pytest.raises(DocumentError, match=f"more than {MOST_NODES} values"):
        read_document(b"[" + item * (MOST_NODES + 1))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_is_within_strings_is_no_value(encoding):
    text = ',[{"\\' * (MOST_NODES + 1)
    body = json.dumps({text: [text, "[\\"]}).encode(encoding)

    assert read_document(body) == {text: [text, "[\\"]}


def test_a_key_counts_as_often_as_it_is_there():
    with pytest.raises(DocumentError, match=f"more than {MOST_NODES} values"):
        read_document(b"{" + b'"a":1,' * MOST_NODES + b'"a":1}')


@pytest.mark.parametrize("text", ["<html>", "# HELP up Up.\n"])
def test_other_formats_are_told_whatever_their_size(text):
    with pytest.raises(DocumentError, match="no JSON but"):
        read_document((text + "{,}" * MOST_NODES).encode())
