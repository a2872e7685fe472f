"""Several sources of one API: who answers, and what is listed."""

import pytest

from adapter.errors import NotFound
from adapter.model.labels import EVERYTHING
from adapter.model.resources import GroupResource, ListedMetric
from adapter.model.restmapper import BUILTIN
from adapter.sources.base import NO_RULE, ObjectQuestion, no_metric
from adapter.sources.joined import JoinedCustomSource, JoinedExternalSource

PODS = GroupResource("", "pods")


class Source:
    """Knows metrics by name, each with its place; answers with its own name."""

    def __init__(self, name, **orders):
        self.name = name
        self.orders = orders
        self.names = tuple(sorted(orders))


class Custom(Source):
    def __init__(self, name, **orders):
        super().__init__(name, **orders)
        self.metrics = tuple(ListedMetric(PODS, each, namespaced=True) for each in self.names)

    def listed(self):
        return self.metrics

    def order(self, resource, metric):
        return self.orders.get(metric) if resource == PODS else None

    async def object_values(self, question):
        return self.name


class External(Source):
    def listed(self):
        return self.names

    def order(self, metric):
        return self.orders.get(metric)

    async def series(self, metric, namespace, selector):
        return self.name


CASES = {
    "only one knows it": ("b", "second"),
    "the earlier rule, in the first": ("c", "first"),
    "the earlier rule, in the second": ("d", "second"),
}


@pytest.mark.parametrize(("metric", "expected"), CASES.values(), ids=CASES)
async def test_the_rule_that_comes_first_serves(metric, expected):
    first, second = {"a": 0, "c": 1, "d": 5}, {"b": 2, "c": 3, "d": 4}
    custom = JoinedCustomSource([Custom("first", **first), Custom("second", **second)])
    question = ObjectQuestion(BUILTIN.resolve("pods"), "shop", ("p",), metric)
    assert await custom.object_values(question) == expected

    external = JoinedExternalSource([External("first", **first), External("second", **second)])
    assert await external.series(metric, "shop", EVERYTHING) == expected


async def test_of_what_none_knows_each_says_why():
    class Refusing(External):
        async def series(self, metric, namespace, selector):
            raise no_metric(metric, f"namespace {namespace}", f"{self.name} has none")

    joined = JoinedExternalSource([Refusing("first"), Refusing("second")])
    with pytest.raises(NotFound) as caught:
        await joined.series("x", "shop", EVERYTHING)
    assert str(caught.value) == (
        "the server could not find the metric x for namespace shop: first has none; second has none"
    )


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        ((NO_RULE, "did you mean y?"), "did you mean y?"),
        (
            ("known for pods only", NO_RULE, "no HPA defines it"),
            "known for pods only; no HPA defines it",
        ),
        ((NO_RULE, NO_RULE), NO_RULE),
    ],
)
async def test_that_a_source_knows_nothing_is_told_only_where_none_knows_more(reasons, told):
    class Refusing(External):
        async def series(self, metric, namespace, selector):
            raise no_metric(metric, f"namespace {namespace}", self.name)

    joined = JoinedExternalSource([Refusing(reason) for reason in reasons])
    with pytest.raises(NotFound) as caught:
        await joined.series("x", "shop", EVERYTHING)
    assert str(caught.value).partition(": ")[2] == told


def test_all_are_listed_once_and_the_list_is_the_same_until_it_changes():
    first, second = External("first", b=0, c=1), External("second", a=0, b=1)
    joined = JoinedExternalSource([first, second])
    listed = joined.listed()
    assert listed == ("a", "b", "c")
    assert joined.listed() is listed

    second.names = ("a", "z")
    assert joined.listed() == ("a", "b", "c", "z")

    custom = JoinedCustomSource([Custom("first", b=0), Custom("second", a=0)])
    assert [each.metric for each in custom.listed()] == ["a", "b"]
