"""Values of pods: who is read, when, and what is made of what they say."""

import asyncio

import pytest
from unit.sources.json.publishing import Publishing, endpoints, pod, pods_metric, policy

from adapter.errors import SourceError
from adapter.jsonpath.extraction import Reading
from adapter.kube.pod_endpoints import PodEndpoints
from adapter.rules.policy import Cause, Refusal
from adapter.rules.schema import OnEmpty, OnNaN
from adapter.sources.json import pool as pool_module
from adapter.sources.json.pods import PodReader
from adapter.sources.json.pool import TargetPool
from adapter.sources.json.turns import Turns


class Lab:
    def __init__(self, clock, telemetry, pods, *, always=(), concurrency=64):
        self.clock = clock
        self.client = Publishing(clock)
        self.pods = pods
        self.pool: TargetPool[Reading] = TargetPool(
            self.client, clock=clock, telemetry=telemetry, turns=Turns(concurrency)
        )
        self.reader = PodReader(
            self.pool,
            lambda _: self.pods,
            clock=clock,
            telemetry=telemetry,
            idle_after=300.0,
            always=always,
        )

    def publish(self, **depths):
        for name, depth in depths.items():
            ip = self.pods.get("shop", name).ip
            self.client.documents[f"http://{ip}:8080/stats"] = {"depth": depth}

    async def ask(self, metric, *names, namespace="shop"):
        return await self.reader.values(metric, namespace, names)

    async def value(self, metric, name="a"):
        return (await self.ask(metric, name))[name]

    async def pass_time(self, seconds):
        """Let the two loops of the service run."""
        for _ in range(int(seconds)):
            self.clock.advance(1.0)
            await self.reader.sync()
            await self.pool.tick()
            for _ in range(5):
                await asyncio.sleep(0)


@pytest.fixture
async def lab_of(clock, telemetry, monkeypatch):
    monkeypatch.setattr(pool_module, "ENOUGH_SECONDS", 0.01)
    labs = []

    def build(*pods, **options):
        labs.append(Lab(clock, telemetry, endpoints(*pods), **options))
        return labs[-1]

    yield build
    for lab in labs:
        await lab.pool.close()


async def test_the_first_question_is_answered_by_one_fetch_of_each_pod(lab_of, clock):
    lab = lab_of(pod("a", 1), pod("b", 2))
    lab.publish(a=3, b=4)

    values = await lab.ask(pods_metric(), "a", "b")

    assert {name: (each.value, each.timestamp) for name, each in values.items()} == {
        "a": (3.0, clock.time()),
        "b": (4.0, clock.time()),
    }
    assert len(lab.client.fetches) == 2


async def test_further_questions_cost_nothing_until_the_period_is_over(lab_of):
    metric, lab = pods_metric(), lab_of(pod("a"))
    lab.publish(a=3)
    for _ in range(10):
        await lab.ask(metric, "a")
    assert len(lab.client.fetches) == 1


async def test_documents_are_fetched_once_a_period_while_somebody_asks(lab_of, clock):
    metric, lab = pods_metric(), lab_of(pod("a"))
    lab.publish(a=3)
    await lab.ask(metric, "a")
    await lab.pass_time(150)
    assert 9 <= len(lab.client.fetches) <= 12

    lab.publish(a=7)
    await lab.pass_time(16)
    assert (await lab.value(metric)).value == 7.0


async def test_what_nobody_asks_for_is_not_fetched(lab_of):
    metric, lab = pods_metric(), lab_of(pod("a"))
    lab.publish(a=3)
    await lab.pass_time(30)
    assert lab.client.fetches == []

    await lab.ask(metric, "a")
    await lab.pass_time(310)
    fetches = len(lab.client.fetches)
    await lab.pass_time(60)

    assert len(lab.client.fetches) == fetches
    assert len(lab.pool) == 0


async def test_what_is_marked_always_is_fetched_though_nobody_asks(lab_of):
    metric = pods_metric(always=True)
    lab = lab_of(pod("a"), always=[metric])
    lab.publish(a=3)
    await lab.pass_time(20)
    assert lab.client.fetches

    fetches = len(lab.client.fetches)
    assert (await lab.value(metric)).value == 3.0
    assert len(lab.client.fetches) == fetches


async def test_a_pod_that_comes_is_read_before_anybody_asks_for_it(lab_of):
    metric, lab = pods_metric(), lab_of(pod("a", 1))
    lab.publish(a=3)
    await lab.ask(metric, "a")

    lab.pods.upsert(pod("b", 2))
    lab.publish(b=4)
    await lab.pass_time(2)
    fetches = len(lab.client.fetches)

    assert (await lab.value(metric, "b")).value == 4.0
    assert len(lab.client.fetches) == fetches


async def test_a_pod_with_the_address_of_one_that_went_does_not_get_its_value(lab_of):
    metric, lab = pods_metric(), lab_of(pod("a", 1))
    lab.publish(a=3)
    await lab.ask(metric, "a")
    lab.pods.remove(pod("a", 1))
    lab.pods.upsert(pod("b", 1))
    lab.client.documents.clear()

    await lab.pass_time(2)

    assert isinstance(await lab.value(metric, "b"), Refusal)


async def test_a_pod_with_a_new_address_is_read_there(lab_of):
    metric, lab = pods_metric(), lab_of(pod("a", 1))
    lab.publish(a=3)
    await lab.ask(metric, "a")
    lab.pods.upsert(pod("a", 9))
    lab.publish(a=5)
    await lab.pass_time(2)
    assert (await lab.value(metric)).value == 5.0


