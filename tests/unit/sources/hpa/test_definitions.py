"""HPAs that are known, and the Events on those that are mistyped."""

import logging

import pytest
from unit.annotating import (
    EVENTS,
    EVENTS_SPEC,
    HTTP_EXAMPLE,
    HTTP_SPEC,
    POD_EXAMPLE,
    PODS_SPEC,
    PROMETHEUS_EXAMPLE,
    RPS,
    TARGET,
    TYPOS,
    UNIQUE,
)

from adapter.kube.hpas import HorizontalPodAutoscalers
from adapter.model.autoscaling import SourceType
from adapter.model.labels import parse_selector
from adapter.sources.hpa.definitions import AT_ONCE, Definitions


def problems(world):
    return world.telemetry.registry.get_sample_value("viaduct_hpa_annotation_problems")


@pytest.mark.parametrize(("annotations", "metrics", "hint"), TYPOS.values(), ids=TYPOS)
async def test_a_typo_is_an_event_on_the_hpa(world, annotations, metrics, hint):
    world.add_hpa(annotations, *metrics)

    await world.told()

    (event,) = world.cluster.autoscaling.events("shop")
    assert hint in event["message"]
    assert (event["type"], event["reason"]) == ("Warning", "FailedParseMetricAnnotation")
    assert event["involvedObject"] == {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "namespace": "shop",
        "name": "myapp-hpa",
        "uid": "hpa-shop-myapp-hpa",
    }
    assert problems(world) == 1


async def test_half_a_query_is_an_event_on_the_hpa(world):
    world.add_hpa({**PROMETHEUS_EXAMPLE, f"{EVENTS}/query": "sum(rate("}, EVENTS_SPEC)

    (text,) = await world.told()
    assert text.startswith(f"{EVENTS}/query: is no PromQL: unclosed left parenthesis; it is asked")
    assert problems(world) == 1


async def test_an_hpa_without_mistakes_has_no_event(world):
    world.add_hpa(PROMETHEUS_EXAMPLE, EVENTS_SPEC)
    world.add_hpa({}, EVENTS_SPEC, name="not-ours")

    assert await world.told() == set()
    assert problems(world) == 0


async def test_a_mistake_is_logged_once_and_counted_while_it_lasts(world, caplog):
    caplog.set_level(logging.WARNING, "adapter.sources.hpa")
    world.add_hpa({**POD_EXAMPLE, f"{RPS}/port": "no"}, PODS_SPEC)
    for _ in range(3):
        await world.told()
    assert len(world.cluster.autoscaling.events()) == 1
    (line,) = caplog.messages
    assert line.startswith(f"HorizontalPodAutoscaler shop/myapp-hpa: {RPS}/port: 'no' is no port")

    world.add_hpa(POD_EXAMPLE, PODS_SPEC)
    await world.told()
    assert problems(world) == 0


def sources(world, spec):
    found = world.definitions.index.find(
        spec.type, "shop", spec.name, parse_selector(_text(spec.match_labels))
    )
    return [each.source for each in found]


def _text(labels):
    return ",".join(f"{key}={value}" for key, value in labels.items())


async def test_what_did_not_change_stays_the_same_object(world):
    """The values fetched for a metric hang on it."""
    world.add_hpa({**POD_EXAMPLE, **HTTP_EXAMPLE}, PODS_SPEC, HTTP_SPEC)
    await world.sync()
    pods, urls = sources(world, PODS_SPEC), sources(world, HTTP_SPEC)

    changed = {**POD_EXAMPLE, **HTTP_EXAMPLE, f"{UNIQUE}/interval": "30s"}
    world.add_hpa(changed, PODS_SPEC, HTTP_SPEC, replicas=9)
    await world.sync()

    assert sources(world, PODS_SPEC) == pods
    assert sources(world, HTTP_SPEC) != urls


async def test_a_server_that_is_configured_later(world):
    annotations = {f"{EVENTS}/query": "1", f"{EVENTS}/prometheus-server-alias": "team-b"}
    world.add_hpa(annotations, EVENTS_SPEC)
    await world.told()
    assert sources(world, EVENTS_SPEC) == []

    world.servers = {**world.servers, "team-b": "http://b"}
    await world.told()
    assert [each.backend for each in sources(world, EVENTS_SPEC)] == ["team-b"]
    assert problems(world) == 0


async def test_two_hpas_that_differ_where_nobody_could_tell_them_apart(world):
    world.add_hpa({f"{EVENTS}/query": "sum(a)"}, EVENTS_SPEC, name="one")
    world.add_hpa({f"{EVENTS}/query": "sum(b)"}, EVENTS_SPEC, name="two")
    world.add_hpa({f"{EVENTS}/query": "sum(c)"}, EVENTS_SPEC, namespace="elsewhere")

    hint = (
        "defines it differently, for the same selector; call one of them by another name, or give "
        "it a further label in matchLabels"
    )
    metric = "metric processed-events-per-second"
    assert await world.told() == {f"{metric}: HPA one {hint}", f"{metric}: HPA two {hint}"}
    assert sources(world, EVENTS_SPEC) == []


async def test_two_hpas_that_differ_in_pace_alone(world):
    world.add_hpa({f"{EVENTS}/query": "sum(a)"}, EVENTS_SPEC, name="one")
    annotations = {f"{EVENTS}/query": "sum(a)", f"{EVENTS}/interval": "30s"}
    world.add_hpa(annotations, EVENTS_SPEC, name="two")

    assert await world.told() == set()
    assert len(sources(world, EVENTS_SPEC)) == 2


async def test_two_hpas_with_pods_of_their_own(world):
    world.add_hpa(POD_EXAMPLE, PODS_SPEC, name="one")
    annotations = {**POD_EXAMPLE, f"{RPS}/port": "9091"}
    other = TARGET._replace(name="other")
    world.add_hpa(annotations, PODS_SPEC, name="two", target=other)

    assert await world.told() == set()
    found = world.definitions.index.find(
        SourceType.PODS, "shop", PODS_SPEC.name, parse_selector("")
    )
    assert sorted(each.source.port for each in found) == [9090, 9091]


async def test_an_hpa_that_has_gone(world):
    world.add_hpa({**POD_EXAMPLE, f"{RPS}/port": "no"}, PODS_SPEC)
    await world.told()

    world.cluster.autoscaling.delete_autoscaler("shop", "myapp-hpa")
    await world.told()

    assert problems(world) == 0


async def test_many_hpas_are_read_in_pieces(world):
    for number in range(AT_ONCE + 5):
        world.add_hpa({f"{EVENTS}/query": "1"}, EVENTS_SPEC, namespace=f"team-{number}")
    await world.sync()
    assert world.external.listed() == ()
    assert world.definitions.problem == "the annotations of HPAs are being read"

    await world.definitions.refresh()
    assert world.external.listed() == (EVENTS_SPEC.name,)
    assert world.definitions.problem is None


async def test_a_namespace_that_may_not_be_read_keeps_nobody_waiting(world):
    read, refused = HorizontalPodAutoscalers(), HorizontalPodAutoscalers()
    definitions = Definitions(
        [read, refused], servers=dict, recorder=world.recorder, telemetry=world.telemetry
    )
    assert "have not been read" in definitions.unread

    refused.problem = "forbidden"
    assert "have not been read" in definitions.unread

    read.replace()
    assert definitions.unread is None
    assert "forbidden" in definitions.problem
