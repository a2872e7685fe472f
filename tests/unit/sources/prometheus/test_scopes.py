"""When Prometheus is asked, how often, and what happens when it fails."""

import asyncio
import time

import aiohttp
import msgspec
import pytest

from adapter.errors import SourceError, SourceTimeout
from adapter.model.resources import PodKey

WEB = PodKey("shop", "web")
DB = PodKey("data", "db")


@pytest.fixture
def pods(prometheus):
    for key in (WEB, DB):
        labels = {"namespace": key.namespace, "pod": key.name, "container": "app"}
        prometheus.add("cpu", 1, **labels)
        prometheus.add("memory", 1, **labels)


def outage(text="cannot connect to prometheus: connection refused", kind=SourceError):
    """An error as the client raises it when there is no answer at all."""
    error = kind(text)
    error.__cause__ = aiohttp.ClientError()
    return error


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_cpu_and_memory_are_asked_side_by_side_at_one_time(source, prometheus, clock):
    prometheus.gate.clear()
    request = asyncio.create_task(source.pods([WEB], "shop"))

    await settle()

    assert sorted(prometheus.queries) == [
        ('cpu{namespace="shop",pod!=""}', clock.time()),
        ('memory{namespace="shop",pod!=""}', clock.time()),
    ]
    prometheus.gate.set()
    await request


async def test_requests_at_once_cost_one_refresh(source, prometheus, pods):
    answers = await asyncio.gather(*(source.pods([WEB], "shop") for _ in range(50)))

    assert len(prometheus.queries) == 2
    assert all(answer[0] is answers[0][0] for answer in answers)


async def test_an_answer_is_kept_for_a_while(source, prometheus, pods, clock):
    await source.pods([WEB], "shop")
    clock.advance(4.9)
    await source.pods([WEB], "shop")
    assert len(prometheus.queries) == 2

    clock.advance(0.2)
    await source.pods([WEB], "shop")

    assert len(prometheus.queries) == 4


async def test_a_fresh_answer_for_the_cluster_serves_each_namespace(source, prometheus, pods):
    await source.pods([WEB, DB], None)

    assert (await source.pods([DB], "data"))[0].name == "db"
    assert len(prometheus.queries) == 2


async def test_nothing_asked_costs_nothing(source, prometheus):
    assert await source.pods([], None) == []
    assert await source.nodes([]) == []
    assert prometheus.queries == []


async def test_a_cancelled_request_does_not_cancel_the_others(source, prometheus, pods):
    prometheus.gate.clear()
    first = asyncio.create_task(source.pods([WEB], "shop"))
    second = asyncio.create_task(source.pods([WEB], "shop"))
    await settle()

    first.cancel()
    await settle()
    prometheus.gate.set()

    assert (await second)[0].name == "web"
    assert first.cancelled()
    assert len(prometheus.queries) == 2


async def test_a_refresh_nobody_waits_for_any_more_still_counts(source, prometheus, pods):
    prometheus.gate.clear()
    only = asyncio.create_task(source.pods([WEB], "shop"))
    await settle()
    only.cancel()
    prometheus.gate.set()
    await settle()

    assert (await source.pods([WEB], "shop"))[0].name == "web"
    assert len(prometheus.queries) == 2


async def test_answers_that_do_not_name_namespaces_are_asked_for_each(
    make_source, prometheus, pods
):
    """Rule files may group by fixed labels: then there is one query a namespace, as before."""
    source = make_source()
    without = {}
    for metric, rows in prometheus.series.items():
        without[metric] = [
            ({k: v for k, v in labels.items() if k != "namespace"}, value) for labels, value in rows
        ]
    named = prometheus.series
    query_vector = prometheus.query_vector

    async def grouped_by_fixed_labels(promql, *, at):
        prometheus.series = named if 'namespace="' in promql else without
        vector = await query_vector(promql, at=at)
        for sample in vector.samples:
            labels = {k: v for k, v in sample.labels.items() if k != "namespace"}
            sample.metric = msgspec.Raw(msgspec.json.encode(labels))
        return vector

    prometheus.query_vector = grouped_by_fixed_labels

    first = await source.pods([WEB, DB], None)
    again = await source.pods([WEB, DB], None)

    assert [(pod.namespace, pod.name) for pod in first] == [("shop", "web"), ("data", "db")]
    assert again == first
    assert len(prometheus.queries) == 2 + 2 * 2


async def test_rows_of_other_namespaces_are_not_mixed_in(source, prometheus, pods):
    query_vector = prometheus.query_vector
    # Without its "=" the matcher means nothing to the fake: a query that ignores .LabelMatchers.
    prometheus.query_vector = lambda promql, *, at: query_vector(promql.replace("=", ""), at=at)

    assert await source.pods([PodKey("shop", "db")], "shop") == [None]


