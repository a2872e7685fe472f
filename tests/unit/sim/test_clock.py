import asyncio

import pytest

from adapter.sim.clock import ManualClock


async def test_sleepers_wake_in_the_order_of_their_deadlines():
    clock = ManualClock(start=1000.0)
    woken = []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        woken.append((seconds, clock.time()))

    async with asyncio.TaskGroup() as group:
        for seconds in (30, 10, 20):
            group.create_task(sleeper(seconds))
        await clock.wait_for_sleepers(3)
        await clock.run(25)

        assert woken == [(10, 1010.0), (20, 1020.0)]
        assert clock.sleepers == 1
        clock.advance(5)

    assert woken[-1] == (30, 1030.0)


async def test_run_lets_a_loop_sleep_again_and_again():
    clock = ManualClock()
    ticks = []

    async def loop():
        while True:
            ticks.append(clock.monotonic())
            await clock.sleep(15)

    task = asyncio.create_task(loop())
    await clock.run(60)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert ticks == [0, 15, 30, 45, 60]


async def test_waiting_for_sleepers_that_never_come_ends():
    with pytest.raises(TimeoutError, match="0 coroutines sleep, not 1"):
        await ManualClock().wait_for_sleepers(1)


async def test_a_cancelled_sleeper_is_forgotten():
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(5))
    await clock.wait_for_sleepers(1)

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert clock.sleepers == 0
    clock.advance(10)
