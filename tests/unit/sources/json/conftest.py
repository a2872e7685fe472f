"""What all tests here need."""

import pytest

from adapter.sim.clock import ManualClock
from adapter.telemetry import Telemetry


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def telemetry():
    return Telemetry()
