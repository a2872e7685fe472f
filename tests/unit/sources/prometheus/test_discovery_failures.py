"""What fails alone, what is kept and for how long, and why a metric is not known."""

import asyncio
import logging

import pytest
from unit.sources.prometheus.seriesindex import SeriesIndex, listed, series

from adapter.model.resources import GroupResource

PODS = GroupResource("", "pods")
NODES = GroupResource("", "nodes")

RULES = """
rules:
- {seriesQuery: 'first{}', resources: &r {overrides: {pod: {resource: pod}}}, metricsQuery: x}
- {seriesQuery: 'second{}', resources: *r, metricsQuery: x}
externalRules:
- {seriesQuery: '{__name__=~"queue_.*"}', metricsQuery: x}
"""


@pytest.fixture
def index():
    return SeriesIndex(series("first", "pod"), series("second", "pod"), series("queue_length"))


@pytest.fixture
def discovery(discover, index):
    return discover(RULES, default=index)


def told(caplog):
    return [record.getMessage() for record in caplog.records if "fails for" in record.getMessage()]


async def test_a_broken_rule_does_not_concern_the_others(discovery, index, caplog):
    index.broken = "second"

    for _ in range(3):
        await discovery.relist()

    assert listed(discovery) == {"pods/first"}
    assert discovery.registry.listed_external() == ("queue_length",)
    assert [status.error for status in discovery.status] == [None, "cannot answer second", None]
    assert [status.health for status in discovery.status] == ["ok", "failing", "ok"]
    assert told(caplog) == ["discovery fails for rules[1]: cannot answer second"]


async def test_what_was_found_is_kept_while_a_rule_fails(discovery, index, clock, caplog):
    caplog.set_level(logging.INFO)
    await discovery.relist()
    good = clock.time()
    index.error = "connection refused"
    index.series = []
    for _ in range(3):
        clock.advance(10_000)
        await discovery.relist()

    assert listed(discovery) == {"pods/first", "pods/second"}
    assert {status.last_success for status in discovery.status} == {good}
    assert told(caplog) == [
        "discovery fails for rules[0], rules[1], externalRules[0]: connection refused"
    ]
    index.error = None
    await discovery.relist()
    assert "discovery works again for externalRules[0], rules[0], rules[1]" in caplog.text
    assert listed(discovery) == set()


async def test_an_unknown_backend_and_a_rule_that_cannot_work(discover):
    text = """
rules:
- {seriesQuery: a, resources: &r {overrides: {pod: {resource: pod}}}, metricsQuery: x, backend: b}
- {seriesQuery: sum(a), resources: *r, metricsQuery: x}
- {metric: m, resources: *r, metricsQuery: ''}
- {seriesQuery: a, resources: *r, metricsQuery: x}
"""
    discovery = discover(text, series("a", "pod"))
    await discovery.relist()

    first, second, third, fourth = discovery.status
    assert first.error == "backend b is not in backends"
    assert "seriesQuery is no series selector" in second.error
    assert third.error == "metricsQuery is empty"
    assert (fourth.error, fourth.names) == (None, 1)
    assert listed(discovery) == {"pods/a"}


async def test_metrics_stay_for_a_while_when_their_series_are_gone(discover, index, clock):
    discovery = discover(RULES, default=index, grace=100.0)
    await discovery.relist()
    index.series = [series("second", "pod")]
    steps = []
    for _ in range(4):
        clock.advance(40)
        await discovery.relist()
        steps.append((len(listed(discovery)), len(discovery.registry.external)))
    assert steps == [(2, 1), (2, 1), (2, 1), (1, 0)]

    index.series.append(series("first", "pod"))
    await discovery.relist()
    assert listed(discovery) == {"pods/first", "pods/second"}


async def test_an_outage_does_not_count_as_being_gone(discover, index, clock):
    """After it Prometheus has no samples of late, and must not be taken at its word at once."""
    discovery = discover(RULES, default=index, grace=100.0)
    await discovery.relist()
    index.error = "down"
    clock.advance(5000)
    await discovery.relist()
    index.error = None
    index.series, before = [], index.series
    clock.advance(60)
    await discovery.relist()
    assert listed(discovery) == {"pods/first", "pods/second"}

    index.series = before
    clock.advance(60)
    await discovery.relist()
    clock.advance(60)
    index.series = []
    await discovery.relist()
    assert listed(discovery) == {"pods/first", "pods/second"}  # seen again, so it begins anew


async def test_a_label_that_comes_and_goes(discover):
    index = SeriesIndex(series("a", "pod", "service"))
    text = "rules: [{seriesQuery: a, resources: {template: <<.Resource>>}, metricsQuery: x}]"
    discovery = discover(text, default=index)
    await discovery.relist()
    assert listed(discovery) == {"pods/a", "services/a"}

    index.series = [series("a", "pod")]
    await discovery.relist()
    assert listed(discovery) == {"pods/a"}

    index.series = [series("a", "pod", "service")]
    await discovery.relist()
    assert listed(discovery) == {"pods/a", "services/a"}


