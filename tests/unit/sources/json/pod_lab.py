"""The reader of pods over documents without sockets, with the two loops of the service."""

import asyncio

from unit.sources.json.publishing import Publishing

from adapter.jsonpath.extraction import Reading
from adapter.sources.json.pods import PodReader
from adapter.sources.json.pool import TargetPool
from adapter.sources.json.turns import Turns


class PodLab:
    """Pods and what they publish; *concurrency* is how many fetches may be under way."""

    def __init__(self, clock, telemetry, pods, *, always=(), concurrency=64, client=Publishing):
        self.clock = clock
        self.client = client(clock)
        self.pods = pods
        self.pool: TargetPool[Reading] = TargetPool(
            self.client, clock=clock, telemetry=telemetry, turns=Turns(concurrency)
        )
        self.reader = PodReader(
            self.pool,
            lambda _: self.pods,
            clock=clock,
            telemetry=telemetry,
            idle_after=300.0,
            always=always,
        )

    def publish(self, **depths):
        for name, depth in depths.items():
            ip = self.pods.get("shop", name).ip
            self.client.documents[f"http://{ip}:8080/stats"] = {"depth": depth}

    async def ask(self, metric, *names, namespace="shop"):
        return await self.reader.values(metric, namespace, names)

    async def value(self, metric, name="a"):
        return (await self.ask(metric, name))[name]

    async def pass_time(self, seconds):
        """Let the two loops of the service run."""
        for _ in range(int(seconds)):
            self.clock.advance(1.0)
            await self.reader.sync()
            await self.pool.tick()
            for _ in range(5):
                await asyncio.sleep(0)
