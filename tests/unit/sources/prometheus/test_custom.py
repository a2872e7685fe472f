"""Values of custom metrics: which queries are sent, and what is made of their answers."""

import pytest
from unit.sources.prometheus.answering import Answering, FoundSeries, OneBackend

from adapter.errors import NotFound, SourceError, SourceTimeout
from adapter.model.labels import EVERYTHING, parse_selector
from adapter.model.restmapper import BUILTIN
from adapter.model.times import format_rfc3339
from adapter.sources.base import ObjectQuestion
from adapter.sources.prometheus.asking import NAMES_IN_A_QUERY, ObjectAsker
from adapter.sources.prometheus.cache import KEEP_SECONDS
from adapter.sources.prometheus.custom import PrometheusCustomSource
from adapter.sources.prometheus.demand import MANY_NAMES, MANY_NAMESPACES
from adapter.sources.prometheus.failure import QueryRefused
from adapter.sources.prometheus.refresh import LONGEST_PAUSE

OVERRIDES = "resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}"
GROUPED = "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)"


def rules(query=GROUPED, more=""):
    return f"""
rules:
- seriesQuery: depth
  {OVERRIDES}
  metricsQuery: '{query}'
  {more}
"""


class Lab:
    def __init__(self, text, clock, telemetry):
        self.backend = Answering(clock)
        self.discovery = FoundSeries(text)
        self.asker = ObjectAsker(OneBackend(self.backend), clock=clock, telemetry=telemetry)
        self.source = PrometheusCustomSource(
            self.discovery, self.asker, clock=clock, telemetry=telemetry
        )

    async def ask(self, *names, namespace="shop", by_name=False, metric="depth", selector=""):
        question = ObjectQuestion(
            BUILTIN.resolve("pods"),
            namespace,
            names,
            metric,
            parse_selector(selector) if selector else EVERYTHING,
            by_name,
        )
        return await self.source.object_values(question)

    async def values(self, *names, **more):
        answer = await self.ask(*names, **more)
        return {name: value.value for name, value in answer.values.items()}

    async def refused(self, *names, **more):
        with pytest.raises(NotFound) as caught:
            await self.ask(*names, **more)
        return str(caught.value)


@pytest.fixture
async def make(clock, telemetry):
    labs = []

    def build(text):
        labs.append(Lab(text, clock, telemetry))
        return labs[-1]

    yield build
    for lab in labs:
        await lab.asker.close()


def pods(**values):
    return lambda _: [({"pod": name}, value) for name, value in values.items()]


async def test_lists_of_one_namespace_share_a_query(make, clock):
    lab = make(rules())
    lab.backend.answer = pods(a=1, b=2, c=3)
    assert await lab.values("a", "b") == {"a": 1, "b": 2}
    assert await lab.values("c", "d") == {"c": 3}
    assert lab.backend.asked == ['sum(depth{namespace="shop",pod!=""}) by (pod)']
    clock.advance(KEEP_SECONDS)
    await lab.values("a")
    assert len(lab.backend.asked) == 2


async def test_many_namespaces_share_one(make):
    lab = make(rules())
    names = [f"team-{number}" for number in range(MANY_NAMESPACES + 5)]
    lab.backend.answer = lambda promql: [
        ({"pod": "a", "namespace": name} if "(pod,namespace)" in promql else {"pod": "a"}, number)
        for number, name in enumerate(names)
        if "(pod,namespace)" in promql or name in promql
    ]
    for number, name in enumerate(names):
        assert await lab.values("a", namespace=name) == {"a": number}
    assert len(lab.backend.asked) == MANY_NAMESPACES
    assert lab.backend.asked[-1] == 'sum(depth{namespace!="",pod!=""}) by (pod,namespace)'


async def test_single_objects_are_named_until_there_are_many(make):
    lab = make(rules())
    names = [f"web-{number}" for number in range(MANY_NAMES + 3)]
    lab.backend.answer = pods(**dict.fromkeys(names, 1))
    for name in names:
        assert await lab.values(name, by_name=True) == {name: 1}
    assert len(lab.backend.asked) == MANY_NAMES
    assert lab.backend.asked[0] == 'sum(depth{namespace="shop",pod="web-0"}) by (pod)'