async def test_nothing_found_is_no_failure(discover, index):
    index.series = []
    discovery = discover(RULES, default=index)
    assert [status.health for status in discovery.status] == ["pending"] * 3
    assert not discovery.has_run

    await discovery.relist()

    assert [status.health for status in discovery.status] == ["ok"] * 3
    assert discovery.has_run


async def settle():
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_round_that_is_under_way_is_joined(discovery, index):
    gate = asyncio.Event()
    index.before_answer = gate.wait
    rounds = [asyncio.create_task(discovery.relist()) for _ in range(3)]
    await settle()
    discovery.request_relist()
    gate.set()
    await asyncio.gather(*rounds)
    await settle()

    assert len(index.asked) == 3


async def test_few_questions_at_a_time(discover, index):
    under_way, most = 0, 0

    async def count():
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await settle()
        under_way -= 1

    index.before_answer = count
    rules = "\n".join(f"- {{seriesQuery: 'a{n}', metricsQuery: x}}" for n in range(20))

    await discover(f"externalRules:\n{rules}", default=index).relist()

    assert (len(index.asked), most) == (20, 4)


async def test_questions_of_later_rounds_are_spread(discover, index, clock):
    discovery = discover(RULES, default=index, spread=10.0)
    await discovery.relist()
    again = asyncio.create_task(discovery.relist())
    await settle()
    assert len(index.asked) == 3

    await clock.run(10)
    await again

    assert len(index.asked) == 6


async def test_a_round_that_is_given_up_can_be_made_anew(discovery, index):
    gate = asyncio.Event()
    index.before_answer = gate.wait
    given_up = asyncio.create_task(discovery.relist())
    await settle()
    given_up.cancel()
    await asyncio.wait([given_up])
    gate.set()

    await discovery.relist()

    assert listed(discovery) == {"pods/first", "pods/second"}


async def test_a_miss_asks_again_soon_but_not_each_time(discovery, index, clock):
    await discovery.relist()
    counts = []
    for _ in range(24):  # two minutes of an HPA with a misspelt metric
        clock.advance(5)
        discovery.request_relist()
        discovery.request_relist()
        await settle()
        counts.append(len(index.asked) // 3)
    assert counts[0] == 2
    assert counts[-1] == 5  # after 5, 15, 35 and 75 s

    index.series.append(series("queue_new"))
    clock.advance(60)
    discovery.request_relist()
    assert "queue_new" not in discovery.registry.external
    await settle()
    assert "queue_new" in discovery.registry.external


async def test_closing_ends_a_round_that_was_asked_for(discovery, index):
    index.before_answer = asyncio.Event().wait
    discovery.request_relist()
    await settle()

    await discovery.close()

    assert discovery._requested is None


async def test_why_a_metric_is_unknown_before_the_first_round(discovery):
    why = discovery.why_unknown("first", PODS)

    assert why == "discovery has not finished its first round yet"


async def test_why_a_metric_is_unknown(discovery, index, clock):
    await discovery.relist()
    why = discovery.why_unknown

    assert why("first", NODES) == "it is known for pods only"
    assert why("frist", PODS) == (
        "no rule finds a series that gives a metric of this name; did you mean first?"
    )
    assert why("other", PODS) == "no rule finds a series that gives a metric of this name"
    assert why("queue_lenght", None).endswith("did you mean queue_length?")
    index.series = []
    index.broken = "second"
    await discovery.relist()
    clock.advance(90)
    assert why("first", PODS) == (
        "no series is found for it any more since 1m30s; rules[1] fails: cannot answer second"
    )
    assert why("queue_length", None) == "no series is found for it any more since 1m30s"


async def test_why_names_a_resource_that_is_not_served(discover):
    text = """
rules:
- seriesQuery: size
  resources: {overrides: {w: {group: example.com, resource: widgets}, pod: {resource: pod}}}
  metricsQuery: x
"""
    discovery = discover(text, series("size", "w", "pod"))
    await discovery.relist()

    assert discovery.why_unknown("size", GroupResource("example.com", "widgets")) == (
        "it is known for pods only; kubernetes does not serve the resource of "
        "w: widgets.example.com"
    )


async def test_own_metrics(discovery, index, telemetry, clock):
    value = telemetry.registry.get_sample_value
    assert value("viaduct_discovery_rules", {"state": "pending"}) == 3
    index.broken = "second"
    await discovery.relist()

    assert value("viaduct_discovery_rules", {"state": "ok"}) == 2
    assert value("viaduct_discovery_rules", {"state": "failing"}) == 1
    assert value("viaduct_discovery_rules", {"state": "pending"}) == 0
    assert value("viaduct_discovery_metrics", {"api": "custom"}) == 1
    assert value("viaduct_discovery_metrics", {"api": "external"}) == 1
    assert value("viaduct_discovery_conflicts") == 0
    assert value("viaduct_discovery_round_duration_seconds_count") == 1
    success = "viaduct_discovery_last_success_timestamp_seconds"
    assert value(success, {"rule": "rules[0]"}) == clock.time()
    assert value(success, {"rule": "rules[1]"}) is None
