"""What a simulated application counts and publishes as JSON: known at every moment."""

import math
import random
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from adapter.model.resources import PodKey
from adapter.model.times import format_duration, format_rfc3339
from adapter.sim.patterns import Pattern, Sine, Steps

PROCESSES = 20
"""Worker processes of every application."""

_REGIONS = {"mail": "eu", "print": "eu", "video": "us"}
_ERRORS = 0.01
"""Part of the requests that end with status 500."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures of one application as functions of time; times are Unix seconds.

    Attributes:
        key: The pod it runs in.
        started: When it was started; its counters began at 0 then.
        queues: Waiting items by the queue's name.
        busy: Worker processes at work, of `PROCESSES`.
        rate: Requests a second.
        refresh: Seconds for which the document stays the same, as of an application that
            collects its figures now and then.
    """

    key: PodKey
    started: float
    queues: Mapping[str, Pattern]
    busy: Pattern
    rate: Pattern
    refresh: float = 1.0

    def moment(self, at: float) -> float:
        """When the figures that are published at *at* were collected."""
        return math.floor(at / self.refresh) * self.refresh

    def depth(self, at: float, queue: str | None = None) -> int:
        """Items that wait, as published at *at*: in *queue*, or in all of them."""
        names = self.queues if queue is None else [queue]
        return sum(round(self.queues[name].at(self.moment(at))) for name in names)

    def depth_between(self, start: float, end: float) -> range:
        """What `depth` of all queues may have been from *start* to *end*, moments included."""
        moments = self.moment(start), self.moment(end)
        bounds = [pattern.extremes(*moments) for pattern in self.queues.values()]
        least, most = (sum(map(round, ends)) for ends in zip(*bounds, strict=True))
        return range(least, most + 1)

    def document(self, at: float) -> dict[str, Any]:
        """What is published at *at*: counters, nested objects, arrays, numbers as text."""
        moment = self.moment(at)
        total = int(self.rate.integral(self.started, moment)) if moment > self.started else 0
        failed = int(total * _ERRORS)
        busy = min(PROCESSES, round(self.busy.at(moment)))
        depth = self.depth(at)
        return {
            "pod": self.key.name,
            "namespace": self.key.namespace,
            "version": "1.4.2",
            "time": format_rfc3339(moment),
            "healthy": True,
            "uptime": format_duration(max(0.0, math.floor(moment - self.started))),
            "requests": {
                "total": total,
                "by code": [{"code": 200, "total": total - failed}, {"code": 500, "total": failed}],
            },
            "queue": {"depth": depth, "depth text": str(depth), "memory": f"{64 * depth}Ki"},
            "queues": [
                {"name": name, "region": _REGIONS.get(name, ""), "depth": self.depth(at, name)}
                for name in self.queues
            ],
            "idle since": None,
            "active processes": busy,
            "total processes": PROCESSES,
        }

    def body(self, at: float) -> bytes:
        """The document as JSON."""
        return msgspec.json.encode(self.document(at))


def made_figures(key: PodKey, *, started: float, seed: int = 1) -> Figures:
    """Figures that move slowly, by the pod's name and *seed*.

    Queues change in steps ten to thirty seconds apart, so that a value served late is not the
    truth any longer; all else swings.
    """
    chance = random.Random(zlib.crc32("/".join(key).encode()) ^ seed)
    queues: dict[str, Pattern] = {
        name: Steps([chance.randrange(50) for _ in range(6)], seconds=chance.uniform(10, 30))
        for name in _REGIONS
    }
    rate = chance.uniform(5, 50)
    return Figures(
        key=key,
        started=started,
        queues=queues,
        busy=Sine(PROCESSES / 2, amplitude=PROCESSES / 4, period=chance.uniform(60, 300)),
        rate=Sine(rate, amplitude=rate / 5, period=chance.uniform(60, 300)),
    )
