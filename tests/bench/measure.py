"""Rows of the table, and how fast this machine is."""

import json
import math
import time
from dataclasses import dataclass

REFERENCE_LOOP_MS = 13.0
REFERENCE_JSON_MS = 4.9
"""``sum(range(1_000_000))``, and 20,000 small objects by ``json.loads``, where targets were set."""

_OBJECTS = json.dumps([{"id": number, "name": f"n{number}"} for number in range(20_000)])


@dataclass(frozen=True)
class Row:
    """One figure. *slower* is the machine factor a time may be multiplied by; 1 for others."""

    name: str
    value: float
    unit: str
    target: float | None = None
    slower: float = 1.0

    @property
    def holds(self) -> bool:
        return self.target is None or self.value <= self.target * max(1.0, self.slower)

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "target": self.target,
            "holds": self.holds,
        }


def best_of(function, repeat: int = 7, number: int = 50) -> float:
    """Least seconds of one call."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        for _ in range(number):
            function()
        times.append((time.perf_counter() - started) / number)
    return min(times)


def machine_factor() -> float:
    """How many times slower than the reference this machine and interpreter are now.

    The mean of two yardsticks: builds of Python differ by half in loops and hardly in C.
    """
    loop = best_of(lambda: sum(range(1_000_000)), repeat=9, number=1) * 1000 / REFERENCE_LOOP_MS
    objects = best_of(lambda: json.loads(_OBJECTS), repeat=9, number=1) * 1000 / REFERENCE_JSON_MS
    return math.sqrt(loop * objects)
