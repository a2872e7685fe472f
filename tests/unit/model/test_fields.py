import tracemalloc

import pytest

from adapter.errors import BadRequest
from adapter.model.fields import parse_field_selector


@pytest.mark.parametrize(
    ("text", "namespace", "name", "expected"),
    [
        ("", "a", "b", True),
        (",", "a", "b", True),
        ("metadata.name=b", "a", "b", True),
        ("metadata.name==b", "a", "b", True),
        ("metadata.name=b", "a", "c", False),
        ("metadata.name!=b", "a", "b", False),
        ("metadata.name!=b", "a", "c", True),
        ("metadata.namespace=a", "a", "b", True),
        ("metadata.namespace=a", "c", "b", False),
        ("metadata.name=b,metadata.namespace=a", "a", "b", True),
        ("metadata.name=b,metadata.namespace=a", "x", "b", False),
        ("metadata.name=", "a", "b", False),
        (r"metadata.name=b\,c", "a", "b,c", True),
        (r"metadata.name=b\=c", "a", "b=c", True),
        (r"metadata.name=b\\c", "a", r"b\c", True),
    ],
)
def test_matching(text, namespace, name, expected):
    selector = parse_field_selector(text)

    assert selector.matches(namespace, name) is expected
    assert parse_field_selector(str(selector)) == selector


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "spec.nodeName=node-0000",
            (
                '"spec.nodeName" is not a known field selector: only "metadata.name", '
                '"metadata.namespace"'
            ),
        ),
        (
            "metadata.name=a,status.phase=Running",
            (
                '"status.phase" is not a known field selector: only "metadata.name", '
                '"metadata.namespace"'
            ),
        ),
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        (
            "zz,metadata.name=a,bb",
            "invalid selector: 'zz,metadata.name=a,bb'; can't understand 'bb'",
        ),
        (
            r"metadata.name=a\b",
            r"invalid field selector: invalid escape sequence: \b",
        ),
        ("metadata.name=a=b", "invalid field selector: unescaped character in value: ="),
        ("metadata.name=a\\", "invalid field selector: invalid escape sequence: \\"),
    ],
)
def test_bad_selectors_are_refused_in_kubes_words(text, message):
    with pytest.raises(BadRequest) as caught:
        parse_field_selector(text)

    assert str(caught.value) == message
    assert caught.value.details is False


def test_empty_selects_everything():
    assert parse_field_selector("").empty
    assert not parse_field_selector("metadata.name=a").empty


def test_what_would_cost_much_is_refused_and_not_kept():
    with pytest.raises(BadRequest, match="a field selector has at most 1000 terms"):
        parse_field_selector(",".join(["a=b"] * 10_000))

    tracemalloc.start()
    for number in range(100):
        parse_field_selector(f"metadata.name={number}{'x' * 60_000}")
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1_000_000
