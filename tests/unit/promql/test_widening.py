"""Which queries are proven to be answered by a wider one; a real Prometheus shows that it is so.

``@`` stands for the matcher of the pod, ``+`` for ``, pod`` in the wide query only.
"""

import pytest

from adapter.promql.widening import is_widening

POD = "X0podX"
NAMESPACE = "X0namespaceX"

PROVEN = [
    "a{@}",
    'a{b="c",@}',
    'a{@,b="c"}',
    'a{@,pod!="x"}',
    "a{@,@}",
    "a{@} offset 5m",
    "a{@} @ 1609746000",
    "a{@} @ end()",
    '{__name__="a",@}',
    '{__name__=~"a|b",@}',
    "(a{@})",
    "-a{@}",
    "rate(a{@}[5m])",
    "increase(a{@}[5m] offset 1h)",
    "quantile_over_time(0.9, a{@}[1h])",
    "predict_linear(a{@}[1h], 60 * 60)",
    "holt_winters(a{@}[1h], 0.5, 0.5)",
    "max_over_time(rate(a{@}[1m])[10m:30s])",
    "max_over_time((a{@})[10m:] offset 5m)",
    "last_over_time(a{@}[1h])",
    "clamp(a{@}, 0, 1)",
    "round(a{@}, 0.5)",
    "timestamp(a{@})",
    "minute(a{@})",
    "sort_desc(a{@})",
    "sum by (pod) (a{@})",
    "sum by (namespace, pod) (a{@})",
    "sum by (pod, namespace) (a{@})",
    "sum by (x+) (a{@})",
    "sum(a{@}) by (pod)",
    "sum without (instance) (a{@})",
    "sum without () (a{@})",
    "min by (pod) (a{@})",
    "avg by (pod) (a{@})",
    "count by (pod) (a{@})",
    "stddev by (pod) (a{@})",
    "stdvar by (pod) (a{@})",
    "group by (pod) (a{@})",
    "quantile by (pod) (0.9, a{@})",
    "topk by (pod) (3, a{@})",
    "bottomk without (x) (3, a{@})",
    "sum by (pod) (rate(a{@}[5m])) / sum by (pod) (rate(b{@}[5m]))",
    "a{@} / b{@}",
    "a{@} / on (pod) b{@}",
    "a{@} / on (x+) b{@}",
    "a{@} / ignoring (x) b{@}",
    "a{@} * on (pod) group_left (x) b{@}",
    "a{@} * on (pod) group_right () b{@}",
    "a{@} > bool b{@}",
    "a{@} > b{@}",
    "a{@} and b{@}",
    "a{@} or b{@}",
    "a{@} unless on (pod) b{@}",
    "sum by (pod) (a{@}) or sum by (pod) (b{@})",
    "a{@} * 2",
    "100 - a{@}",
    "a{@} > 5",
    "a{@} > bool 5",
    "time() - a{@}",
    "a{@} / (2 * pi() ^ 2)",
    "a{@} / scalar(sum(b))",
    "a{@} * on (node) group_left () node_info",
    "a{@} * on (pod) group_left (x) pod_info",
    "a{@} * on (node, pod) group_left (x) max by (node, pod) (pod_info)",
    "pod_info * on (pod) group_right (x) a{@}",
    "a{@} / on (pod) limit",
    "a{@} / limit",
    "a{@} and on (node) (node_up == 1)",
    "a{@} unless on (node) node_down",
    "histogram_quantile(0.9, sum by (pod, le) (rate(a_bucket{@}[5m])))",
    "histogram_quantile(0.9, rate(a_bucket{@}[5m]))",
    "histogram_count(a{@})",
    'label_replace(a{@}, "x", "$1", "y", "(.*)")',
    'label_replace(a{@}, "x", "$1", "pod", "(.*)")',
    'label_join(a{@}, "x", "-", "pod", "y")',
    "# a comment\nsum by (pod) (a{@}) # and one more",
]

