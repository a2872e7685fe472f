"""Widened answers are the narrow ones: on a real Prometheus, with random labels and queries."""

import http.client
import itertools
import json
import math
import random
import time
import urllib.parse
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from integration.expressions import SENTINELS, Query, queries

from adapter.promql.widening import is_widening

pytestmark = pytest.mark.prometheus

WORLDS = 12
"""Sets of series with other labels each; a query is about one of them."""

NAMESPACES = ["x", "y"]
PODS = ["a", "b", "c.d", "e"]
OBJECTS = [*itertools.product(NAMESPACES, PODS), ("x", "nobody")]
MINUTES = 12

TABLE = {
    "m": {("a", "200"): 1, ("a", "500"): 2, ("b", "200"): 4, ("b", "500"): 8},
    "n": {("a", "200"): 10, ("b", "200"): 20, ("b", "500"): 30},
}
"""Gauges by pod and code, for the queries written down here. There ``@`` stands for the matcher of
the pod, and ``+`` for ``, pod`` in the wide query only."""

PROVEN = [
    "m{@}",
    "sum by (pod) (m{@})",
    "sum by (code+) (m{@})",
    "sum by (code+) (m{@}) * on (code+) sum by (code+) (n{@})",
    "sum without (code) (m{@})",
    "topk by (pod) (1, m{@})",
    "quantile by (pod) (0.5, m{@})",
    "m{@} / on (pod, code) n{@}",
    "m{@} / ignoring (code) group_left () sum by (pod) (m{@})",
    "m{@} * on (code) group_left () sum by (code) (n)",
    "sum by (code+) (m{@}) * on (code) group_left () sum by (code) (n)",
    "m{@} and on (pod) n",
    "m{@} unless n",
    "m{@} / n",
    "n > m{@}",
    "m{@} > scalar(min(n)) / 5",
    "sum by (pod) (m{@}) or sum by (pod) (n{@})",
    'label_replace(m{@}, "who", "$1", "pod", "(.*)")',
    "max_over_time(sum by (pod) (m{@})[3m:30s])",
]
UNSOUND = [
    "sum(m{@})",
    "sum by (code) (m{@})",
    "sum without (pod) (m{@})",
    "topk(1, m{@})",
    "quantile(0.5, m{@})",
    "max_over_time(sum(m{@})[3m:30s])",
    "absent(m{@})",
    "vector(0) + on () group_right () m{@} or vector(0)",
    "m{@} or vector(0)",
    "m{@} or on (code) n",
    "n{@} * on (pod) group_left () sum by (pod) (m) or sum(m{@})",
    'n{@} * scalar(m{@,code="200"})',
    'vector(scalar(m{@,code="200"}))',
    'count_values by (pod) ("pod", m{@})',
    'label_replace(m{@}, "pod", "z", "", "")',
    'label_join(m{@}, "pod", "-", "code")',
    'label_replace(sum by (code+) (m{@}), "who", "$1", "pod", "(.*)")',
    'label_join(sum by (code+) (m{@}), "who", "-", "pod")',
    "sum by (code+) (m{@}) or sum by (code, pod) (m{@})",
    "sum by (code+) (m{@}) + sum by (code, pod) (n{@})",
    "sum by (code+) (m{@}) * on (code, pod) group_left () n",
    "sum by (pod) (m{@}) / on () group_left () sum(m{@})",
    "m{@} * on (code) group_left () sum by (code) (n{@})",
    "sum by (code) (m{@}) / on (code) sum by (code) (n{@})",
    "m{@} and on (code) n{@}",
    "m{@} unless on (code) n{@}",
    'm{@} * on (code) group_left (pod) n{pod="b"}',
]
"""Queries whose wide form gives another answer, or one that does not say of which pod."""


class Asked:
    """Answers of a Prometheus at one time; None where the query fails."""

    def __init__(self, url, at):
        self._connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)
        self._at = at

    def vector(self, promql):
        """The elements: labels as a sorted tuple of pairs, and the value as text."""
        form = urllib.parse.urlencode({"query": promql, "time": self._at})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request("POST", "/api/v1/query", form, headers)
        answer = json.loads(self._connection.getresponse().read())
        if answer["status"] != "success":
            assert answer["errorType"] == "execution", (promql, answer)
            return None
        assert answer["data"]["resultType"] == "vector", promql
        return [(row["metric"], row["value"][1]) for row in answer["data"]["result"]]

    def close(self):
        self._connection.close()


@pytest.fixture(scope="module")
def asked(prometheus_server):
    start = int(time.time()) - 3600
    server = prometheus_server("scrape_configs: []\n", history(random.Random(5), start))
    asked = Asked(server.url, start + 60 * (MINUTES - 1) + 5)
    yield asked
    asked.close()


