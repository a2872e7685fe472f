"""Which rule and series serve a metric; what does not depend on the order of answers."""

import itertools
import random

import pytest

from adapter.model.resources import GroupResource, ListedMetric, ResourceInfo
from adapter.model.restmapper import CORE
from adapter.rules.compiled import compile_rule
from adapter.rules.registry import Entry, ExternalEntry, Finding, SeriesRegistry
from adapter.rules.schema import DiscoveryRule

PODS, NODES = CORE.resolve("pods"), CORE.resolve("nodes")
NAMESPACES = CORE.resolve("namespaces")
WIDGETS = ResourceInfo("example.com", "v1", "widgets", "widget", "Widget", namespaced=False)


def rule(number):
    section = {"seriesQuery": "x", "metricsQuery": "x"}
    return compile_rule(DiscoveryRule.model_validate(section), f"rules[{number}]")


FIRST, SECOND = rule(0), rule(1)


def finding(rule, names, resources=None):
    return Finding(rule, names, resources or {})


def test_an_entry_for_each_resource():
    found = finding(
        FIRST,
        {"a_total": "a", "b": "b"},
        {PODS: ["a_total", "b"], NAMESPACES: ["a_total"], WIDGETS: ["b"]},
    )

    registry = SeriesRegistry([found])

    assert registry.custom == {
        (GroupResource("", "pods"), "a"): Entry(FIRST, "a_total", PODS),
        (GroupResource("", "pods"), "b"): Entry(FIRST, "b", PODS),
        (GroupResource("", "namespaces"), "a"): Entry(FIRST, "a_total", NAMESPACES),
        (GroupResource("example.com", "widgets"), "b"): Entry(FIRST, "b", WIDGETS),
    }
    assert registry.listed_custom() == (
        ListedMetric(GroupResource("", "namespaces"), "a", False),
        ListedMetric(GroupResource("", "pods"), "a", True),
        ListedMetric(GroupResource("", "pods"), "b", True),
        ListedMetric(GroupResource("example.com", "widgets"), "b", False),
    )
    assert registry.conflicts == ()


def test_series_without_a_name_in_the_api_are_left_out():
    registry = SeriesRegistry([finding(FIRST, {"a": "a"}, {PODS: ["a", "filtered"]})])

    assert [metric for _, metric in registry.custom] == ["a"]


def test_the_first_rule_of_the_file_wins():
    registry = SeriesRegistry(
        [
            finding(FIRST, {"z": "m"}, {PODS: ["z"]}),
            finding(SECOND, {"a": "m"}, {PODS: ["a"], NODES: ["a"]}),
        ]
    )

    assert registry.custom[PODS.group_resource, "m"].series == "z"
    assert registry.custom[NODES.group_resource, "m"].series == "a"
    (conflict,) = registry.conflicts
    assert str(conflict) == (
        "rules[0] and rules[1] both give pods/m: rules[0] serves it, the first of the file, from "
        "the series z"
    )


def test_two_rules_may_share_a_series():
    registry = SeriesRegistry(
        [finding(FIRST, {"a": "m"}, {PODS: ["a"]}), finding(SECOND, {"a": "m"}, {PODS: ["a"]})]
    )

    (conflict,) = registry.conflicts
    assert (conflict.served_by, conflict.hidden) == ("rules[0]", "rules[1]")


@pytest.mark.parametrize("order", list(itertools.permutations(["a_sum", "a_total", "a_x"])))
def test_of_series_of_one_rule_the_first_by_name_wins(order):
    registry = SeriesRegistry(
        [finding(FIRST, dict.fromkeys(order, "a"), {PODS: order})],
        [finding(SECOND, dict.fromkeys(order, "a"))],
    )

    assert registry.custom[PODS.group_resource, "a"].series == "a_sum"
    assert registry.external["a"] == ExternalEntry(SECOND, "a_sum")
    assert [conflict.hidden_series for conflict in registry.conflicts] == ["a_total", "a_x"] * 2
    assert str(registry.conflicts[0]) == (
        "rules[0] gives pods/a for the series a_sum and a_total: a_sum serves it, the first by name"
    )


def test_two_kinds_that_are_one_resource_are_one():
    """A mapper may know several versions of a resource."""
    newer = PODS._replace(version="v2")

    registry = SeriesRegistry([finding(FIRST, {"a": "a"}, {PODS: ["a"], newer: ["a"]})])

    assert len(registry.custom) == 1
    assert registry.conflicts == ()


def test_external_metrics():
    registry = SeriesRegistry(
        [], [finding(FIRST, {"b": "y", "a": "x"}), finding(SECOND, {"c": "x"})]
    )

    assert registry.listed_external() == ("x", "y")
    assert registry.external["x"] == ExternalEntry(FIRST, "a")
    (conflict,) = registry.conflicts
    assert str(conflict) == (
        "rules[0] and rules[1] both give x: rules[0] serves it, the first of the file, from the "
        "series a"
    )


def test_a_metric_without_a_series_of_its_own():
    registry = SeriesRegistry(
        [finding(FIRST, {"": "m"}, {PODS: [""]}), finding(SECOND, {"a": "m"}, {PODS: ["a"]})]
    )

    assert registry.custom[PODS.group_resource, "m"] == Entry(FIRST, "", PODS)
    assert str(registry.conflicts[0]).endswith("rules[0] serves it, the first of the file")


def test_lists_stay_the_same_tuples_while_nothing_changes():
    def registry(names, last=None):
        found = finding(FIRST, {name: name for name in names}, {PODS: names})
        return SeriesRegistry([found], [found], last)

    first = registry(["a", "b"])
    same = registry(["b", "a"], first)
    other = registry(["a", "b", "c"], same)

    assert same.listed_custom() is first.listed_custom()
    assert same.listed_external() is first.listed_external()
    assert len(other.listed_custom()) == len(other.listed_external()) == 3
    assert same.custom == first.custom  # so that what is kept for an entry outlives a round


def test_conflicts_are_bounded():
    names = {f"s{number}": "one" for number in range(5000)}

    registry = SeriesRegistry([finding(FIRST, names, {PODS: names})])

    assert len(registry.conflicts) == 1000


def test_where_else_a_metric_is_known():
    registry = SeriesRegistry([finding(FIRST, {"a": "a"}, {PODS: ["a"], NODES: ["a"]})])

    assert list(map(str, registry.resources_of("a"))) == ["nodes", "pods"]
    assert registry.resources_of("b") == []


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("http_request_per_second", "http_requests_per_second"),
        ("http-requests", "http_requests"),
        ("memroy", "memory"),
        ("queue_length", "queue_len"),
        ("nothing_like_it", None),
    ],
)
def test_names_that_may_be_meant(asked, first):
    names = ["http_requests", "http_requests_per_second", "memory", "queue_len"]
    names += [f"container_{number}_total" for number in range(5000)]
    random.Random(7).shuffle(names)
    found = finding(FIRST, {name: name for name in names}, {PODS: names})
    registry = SeriesRegistry([found], [found])

    for external in (False, True):
        similar = registry.similar(asked, external=external)
        assert (similar[0] if similar else None) == first
        assert registry.similar(asked, external=external) is similar