REFUSED = [
    "a",
    "1",
    "time()",
    "a{@}[5m]",
    '"a"',
    "sum(a{@})",
    "sum by () (a{@})",
    "sum by (namespace) (a{@})",
    "sum without (pod) (a{@})",
    "sum by (pod) (a)",
    'sum by (pod) (a{@}) / sum by (pod) (b{pod!=""}) + sum by (pod) (c{x="X0podX"})',
    "topk(3, a{@})",
    "topk by (pod) (scalar(a{@}), a{@})",
    "quantile(0.9, a{@})",
    'count_values by (pod) ("x", a{@})',
    "limitk by (pod) (3, a{@})",
    "limit_ratio by (pod) (0.5, a{@})",
    "absent(a{@})",
    "absent_over_time(a{@}[5m])",
    "scalar(a{@})",
    "a{@} * scalar(b{@})",
    "vector(scalar(a{@}))",
    "a{@} or vector(0)",
    "a{@} or b",
    "b or a{@}",
    "b and a{@}",
    "a{@} and on () b{@}",
    "a{@} / on (x) b{@}",
    "a{@} / ignoring (pod) b{@}",
    "a{@} * on (pod) group_left (pod) b{@}",
    "a{@} * on (node) group_left (pod) node_info",
    "a{@} / on (node) limit",
    "a{@} * on (pod) fill(0) b{@}",
    "sum by (x+) (a{@}) * on (x, pod) group_left () pod_info",
    "sum by (x+) (a{@}) / sum by (x, pod) (b{@})",
    "sum by (x+) (a{@}) or sum by (x, pod) (b{@})",
    "sum by (x+) (a{@}) or on (x+) sum by (x, pod) (b{@})",
    "minute()",
    "hour(vector(time()))",
    "info(a{@})",
    'sort_by_label(a{@}, "pod")',
    'label_replace(a{@}, "pod", "$1", "y", "(.*)")',
    'label_join(a{@}, "pod", "-", "y")',
    'label_replace(sum by (x+) (a{@}), "y", "$1", "pod", "(.*)")',
    'a{@ or b="c"}',
    "a{@} +",
    "",
]


def forms(pattern):
    narrow = pattern.replace("@,", f'pod="{POD}",').replace("@}", f'pod="{POD}"}}')
    wide = pattern.replace("@,", 'pod!="",').replace("@}", 'pod!=""}')
    narrow, wide = narrow.replace("{@ ", f'{{pod="{POD}" '), wide.replace("{@ ", '{pod!="" ')
    return narrow.replace("+)", ")"), wide.replace("+)", ", pod)")


@pytest.mark.parametrize("pattern", PROVEN)
def test_is_proven(pattern):
    assert is_widening(*forms(pattern), {"pod": POD})


@pytest.mark.parametrize("pattern", REFUSED)
def test_is_refused(pattern):
    assert not is_widening(*forms(pattern), {"pod": POD})


PAIRS = [
    (f'a{{pod="{POD}"}}', 'a{pod=~".+"}', True),
    (f'a{{pod=~"{POD}"}}', 'a{pod!=""}', True),
    (f'a{{pod=~"{POD}"}}', 'a{pod=~".+"}', True),
    (f'a{{pod=~"{POD}"}}', 'a{pod=~".*"}', False),
    (f'a{{pod!="{POD}"}}', 'a{pod!=""}', False),
    (f'a{{pod!~"{POD}"}}', 'a{pod!=""}', False),
    (f'a{{pod="{POD}-0"}}', 'a{pod!=""}', False),
    (f'a{{pod="{POD}"}}', 'a{pod=""}', False),
    (f'a{{pod="{POD}"}}', "a", False),
    (f'a{{pod="{POD}"}}', 'b{pod!=""}', False),
    (f'a{{pod="{POD}"}}', 'a{pod!=""} offset 1m', False),
    (f'a{{pod="{POD}"}}', 'a{pod!=""} @ 5', False),
    (f'a{{pod="{POD}"}}', 'a{node!=""}', False),
    (f'a{{pod="{POD}",x="1"}}', 'a{pod!="",x="2"}', False),
    (f'a{{pod="{POD}",x="1"}}', 'a{pod!="",x=~"1"}', False),
    (f'a{{pod="{POD}",x="1"}}', 'a{pod!=""}', False),
    (f'a{{pod="{POD}",x="{POD}"}}', f'a{{pod!="",x="{POD}"}}', False),
    (f'a{{pod="{POD}",x="{POD}"}}', 'a{pod!="",x!=""}', False),
    (f'a{{pod="{POD}"}}', 'sum by (pod) (a{pod!=""})', False),
    (f'sum by (pod) (a{{pod="{POD}"}})', 'avg by (pod) (a{pod!=""})', False),
    (f'sum by (pod) (a{{pod="{POD}"}})', 'sum without (x) (a{pod!=""})', False),
    (f'sum by (pod, x) (a{{pod="{POD}"}})', 'sum by (pod) (a{pod!=""})', False),
    (f'sum without (x) (a{{pod="{POD}"}})', 'sum without (y) (a{pod!=""})', False),
    (f'topk by (pod) (1, a{{pod="{POD}"}})', 'topk by (pod) (2, a{pod!=""})', False),
    (f'rate(a{{pod="{POD}"}}[5m])', 'rate(a{pod!=""}[6m])', False),
    (f'rate(a{{pod="{POD}"}}[5m])', 'irate(a{pod!=""}[5m])', False),
    (f'rate(a{{pod="{POD}"}}[5m])', 'rate((a{pod!=""})[5m:])', False),
    (f'max_over_time(a{{pod="{POD}"}}[5m:1m])', 'max_over_time(a{pod!=""}[5m:2m])', False),
    (f'a{{pod="{POD}"}} * 2', 'a{pod!=""} * 3', False),
    (f'a{{pod="{POD}"}} * 2', 'a{pod!=""} / 2', False),
    (f'a{{pod="{POD}"}} * NaN', 'a{pod!=""} * NaN', True),
    (f'a{{pod="{POD}"}} > 2', 'a{pod!=""} > bool 2', False),
    (f'a{{pod="{POD}"}} * on (x) group_left () b', 'a{pod!=""} * on (y) group_left () b', False),
    (
        f'label_replace(a{{pod="{POD}"}},"x","{POD}","","")',
        'label_replace(a{pod!=""},"x","","","")',
        False,
    ),
    (
        f'label_replace(a{{pod="{POD}"}},"x","1","","")',
        'label_replace(a{pod!=""},"x","2","","")',
        False,
    ),
    (f'{POD}{{pod="{POD}"}}', f'{POD}{{pod!=""}}', False),
    (f'a{{pod="{POD}",x="\\xff"}}', 'a{pod!="",x="\\u00ff"}', False),
    (f"a{{pod='{POD}'}} # {POD}", 'a{pod!=""}', True),
]