UNREAD = {
    "other labels": (pod("a", labels={"app": "db"}), "its labels are not app=web"),
    "not ready": (pod("a", ready=False), "it is not ready"),
    "being deleted": (pod("a", terminating=True), "it is being deleted"),
    "no address": (pod("a", ip=""), "it has no address yet"),
    "young": (pod("a", ready_since=1_789_999_990.0), "ready for less than 30s"),
}


@pytest.mark.parametrize(("given", "why"), UNREAD.values(), ids=UNREAD)
async def test_pods_that_are_not_read_say_why(given, why, lab_of):
    lab = lab_of(given)
    metric = pods_metric(selector="app=web", min_ready_age=30.0)
    refusal = await lab.value(metric)
    assert refusal.cause is Cause.EMPTY
    assert why in refusal.text
    assert lab.client.fetches == []


async def test_a_pod_becomes_old_enough(lab_of, clock):
    lab = lab_of(pod("a", ready_since=clock.time()))
    lab.publish(a=3)
    metric = pods_metric(min_ready_age=30.0)
    assert isinstance(await lab.value(metric), Refusal)
    await lab.pass_time(31)
    assert (await lab.value(metric)).value == 3.0


async def test_pods_that_are_not_ready_are_read_where_the_rule_says_so(lab_of):
    lab = lab_of(pod("a", ready=False))
    lab.publish(a=3)
    assert (await lab.value(pods_metric(include_not_ready=True))).value == 3.0


async def test_ports_go_by_name(lab_of):
    lab = lab_of(pod("a", 1, ports={"stats": 8080}), pod("b", 2))
    lab.publish(a=3)
    values = await lab.ask(pods_metric(port="stats"), "a", "b")
    assert values["a"].value == 3.0
    assert "no port named 'stats'" in values["b"].text


async def test_addresses_of_ipv6_stand_in_brackets(lab_of):
    lab = lab_of(pod("a", ip="fd00::1"))
    lab.client.documents["http://[fd00::1]:8080/stats"] = {"depth": 3}
    assert (await lab.value(pods_metric())).value == 3.0


async def test_a_failure_costs_one_pod_and_says_which_rule_and_why(lab_of):
    lab = lab_of(pod("a", 1), pod("b", 2))
    lab.publish(a=3)
    values = await lab.ask(pods_metric(), "a", "b")
    assert values["a"].value == 3.0
    assert values["b"] == Refusal(
        Cause.FAILED, "rules[0]: http://10.0.0.2:8080/stats refused the connection"
    )


async def test_a_pod_that_hangs_delays_no_other(lab_of):
    lab = lab_of(pod("a", 1), pod("b", 2))
    lab.publish(a=3, b=4)
    lab.client.hang("http://10.0.0.2:8080/stats")
    metric = pods_metric()

    async with asyncio.timeout(5):
        values = await lab.ask(metric, "a", "b")

    assert values["a"].value == 3.0
    assert "was not read yet" in values["b"].text
    await lab.pass_time(40)
    assert lab.client.fetches.count("http://10.0.0.1:8080/stats") >= 3
    assert lab.client.fetches.count("http://10.0.0.2:8080/stats") == 1


async def test_all_that_hang_are_not_waited_for_longer_than_a_fetch_may_take(lab_of):
    lab = lab_of(pod("a"))
    lab.client.hang("http://10.0.0.1:8080/stats")
    async with asyncio.timeout(5):
        assert isinstance(await lab.value(pods_metric()), Refusal)


async def test_only_so_many_fetches_at_once_and_for_one_rule_a_quarter_of_them(lab_of, monkeypatch):
    monkeypatch.setattr(pool_module, "ENOUGH_SECONDS", 10.0)
    lab = lab_of(*(pod(f"p{number}", number) for number in range(20)), concurrency=16)
    lab.publish(**{f"p{number}": number for number in range(20)})
    values = await lab.ask(pods_metric(), *(f"p{number}" for number in range(20)))
    assert all(values[f"p{number}"].value == number for number in range(20))
    assert lab.client.most_under_way == 4


async def test_a_rule_whose_pods_all_hang_delays_no_other_rule(lab_of):
    names = [f"p{number}" for number in range(20)]
    slow = [pod(name, number, labels={"app": "slow"}) for number, name in enumerate(names)]
    lab = lab_of(pod("a", 200), *slow, concurrency=16)
    lab.publish(a=3)
    for number in range(20):
        lab.client.hang(f"http://10.0.0.{number}:8080/stats")
    await lab.ask(pods_metric(selector="app=slow"), *names)
    other = pods_metric(rule="rules[1]", metric="other", selector="app=web")
    async with asyncio.timeout(5):
        assert (await lab.value(other)).value == 3.0


async def test_fetches_are_spread_over_the_period(lab_of, clock):
    names = [f"p{number}" for number in range(100)]
    lab = lab_of(*(pod(name, number) for number, name in enumerate(names)))
    lab.publish(**dict.fromkeys(names, 1))
    await lab.ask(pods_metric(), *names)
    await lab.pass_time(15)
    counts = []
    for _ in range(15):
        before = len(lab.client.fetches)
        await lab.pass_time(1)
        counts.append(len(lab.client.fetches) - before)
    assert sum(counts) == pytest.approx(100, abs=15)
    assert max(counts) < 30


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
    lab = Lab(clock, telemetry, PodEndpoints())
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
