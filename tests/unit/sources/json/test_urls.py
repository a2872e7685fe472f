"""Series of external metrics out of one document."""

import asyncio

import pytest
from unit.sources.json.publishing import Publishing, policy, url_metric

from adapter.errors import Forbidden, NotFound, SourceError
from adapter.model.labels import EVERYTHING, parse_selector
from adapter.rules.schema import OnEmpty, OnNaN
from adapter.sources.json.external import JsonExternalSource
from adapter.sources.json.pool import TargetPool
from adapter.sources.json.turns import Turns
from adapter.sources.json.urls import URLReader

URL = "http://queues/stats"
QUEUES = {
    "queues": [
        {"name": "mail", "region": "eu", "depth": 3},
        {"name": "mail", "region": "us", "depth": 4},
        {"name": "print", "region": "eu", "depth": 5},
    ]
}


def queues(**changes):
    return url_metric(
        each="$.queues[*]", labels={"name": "$.name", "region": "$.region"}, **changes
    )


class Lab:
    def __init__(self, clock, telemetry, *metrics):
        self.clock = clock
        self.client = Publishing(clock)
        turns = Turns(8)
        self.pool = TargetPool(self.client, clock=clock, telemetry=telemetry, turns=turns)
        self.reader = URLReader(
            self.pool,
            clock=clock,
            telemetry=telemetry,
            idle_after=300.0,
            always=[metric for metric in metrics if metric.always],
        )
        self.source = JsonExternalSource(metrics, self.reader)

    def publish(self, document):
        self.client.documents[URL] = document

    async def ask(self, selector="", *, metric="queue_depth", namespace="shop"):
        wanted = parse_selector(selector) if selector else EVERYTHING
        return await self.source.series(metric, namespace, wanted)

    async def values(self, selector=""):
        return [(each.labels, each.value) for each in (await self.ask(selector)).values]

    async def refused(self, kind=NotFound, **more):
        with pytest.raises(kind) as caught:
            await self.ask(**more)
        return str(caught.value)

    async def pass_time(self, seconds):
        for _ in range(int(seconds)):
            self.clock.advance(1.0)
            await self.reader.sync()
            await self.pool.tick()
            for _ in range(5):
                await asyncio.sleep(0)


@pytest.fixture
async def lab_of(clock, telemetry):
    labs = []

    def build(*metrics):
        labs.append(Lab(clock, telemetry, *metrics))
        return labs[-1]

    yield build
    for lab in labs:
        await lab.pool.close()


async def test_a_document_is_one_series(lab_of, clock):
    lab = lab_of(url_metric())
    lab.publish({"depth": 7})
    (series,) = (await lab.ask()).values
    assert (series.labels, series.value, series.timestamp) == ({}, 7.0, clock.time())


async def test_each_item_is_a_series_with_labels_to_select_by(lab_of):
    lab = lab_of(queues())
    lab.publish(QUEUES)
    assert await lab.values("name=mail") == [
        ({"name": "mail", "region": "eu"}, 3.0),
        ({"name": "mail", "region": "us"}, 4.0),
    ]
    assert await lab.values("region=eu,name!=mail") == [({"name": "print", "region": "eu"}, 5.0)]
    assert len(await lab.values()) == 3
    assert len(lab.client.fetches) == 1


async def test_items_with_equal_labels_all_count(lab_of):
    lab = lab_of(url_metric(each="$.queues[*]", labels={"name": "$.name"}))
    lab.publish(QUEUES)
    assert [value for _, value in await lab.values("name=mail")] == [3.0, 4.0]


async def test_nothing_selected_is_an_empty_answer_that_says_so(lab_of):
    lab = lab_of(queues())
    lab.publish(QUEUES)
    answer = await lab.ask("name=fax")
    assert answer.values == []
    assert answer.warning == "no item of the document has labels that name=fax selects"


