"""A server that cannot be reached: who is told at once, who tries, and how long anybody waits."""

import asyncio
import time

import pytest
from unit.sources.prometheus.holding import fails, settle, until

from adapter.errors import SourceError, SourceTimeout

UP = "viaduct_prometheus_backend_up"


@pytest.fixture
def backend(make_backend, url):
    return make_backend(url)


def is_up(telemetry):
    return telemetry.registry.get_sample_value(UP, {"backend": "long-term"})


CLOSED = "^backend long-term: prometheus closed the connection"


@pytest.fixture
async def hanging(switched, held, serve, make_backend, clock, api):
    """A backend in an outage whose pause is over, and whose server holds its answers back now."""
    api.handle = switched.handle
    backend = make_backend(await serve())
    await fails(backend, CLOSED)
    clock.advance(1.0)
    api.handle = held.handle
    other = make_backend(await serve())
    backend.client.base = other.client.base
    return backend


async def test_an_outage_fails_fast_with_its_cause_until_one_try_succeeds(
    switched, serve, make_backend, clock, telemetry
):
    backend = make_backend(await serve())
    await fails(backend, CLOSED)
    assert (switched.asked, is_up(telemetry)) == (1, 0)

    for _ in range(3):
        await fails(backend, CLOSED)
    assert switched.asked == 1
    assert "closed the connection" in str(backend.error)

    clock.advance(1.0)
    await fails(backend, CLOSED)
    assert switched.asked == 2
    clock.advance(1.0)
    await fails(backend, CLOSED)
    assert switched.asked == 2  # the second pause is longer

    clock.advance(1.0)
    switched.on = True
    assert (await backend.query("up")).samples
    assert (switched.asked, is_up(telemetry), backend.error) == (3, 1, None)


async def test_after_the_pause_one_tries_and_the_others_wait_for_its_outcome(hanging, held):
    probe = asyncio.create_task(hanging.query("up"))
    await until(lambda: held.asked == 1)
    # two queries of one answer: had the second failed at once, the try would be given up with it
    second = asyncio.create_task(hanging.query("down"))
    await settle()
    assert held.asked == 1

    held.answer(3)
    await probe
    assert (await second).samples


async def test_a_try_that_is_given_up_lets_another_try(hanging, held):
    probe = asyncio.create_task(hanging.query("up"))
    await until(lambda: held.asked == 1)
    probe.cancel()
    await settle()
    held.answer(3)

    assert (await hanging.query("up")).samples


async def test_one_slow_query_is_no_outage_but_three_timeouts_are(api, url, make_backend):
    backend = make_backend(url, timeout="300ms")
    api.hang = True
    for _ in range(2):
        await fails(backend, "did not answer within")
    assert backend.error is None

    api.hang = False
    await backend.query("up")
    api.hang = True
    for _ in range(3):
        assert backend.error is None
        await fails(backend, "did not answer within")

    assert isinstance(backend.error, SourceTimeout)


@pytest.mark.parametrize(("status", "outage"), [(502, True), (503, True), (500, False)])
async def test_a_proxy_that_finds_no_server_is_an_outage(backend, api, status, outage):
    api.status, api.body = status, "<html>"

    await fails(backend, f"HTTP {status}")

    assert (backend.error is not None) is outage


async def test_discovery_shares_the_breaker(switched, serve, make_backend):
    backend = make_backend(await serve())
    with pytest.raises(SourceError, match=CLOSED):
        await backend.label_values("__name__", "up", 0.0)
    asked = switched.asked

    await fails(backend, CLOSED)

    assert switched.asked == asked


async def test_nobody_waits_long_for_a_server_that_hangs_during_an_outage(hanging, held):

    started = time.monotonic()
    await asyncio.gather(*(fails(hanging, CLOSED) for _ in range(20)))
    assert time.monotonic() - started < 5.0
    started = time.monotonic()
    await fails(hanging, CLOSED)
    assert time.monotonic() - started < 0.5
    assert held.asked == 1

    held.answer(2)
    await until(lambda: hanging.error is None)
    assert (await hanging.query("up")).samples


async def test_a_try_that_hangs_ends_with_the_service(hanging):
    await fails(hanging, CLOSED)

    await hanging.close()

    assert [task for task in asyncio.all_tasks() if "_try" in repr(task)] == []
