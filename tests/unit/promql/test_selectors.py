"""Series selectors: what they say, and how a matcher is added to their text."""

import pytest

from adapter.promql.matchers import Matcher, MatchOp
from adapter.promql.selectors import PromQLError, parse_series_selector

A_IS_B = Matcher("a", MatchOp.EQUAL, "b")
POD_IS_THERE = Matcher("pod", MatchOp.NOT_EQUAL, "")

SELECTORS = [
    ("up", "up", [], 'up{pod!=""}'),
    ("up{}", "up", [], 'up{pod!=""}'),
    ("up{ }", "up", [], 'up{pod!="" }'),
    ("  up \n", "up", [], 'up{pod!=""}'),
    ('{a="b"}', "", [A_IS_B], '{a="b",pod!=""}'),
    ('up{a="b"}', "up", [A_IS_B], 'up{a="b",pod!=""}'),
    ('up {a="b" }', "up", [A_IS_B], 'up {a="b",pod!="" }'),
    ('up{a="b",}', "up", [A_IS_B], 'up{a="b",pod!=""}'),
    ('up{a="b" , }', "up", [A_IS_B], 'up{a="b" ,pod!="" }'),
    ("up{a='b'}", "up", [A_IS_B], "up{a='b',pod!=\"\"}"),
    ("up{a=`b`}", "up", [A_IS_B], 'up{a=`b`,pod!=""}'),
    ('up{a="}"}', "up", [Matcher("a", MatchOp.EQUAL, "}")], 'up{a="}",pod!=""}'),
    (r'up{a="\"}"}', "up", [Matcher("a", MatchOp.EQUAL, '"}')], r'up{a="\"}",pod!=""}'),
    (r"up{a='\'}'}", "up", [Matcher("a", MatchOp.EQUAL, "'}")], "up{a='\\'}',pod!=\"\"}"),
    ("up{a=`}\\d`}", "up", [Matcher("a", MatchOp.EQUAL, r"}\d")], 'up{a=`}\\d`,pod!=""}'),
    ("up{a=`\\`}", "up", [Matcher("a", MatchOp.EQUAL, "\\")], 'up{a=`\\`,pod!=""}'),
    ('up{a="b" # }\n}', "up", [A_IS_B], 'up{a="b",pod!="" # }\n}'),
    ('up{a="b", # "\n}', "up", [A_IS_B], 'up{a="b",pod!="" # "\n}'),
    ('up{a="b"} # {', "up", [A_IS_B], 'up{a="b",pod!=""} # {'),
    ("up # {}", "up", [], 'up{pod!=""} # {}'),
    ('up # x\n{a="b"}', "up", [A_IS_B], 'up # x\n{a="b",pod!=""}'),
    ('{__name__="up",a="b"}', "up", [A_IS_B], '{__name__="up",a="b",pod!=""}'),
    (
        '{__name__=~"up|down"}',
        "",
        [Matcher("__name__", MatchOp.REGEX, "up|down")],
        '{__name__=~"up|down",pod!=""}',
    ),
    (
        '{__name__="up",__name__!="x"}',
        "up",
        [Matcher("__name__", MatchOp.NOT_EQUAL, "x")],
        '{__name__="up",__name__!="x",pod!=""}',
    ),
    ('{"my.metric",a="b"}', "my.metric", [A_IS_B], '{"my.metric",a="b",pod!=""}'),
    (
        'up{"a.b"="c"}',
        "up",
        [Matcher("a.b", MatchOp.EQUAL, "c")],
        'up{"a.b"="c",pod!=""}',
    ),
    (
        'up{a!="b",c=~"d.+",e!~"f"}',
        "up",
        [
            Matcher("a", MatchOp.NOT_EQUAL, "b"),
            Matcher("c", MatchOp.REGEX, "d.+"),
            Matcher("e", MatchOp.NOT_REGEX, "f"),
        ],
        'up{a!="b",c=~"d.+",e!~"f",pod!=""}',
    ),
    ('sum{a="b"}', "sum", [A_IS_B], 'sum{a="b",pod!=""}'),
]


@pytest.mark.parametrize(
    ("text", "name", "matchers", "extended"), SELECTORS, ids=[case[0] for case in SELECTORS]
)
def test_reads_a_selector_and_adds_to_it(text, name, matchers, extended):
    selector = parse_series_selector(text)

    assert (selector.text, selector.name, [*selector.matchers]) == (text.strip(), name, matchers)
    assert selector.with_label("pod") == extended
    assert parse_series_selector(extended).matchers == (*matchers, POD_IS_THERE)


def test_what_is_demanded_already_is_not_added_again():
    text = 'up{ pod!="" }'

    assert parse_series_selector(text).with_label("pod") == text


def test_a_label_with_another_condition_gets_one_more():
    assert parse_series_selector('up{pod!="a"}').with_label("pod") == 'up{pod!="a",pod!=""}'


def test_a_label_that_is_no_name_is_quoted():
    """It can never become PromQL of its own."""
    extended = parse_series_selector("up").with_label('x"} or vector(1) #')

    assert parse_series_selector(extended).matchers == (
        Matcher('x"} or vector(1) #', MatchOp.NOT_EQUAL, ""),
    )


def test_an_empty_label_cannot_be_demanded():
    with pytest.raises(PromQLError, match="a label has a name"):
        parse_series_selector("up").with_label("")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no expression found"),
        ("{}", "at least one non-empty matcher"),
        ('{a=""}', "at least one non-empty matcher"),
        ("up{", "unexpected end"),
        ('up{a="b"', "unexpected end"),
        ("up[5m]", "where a series selector such as up"),
        ("sum(up)", "where a series selector such as up"),
        ("(up)", "where a series selector such as up"),
        ("up or down", "where a series selector such as up"),
        ("1", "where a series selector such as up"),
        ("up offset 5m", "takes no offset and no @"),
        ("up @ 5", "takes no offset and no @"),
        ('up{a="b" or c="d"}', "'or' between matchers is not PromQL"),
        ('up{__name__="down"}', "must not be set twice"),
    ],
)
def test_says_why_a_text_is_no_selector(text, message):
    with pytest.raises(PromQLError, match=message):
        parse_series_selector(text)
