"""What runs in the simulated cluster and what it truly uses.

Times are Unix seconds, cpu is in cores, memory in bytes. Everything is a function of time: nothing
is sampled here, so the average over any interval is exact and the same for every observer.
"""

import ipaddress
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from adapter.model.resources import PodKey
from adapter.sim.patterns import Pattern, Steady, whole_pages


class ContainerKey(NamedTuple):
    """Namespace, pod and name of a container."""

    namespace: str
    pod: str
    name: str

    @property
    def pod_key(self) -> PodKey:
        """The pod it belongs to."""
        return PodKey(self.namespace, self.pod)


POD_NETWORK = ipaddress.IPv4Network("127.64.0.0/10")
"""Where pods have their addresses. Linux takes all of 127/8 for this machine, so each pod can have
an address of its own, and all of them the same port."""

_FIRST_ADDRESS = POD_NETWORK[1]

Subject = ContainerKey | PodKey | str
"""Whose usage is asked: a container, a pod, or a node by its name."""


@dataclass(slots=True)
class Container:
    """One container; *starts* grows by one with every restart."""

    key: ContainerKey
    cpu: Pattern
    memory: Pattern
    starts: list[float]

    def started(self, at: float) -> float:
        """Start of the incarnation that runs at *at*; its first start for any time before."""
        if self.starts[-1] <= at:
            return self.starts[-1]
        return next((start for start in reversed(self.starts) if start <= at), self.starts[0])

    def cpu_seconds(self, at: float, *, since: float | None = None) -> float:
        """The cpu counter at *at*: usage since the last start, or since *since* if later."""
        start = self.started(at)
        if since is not None:
            start = max(start, since)
        return self.cpu.integral(start, at) if at > start else 0.0

    def memory_bytes(self, at: float) -> int:
        """The working set at *at*, whole pages."""
        return whole_pages(self.memory.at(at))


