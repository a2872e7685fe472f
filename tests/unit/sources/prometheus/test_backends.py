"""Several Prometheus servers: limits, and what discovery asks of them."""

import asyncio
import re

import pytest
from unit.sources.prometheus.holding import fails, settle, until

from adapter.errors import SourceError, SourceTimeout
from adapter.rules.backends import Backend as Section
from adapter.sim.clock import ManualClock
from adapter.sources.prometheus.backends import Backend, Backends
from adapter.sources.prometheus.client import PrometheusClient
from adapter.sources.prometheus.options import backend_options
from adapter.telemetry import Telemetry

UP = "viaduct_prometheus_backend_up"


@pytest.fixture
def backend(make_backend, url):
    return make_backend(url)


def is_up(telemetry):
    return telemetry.registry.get_sample_value(UP, {"backend": "long-term"})


async def test_a_query(backend, api):
    vector = await backend.query("up", at=2.0)

    assert [sample.labels for sample in vector.samples] == [{"pod": "a"}]
    assert api.requests[0][3] == {"query": "up", "time": "2.000", "timeout": "10000ms"}


async def test_a_scalar_is_an_answer_when_it_may_be(backend, api):
    api.body = '{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}'

    vector = await backend.query("scalar(up)", scalar=True)
    with pytest.raises(SourceError, match="gives a scalar, not an instant vector"):
        await backend.query("scalar(up)")

    assert [(bytes(s.metric), s.number) for s in vector.samples] == [(b"null", 2.0)]


async def test_label_names_are_asked_in_the_body(backend, api):
    api.body = '{"status":"success","data":["pod","namespace"]}'

    names = await backend.label_names('{__name__=~"a&b",x!="ü\\n"}', 1000.0)

    method, sent, _, form = api.requests[0]
    assert names == ["pod", "namespace"]
    assert (method, str(sent)) == ("POST", "/api/v1/labels")
    assert form == {"match[]": '{__name__=~"a&b",x!="ü\\n"}', "start": "1000.000"}


async def test_label_values_are_asked_in_the_url(make_backend, url, api):
    api.body = '{"status":"success","data":["a_total","b"]}'
    backend = make_backend(url + "prom?tenant=7")

    values = await backend.label_values("__name__", '{x="a&b=c+d%","pod"!=""}', 1000.5)

    method, sent, _, _ = api.requests[0]
    assert values == ["a_total", "b"]
    assert (method, sent.path) == ("GET", "/prom/api/v1/label/__name__/values")
    assert dict(sent.query) == {
        "match[]": '{x="a&b=c+d%","pod"!=""}',
        "start": "1000.500",
        "tenant": "7",
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"status":"success","data":null}', []),
        ('{"status":"success","data":[]}', []),
        ('{"status":"success","data":[{"a":1}]}', None),
        ('{"status":"success","data":"text"}', None),
        ('{"status":"success"}', None),
        ("<html>", None),
    ],
    ids=["null", "empty", "objects", "text", "nothing", "html"],
)
async def test_answers_with_label_values(backend, api, body, expected):
    api.body = body

    if expected is not None:
        assert await backend.label_values("__name__", "up", 0.0) == expected
        return
    with pytest.raises(SourceError, match=r"^backend long-term: prometheus' answer is not that"):
        await backend.label_values("__name__", "up", 0.0)


async def test_warnings_are_logged_once(backend, api, caplog):
    api.body = '{"status":"success","data":[],"warnings":["store a is down"]}'

    for _ in range(3):
        await backend.label_names("up", 0.0)

    assert caplog.text.count("backend long-term: prometheus warns: store a is down") == 1


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, "", "HTTP 401: the credentials are not accepted; check its auth"),
        (404, "", "no Prometheus API there; is the path of its url right?"),
        (
            422,
            '{"status":"error","errorType":"execution","error":"too much"}',
            "prometheus refused the query: execution: too much",
        ),
        (200, "<html>", "cannot use prometheus' answer"),
    ],
)
async def test_errors_name_the_backend_and_its_options(backend, api, status, body, message):
    api.status, api.body = status, body

    with pytest.raises(SourceError, match=f"^backend long-term: .*{re.escape(message)}") as caught:
        await backend.query("up")

    assert "127.0.0.1" not in str(caught.value)
    assert "--prometheus" not in str(caught.value)
    assert backend.error is None


async def test_no_more_requests_at_once_than_allowed(held, serve, make_backend):
    backend = make_backend(await serve(), concurrency=2)
    tasks = [asyncio.create_task(backend.query("up")) for _ in range(5)]
    await until(lambda: held.asked == 2)
    await settle()
    assert held.asked == 2

    held.answer(5)
    await asyncio.gather(*tasks)

    assert held.asked == 5


async def test_waiting_for_a_turn_counts_against_the_timeout(held, serve, make_backend):
    backend = make_backend(await serve(), concurrency=1, timeout="800ms")
    first = asyncio.create_task(backend.query("up"))
    await until(lambda: held.asked == 1)
    second = asyncio.create_task(backend.query("up"))
    await settle()
    held.answer(1)
    await first

    with pytest.raises(SourceTimeout, match=r"^backend long-term: prometheus .* turns$") as caught:
        await second

    left, waited = map(float, re.findall(r"([\d.]+) s", str(caught.value)))
    assert left + waited == pytest.approx(0.8, abs=0.002)


async def test_no_turn_at_all_says_so(url, make_backend, api):
    backend = make_backend(url, concurrency=1, timeout="500ms")

    async with backend._turns:
        await fails(backend, r"no turn to ask prometheus within 0\.5 s: as many .* \(1\) are")

    assert api.requests == []
    assert (await backend.query("up")).samples


async def test_a_request_that_is_given_up_makes_room(held, serve, make_backend):
    backend = make_backend(await serve(), concurrency=1)
    task = asyncio.create_task(backend.query("up"))
    await until(lambda: held.asked == 1)
    task.cancel()
    held.answer(2)

    assert (await backend.query("up")).samples


async def test_backends_by_name(make_backend, url, connect, clock, telemetry):
    default = Backend(connect(url), clock=clock, telemetry=telemetry)
    named = make_backend(url)
    backends = Backends(default, {"long-term": named})

    assert backends.get("") is default
    assert backends.get("default") is default
    assert backends.get("long-term") is named
    with pytest.raises(SourceError, match=r"backend lng is not in backends .*default, long-term"):
        backends.get("lng")
    with pytest.raises(SourceError, match="no prometheus is given: add --prometheus-url"):
        Backends(None, {"long-term": named}).get("")
    await backends.close()


def test_a_backend_is_up_until_it_fails():
    telemetry = Telemetry()
    section = Section.model_validate({"name": "long-term", "url": "http://localhost"})
    client = PrometheusClient(backend_options(section), telemetry=telemetry)

    Backend(client, clock=ManualClock(), telemetry=telemetry)

    assert is_up(telemetry) == 1
