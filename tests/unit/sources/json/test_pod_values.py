"""What is made of the documents of pods."""

import pytest
from unit.sources.json.pod_lab import PodLab
from unit.sources.json.publishing import pod, pods_metric, policy

from adapter.errors import SourceError
from adapter.kube.pod_endpoints import PodEndpoints
from adapter.rules.policy import Cause, Refusal
from adapter.rules.schema import OnEmpty, OnNaN


async def test_a_value_outlives_a_failed_fetch_with_its_own_time_until_it_is_too_old(lab_of, clock):
    metric, lab = pods_metric(), lab_of(pod("a"))
    lab.publish(a=3)
    await lab.ask(metric, "a")
    fetched = clock.time()
    await lab.pass_time(31)
    lab.client.documents.clear()
    await lab.pass_time(16)

    value = await lab.value(metric)
    assert value.value == 3.0
    assert fetched < value.timestamp < clock.time()

    await lab.pass_time(60)
    refusal = await lab.value(metric)
    assert refusal.cause is Cause.TOO_OLD
    assert "maxAge is 1m" in refusal.text
    assert "refused the connection" in refusal.text


async def test_a_document_that_did_not_change_is_as_fresh_as_its_confirmation(lab_of, clock):
    metric, lab = pods_metric(), lab_of(pod("a"))
    lab.publish(a=3)
    await lab.ask(metric, "a")
    await lab.pass_time(45)
    value = await lab.value(metric)
    assert lab.client.conditional >= 2
    assert value.value == 3.0
    assert clock.time() - value.timestamp <= 16


async def test_two_metrics_of_one_document_are_one_fetch(lab_of):
    lab = lab_of(pod("a"))
    lab.client.documents["http://10.0.0.1:8080/stats"] = {"depth": 3, "busy": 0.5}
    depth, busy = pods_metric(), pods_metric("$.busy", metric="busy")
    assert (await lab.value(depth)).value == 3.0
    assert (await lab.value(busy)).value == 0.5
    await lab.pass_time(46)
    assert len(lab.client.fetches) <= 6
    assert (await lab.value(busy)).value == 0.5


async def test_the_time_may_come_from_the_document_but_never_from_the_future(lab_of, clock):
    lab = lab_of(pod("a", 1), pod("b", 2))
    now = clock.time()
    for number, at in ((1, now - 20), (2, now + 900)):
        lab.client.documents[f"http://10.0.0.{number}:8080/stats"] = {"depth": 1, "at": at}
    values = await lab.ask(pods_metric(timestamp="$.at"), "a", "b")
    assert values["a"].timestamp == now - 20
    assert values["b"].timestamp == now


async def test_a_document_that_says_it_is_old_is_refused(lab_of, clock):
    lab = lab_of(pod("a"))
    at = clock.time() - 90
    lab.client.documents["http://10.0.0.1:8080/stats"] = {"depth": 1, "at": at}
    assert (await lab.value(pods_metric(timestamp="$.at"))).cause is Cause.TOO_OLD


ODD = {
    "nothing there": ({"other": 1}, {}, Cause.FAILED, "there is no 'depth' in $"),
    "null": ({"depth": None}, {}, Cause.FAILED, "$.depth is null"),
    "text": ({"depth": "many"}, {}, Cause.FAILED, "$.depth"),
    "no JSON": (b"<html>", {}, Cause.FAILED, "no usable JSON"),
    "NaN": (b'{"depth": NaN}', {}, Cause.NOT_A_NUMBER, "its value is NaN"),
    "NaN, zero wanted": (b'{"depth": NaN}', {"on_nan": OnNaN.ZERO}, None, 0.0),
    "nothing there, zero wanted": ({"other": 1}, {"on_empty": OnEmpty.ZERO}, None, 0.0),
    "text, zero wanted": ({"depth": "x"}, {"on_empty": OnEmpty.ZERO}, Cause.FAILED, "$.depth"),
    "no JSON, zero wanted": (b"<html>", {"on_empty": OnEmpty.ZERO}, Cause.FAILED, "JSON"),
}


@pytest.mark.parametrize(("document", "rule", "cause", "expected"), ODD.values(), ids=ODD)
async def test_what_is_no_value_never_becomes_one(document, rule, cause, expected, lab_of):
    lab = lab_of(pod("a"))
    lab.client.documents["http://10.0.0.1:8080/stats"] = document
    judged = await lab.value(pods_metric(policy=policy(**rule)))
    if cause is None:
        assert judged.value == expected
    else:
        assert judged.cause is cause
        assert expected in judged.text


async def test_the_last_good_value_serves_for_a_bounded_time(lab_of):
    metric = pods_metric(policy=policy(on_empty=OnEmpty.LAST_GOOD, max_age=40.0))
    lab = lab_of(pod("a"))
    lab.publish(a=3)
    good = await lab.value(metric)
    lab.client.documents["http://10.0.0.1:8080/stats"] = {"depth": None}
    await lab.pass_time(16)
    assert await lab.value(metric) == good
    await lab.pass_time(30)
    assert isinstance(await lab.value(metric), Refusal)


async def test_a_large_document_is_read_all_the_same(lab_of):
    lab = lab_of(pod("a"))
    large = {"rest": ["x" * 100] * 2000, "depth": 3}
    lab.client.documents["http://10.0.0.1:8080/stats"] = large
    metric = pods_metric(access=pods_metric().access.__class__(timeout=5.0))
    assert (await lab.value(metric)).value == 3.0


async def test_before_the_pods_are_known_nothing_is_said_about_them(clock, telemetry):
    lab = PodLab(clock, telemetry, PodEndpoints())
    lab.pods.problem = "GET /api/v1/pods: forbidden"
    with pytest.raises(SourceError, match=r"not been read.*: GET /api/v1/pods: forbidden"):
        await lab.value(pods_metric())


async def test_changes_are_logged_once(lab_of, caplog):
    metric, lab = pods_metric(), lab_of(pod("a"))
    await lab.ask(metric, "a")
    with caplog.at_level("INFO"):
        await lab.pass_time(60)
        lab.publish(a=3)
        await lab.pass_time(30)
    first, second = [record.getMessage() for record in caplog.records]
    assert first.startswith("rules[0]: depth of pods in shop cannot be read, such as a: http://")
    assert second == "rules[0]: depth of pods in shop is read"