@dataclass(slots=True)
class Pod:
    """One pod with its containers, sorted by name; exists from *created* until *deleted*.

    *ip* is given by `Truth`; *ports* are those of its first container; *ready* has been so since
    *ready_changed*, which is *created* when None; *terminating* is when its deletion was asked for.
    """

    key: PodKey
    node: str
    containers: tuple[Container, ...]
    labels: Mapping[str, str]
    created: float
    phase: str = "Running"
    deleted: float | None = None
    ip: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)
    ready: bool = True
    ready_changed: float | None = None
    terminating: float | None = None

    @property
    def uid(self) -> str:
        """The object's UID: the same for the same name and time of creation."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.key}/{self.created}"))

    def cpu_seconds(self, start: float, end: float) -> float:
        """Usage of all containers from *start* to *end* as far as the pod existed."""
        if self.deleted is not None:
            end = min(end, self.deleted)
        total = 0.0
        for container in self.containers:
            begin = max(start, container.starts[0])
            if end > begin:
                total += container.cpu.integral(begin, end)
        return total

    def memory_bytes(self, at: float) -> int:
        """Working set of all containers at *at*; 0 when the pod does not exist then."""
        if at < self.created or (self.deleted is not None and at > self.deleted):
            return 0
        return sum(container.memory_bytes(at) for container in self.containers)


@dataclass(slots=True)
class Node:
    """One node. Its usage is the *system*'s own, plus its pods' if *counts_pods*."""

    name: str
    booted: float
    system_cpu: Pattern
    system_memory: Pattern
    counts_pods: bool = True
    pods: dict[PodKey, Pod] = field(default_factory=dict)
    gone: list[Pod] = field(default_factory=list)

    def cpu_seconds(self, start: float, end: float) -> float:
        """Usage from *start* to *end*."""
        total = self.system_cpu.integral(max(start, self.booted), end)
        return total + sum(pod.cpu_seconds(start, end) for pod in self._counted())

    def memory_bytes(self, at: float) -> int:
        """Working set at *at*, whole pages."""
        system = whole_pages(self.system_memory.at(at))
        return system + sum(pod.memory_bytes(at) for pod in self._counted())

    def _counted(self) -> Iterable[Pod]:
        return (*self.pods.values(), *self.gone) if self.counts_pods else ()


class Truth:
    """Everything that runs and what it truly uses."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._pods: dict[PodKey, Pod] = {}
        self._addresses = 0

    def nodes(self) -> Sequence[str]:
        """Names of all nodes, sorted."""
        return sorted(self._nodes)

    def pods(self, node: str | None = None) -> Sequence[Pod]:
        """Pods that exist now, all or those on *node*, sorted by namespace and name."""
        pods = self._pods if node is None else self._nodes[node].pods
        return [pods[key] for key in sorted(pods)]

    def containers(self) -> Sequence[ContainerKey]:
        """Keys of all containers that exist now, sorted."""
        return [container.key for pod in self.pods() for container in pod.containers]

    def node(self, name: str) -> Node:
        """The node called *name*; `KeyError` if there is none."""
        return self._nodes[name]

    def pod(self, key: PodKey) -> Pod:
        """The pod *key*, also one that was deleted; `KeyError` if there never was one."""
        if key in self._pods:
            return self._pods[key]
        for node in self._nodes.values():
            for pod in reversed(node.gone):
                if pod.key == key:
                    return pod
        raise KeyError(key)

    def container(self, key: ContainerKey) -> Container:
        """The container *key*; `KeyError` if there is none."""
        for container in self.pod(key.pod_key).containers:
            if container.key == key:
                return container
        raise KeyError(key)

    def cpu(self, subject: Subject, start: float, end: float) -> float:
        """Average cpu use from *start* to *end*, in cores, restarts included."""
        if isinstance(subject, ContainerKey):
            first = self.container(subject).starts[0]
            used = self.container(subject).cpu.integral(max(start, first), end)
        elif isinstance(subject, PodKey):
            used = self.pod(subject).cpu_seconds(start, end)
        else:
            used = self._nodes[subject].cpu_seconds(start, end)
        return used / (end - start)

    def memory(self, subject: Subject, at: float) -> int:
        """Working set at *at*, in bytes."""
        if isinstance(subject, ContainerKey):
            return self.container(subject).memory_bytes(at)
        if isinstance(subject, PodKey):
            return self.pod(subject).memory_bytes(at)
        return self._nodes[subject].memory_bytes(at)

    def memory_between(self, subject: ContainerKey | str, start: float, end: float) -> range:
        """All working sets possible from *start* to *end*: timestamps are often cut to seconds.

        Returns:
            Bytes as a range of whole pages; a node's bounds are those of its parts summed up.
        """
        if isinstance(subject, ContainerKey):
            patterns: list[Pattern] = [self.container(subject).memory]
        else:
            node = self._nodes[subject]
            pods = node.pods.values() if node.counts_pods else ()
            patterns = [node.system_memory, *(c.memory for pod in pods for c in pod.containers)]
        bounds = [pattern.extremes(start, end) for pattern in patterns]
        low = sum(whole_pages(least) for least, _ in bounds)
        high = sum(whole_pages(most) for _, most in bounds)
        return range(low, high + 1)

    def add_node(self, node: Node) -> None:
        """Add *node*."""
        self._nodes[node.name] = node

    def delete_node(self, name: str) -> None:
        """Forget the node *name* and what ran there."""
        del self._nodes[name]

    def add_pod(self, pod: Pod) -> None:
        """Add *pod* to its node, with an address no other pod ever had."""
        pod.ip = str(_FIRST_ADDRESS + self._addresses)
        self._addresses += 1
        self._pods[pod.key] = pod
        self._nodes[pod.node].pods[pod.key] = pod

    def delete_pod(self, key: PodKey, at: float) -> Pod:
        """End the pod *key* at *at*; the node keeps what it has used."""
        pod = self._pods.pop(key)
        pod.deleted = at
        node = self._nodes[pod.node]
        del node.pods[key]
        node.gone.append(pod)
        return pod

    def restart_container(self, key: ContainerKey, at: float) -> None:
        """Start the container *key* anew at *at*: its counter begins at 0 again."""
        self.container(key).starts.append(at)

    def set_cpu(self, key: ContainerKey, cores: float) -> None:
        """Make the container *key* use *cores* from its very start (0 is a value, too)."""
        self.container(key).cpu = Steady(cores)
