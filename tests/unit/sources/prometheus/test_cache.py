"""Answers that requests share."""

import asyncio

import pytest

from adapter.errors import SourceError
from adapter.sim.clock import ManualClock
from adapter.sources.prometheus import refresh
from adapter.sources.prometheus.cache import MOST_ANSWERS, UNUSED_SECONDS, AnswerCache
from adapter.sources.prometheus.refresh import AHEAD_USES
from adapter.telemetry import Telemetry


class Backend:
    """Answers when told to, and counts."""

    def __init__(self):
        self.asked = 0
        self.ended = 0
        self.go = asyncio.Event()
        self.go.set()
        self.error = None

    async def __call__(self):
        self.asked += 1
        try:
            await self.go.wait()
        finally:
            self.ended += 1
        if self.error:
            raise self.error
        return self.asked


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def cache(clock):
    made = AnswerCache(clock, Telemetry())
    yield made
    await made.close()


async def until(done):
    for _ in range(100):
        if done():
            return
        await asyncio.sleep(0)
    pytest.fail("did not come about")


async def test_an_answer_is_kept_for_its_time(cache, clock):
    backend = Backend()
    assert [await cache.get("q", backend, 5) for _ in range(3)] == [1, 1, 1]
    clock.advance(5)
    assert await cache.get("q", backend, 5) == 2


async def test_an_answer_that_many_ask_for_is_fetched_anew_while_it_serves(cache, clock):
    backend = Backend()
    for _ in range(AHEAD_USES):
        await cache.get("q", backend, 5)
    backend.go.clear()
    clock.advance(4.5)

    assert await cache.get("q", backend, 5) == 1
    await until(lambda: backend.asked == 2)
    assert await cache.get("q", backend, 5) == 1
    backend.go.set()
    await until(lambda: backend.ended == 2)

    clock.advance(0.5)
    assert await cache.get("q", backend, 5) == 2
    assert backend.asked == 2


async def test_an_answer_that_few_ask_for_is_not_fetched_before_it_is_needed(cache, clock):
    backend = Backend()
    for _ in range(AHEAD_USES - 1):
        await cache.get("q", backend, 5)
    clock.advance(4.9)
    assert await cache.get("q", backend, 5) == 1
    clock.advance(0.1)
    assert backend.asked == 1
    assert await cache.get("q", backend, 5) == 2


async def test_an_answer_serves_to_its_end_though_a_new_one_failed(cache, clock):
    backend = Backend()
    for _ in range(AHEAD_USES):
        await cache.get("q", backend, 5)
    backend.error = SourceError("prometheus refused")
    clock.advance(4.5)
    for _ in range(3):
        assert await cache.get("q", backend, 5) == 1
        await until(lambda: backend.ended == 2)
    clock.advance(0.5)
    with pytest.raises(SourceError, match="prometheus refused"):
        await cache.get("q", backend, 5)
    assert backend.asked == 2


async def test_requests_at_the_same_time_share_one_query_even_if_nothing_is_kept(cache):
    backend = Backend()
    backend.go.clear()
    waiting = [asyncio.create_task(cache.get("q", backend, 0)) for _ in range(5)]
    await until(lambda: backend.asked)
    backend.go.set()
    assert await asyncio.gather(*waiting) == [1] * 5
    assert await cache.get("q", backend, 0) == 2


async def test_a_query_ends_when_the_last_client_has_gone(cache):
    backend = Backend()
    backend.go.clear()
    waiting = [asyncio.create_task(cache.get("q", backend, 5)) for _ in range(2)]
    await until(lambda: backend.asked)
    waiting[0].cancel()
    await asyncio.wait([waiting[0]])
    assert backend.ended == 0
    waiting[1].cancel()
    await asyncio.wait(waiting)
    await until(lambda: backend.ended == 1)
    backend.go.set()
    assert await cache.get("q", backend, 5) == 2


async def test_a_failure_is_told_to_all_and_not_repeated_at_once(cache, clock):
    backend = Backend()
    backend.error = SourceError("prometheus refused")
    for _ in range(3):
        with pytest.raises(SourceError, match="prometheus refused"):
            await cache.get("q", backend, 5)
    assert backend.asked == 1
    backend.error = None
    clock.advance(2)
    assert await cache.get("q", backend, 5) == 2


async def test_answers_nobody_asks_for_are_forgotten(cache, clock):
    backend = Backend()
    for number in range(100):
        await cache.get(number, backend, 5)
    clock.advance(UNUSED_SECONDS + 1)
    await cache.get("new", backend, 5)
    assert len(cache) == 1


async def test_there_is_a_limit(cache):
    backend = Backend()
    for number in range(MOST_ANSWERS + 10):
        await cache.get(number, backend, 5)
    assert len(cache) <= MOST_ANSWERS


async def test_a_fetch_that_takes_long_gets_through_after_a_failure(cache, clock, monkeypatch):
    """Nobody waits for all of it then. Were it given up each time, no answer would ever come."""
    monkeypatch.setattr(refresh, "PATIENCE_SECONDS", 0.02)
    backend = Backend()
    backend.error = SourceError("prometheus is down")
    with pytest.raises(SourceError, match="is down"):
        await cache.get("q", backend, 5)
    backend.error = None
    backend.go.clear()
    clock.advance(2)

    for _ in range(3):
        with pytest.raises(SourceError, match="is down"):
            await cache.get("q", backend, 5)
    assert (backend.asked, backend.ended) == (2, 1)

    backend.go.set()
    await until(lambda: backend.ended == 2)
    assert await cache.get("q", backend, 5) == 2