async def test_one_item_without_a_value_refuses_all_that_were_selected(lab_of):
    lab = lab_of(queues())
    broken = {"queues": [*QUEUES["queues"], {"name": "fax", "region": "eu", "depth": "many"}]}
    lab.publish(broken)
    assert "fax" in await lab.refused(selector="region=eu")
    assert await lab.values("region=us") == [({"name": "mail", "region": "us"}, 4.0)]


async def test_a_failure_says_which_rule_and_why(lab_of):
    lab = lab_of(url_metric())
    assert await lab.refused(SourceError) == (
        "externalRules[0]: http://queues/stats refused the connection"
    )


async def test_a_value_outlives_failures_until_it_is_too_old(lab_of):
    lab = lab_of(url_metric())
    lab.publish({"depth": 7})
    await lab.ask()
    lab.client.documents.clear()
    await lab.pass_time(45)
    assert await lab.values() == [({}, 7.0)]
    await lab.pass_time(30)
    text = await lab.refused()
    assert "maxAge is 1m" in text
    assert "refused the connection" in text


ODD = {
    "nothing there": ({"other": 1}, {}, "there is no 'depth'"),
    "null": ({"depth": None}, {}, "$.depth is null"),
    "NaN": (b'{"depth": NaN}', {}, "its value is NaN"),
    "nothing there, zero wanted": ({"other": 1}, {"on_empty": OnEmpty.ZERO}, [0.0]),
    "text, zero wanted": ({"depth": "x"}, {"on_empty": OnEmpty.ZERO}, "$.depth"),
    "NaN, zero wanted": (b'{"depth": NaN}', {"on_nan": OnNaN.ZERO}, [0.0]),
}


@pytest.mark.parametrize(("document", "rule", "expected"), ODD.values(), ids=ODD)
async def test_what_is_no_value_never_becomes_one(document, rule, expected, lab_of):
    lab = lab_of(url_metric(policy=policy(**rule)))
    lab.publish(document)
    if isinstance(expected, str):
        assert expected in await lab.refused()
    else:
        assert [value for _, value in await lab.values()] == expected


async def test_the_last_good_series_serve_for_a_bounded_time(lab_of):
    lab = lab_of(url_metric(policy=policy(on_empty=OnEmpty.LAST_GOOD, max_age=40.0)))
    lab.publish({"depth": 7})
    await lab.ask()
    lab.publish({"depth": None})
    await lab.pass_time(16)
    assert await lab.values() == [({}, 7.0)]
    await lab.pass_time(40)
    assert "$.depth is null" in await lab.refused()


async def test_what_nobody_asks_for_is_not_fetched_unless_marked_always(lab_of):
    asked, always = lab_of(url_metric()), lab_of(url_metric(always=True))
    for lab in (asked, always):
        lab.publish({"depth": 7})
    await asked.ask()
    await asked.pass_time(400)
    await always.pass_time(400)
    assert len(asked.client.fetches) <= 24
    assert len(asked.pool) == 0
    assert len(always.client.fetches) >= 25


async def test_what_nothing_defines_any_more_is_not_fetched(lab_of):
    metric = url_metric()
    lab = lab_of(metric)
    lab.publish({"depth": 7})
    await lab.ask()

    lab.reader.forget(metric)
    lab.reader.forget(metric)

    assert len(lab.pool) == 0
    fetches = len(lab.client.fetches)
    await lab.pass_time(60)
    assert len(lab.client.fetches) == fetches


async def test_only_namespaces_that_are_allowed_may_ask(lab_of):
    lab = lab_of(url_metric(allowed_namespaces=frozenset({"shop"})))
    lab.publish({"depth": 7})
    assert await lab.values()
    assert "allowedNamespaces" in await lab.refused(Forbidden, namespace="other")


async def test_the_first_of_two_rules_serves(lab_of):
    first, second = url_metric(), url_metric("$.other", order=1)
    lab = lab_of(first, second)
    lab.publish({"depth": 7, "other": 8})
    assert await lab.values() == [({}, 7.0)]
    assert lab.source.listed() == ("queue_depth",)
    assert lab.source.order("queue_depth") == 0
    assert lab.source.order("other") is None
    assert "no rule gives it" in await lab.refused(metric="other")
