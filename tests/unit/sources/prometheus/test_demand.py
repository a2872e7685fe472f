"""From when on it is worth asking for more than was asked."""

import pytest

from adapter.sim.clock import ManualClock
from adapter.sources.prometheus.demand import (
    MANY_NAMES,
    MANY_NAMESPACES,
    MEMORY_SECONDS,
    REFUSED_SECONDS,
    Demand,
)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def demand(clock):
    return Demand(clock)


def test_a_list_is_asked_for_its_namespace_at_once(demand):
    demand.note("shop", None)
    assert demand.wants_namespace("shop", by_name=False)


def test_single_objects_are_named_until_there_are_many(demand):
    for number in range(MANY_NAMES - 1):
        demand.note("shop", f"web-{number}")
        demand.note("shop", f"web-{number}")
    assert not demand.wants_namespace("shop", by_name=True)
    demand.note("shop", "another")
    assert demand.wants_namespace("shop", by_name=True)
    assert not demand.wants_namespace("other", by_name=True)


def test_the_cluster_is_asked_when_many_namespaces_are(demand, clock):
    for number in range(MANY_NAMESPACES - 1):
        demand.note(f"team-{number}", None)
    assert not demand.wants_cluster()
    demand.note("one-more", None)
    assert demand.wants_cluster()
    clock.advance(MEMORY_SECONDS + 1)
    demand.note("team-0", None)
    assert not demand.wants_cluster()


def test_what_was_refused_is_tried_again_later(demand, clock):
    for number in range(MANY_NAMESPACES):
        demand.note(f"team-{number}", None)
    demand.refuse_cluster()
    demand.refuse_namespace()
    assert not demand.wants_cluster()
    assert not demand.wants_namespace("team-0", by_name=False)
    clock.advance(REFUSED_SECONDS)
    assert demand.wants_cluster()
    assert demand.wants_namespace("team-0", by_name=False)
