"""What can be said of a query without asking Prometheus."""

import pytest

from adapter.promql.analysis import check_promql, lost_labels, plain_selector
from adapter.promql.syntax import PromQLError

ALL = {"pod", "namespace", "le"}

LOST = [
    ("up", ""),
    ('up{namespace=""}', "namespace"),
    ('rate(up{namespace=""}[5m])', "namespace"),
    ('up{namespace="",a="b" or c="d"}', ""),
    ("sum(up)", "pod namespace le"),
    ("sum by () (up)", "pod namespace le"),
    ("sum(rate(up[5m])) by (pod)", "namespace le"),
    ("sum by (pod, namespace, le) (up)", ""),
    ("sum without (pod) (up)", "pod"),
    ("sum by (pod) (sum by (namespace) (up))", "pod namespace le"),
    ("sum without (pod) (sum by (pod, le) (up))", "pod namespace"),
    ("topk(5, up)", ""),
    ("topk by (pod) (5, sum by (pod) (up))", "namespace le"),
    ("limitk(5, up)", ""),
    ("quantile(0.9, up)", "pod namespace le"),
    ('count_values("pod", up)', "namespace le"),
    ('count_values by (le) ("pod", up)', "namespace"),
    ("-sum by (pod) (up)", "namespace le"),
    ("(sum by (pod) (up))", "namespace le"),
    ("max_over_time(sum by (pod) (up)[5m:1m])", "namespace le"),
    ("sum by (pod) (up) * 2", "namespace le"),
    ("2 * sum by (pod) (up)", "namespace le"),
    ("up / down", ""),
    ("up / on (pod) down", "namespace le"),
    ("up / on () down", "pod namespace le"),
    ("up / ignoring (pod) down", "pod"),
    ("sum by (pod) (up) / sum by (pod, le) (down)", "namespace le"),
    ("up / sum(down)", "pod namespace le"),
    ("up / on (pod) group_left () down", ""),
    ("up / on (pod) group_left (le) sum by (pod) (down)", "le"),
    ("sum by (pod) (up) / on (pod) group_left (namespace) down", "le"),
    ("sum by (pod) (up) / on (pod) group_right () down", ""),
    ("up * ignoring (le) group_left () sum by (pod) (down)", "namespace"),
    ("up / on (pod) fill(0) down", ""),
    ("sum by (pod) (up) and down", "namespace le"),
    ("sum by (pod) (up) unless down", "namespace le"),
    ("up or sum(down)", ""),
    ("sum(up) or sum by (le) (down)", "pod namespace"),
    ("up > bool 3", ""),
    ('label_replace(sum(up), "pod", "$1", "a", "(.*)")', "namespace le"),
    ('label_join(sum(up), "pod", "-", "a")', "namespace le"),
    ("histogram_quantile(0.9, up)", "le"),
    ("histogram_quantile(0.9, sum by (le, pod) (rate(up[5m])))", "namespace le"),
    ("abs(sum by (pod) (up))", "namespace le"),
    ("clamp_max(sum by (pod) (up), 5)", "namespace le"),
    ("timestamp(up)", ""),
    ("minute()", "pod namespace le"),
    ("minute(up)", ""),
    ("vector(1)", "pod namespace le"),
    ("scalar(up)", "pod namespace le"),
    ("time()", "pod namespace le"),
    ("1 + 1", "pod namespace le"),
    ("absent(sum(up))", ""),
    ("info(sum(up))", ""),
]


@pytest.mark.parametrize(("promql", "lost"), LOST, ids=[case[0] for case in LOST])
def test_knows_which_labels_the_result_cannot_have(promql, lost):
    assert lost_labels(promql, ALL) == set(lost.split())


def test_answers_for_the_labels_asked_for():
    assert lost_labels("sum(up)", ["pod"]) == {"pod"}
    assert lost_labels("sum(up)", []) == set()


@pytest.mark.parametrize(
    ("promql", "plain"),
    [
        ("up", True),
        ('up{a="b"}', True),
        ("(up)", True),
        ("up offset 5m", True),
        ("-up", False),
        ("up * 2", False),
        ("sum(up)", False),
        ("rate(up[5m])", False),
        ("up[5m]", False),
        ("1", False),
    ],
)
def test_tells_plain_selectors(promql, plain):
    assert plain_selector(promql) is plain


@pytest.mark.parametrize(
    ("promql", "message"),
    [
        ("sum(", "unclosed left parenthesis"),
        ("rate(up)", "expected type"),
        ('up{a=~"("}', "regex"),
        ("", "no expression"),
        ("nothing(up)", "unknown function"),
        pytest.param("up{a!\n}", r"^unexpected .*after '!' [^\n]*$", id="one line"),
        pytest.param("+".join(["up"] * 100_000), "99999 operators", id="100000 operands"),
        pytest.param("(" * 100_000 + "up" + ")" * 100_000, "100000 op", id="100000 parentheses"),
        pytest.param("-" * 100_000 + "up", "100000 operators", id="100000 signs"),
        pytest.param(" or ".join(["up"] * 100_000), "99999 operators", id="100000 or"),
    ],
)
def test_refuses_what_is_no_query(promql, message):
    for check in (check_promql, plain_selector, lambda text: lost_labels(text, ALL)):
        with pytest.raises(PromQLError, match=message):
            check(promql)


def test_long_queries_are_no_deep_queries():
    values = ",".join(f'a{i}!="(x)-{i}"' for i in range(5000))

    check_promql(f"sum(up{{{values}}}) # ((((" + "(" * 500)
    check_promql("+".join(["up"] * 200))
    assert lost_labels("+".join(["up"] * 200), {"pod"}) == set()
