import pytest

from adapter.model.resources import PodKey
from adapter.sim.patterns import Steady, Steps
from adapter.sim.workloads import Container, ContainerKey, Node, Pod, Truth

KEY = PodKey("shop", "web-1")
APP = ContainerKey("shop", "web-1", "app")
MIB = 1 << 20


@pytest.fixture
def truth():
    """One node booted at 0; a pod created at 100 whose container uses 0.5 cores from 110."""
    truth = Truth()
    truth.add_node(Node("n", 0.0, Steady(0.1), Steady(float(MIB))))
    memory = Steps([MIB, 3.0 * MIB], seconds=50.0)
    container = Container(APP, Steady(0.5), memory, [110.0])
    truth.add_pod(Pod(KEY, "n", (container,), {}, created=100.0))
    return truth


def test_average_counts_only_what_ran(truth):
    assert truth.cpu(APP, 100.0, 120.0) == 0.25
    assert truth.cpu(APP, 120.0, 140.0) == 0.5


def test_restart_resets_the_counter_but_not_the_truth(truth):
    truth.restart_container(APP, 150.0)
    container = truth.container(APP)

    assert container.cpu_seconds(149.0) == 19.5
    assert container.cpu_seconds(152.0) == 1.0
    assert container.started(149.0) == 110.0
    assert container.started(152.0) == 150.0
    assert truth.cpu(APP, 140.0, 160.0) == 0.5


def test_deleted_pod_keeps_counting_in_its_nodes_past(truth):
    before = truth.node("n").cpu_seconds(0.0, 200.0)

    truth.delete_pod(KEY, 200.0)

    assert truth.pods() == []
    assert truth.node("n").cpu_seconds(0.0, 200.0) == before
    assert truth.node("n").cpu_seconds(0.0, 300.0) == pytest.approx(before + 10.0)
    assert truth.cpu(KEY, 190.0, 210.0) == 0.25
    assert truth.memory("n", 300.0) == MIB
    with pytest.raises(KeyError):
        truth.pod(PodKey("shop", "never"))


def test_memory_between_bounds_what_may_be_reported(truth):
    assert truth.memory(APP, 149.9) == MIB
    assert truth.memory(APP, 150.1) == 3 * MIB
    assert truth.memory_between(APP, 110.0, 120.0) == range(MIB, MIB + 1)
    assert truth.memory_between(APP, 149.5, 150.5) == range(MIB, 3 * MIB + 1)
    assert truth.memory_between("n", 149.5, 150.5) == range(2 * MIB, 4 * MIB + 1)
