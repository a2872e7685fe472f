from adapter.sim.layout import Layout, node_labels, pod_labels
from adapter.sim.patterns import Steady
from adapter.sim.workloads import ContainerKey, Truth

NOW = 1_790_000_000.0
MIB = 1 << 20

GOLDEN_PODS = """
team-00 svc-000-00000000-00000 node-0000
team-01 svc-001-360d5a3f-00001 node-0000
team-01 svc-007-d7437b53-00200 node-0001
team-02 svc-002-6c1ab47e-00002 node-0000
team-02 svc-008-0d50d592-00201 node-0001
team-02 svc-014-ae86f6a6-00400 node-0002
team-03 svc-003-a2280ebd-00003 node-0000
team-03 svc-009-435e2fd1-00202 node-0001
team-03 svc-015-e49450e5-00401 node-0002
team-04 svc-010-796b8a10-00203 node-0001
team-04 svc-016-1aa1ab24-00402 node-0002
team-05 svc-017-50af0563-00403 node-0002
"""


def populate(name, *, nodes=3, pods=4, containers=2, seed=1):
    truth = Truth()
    layout = Layout(name, seed=seed, now=NOW)
    layout.populate(truth, nodes=nodes, pods_per_node=pods, containers_per_pod=containers)
    return truth


def test_golden_layout_is_the_cluster_of_the_recorded_answers():
    truth = populate("golden")

    pods = [f"{pod.key.namespace} {pod.key.name} {pod.node}" for pod in truth.pods()]

    assert pods == GOLDEN_PODS.strip().splitlines()
    assert [c.key.name for c in truth.pods()[0].containers] == ["app", "proxy"]
    assert truth.pods()[0].labels == {
        "app.kubernetes.io/name": "svc-000",
        "app.kubernetes.io/managed-by": "Helm",
        "pod-template-hash": "5d5f8b7c9d",
        "team": "team-00",
    }
    assert node_labels(1) == {
        "kubernetes.io/hostname": "node-0001",
        "kubernetes.io/os": "linux",
        "pool": "p1",
    }
    assert node_labels(5)["pool"] == "p1"
    assert pod_labels(2, 3)["team"] == "team-05"


def test_golden_usage_is_steady_and_as_recorded():
    truth = populate("golden")
    proxy = ContainerKey("team-02", "svc-008-0d50d592-00201", "proxy")

    assert truth.cpu(proxy, NOW, NOW + 15) * 1000 == 56  # recorded: 55998700n
    assert truth.memory(proxy, NOW) == 9052 * 1024  # recorded: 9052Ki
    assert truth.cpu("node-0001", NOW, NOW + 15) == 4.5
    assert truth.memory("node-0001", NOW) == 20 << 30


def test_default_layout_moves_slowly_and_by_the_seed():
    truth, again = populate("default"), populate("default")
    other = populate("default", seed=2)
    keys = truth.containers()

    usage = [truth.cpu(key, NOW, NOW + 15) for key in keys]

    assert usage == [again.cpu(key, NOW, NOW + 15) for key in keys]
    assert usage != [other.cpu(key, NOW, NOW + 15) for key in keys]
    moving = [key for key in keys if not isinstance(truth.container(key).cpu, Steady)]
    assert 0 < len(moving) < len(keys)
    for key in keys:
        now, then = truth.cpu(key, NOW, NOW + 15), truth.cpu(key, NOW + 10, NOW + 25)
        assert abs(then - now) <= 0.03 * now
        assert truth.memory(key, NOW) % 4096 == 0


def test_a_default_node_uses_what_its_pods_use_and_a_little_more():
    truth = populate("default")
    pods = [pod.key for pod in truth.pods("node-0000")]

    node = truth.cpu("node-0000", NOW, NOW + 15)

    assert node - sum(truth.cpu(key, NOW, NOW + 15) for key in pods) == 0.12
    memory = truth.memory("node-0000", NOW) - sum(truth.memory(key, NOW) for key in pods)
    assert memory == 1024 * MIB


def test_large_layouts_have_distinct_pods_and_named_containers():
    truth = populate("default", nodes=4, pods=450, containers=3)

    assert len(truth.pods()) == 4 * 450
    assert [c.key.name for c in truth.pods()[0].containers] == ["app", "proxy", "side-2"]