@pytest.mark.parametrize("metric", ["cpu", "memory"])
async def test_one_failing_query_fails_the_scope(source, prometheus, pods, metric):
    """Never an empty or half a list: a fallback must be able to take over."""
    query_vector = prometheus.query_vector

    async def fail_one(promql, *, at):
        if promql.startswith(metric):
            raise SourceError("prometheus refused the query: execution: too many samples")
        return await query_vector(promql, at=at)

    prometheus.query_vector = fail_one

    with pytest.raises(SourceError, match="too many samples"):
        await source.pods([WEB], "shop")

    assert source.why_no_pod(WEB, None).endswith("too many samples")


async def test_failures_are_quick_until_the_pause_ends(source, prometheus, pods, clock):
    prometheus.error = SourceTimeout("prometheus did not answer within 10 s")
    waits = []
    for _ in range(6):
        with pytest.raises(SourceTimeout, match="within 10 s"):
            await source.pods([WEB], "shop")
        asked = len(prometheus.queries)
        waited = 0.0
        while len(prometheus.queries) == asked:
            clock.advance(0.5)
            waited += 0.5
            with pytest.raises(SourceTimeout, match="within 10 s"):
                await source.pods([WEB], "shop")
        waits.append(waited)

    assert waits == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]

    prometheus.error = None
    clock.advance(10)
    assert (await source.pods([WEB], "shop"))[0].name == "web"
    assert source.why_no_pod(PodKey("shop", "gone"), None) == "prometheus has no sample of it"


async def test_where_others_can_answer_nobody_waits_long_for_one_that_hangs(
    make_source, prometheus, pods
):
    source = make_source(patience=1.0)
    prometheus.gate.clear()

    for _ in range(3):
        started = time.monotonic()
        with pytest.raises(SourceTimeout, match=r"^prometheus has not answered for 1 s$"):
            await source.pods([WEB], "shop")
    assert time.monotonic() - started < 0.5, "a query that is late already is not waited for"
    assert len(prometheus.queries) == 2

    prometheus.gate.set()
    await settle()
    assert (await source.pods([WEB], "shop"))[0].name == "web"
    assert len(prometheus.queries) == 2


async def test_one_that_is_merely_slow_serves_on_with_its_last_answer(
    make_source, prometheus, pods, clock
):
    """Else each answer that takes longer would be a failover, and the next one its end."""
    source = make_source(patience=0.05)
    (before,) = await source.pods([WEB], "shop")
    prometheus.gate.clear()

    clock.advance(6.0)
    assert await source.pods([WEB], "shop") == [before]
    clock.advance(28.0)
    assert await source.pods([WEB], "shop") == [before], "an HPA asks once in 15 s"
    clock.advance(1.5)
    with pytest.raises(SourceTimeout):
        await source.pods([WEB], "shop")


async def test_after_a_failure_nobody_waits_long_for_the_next_try(source, prometheus, pods, clock):
    prometheus.error = outage()
    with pytest.raises(SourceError, match="connection refused"):
        await source.pods([WEB], "shop")
    prometheus.error = None
    prometheus.gate.clear()
    clock.advance(1.0)

    started = time.monotonic()
    with pytest.raises(SourceError, match="connection refused"):
        await source.nodes(["a"])
    assert 0.9 < time.monotonic() - started < 5.0

    prometheus.gate.set()
    await settle()
    assert await source.nodes(["a"]) == [None]


async def test_an_outage_is_found_once_for_all_scopes(source, prometheus, pods):
    prometheus.error = outage()
    with pytest.raises(SourceError):
        await source.pods([WEB], "shop")
    asked = len(prometheus.queries)

    with pytest.raises(SourceError, match="connection refused"):
        await source.pods([DB], "data")
    with pytest.raises(SourceError, match="connection refused"):
        await source.nodes(["a"])

    assert len(prometheus.queries) == asked
    assert source.why_no_node("a") == "cannot connect to prometheus: connection refused"


async def test_a_refused_query_concerns_its_scope_only(source, prometheus, pods):
    prometheus.error = SourceError("prometheus refused the query")
    with pytest.raises(SourceError):
        await source.pods([WEB], "shop")

    prometheus.error = None

    assert (await source.pods([DB], "data"))[0].name == "db"


async def test_close_ends_a_refresh_under_way(make_source, prometheus):
    source = make_source()
    prometheus.gate.clear()
    request = asyncio.create_task(source.nodes(["a"]))
    await settle()

    await source.close()

    with pytest.raises(asyncio.CancelledError):
        await request


async def test_namespaces_nobody_asks_for_are_forgotten(source, prometheus, pods, clock):
    await source.pods([WEB], "shop")
    clock.advance(601)
    await source.pods([DB], "data")

    assert list(source._scopes) == ["data"]


async def test_other_work_goes_on_while_a_large_answer_is_put_together(source, prometheus):
    for index in range(30_000):
        labels = {"namespace": "shop", "pod": f"p{index}", "container": "app"}
        prometheus.add("cpu", 1, **labels)
        prometheus.add("memory", 1, **labels)
    turns = 0
    request = asyncio.create_task(source.pods([WEB], "shop"))

    while not request.done():
        turns += 1
        await asyncio.sleep(0)

    assert turns > 60
