"""Fetches documents when they are due: spread over their period, a few at a time."""

import asyncio
import contextlib
import heapq
import itertools
import random
from collections.abc import Collection, Hashable, Iterable
from typing import Generic

from adapter.errors import SourceError
from adapter.periodic import Clock
from adapter.sources.json.targets import Fetches, Metric, R, Target
from adapter.sources.json.turns import Turns
from adapter.telemetry import Telemetry

TICK_SECONDS = 0.1
"""How often what is due is looked for."""

ENOUGH_SECONDS = 1.0
"""How long a request waits for documents never fetched before, when it has values of others."""


class TargetPool(Generic[R]):
    """All documents that are wanted.

    `tick` is to be called every `TICK_SECONDS`.

    Args:
        client: Who fetches.
        clock: Where time comes from.
        telemetry: Own metrics.
        turns: Bounds the fetches under way at once.
    """

    def __init__(
        self, client: Fetches, *, clock: Clock, telemetry: Telemetry, turns: Turns
    ) -> None:
        self._client = client
        self._clock = clock
        self._count = telemetry.json_targets
        self._turns = turns
        self._targets: dict[Hashable, Target[R]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._due: list[tuple[float, int, Hashable, Target[R]]] = []
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._targets)

    def subscribe(self, owner: Hashable, url: str, metric: Metric[R]) -> Target[R]:
        """Want the document at *url* for *metric*; it is fetched at the next tick.

        Args:
            owner: Whose document it is: one URL may have another owner later, such as a pod that
                gets the address of one that has gone, and must not get its values.
            url: Where it is.
            metric: What is taken from it.
        """
        key = owner, url, metric.access
        target = self._targets.get(key)
        if target is None:
            target = Target[R](owner, url, metric.access, self._client, self._turns)
            self._targets[key] = target
            self._count.inc()
            self._schedule(key, target, self._clock.monotonic())
        elif target.taken(metric) is None:
            # a metric often comes to many documents at once, which would all be due together
            target.begun = target.spread = False
            self._schedule(key, target, self._clock.monotonic())
        target.add(metric)
        return target

    def unsubscribe(self, target: Target[R], metric: Metric[R]) -> None:
        """Want *target* no more for *metric*."""
        target.remove(metric)
        key = target.owner, target.url, target.access
        if not target.wanted and self._targets.get(key) is target:
            del self._targets[key]
            self._count.dec()
            task = asyncio.create_task(target.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def tick(self) -> None:
        """Begin the fetches that are due."""
        now = self._clock.monotonic()
        while self._due and self._due[0][0] <= now:
            due, _, key, target = heapq.heappop(self._due)
            if self._targets.get(key) is not target or due != target.due:
                continue  # not wanted any more, or scheduled anew
            self._fetch(key, target, now)

    def _fetch(self, key: Hashable, target: Target[R], now: float) -> None:
        """Begin a fetch that is due, and say when the next is."""
        if target.spread:
            target.begin()
            then = target.due + target.interval
            # after a halt of the process what was missed stays missed
            self._schedule(key, target, then if then > now else now + target.interval)
            return
        # many come at one moment: their second fetches fall anywhere in the period
        target.spread = True
        if not target.begun:  # a question may have been faster
            target.begin()
        pause = random.random() * target.interval  # noqa: S311 - no secret
        self._schedule(key, target, now + pause)

    async def first_values(self, targets: Iterable[Target[R]], metric: Metric[R]) -> None:
        """Wait for the documents that were never fetched for *metric*.

        As long as one fetch may take; but only `ENOUGH_SECONDS` when others have a value: one pod
        that hangs must not delay the answer for all.
        """
        known = list(targets)
        cold = [target for target in known if target.is_cold(metric)]
        if not cold:
            return
        fetches = {asyncio.ensure_future(_settled(target)) for target in cold}
        try:
            if len(cold) < len(known):
                await asyncio.wait(fetches, timeout=ENOUGH_SECONDS)
            else:
                await self._wait_for_one(fetches, cold, metric)
        finally:
            await _end(fetches)

    async def _wait_for_one(
        self, fetches: Collection["asyncio.Future[None]"], cold: list[Target[R]], metric: Metric[R]
    ) -> None:
        """Wait until all have ended, or `ENOUGH_SECONDS` have passed and one has a value."""
        until = asyncio.get_running_loop().time() + metric.access.timeout
        _, pending = await asyncio.wait(fetches, timeout=ENOUGH_SECONDS)
        while pending and all(target.taken(metric) is None for target in cold):
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                break
            _, pending = await asyncio.wait(
                pending, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )

    async def close(self) -> None:
        """End all fetches."""
        targets = [*self._targets.values()]
        self._targets.clear()
        for target in targets:
            await target.close()
        if self._closing:
            await asyncio.wait(self._closing)

    def _schedule(self, key: Hashable, target: Target[R], due: float) -> None:
        target.due = due
        heapq.heappush(self._due, (due, next(self._numbers), key, target))


async def _settled(target: Target[R]) -> None:
    """Wait for a fetch; a failure is told by `Target.error`."""
    with contextlib.suppress(SourceError):
        await target.fetch()


async def _end(tasks: Collection["asyncio.Future[None]"]) -> None:
    """End tasks that only wait."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
