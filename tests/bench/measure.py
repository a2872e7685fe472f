"""Rows of the table, and how fast this machine is."""

import time
from dataclasses import dataclass

REFERENCE_MS = 13.0
"""``sum(range(1_000_000))`` on the machine the targets were set on."""


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
    """How many times slower than the reference this machine is now."""
    return best_of(lambda: sum(range(1_000_000)), repeat=5, number=1) * 1000 / REFERENCE_MS
