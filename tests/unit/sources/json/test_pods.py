"""Which pods are read, and when."""

import asyncio

import pytest
from unit.sources.json.publishing import pod, pods_metric

from adapter.rules.policy import Cause, Refusal
from adapter.sources.json import pool as pool_module


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


async def test_what_nothing_defines_any_more_is_not_fetched(lab_of):
    metric, other, lab = pods_metric(), pods_metric(), lab_of(pod("a"))
    lab.publish(a=3)
    await lab.ask(metric, "a")
    await lab.ask(other, "a")

    lab.reader.forget(metric)
    assert len(lab.reader) == len(lab.pool) == 1  # the document has another metric

    lab.reader.forget(other)
    lab.reader.forget(other)
    assert len(lab.reader) == len(lab.pool) == 0
    fetches = len(lab.client.fetches)
    await lab.pass_time(60)
    assert len(lab.client.fetches) == fetches


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
