"""Names of series → names in the API, as Go's ``regexp`` and prometheus-adapter have them."""

import pytest

from adapter.errors import ConfigError
from adapter.rules.naming import SeriesNamer, naming_problems
from adapter.rules.patterns import MAX_DEPTH, Pattern, PatternError, expand, references
from adapter.rules.schema import DiscoveryRule


def namer(matches="", as_="", filters=(), metric=""):
    rule = {"seriesFilters": list(filters), "name": {"matches": matches, "as": as_}}
    return SeriesNamer(DiscoveryRule.model_validate({**rule, "metric": metric}))


@pytest.mark.parametrize(
    ("filters", "kept", "left_out"),
    [
        pytest.param([{"is": "my_.*"}], "my_label", "your_label", id="is"),
        pytest.param([{"isNot": "my_.*"}], "your_label", "my_label", id="is-not"),
        pytest.param([{"is": "b"}], "abc", "acd", id="anywhere"),
        pytest.param([{"is": "^b"}], "bc", "abc", id="anchored"),
        pytest.param([{"is": "a"}, {"isNot": "b"}], "ac", "ab", id="all-must-hold"),
        pytest.param([{"is": "a"}, {"is": "b"}], "ab", "ac", id="two-of-a-kind"),
    ],
)
def test_filters_choose_by_name(filters, kept, left_out):
    rule = namer(filters=filters)

    assert (rule.name_for(kept), rule.name_for(left_out)) == (kept, None)


@pytest.mark.parametrize(
    ("matches", "as_", "series", "name"),
    [
        pytest.param("", "", "up", "up", id="unchanged"),
        pytest.param("^(.*)_total$", "", "a_total", "a", id="one-group"),
        pytest.param("^(.*)_total$", "", "a", None, id="matches-filters-too"),
        pytest.param("^(.*)_total", "", "a_total_b", "a", id="outside-the-match-is-dropped"),
        pytest.param("_total$", "", "a_total", "_total", id="no-group-is-the-match"),
        pytest.param("^(.*)_total$", "${1}_per_second", "a_total", "a_per_second", id="braces"),
        pytest.param("^(.*)_total$", "$1_per_second", "a_total", None, id="longest-name-is-empty"),
        pytest.param("^(.*)_total$", "x_$1_y", "a_total", "x_", id="longest-name-inside"),
        pytest.param("^(.*)_total$", "$1:rate", "a_total", "a:rate", id="name-ends-at-a-colon"),
        pytest.param("^(.*)_total$", "$0", "a_total", "a_total", id="whole-match"),
        pytest.param("^(.*)_total$", "$2x$9", "a_total", None, id="no-such-groups"),
        pytest.param("^(?P<n>.*)_total$", "${n}s", "as_total", "ass", id="named"),
        pytest.param("^(?P<n>.*)_total$", "", "a_total", "a", id="a-named-group-is-a-group"),
        pytest.param("(a)(b)?", "${1}_${2}", "ac", "a_", id="group-that-took-no-part"),
        pytest.param("(a+)", "$1", "aab_a", "aa", id="first-match-only"),
        pytest.param("a*", "x$0", "baa", "x", id="first-match-may-be-empty"),
        pytest.param("", "fixed", "anything", "fixed", id="constant"),
        pytest.param("", "a$$b", "x", "a$b", id="dollar"),
        pytest.param("", "a$", "x", "a$", id="dollar-at-the-end"),
        pytest.param("", "a${0", "x", "a${0", id="open-brace"),
        pytest.param("", "$0é", "x", None, id="letters-of-any-script-are-part-of-a-name"),
        pytest.param("(.*)", "$01", "x", None, id="no-leading-zeros"),
        pytest.param("^(.*)$", "a/$1", "x", None, id="slash"),
        pytest.param("^(.*)$", ".", "x", None, id="dot"),
        pytest.param("^(.*)$", "$1 $1", "x", None, id="space"),
        pytest.param("(é.)", "$1", "xéy", "éy", id="not-ascii"),
    ],
)
def test_names(matches, as_, series, name):
    assert namer(matches, as_).name_for(series) == name


def test_an_explicit_name_holds_for_every_series():
    assert namer(metric="jobs").name_for("whatever") == "jobs"


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        pytest.param({"name": {"matches": "(a)(b)"}}, "must be specified", id="two-groups"),
        pytest.param({"name": {"matches": "(a"}}, r"matches: .*missing \)", id="open"),
        pytest.param({"name": {"matches": "(?=a)"}}, "perl operator", id="look-ahead"),
        pytest.param({"name": {"matches": r"(a)\1"}}, "invalid escape", id="back-reference"),
        pytest.param({"seriesFilters": [{"is": "a**"}]}, r"is: .*\*\*", id="filter"),
        pytest.param({"seriesFilters": [{"isNot": "["}]}, r"isNot: .*missing \]", id="class"),
    ],
)
def test_what_the_peer_refuses_at_start_is_refused(section, problem):
    with pytest.raises(ConfigError, match=problem):
        SeriesNamer(DiscoveryRule.model_validate(section))


@pytest.mark.parametrize(
    ("matches", "as_", "hint"),
    [
        pytest.param("^(.*)_total$", "$1_rate", "write ${1}_rate", id="digits-and-letters"),
        pytest.param("^.*_total$", "$1", "parentheses", id="no-groups"),
        pytest.param("^(?P<a>.*)$", "$b", "its groups: 1, a", id="misspelt"),
    ],
)
def test_a_group_that_does_not_exist_costs_the_rule_and_says_why(matches, as_, hint):
    rule = DiscoveryRule.model_validate({"name": {"matches": matches, "as": as_}})

    (problem,) = naming_problems(rule)

    assert (problem.path, problem.fatal) == (("name", "as"), False)
    assert hint in problem.hint


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("((a{100}){100}){100}", id="repetition-of-repetition"),
        pytest.param("a{1001}", id="long-repetition"),
        pytest.param("(((" * MAX_DEPTH + "a" + ")))" * MAX_DEPTH, id="nesting"),
        pytest.param(r"\pL{1000}" * 9, id="large-program"),
        pytest.param(r"\C", id="single-byte"),
        pytest.param("(?P<n>a)(?P<n>b)", id="name-twice"),
        pytest.param("\ud800", id="no-text"),
    ],
)
def test_hostile_patterns_are_refused(pattern):
    with pytest.raises(PatternError):
        Pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"\QC:\Cx\E", id="quoted"),
        pytest.param("[(?P<n>](?P<n>a)", id="name-in-a-class"),
        pytest.param("[](a](b)", id="bracket-in-a-class"),
        pytest.param(r"\(" * 2000, id="escaped-brackets"),
        pytest.param("(?<n>a)", id="name-without-p"),
    ],
)
def test_what_only_looks_hostile_is_not(pattern):
    assert Pattern(pattern).groups <= 1


def test_a_match_is_linear_in_the_name():
    """Backtracking engines take 2**200 steps for this one."""
    assert Pattern("(x+x+)+y").search("x" * 200) is None


def test_references_of_a_template():
    assert list(references("$$1 ${a}$b_c $ ${ $9")) == ["a", "b_c", "9"]


def test_a_number_too_long_is_a_name():
    pattern = Pattern("(a)")

    assert expand("$1000000000", pattern, pattern.search("a")) == ""
