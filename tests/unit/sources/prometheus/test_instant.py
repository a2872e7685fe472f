"""Single queries, as annotations of HPAs have them: results as they are, kept for a while."""

import json
import math

import pytest

from adapter.errors import SourceError
from adapter.model.metrics import ExternalMetricValue
from adapter.sources.prometheus.backends import Backend, Backends
from adapter.sources.prometheus.instant import InstantPrometheus


def answer(kind, result):
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}})


def vector(*rows):
    return answer("vector", [{"metric": labels, "value": [5, text]} for labels, text in rows])


@pytest.fixture
async def instant(connect, url, clock, telemetry):
    default = Backend(connect(url), clock=clock, telemetry=telemetry)
    other = Backend(connect(url, name="other"), clock=clock, telemetry=telemetry)
    made = InstantPrometheus(Backends(default, {"other": other}), clock=clock, telemetry=telemetry)
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (answer("scalar", [5, "42.5"]), [({}, 42.5)]),
        (vector(({"a": "b"}, "1")), [({"a": "b"}, 1.0)]),
        (vector(({"a": "b"}, "1"), ({"a": "c"}, "2")), [({"a": "b"}, 1.0), ({"a": "c"}, 2.0)]),
        (vector(), []),
        (vector(({}, "+Inf")), [({}, math.inf)]),
    ],
    ids=["scalar", "one", "several", "none", "infinite"],
)
async def test_results_as_they_are(instant, api, body, values):
    api.body = body

    assert list(await instant.ask("", "q")) == [
        ExternalMetricValue(labels, value, 5.0) for labels, value in values
    ]


async def test_a_result_serves_for_a_while(instant, api, clock):
    api.body = answer("scalar", [5, "1"])
    for _ in range(3):
        await instant.ask("default", "q")
    assert len(api.requests) == 1

    clock.advance(5)
    await instant.ask("default", "q")
    assert len(api.requests) == 2

    for _ in range(3):
        await instant.ask("default", "q", keep_seconds=60.0)
        clock.advance(15)
    assert len(api.requests) == 3


async def test_servers_are_asked_apart(instant, api):
    api.body = answer("scalar", [5, "1"])
    await instant.ask("default", "q")
    await instant.ask("other", "q")
    assert len(api.requests) == 2

    with pytest.raises(SourceError, match="backend elsewhere is not in backends"):
        await instant.ask("elsewhere", "q")


async def test_what_prometheus_refuses(instant, api):
    api.status = 400
    api.body = '{"status":"error","errorType":"bad_data","error":"parse error"}'

    with pytest.raises(SourceError, match="prometheus refused the query: bad_data: parse error"):
        await instant.ask("", "sum((")


async def test_a_value_that_is_no_number(instant, api):
    api.body = vector(({}, "much"))

    with pytest.raises(SourceError, match="the value 'much' is no number"):
        await instant.ask("", "q")
