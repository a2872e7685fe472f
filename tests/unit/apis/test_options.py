"""Parameters of queries, and warnings about them."""

import pytest

from adapter.apis.options import join_warnings, unknown_parameters

KNOWN = ("labelSelector", "fieldSelector")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param(["labelSelector", "limit", "pretty", "timeout"], None, id="known"),
        pytest.param(
            ["selector"],
            'unknown query parameter "selector" ignored: '
            "selectors are labelSelector, fieldSelector",
            id="unknown",
        ),
        pytest.param(
            [f"p{number}" for number in range(5)],
            'unknown query parameter "p0", "p1", "p2", "p3", "p4" ignored: '
            "selectors are labelSelector, fieldSelector",
            id="several",
        ),
        pytest.param(
            [f"p{number:04}" for number in range(1300)],
            'unknown query parameter "p0000", "p0001", "p0002", "p0003", "p0004" and 1295 more '
            "ignored: selectors are labelSelector, fieldSelector",
            id="many",
        ),
        pytest.param(
            ["selector", "<b>", "x" * 64],
            'unknown query parameter "selector" and 2 more ignored: '
            "selectors are labelSelector, fieldSelector",
            id="some-not-worth-repeating",
        ),
        pytest.param(["a\r\nb", "x" * 64, "", "ä", "<b>"], None, id="not-worth-repeating"),
    ],
)
def test_unknown_parameters(names, expected):
    assert unknown_parameters(dict.fromkeys(names, "x"), KNOWN) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param([None, None], None, id="none"),
        pytest.param([None, "a", ""], "a", id="one"),
        pytest.param(["a", "b"], "a; b", id="both"),
    ],
)
def test_join_warnings(texts, expected):
    assert join_warnings(*texts) == expected