async def test_what_cannot_be_proven_is_asked_for_as_the_rule_writes_it(make):
    lab = make(rules("topk(1, sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>))"))
    lab.backend.answer = pods(a=1)
    await lab.values("a", "b")
    await lab.values("a", "c")
    assert ['pod=~"a|b"' in lab.backend.asked[0], 'pod=~"a|c"' in lab.backend.asked[1]] == [
        True,
        True,
    ]


async def test_a_wide_query_that_is_refused_falls_back_to_names(make):
    lab = make(rules())
    lab.backend.answer = lambda promql: (
        QueryRefused("found duplicate series") if "!=" in promql else [({"pod": "a"}, 1)]
    )
    assert await lab.values("a") == {"a": 1}
    assert await lab.values("a", "b") == {"a": 1}
    assert sum("!=" in promql for promql in lab.backend.asked) == 1


def slow(clock):
    clock.advance(2)
    return SourceTimeout("prometheus did not answer within 2 s")


async def test_a_wide_query_that_is_slow_falls_back_to_names_for_a_while(make, clock):
    lab = make(rules())
    lab.backend.answer = lambda promql: slow(clock) if "!=" in promql else [({"pod": "a"}, 1)]
    assert await lab.values("a") == {"a": 1}
    clock.advance(LONGEST_PAUSE)
    assert await lab.values("a", "b") == {"a": 1}
    assert sum("!=" in promql for promql in lab.backend.asked) == 1


async def test_a_server_that_hangs_is_waited_for_twice_and_shared_again_when_back(make, clock):
    """Else, when it is back, it would get a query of every HPA, for minutes."""
    lab = make(rules())
    names = [f"team-{number}" for number in range(MANY_NAMESPACES)]
    for name in names:
        await lab.ask("a", namespace=name)
    clock.advance(KEEP_SECONDS)

    lab.backend.answer = lambda _: slow(clock)
    for name in [*names, names[0]]:
        lab.backend.asked.clear()
        with pytest.raises(SourceTimeout):
            await lab.ask("a", namespace=name)
        assert len(lab.backend.asked) <= 2

    lab.backend.answer = lambda _: []
    await lab.ask("a", namespace=names[1])  # by name: the last failure stands for the shared query
    clock.advance(LONGEST_PAUSE)
    lab.backend.asked.clear()
    for name in names:
        await lab.ask("a", namespace=name)
    assert lab.backend.asked == ['sum(depth{namespace!="",pod!=""}) by (pod,namespace)']


async def test_many_names_are_asked_for_in_parts(make):
    lab = make(rules())
    names = [f"web-{number:04}" for number in range(2 * NAMES_IN_A_QUERY + 1)]
    lab.backend.answer = lambda promql: (
        QueryRefused("query processing would load too many samples")
        if "!=" in promql
        else [({"pod": name}, 1) for name in names if name in promql]
    )
    assert len(await lab.values(*names)) == len(names)
    assert len(lab.backend.asked) == 1 + 3


async def test_an_outage_is_not_answered_with_another_query(make):
    lab = make(rules())
    lab.backend.answer = lambda _: SourceError("cannot connect to prometheus")
    with pytest.raises(SourceError, match="cannot connect"):
        await lab.ask("a")
    assert len(lab.backend.asked) == 1


async def test_series_labels_select(make):
    lab = make(rules())
    await lab.ask("a", selector="queue=x")
    assert lab.backend.asked == ['sum(depth{queue="x",namespace="shop",pod!=""}) by (pod)']


async def test_an_object_without_a_sample(make):
    lab = make(rules())
    lab.backend.answer = pods(b=1)
    assert await lab.refused("a", by_name=True) == (
        "the server could not find the metric depth for pods a: the query has no sample of it"
    )
    answer = await lab.ask("a", "c")
    assert (answer.values, answer.warning) == (
        {},
        "no series of depth is about any of the objects asked for",
    )
    assert (await lab.ask("a", "b")).warning is None


