"""``custom.metrics.k8s.io`` from JSON: what is asked of the reader, and what is answered."""

import pytest
from unit.sources.json.publishing import pods_metric

from adapter.errors import NotFound
from adapter.model.labels import EVERYTHING, parse_selector
from adapter.model.metrics import MetricValue
from adapter.model.resources import GroupResource, ListedMetric
from adapter.model.restmapper import BUILTIN
from adapter.rules.policy import Cause, Refusal
from adapter.sources.base import ObjectQuestion
from adapter.sources.json.custom import JsonCustomSource

PODS = GroupResource("", "pods")


class Reader:
    """Knows some values; every other pod has a reason."""

    def __init__(self, cause=Cause.EMPTY, **values):
        self.known = {name: MetricValue(value, 1000.0) for name, value in values.items()}
        self.refusal = Refusal(cause, "rules[0]: it is not ready")

    async def values(self, metric, namespace, names):
        return {name: self.known.get(name, self.refusal) for name in names}


async def ask(reader, *names, resource="pods", selector="", by_name=False, metric="depth", **rule):
    source = JsonCustomSource([pods_metric(**rule)], reader)
    wanted = parse_selector(selector) if selector else EVERYTHING
    info = BUILTIN.resolve(resource)
    return await source.object_values(ObjectQuestion(info, "shop", names, metric, wanted, by_name))


async def refused(*arguments, **more):
    with pytest.raises(NotFound) as caught:
        await ask(*arguments, **more)
    return str(caught.value)


async def test_values_come_with_a_warning_of_what_is_left_out():
    answer = await ask(Reader(Cause.FAILED, a=1), "a", "b")
    assert {name: each.value for name, each in answer.values.items()} == {"a": 1.0}
    assert answer.warning == "1 of 2 left out, such as b: rules[0]: it is not ready"


async def test_a_pod_asked_for_by_name_says_why_it_has_no_value():
    assert await refused(Reader(), "b", by_name=True) == (
        "the server could not find the metric depth for pods b: rules[0]: it is not ready"
    )


async def test_no_pod_to_read_says_why_too():
    """An empty list would be "no metrics returned" in the HPA."""
    text = await refused(Reader(), "a", "b")
    assert text.endswith("none of 2 has a value; of a: rules[0]: it is not ready")


async def test_when_all_fail_the_cause_is_told():
    text = await refused(Reader(Cause.FAILED), "a", "b")
    assert text.endswith("none of 2 has a value; of a: rules[0]: it is not ready")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"metric": "width"}, "no rule gives it"),
        ({"resource": "services"}, "rules[0] gives it for pods"),
        ({"namespaces": frozenset({"x", "y"})}, "rules[0] reads pods of x, y only"),
        ({"selector": "region=eu"}, "no labels to select by"),
    ],
)
async def test_questions_that_no_document_answers(asked, why):
    assert why in await refused(Reader(a=1), "a", **asked)


def test_all_rules_are_listed_and_ordered():
    rules = [pods_metric(metric=name, order=place) for place, name in enumerate(["b", "a", "b"])]
    source = JsonCustomSource(rules, Reader())
    assert source.listed() == (
        ListedMetric(PODS, "a", namespaced=True),
        ListedMetric(PODS, "b", namespaced=True),
    )
    assert source.order(PODS, "b") == 0
    assert source.order(PODS, "c") is None
    assert source.order(GroupResource("", "services"), "b") is None
