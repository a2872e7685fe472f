"""Quoting and matchers."""

import pytest

from adapter.promql.matchers import Matcher, MatchOp, escape_regex, format_matchers, quote


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        # Results of Go 1.19's fmt.Sprintf("%q").
        ("", '""'),
        ("shop", '"shop"'),
        ('a"b', r'"a\"b"'),
        ("a\\b", r'"a\\b"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\x00\x1f\x7f", r'"\x00\x1f\x7f"'),
        ("é世😀", '"é世😀"'),
        ("\u00a0\u200b", r'"\u00a0\u200b"'),
        ("\U000e0001", r'"\U000e0001"'),
        ("'`", '"\'`"'),
    ],
    ids=ascii,
)
def test_quotes_as_go_does(text, quoted):
    assert quote(text) == quoted


def test_half_a_surrogate_pair_is_replaced():
    assert quote("a\ud800b") == r'"a\ufffdb"'
    assert quote("a\ufffdb") == r'"a\ufffdb"'


def test_matchers_stand_in_their_order():
    matchers = [
        Matcher("namespace", MatchOp.EQUAL, "shop"),
        Matcher("pod", MatchOp.NOT_EQUAL, ""),
        Matcher("queue", MatchOp.REGEX, 'a|"b"'),
        Matcher("code", MatchOp.NOT_REGEX, "5.."),
    ]

    assert format_matchers(matchers) == (r'namespace="shop",pod!="",queue=~"a|\"b\"",code!~"5.."')


def test_a_label_that_is_no_plain_name_is_quoted():
    assert str(Matcher("a.b", MatchOp.EQUAL, "c")) == '"a.b"="c"'
    assert str(Matcher('x="} or up #', MatchOp.EQUAL, "c")) == r'"x=\"} or up #"="c"'


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        # Results of Go's regexp.QuoteMeta.
        ("", ""),
        ("web-0", "web-0"),
        ("web.0", r"web\.0"),
        ("[foo]", r"\[foo\]"),
        (r"\.+*?()|[]{}^$", r"\\\.\+\*\?\(\)\|\[\]\{\}\^\$"),
        ("a b#&~-/é\n", "a b#&~-/é\n"),
    ],
)
def test_escapes_for_a_regular_expression_as_go_does(text, escaped):
    assert escape_regex(text) == escaped
