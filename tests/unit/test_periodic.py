"""Pauses between the runs of a loop."""

import asyncio

import pytest

from adapter.periodic import Periodic


class Clock:
    """Time stands still but for the sleeps, which are recorded; the loop ends after *most*."""

    def __init__(self, most):
        self.now = 0.0
        self.sleeps = []
        self._most = most

    def monotonic(self):
        return self.now

    def time(self):
        return self.now

    async def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.now += seconds
        if len(self.sleeps) == self._most:
            raise asyncio.CancelledError


CASES = {
    "keeps to the period": ({}, [False] * 3, [60.0, 60.0, 60.0]),
    "backs off": ({"max_backoff": 200.0}, [False, False, False], [120.0, 200.0, 200.0]),
    "tries again soon": (
        {"retry": 1.0},
        [False] * 8,
        [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0],
    ),
    "and then as usual": ({"retry": 1.0}, [False, True, True, False], [1.0, 60.0, 60.0, 1.0]),
}


@pytest.mark.parametrize(("options", "outcomes", "pauses"), CASES.values(), ids=CASES)
async def test_the_pause_after_each_run(options, outcomes, pauses):
    clock = Clock(len(outcomes))
    left = iter(outcomes)

    async def act():
        if not next(left):
            raise OSError("not now")

    with pytest.raises(asyncio.CancelledError):
        await Periodic("loop", act, period=60.0, clock=clock, **options).run()

    assert clock.sleeps == pauses
