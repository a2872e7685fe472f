"""External metrics of HPAs: which one is meant, and what a result means."""

import math

import pytest
from unit.annotating import (
    EVENTS,
    EVENTS_SPEC,
    HTTP_EXAMPLE,
    HTTP_SPEC,
    LEGACY_EXAMPLE,
    LEGACY_SPEC,
    PROMETHEUS_EXAMPLE,
    QUERY,
    UNIQUE,
)

from adapter.errors import NotFound, SourceError
from adapter.model.autoscaling import MetricSpec, SourceType
from adapter.model.labels import EVERYTHING, parse_selector
from adapter.model.metrics import ExternalMetricValue
from adapter.rules.annotations_metrics import ORDER

JSON = parse_selector("type=json-path")
PROMETHEUS = parse_selector("type=prometheus")
NAME = EVENTS_SPEC.name
URL = "http://metric-source.app-namespace:8080/metrics"


async def ask(world, metric, selector, namespace="shop"):
    await world.sync()
    return (await world.external.series(metric, namespace, selector)).values


async def refused(world, metric=NAME, selector=PROMETHEUS, namespace="shop"):
    with pytest.raises(NotFound) as raised:
        await ask(world, metric, selector, namespace)
    prefix = f"the server could not find the metric {metric} for namespace {namespace}: "
    return str(raised.value).removeprefix(prefix)


async def test_the_documented_http_collector(world):
    world.add_hpa(HTTP_EXAMPLE, HTTP_SPEC)
    world.documents.known[URL] = 7.0

    values = await ask(world, "unique-metric-name", JSON)

    assert values == [ExternalMetricValue({"type": "json-path"}, 7.0, 100.0)]
    ((metric, selector, namespace),) = world.documents.asked
    assert (metric.url, selector, namespace) == (URL, EVERYTHING, "shop")


async def test_a_url_that_no_hpa_names_any_more_is_not_fetched(world):
    world.add_hpa(HTTP_EXAMPLE, HTTP_SPEC)
    world.documents.known |= {URL: 7.0, f"{URL}/new": 8.0}
    await ask(world, "unique-metric-name", JSON)
    await world.told()
    assert world.documents.forgotten == []

    world.add_hpa({**HTTP_EXAMPLE, f"{UNIQUE}/endpoint": f"{URL}/new"}, HTTP_SPEC)
    await ask(world, "unique-metric-name", JSON)
    assert [each.url for each in world.documents.forgotten] == [URL]

    world.cluster.autoscaling.delete_autoscaler("shop", "myapp-hpa")
    await world.told()
    assert [each.url for each in world.documents.forgotten] == [URL, f"{URL}/new"]
    assert [each for each, *_ in world.documents.asked] == world.documents.forgotten


async def test_the_documented_prometheus_collector(world):
    world.add_hpa(PROMETHEUS_EXAMPLE, EVENTS_SPEC)
    world.queries.gives(QUERY, 42.5, backend="team-a")

    values = await ask(world, NAME, PROMETHEUS)

    assert values == [ExternalMetricValue({"type": "prometheus"}, 42.5, 100.0)]
    assert world.queries.asked == [("team-a", QUERY, 60.0)]


async def test_the_older_way_to_name_queries(world):
    second = MetricSpec(SourceType.EXTERNAL, "prometheus-query", {"query-name": "other"})
    prefix = "metric-config.external.prometheus-query.prometheus"
    world.add_hpa({**LEGACY_EXAMPLE, f"{prefix}/other": "sum(up)"}, LEGACY_SPEC, second)
    world.queries.gives("sum(up)", 3.0, backend="team-a")

    selector = parse_selector("query-name=other")
    (value,) = await ask(world, "prometheus-query", selector)

    assert (value.value, value.labels) == (3.0, {"query-name": "other"})


async def test_two_hpas_of_one_name_and_other_labels(world):
    for number, name in enumerate(("one", "two")):
        spec = MetricSpec(SourceType.EXTERNAL, NAME, {"type": "prometheus", "app": name})
        world.add_hpa({f"{EVENTS}/query": f"sum({name})"}, spec, name=name)
        world.queries.gives(f"sum({name})", float(number))

    (value,) = await ask(world, NAME, parse_selector("app=two,type=prometheus"))
    assert value.value == 1.0
    # somebody who looks at what there is
    assert [each.value for each in await ask(world, NAME, EVERYTHING)] == [0.0, 1.0]
    assert await refused(world, selector=parse_selector("app=three")) == (
        "HPA one defines it with the labels app=one,type=prometheus, as a metric of type External"
    )


async def test_the_very_same_of_two_hpas_counts_once(world):
    for name in ("one", "two"):
        world.add_hpa({f"{EVENTS}/query": "sum(a)"}, EVENTS_SPEC, name=name)
    world.queries.gives("sum(a)", 5.0)

    assert [each.value for each in await ask(world, NAME, PROMETHEUS)] == [5.0]


async def test_each_namespace_has_its_own(world):
    world.add_hpa({f"{EVENTS}/query": "sum(a)"}, EVENTS_SPEC)

    assert await refused(world, namespace="elsewhere") == (
        "no HPA of namespace elsewhere defines it by annotations, or --hpa-annotations does not "
        "name the namespace"
    )


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ((), "its query has no result"),
        (
            (1.0, 2.0, 3.0),
            (
                "its query gives 3 series where there can be only one: aggregate them, such as by "
                "sum(...)"
            ),
        ),
        ((math.nan,), "the result of its query is NaN"),
        ((math.inf,), "the result of its query is +Inf"),
        ((-math.inf,), "the result of its query is -Inf"),
    ],
    ids=["none", "several", "NaN", "+Inf", "-Inf"],
)
async def test_results_that_are_no_value(world, values, why):
    world.add_hpa({f"{EVENTS}/query": "q"}, EVENTS_SPEC)
    world.queries.gives("q", *values)

    assert await refused(world) == why


async def test_a_query_that_prometheus_refuses(world):
    world.add_hpa({f"{EVENTS}/query": "sum(("}, EVENTS_SPEC)

    with pytest.raises(SourceError, match="prometheus refused the query"):
        await ask(world, NAME, PROMETHEUS)


async def test_a_mistyped_metric_says_what_to_mend(world):
    world.add_hpa({**HTTP_EXAMPLE, f"{UNIQUE}/interval": "60"}, HTTP_SPEC)

    assert await refused(world, "unique-metric-name", JSON) == (
        f"the annotations of HPA myapp-hpa are to be mended: {UNIQUE}/interval: '60' is no "
        "duration; add a unit: 60s"
    )


async def test_before_the_hpas_are_known(world):
    world.store.problem = "403 forbidden"

    with pytest.raises(SourceError, match=r"HPAs have not been read .* yet: 403 forbidden"):
        await world.external.series(NAME, "shop", PROMETHEUS)


async def test_listed_and_order(world):
    assert world.external.listed() == ()
    world.add_hpa({**PROMETHEUS_EXAMPLE, **HTTP_EXAMPLE}, EVENTS_SPEC, HTTP_SPEC)
    mistyped = MetricSpec(SourceType.EXTERNAL, "queue", {"type": "prometheus"})
    world.add_hpa({"metric-config.external.queue.prometheus/qery": "1"}, mistyped, name="b")
    await world.sync()

    listed = world.external.listed()
    assert listed == ("processed-events-per-second", "unique-metric-name")
    assert world.external.listed() is listed
    assert [world.external.order(each) for each in (NAME, "queue", "else")] == [
        ORDER,
        ORDER,
        None,
    ]
