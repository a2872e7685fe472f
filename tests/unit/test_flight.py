"""One run for all who wait, and who may end it."""

import asyncio

import pytest

from adapter.flight import SingleFlight
from adapter.kube.api import KubeApiError, KubeNotFound


class Call:
    """Runs until `end` is set; counts runs."""

    def __init__(self):
        self.started = 0
        self.cancelled = 0
        self.end = asyncio.Event()
        self.error = None

    async def __call__(self):
        self.started += 1
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return self.started


@pytest.fixture
async def call():
    return Call()


async def started(flight, count):
    tasks = [asyncio.create_task(flight.run()) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_all_who_wait_get_the_same(call):
    flight = SingleFlight(call)
    tasks = await started(flight, 3)
    assert flight.under_way

    call.end.set()

    assert await asyncio.gather(*tasks) == [1, 1, 1]
    assert not flight.under_way
    assert await flight.run() == 2


async def test_each_gets_an_error_of_its_own(call):
    flight = SingleFlight(call)
    call.error = KubeNotFound("not there", 404)
    tasks = await started(flight, 2)
    call.end.set()

    errors = await asyncio.gather(*tasks, return_exceptions=True)

    assert [(type(each), str(each), each.http_status) for each in errors] == [
        (KubeNotFound, "not there", 404)
    ] * 2
    assert errors[0] is not errors[1]
    with pytest.raises(KubeApiError):
        await flight.run()


async def test_who_goes_does_not_end_it_for_the_others_but_the_last_one_does(call):
    flight = SingleFlight(call)
    first, second = await started(flight, 2)

    first.cancel()
    await asyncio.wait([first])
    assert call.cancelled == 0
    second.cancel()
    await asyncio.wait([second])
    await asyncio.sleep(0)

    assert call.cancelled == 1
    assert not flight.under_way


async def test_who_comes_after_the_last_one_went_starts_again(call):
    flight = SingleFlight(call)
    (gone,) = await started(flight, 1)
    gone.cancel()
    await asyncio.wait([gone])
    (new,) = await started(flight, 1)
    call.end.set()

    assert await new == 2
    assert call.cancelled == 1


async def test_a_run_that_is_ended_before_it_began_leaves_nothing_behind(call):
    flight = SingleFlight(call)
    flight.begin()
    await flight.close()
    assert not flight.under_way
    call.end.set()
    assert await flight.run() == 1


async def test_a_run_goes_on_when_somebodys_patience_is_over(call):
    flight = SingleFlight(call)
    with pytest.raises(TimeoutError):
        await flight.run(0.01)
    waiter = asyncio.create_task(flight.run())
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.sleep(0)

    call.end.set()
    assert await flight.run(10.0) == 1
    assert (call.started, call.cancelled) == (1, 0)
