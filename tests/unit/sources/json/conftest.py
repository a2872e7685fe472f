"""What all tests here need."""

import pytest
from unit.sources.json.pod_lab import PodLab
from unit.sources.json.publishing import endpoints

from adapter.sim.clock import ManualClock
from adapter.sources.json import pool as pool_module
from adapter.telemetry import Telemetry


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def telemetry():
    return Telemetry()


@pytest.fixture
async def lab_of(clock, telemetry, monkeypatch):
    """A function of pods that gives a `PodLab`; closed at the end."""
    monkeypatch.setattr(pool_module, "ENOUGH_SECONDS", 0.01)
    labs = []

    def build(*pods, **options):
        labs.append(PodLab(clock, telemetry, endpoints(*pods), **options))
        return labs[-1]

    yield build
    for lab in labs:
        await lab.pool.close()
