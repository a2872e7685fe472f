"""Which nodes and pods a simulated cluster has, and what each of them uses."""

import random
import zlib
from typing import Literal

from adapter.model.resources import PodKey
from adapter.sim.patterns import PAGE_BYTES, Pattern, Sine, Steady, Steps
from adapter.sim.workloads import Container, ContainerKey, Node, Pod, Truth

LayoutName = Literal["default", "golden"]

NAMESPACES = 40
"""Namespaces ``team-00`` to ``team-39`` exist whether or not pods are in them."""

_CONTAINER_NAMES = ("app", "proxy")
_MIB = 1 << 20
_GIB = 1 << 30
_SPACING = 200
"""Pod indexes begin at multiples of this on each node."""
_NODE_SCATTER = 0xD7437B53
_POD_SCATTER = 0x360D5A3F


def namespaces() -> list[str]:
    """Names of the namespaces pods are placed in."""
    return [f"team-{index:02d}" for index in range(NAMESPACES)]


def node_name(node: int) -> str:
    """Name of the node with index *node*.

    >>> node_name(2)
    'node-0002'
    """
    return f"node-{node:04d}"


def node_labels(node: int) -> dict[str, str]:
    """Labels of the node with index *node*."""
    return {
        "kubernetes.io/hostname": node_name(node),
        "kubernetes.io/os": "linux",
        "pool": f"p{node % 4}",
    }


def service_name(node: int, pod: int) -> str:
    """Name of the service whose pod is number *pod* on *node*."""
    return f"svc-{7 * node + pod:03d}"


def pod_key(node: int, pod: int) -> PodKey:
    """Namespace and name of pod number *pod* on *node*.

    >>> pod_key(2, 3)
    PodKey(namespace='team-05', name='svc-017-50af0563-00403')
    """
    scattered = (_NODE_SCATTER * node + _POD_SCATTER * pod) % 2**32
    name = f"{service_name(node, pod)}-{scattered:08x}-{_SPACING * node + pod:05d}"
    return PodKey(f"team-{(node + pod) % NAMESPACES:02d}", name)


def pod_labels(node: int, pod: int) -> dict[str, str]:
    """Labels of pod number *pod* on *node*."""
    return {
        "app.kubernetes.io/name": service_name(node, pod),
        "app.kubernetes.io/managed-by": "Helm",
        "pod-template-hash": "5d5f8b7c9d",
        "team": pod_key(node, pod).namespace,
    }


def container_name(container: int) -> str:
    """Name of a pod's container number *container*: app, proxy, side-2."""
    names = _CONTAINER_NAMES
    return names[container] if container < len(names) else f"side-{container}"


def cpu_cores(node: int, pod: int, container: int) -> float:
    """Mean cpu use by the formula every layout uses: 1 to 500 millicores."""
    return 0.001 * (1 + (31 * node + 17 * pod + 7 * container) % 500)


def memory_bytes(node: int, pod: int, container: int) -> int:
    """Mean working set by the formula every layout uses: 8 to 203 MiB."""
    return 8 * _MIB + PAGE_BYTES * ((131 * node + 71 * pod + 13 * container) % 50_000)


class Layout:
    """Makes the workloads of a cluster; *golden* is steady, *default* moves slowly.

    In *default* one container in two is steady; the others swing by a fifth with a period of ten
    to twenty minutes, slow enough that two honest windows of one moment agree within a few
    percent. Memory changes in steps minutes apart. A node's usage is its pods' plus the system's.

    Args:
        name: ``default`` or ``golden``, the cluster of the recorded answers.
        seed: Decides what the formula leaves open.
        now: Unix seconds; everything was started hours before.
    """

    def __init__(self, name: LayoutName, *, seed: int, now: float) -> None:
        self._name = name
        self._seed = seed
        self._now = now

    def populate(
        self, truth: Truth, nodes: int, pods_per_node: int, containers_per_pod: int
    ) -> None:
        """Fill *truth* with so many nodes and pods."""
        for node in range(nodes):
            truth.add_node(self._node(node))
            for pod in range(pods_per_node):
                truth.add_pod(self._pod(node, pod, containers_per_pod))

    def _node(self, node: int) -> Node:
        name = node_name(node)
        booted = self._now - self._random(name).uniform(2, 20) * 3600
        if self._name == "golden":
            return Node(name, booted, Steady(4.5), Steady(20 * _GIB), counts_pods=False)
        return Node(name, booted, Steady(0.12), Steady(_GIB))

    def _pod(self, node: int, pod: int, containers: int) -> Pod:
        key = pod_key(node, pod)
        created = self._now - self._random(key.name).uniform(0.1, 1.5) * 3600
        return Pod(
            key=key,
            node=node_name(node),
            containers=tuple(
                self._container(key, created, (node, pod, index)) for index in range(containers)
            ),
            labels=pod_labels(node, pod),
            created=created,
        )

    def _container(self, key: PodKey, created: float, place: tuple[int, int, int]) -> Container:
        container = ContainerKey(*key, container_name(place[2]))
        chance = self._random("/".join(container))
        cpu: Pattern = Steady(cpu_cores(*place))
        memory: Pattern = Steady(memory_bytes(*place))
        if self._name == "default":
            if chance.random() < 0.5:
                mean = cpu_cores(*place)
                period = chance.uniform(600, 1200)
                cpu = Sine(mean, amplitude=mean / 5, period=period, phase=chance.random())
            levels = [memory_bytes(*place) + chance.randrange(2_000) * PAGE_BYTES for _ in range(4)]
            memory = Steps(levels, seconds=float(chance.randrange(120, 600)))
        return Container(container, cpu, memory, [created + chance.uniform(1, 5)])

    def _random(self, name: str) -> random.Random:
        return random.Random(zlib.crc32(name.encode()) ^ self._seed)