def history(rng, start):
    """OpenMetrics text: a few metrics with random labels in each world; some labels lack."""
    families = {
        "depth": ("gauge", ""),
        "limit": ("gauge", ""),
        "requests": ("counter", "_total"),
        "node_info": ("gauge", ""),
        "latency_seconds": ("histogram", "_bucket"),
    }
    lines = []
    for family, (kind, suffix) in families.items():
        lines.append(f"# TYPE {family} {kind}")
        for world in range(WORLDS):
            for labels in label_sets(rng, family):
                pairs = ",".join(f'{key}="{value}"' for key, value in labels.items())
                step, value = rng.randint(1, 9), rng.randint(0, 20)
                for minute in range(MINUTES):
                    value += step if kind != "gauge" else rng.randint(-2, 2)
                    at = start + 60 * minute
                    series = f'{family}{suffix}{{world="{world}",{pairs}}}'
                    lines.append(f"{series} {value} {at}")
    for name, values in TABLE.items():
        lines.append(f"# TYPE {name} gauge")
        for (pod, code), value in values.items():
            for minute in range(MINUTES):
                labels = f'pod="{pod}",code="{code}"'
                lines.append(f"{name}{{{labels}}} {value} {start + 60 * minute}")
    return "\n".join([*lines, "# EOF\n"])


def label_sets(rng, family):
    """Label sets of one family in one world."""
    if family == "node_info":
        return [{"node": f"n{i}", "zone": rng.choice("rst")} for i in range(3)]
    everything = itertools.product(NAMESPACES, PODS, ["200", "500", ""], ["n0", "n1", ""])
    some = rng.sample([*everything], 14)
    sets = [
        {"namespace": namespace, "pod": pod, "code": code, "node": node}
        for namespace, pod, code, node in some
    ]
    sets.append({"namespace": "x", "code": "200"})
    if family != "latency_seconds":
        return [{k: v for k, v in labels.items() if v} for labels in sets]
    return [{**labels, "le": le} for labels in sets[:6] for le in ("0.1", "1", "+Inf")]


def part_of(elements, fixed, values):
    """The elements with these values, without the labels; None if one has others than it may."""
    return sorted(
        (sorted((k, v) for k, v in labels.items() if k not in fixed), number(value))
        for labels, value in elements
        if all(labels.get(label) == values[label] for label in fixed)
    )


def narrow_part(elements, fixed, values):
    for labels, _ in elements:
        assert all(labels.get(label) in {None, values[label]} for label in fixed)
    return sorted(
        (sorted((k, v) for k, v in labels.items() if k not in fixed), number(value))
        for labels, value in elements
    )


def number(text):
    """A value that can be compared, with what additions may differ by in their last digits."""
    value = float(text)
    return "NaN" if math.isnan(value) else f"{value:.9g}"


def narrow_for(query, values):
    text = query.narrow
    for label, value in values.items():
        text = text.replace(SENTINELS[label], value)
    return text


def table_query(pattern):
    narrow = pattern.replace("@", f'pod="{SENTINELS["pod"]}"').replace("+)", ")")
    return Query(narrow, pattern.replace("@", 'pod!=""').replace("+)", ", pod)"))


def agrees(asked, query):
    """Whether the wide answer, which must not fail, has the narrow ones of all pods."""
    elements = asked.vector(query.wide)
    answers = (
        (
            {"pod": pod},
            asked.vector(narrow_for(query, {"pod": pod})),
        )
        for pod in ("a", "b", "nobody")
    )
    return all(
        {labels.get("pod", pod["pod"]) for labels, _ in narrow} <= {pod["pod"]}
        and part_of(elements, ["pod"], pod) == narrow_part(narrow, ["pod"], pod)
        for pod, narrow in answers
    )


@pytest.mark.parametrize("pattern", PROVEN)
def test_common_queries_are_proven(asked, pattern):
    query = table_query(pattern)

    assert is_widening(*query, {"pod": SENTINELS["pod"]})
    assert asked.vector(query.wide)
    assert agrees(asked, query)


@pytest.mark.parametrize("pattern", UNSOUND)
def test_unsound_queries_are_refused(asked, pattern):
    query = table_query(pattern)

    assert not agrees(asked, query)
    assert not is_widening(*query, {"pod": SENTINELS["pod"]})


def test_what_is_proven_is_so(asked):
    outcomes = Counter()

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(queries(), st.integers(0, WORLDS - 1))
    def check(drawn, world):
        query, fixed = drawn
        query = query._replace(
            narrow=query.narrow.replace("WORLD", str(world)),
            wide=query.wide.replace("WORLD", str(world)),
        )
        if not is_widening(query.narrow, query.wide, {label: SENTINELS[label] for label in fixed}):
            outcomes["refused"] += 1
            return
        elements = asked.vector(query.wide)
        if elements is None:
            outcomes["failed"] += 1
            return
        outcomes["proven"] += 1
        outcomes["not empty"] += bool(elements)
        assert all(labels.get(label) for labels, _ in elements for label in fixed)
        for namespace, pod in OBJECTS:
            values = {"namespace": namespace, "pod": pod}
            values = {label: values[label] for label in fixed}
            narrow = asked.vector(narrow_for(query, values))
            assert narrow is not None
            assert part_of(elements, fixed, values) == narrow_part(narrow, fixed, values)

    check()

    total = outcomes.total() - outcomes["not empty"]
    assert outcomes["proven"] > 0.2 * total, outcomes
    assert outcomes["not empty"] > 0.1 * total, outcomes
    assert outcomes["refused"] > 0.1 * total, outcomes