@pytest.mark.parametrize(
    ("narrow", "wide", "proven"), PAIRS, ids=[" | ".join(p[:2]) for p in PAIRS]
)
def test_forms_must_be_the_same_but_for_the_matcher(narrow, wide, proven):
    assert is_widening(narrow, wide, {"pod": POD}) is proven


@pytest.mark.parametrize(
    ("narrow", "wide", "proven"),
    [
        (f'namespace="{NAMESPACE}",pod="{POD}"', 'namespace!="",pod!=""', True),
        (f'namespace="{NAMESPACE}",pod="{POD}"', f'namespace="{NAMESPACE}",pod!=""', False),
        (f'pod="{POD}"', 'pod!=""', False),
        (f'namespace="{POD}",pod="{NAMESPACE}"', 'namespace!="",pod!=""', False),
    ],
)
def test_every_label_of_the_object_must_be_selected(narrow, wide, proven):
    fixed = {"pod": POD, "namespace": NAMESPACE}
    pattern = "sum by (namespace, pod) (rate(a{%s}[5m]))"

    assert is_widening(pattern % narrow, pattern % wide, fixed) is proven


@pytest.mark.parametrize("clause", ["by (pod)", "by (namespace)", "without (namespace)", ""])
def test_every_label_of_the_object_must_be_kept(clause):
    fixed = {"pod": POD, "namespace": NAMESPACE}
    narrow = f'sum {clause} (a{{namespace="{NAMESPACE}",pod="{POD}"}})'
    wide = f'sum {clause} (a{{namespace!="",pod!=""}})'

    assert not is_widening(narrow, wide, fixed)


def test_buckets_must_not_be_the_object():
    narrow = 'histogram_quantile(0.9, a{le="X0leX"})'
    wide = 'histogram_quantile(0.9, a{le!=""})'

    assert not is_widening(narrow, wide, {"le": "X0leX"})


@pytest.mark.parametrize(
    "fixed",
    [
        {},
        {"pod": ""},
        {"pod": "a.b"},
        {"pod": "a|b"},
        {"pod": POD, "namespace": POD},
        {"pod": POD, "namespace": POD + "2"},
        {"__name__": POD},
        {"": POD},
    ],
    ids=str,
)
def test_sentinels_must_be_told_apart(fixed):
    matchers = ",".join(f'{label}="{value}"' for label, value in fixed.items() if label)
    wide = ",".join(f'{label}!=""' for label in fixed if label)

    assert not is_widening(f'{{x="y",{matchers}}}', f'{{x="y",{wide}}}', fixed)


def test_a_query_as_deep_as_allowed_is_walked():
    narrow, wide = forms("+".join(["a{@}"] * 200))

    assert is_widening(narrow, wide, {"pod": POD})
