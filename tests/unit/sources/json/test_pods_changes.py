"""What changes while documents are fetched: metrics, pods, and who asks."""

import asyncio
import time

import pytest
from unit.sources.json.publishing import Publishing, pod, pods_metric, url_metric

from adapter.errors import SourceError
from adapter.rules.policy import Refusal
from adapter.sources.json.client import Fetched
from adapter.sources.json.targets import MOST_CONFIRMED, Target
from adapter.sources.json.turns import Turns

DOCUMENT = "http://10.0.0.1:8080/stats"


async def test_a_metric_that_comes_while_its_document_is_fetched_is_read_from_it(lab_of):
    lab = lab_of(pod("a"))
    lab.client.documents[DOCUMENT] = {"depth": 3, "busy": 0.5}
    lab.client.hang(DOCUMENT)
    depth, busy = pods_metric(), pods_metric("$.busy", metric="busy")
    first = asyncio.create_task(lab.value(depth))
    await asyncio.sleep(0.001)
    second = asyncio.create_task(lab.value(busy))
    await asyncio.sleep(0.001)
    lab.client.release(DOCUMENT)

    assert ((await first).value, (await second).value) == (3.0, 0.5)
    assert len(lab.client.fetches) == 1


async def test_a_metric_that_comes_while_its_document_is_confirmed_is_read_all_the_same(lab_of):
    lab = lab_of(pod("a"))
    lab.client.documents[DOCUMENT] = {"depth": 3, "busy": 0.5}
    depth, busy = pods_metric(), pods_metric("$.busy", metric="busy")
    await lab.ask(depth, "a")
    lab.client.hang(DOCUMENT)
    await lab.pass_time(31)
    asked = asyncio.create_task(lab.value(busy))
    await asyncio.sleep(0.001)
    lab.client.release(DOCUMENT)

    assert (await asked).value == 0.5
    assert lab.client.fetches.count(DOCUMENT) <= 4


async def test_fetches_stay_spread_when_a_second_metric_comes(lab_of):
    names = [f"p{number}" for number in range(100)]
    lab = lab_of(*(pod(name, number) for number, name in enumerate(names)))
    lab.publish(**dict.fromkeys(names, 1))
    await lab.ask(pods_metric(), *names)
    await lab.pass_time(15)
    await lab.ask(pods_metric(rule="rules[1]", metric="other"), *names)
    await lab.pass_time(16)
    counts = []
    for _ in range(15):
        before = len(lab.client.fetches)
        await lab.pass_time(1)
        counts.append(len(lab.client.fetches) - before)
    assert max(counts) < 30


async def test_a_failure_does_not_hold_what_was_read(clock):
    client = Publishing(clock)
    client.documents["http://queues/stats"] = b"<html>" * 1000
    metric = url_metric()
    target = Target("", metric.url, metric.access, client, Turns(4))
    target.add(metric)
    with pytest.raises(SourceError):
        await target.fetch()
    assert target.error.__traceback__ is None
    assert target.error.__cause__ is None


async def test_a_pod_made_anew_under_its_name_and_address_does_not_get_the_old_value(lab_of):
    metric = pods_metric()
    lab = lab_of(pod("web-0", uid="1"))
    lab.publish(**{"web-0": 3})
    await lab.ask(metric, "web-0")
    lab.pods.replace([pod("web-0", uid="2")])  # deleted and made while the watch was broken
    lab.client.documents.clear()

    await lab.pass_time(2)

    assert isinstance(await lab.value(metric, "web-0"), Refusal)


async def test_questions_about_namespaces_without_pods_leave_nothing_behind(lab_of):
    lab = lab_of(pod("a"))
    lab.publish(a=3)
    metric = pods_metric()
    for number in range(100):
        await lab.ask(metric, "x", namespace=f"none-{number}")
    assert len(lab.reader) == 0
    await lab.ask(metric, "a")
    assert len(lab.reader) == 1


class Stubborn(Publishing):
    """Says of every document that it is as it was, and calls all of them the same."""

    async def fetch(self, url, access, last):
        fetched = await super().fetch(url, access, None)
        self.conditional += last is not None
        body = fetched.body if last is None else None
        return Fetched(body, '"1"', "", fetched.at)


async def test_a_server_that_never_tells_of_changes_is_found_out(lab_of):
    metric, lab = pods_metric(), lab_of(pod("a"), client=Stubborn)
    lab.publish(a=3)
    await lab.ask(metric, "a")
    lab.publish(a=7)
    await lab.pass_time(15 * (MOST_CONFIRMED + 3))
    assert (await lab.value(metric)).value == 7.0

    lab.publish(a=8)
    await lab.pass_time(16)
    assert (await lab.value(metric)).value == 8.0


async def test_a_document_that_does_not_change_is_read_whole_now_and_then(lab_of):
    metric, lab = pods_metric(), lab_of(pod("a"))
    lab.publish(a=3)
    await lab.ask(metric, "a")
    await lab.pass_time(15 * 20)
    whole = len(lab.client.fetches) - lab.client.conditional
    assert 3 <= whole <= 6


async def test_a_pod_that_changes_is_not_compared_with_all_metrics_of_its_namespace(lab_of):
    names = [f"w{number}" for number in range(400)]
    pods = [
        pod(f"{name}-{each}", labels={"app": name}, ip=f"10.0.{number // 200}.{number % 200}")
        for number, name in enumerate(names)
        for each in range(3)
    ]
    lab = lab_of(*pods)
    for name in names:
        lab.reader._activated(pods_metric(rule=name, selector=f"app={name}"), "shop")
    lab.pods.upsert(pod("w0-0", labels={"app": "w0", "version": "2"}, ip="10.0.0.0"))

    started = time.process_time()
    await lab.reader.sync()
    assert time.process_time() - started < 0.5