async def test_values_that_are_no_numbers(make):
    lab = make(rules())
    lab.backend.answer = pods(a="NaN", b=1, c="+Inf")
    assert (await lab.refused("a", by_name=True)).endswith("pods a: its value is NaN")
    answer = await lab.ask("a", "b", "c")
    assert list(answer.values) == ["b"]
    assert answer.warning == "2 of 3 left out, such as a: its value is NaN"
    text = await lab.refused("a", "c")
    assert text.endswith("for pods: none of 2 has a value; of a: its value is NaN")


async def test_a_join_label_that_is_lost(make):
    lab = make(rules("sum(<<.Series>>{<<.LabelMatchers>>})"))
    lab.backend.answer = lambda _: [({}, 5)]
    text = await lab.refused("a", "b")
    assert "the query's answer has no label 'pod' to tell objects by" in text


async def test_several_series_of_one_object(make, telemetry):
    lab = make(rules("<<.Series>>{<<.LabelMatchers>>}"))
    lab.backend.answer = lambda _: [
        ({"pod": "a", "container": "z"}, 2),
        ({"pod": "a", "container": "y"}, 1),
    ]
    answer = await lab.ask("a")
    assert answer.values["a"].value == 1
    assert "several series describe a, of which one is served" in answer.warning
    counted = telemetry.registry.get_sample_value("viaduct_custom_metrics_duplicate_objects_total")
    assert counted == 1


async def test_samples_that_are_too_old(make, clock):
    lab = make(rules("<<.Series>>{<<.LabelMatchers>>}", "maxAge: 2m"))
    lab.backend.answer = lambda promql: [
        ({"pod": "a"}, clock.time() - 300 if promql.startswith("timestamp(") else 7)
    ]
    taken = format_rfc3339(clock.time() - 300)
    assert (await lab.refused("a", by_name=True)).endswith(
        f"pods a: its newest sample is of {taken}, maxAge is 2m0s"
    )


async def test_times_of_samples_are_their_own(make, clock):
    more = "timestampQuery: max(timestamp(<<.Series>>{<<.LabelMatchers>>})) by (<<.GroupBy>>)"
    lab = make(rules(more=more))
    taken = clock.time() - 30
    lab.backend.answer = lambda promql: [({"pod": "a"}, taken if "timestamp(" in promql else 7)]
    assert (await lab.ask("a")).values["a"].timestamp == taken


async def test_last_good_values(make, clock):
    lab = make(rules(more="{onEmpty: lastGood, onNaN: lastGood}".strip("{}").replace(", ", "\n  ")))
    lab.backend.answer = pods(a=7, b=8)
    then = clock.time()
    await lab.ask("a", "b")
    clock.advance(KEEP_SECONDS)
    lab.backend.answer = pods(b="NaN")
    answer = await lab.ask("a", "b")
    assert {name: value.value for name, value in answer.values.items()} == {"a": 7, "b": 8}
    assert {value.timestamp for value in answer.values.values()} == {then}
    clock.advance(301)
    assert (await lab.refused("a", "b")).endswith("of b: its value is NaN")


async def test_zero_for_nothing(make):
    lab = make(rules(more="onEmpty: zero"))
    assert await lab.values("a", by_name=True) == {"a": 0}


async def test_warnings_of_the_server_are_passed_on(make):
    lab = make(rules())
    lab.backend.answer = pods(a=1)
    lab.backend.warnings = ("partial answer: a store is away",)
    assert (await lab.ask("a")).warning == "partial answer: a store is away"


async def test_a_metric_nobody_gives(make):
    lab = make(rules())
    text = await lab.refused("a", metric="depht")
    assert text == "the server could not find the metric depht for pods: no rule gives it"
    assert lab.discovery.requested == 1


async def test_a_namespace_that_cannot_be_told(make):
    text = rules().replace("namespace: {resource: namespace}, ", "")
    assert "no label names namespaces" in await make(text).refused("a")
