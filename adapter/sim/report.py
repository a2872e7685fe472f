"""What a kubelet knows of its node at a moment: the newest housekeeping sample of everything."""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

from adapter.model.resources import PodKey
from adapter.sim.faults import Faults
from adapter.sim.housekeeping import Housekeeping
from adapter.sim.workloads import Container, Node, Pod, Truth


class Reading(NamedTuple):
    """One sample; None for what is missing. *timestamp* in Unix seconds, whole milliseconds."""

    timestamp: float
    cpu_seconds: float | None
    memory_bytes: int | None


class ContainerReport(NamedTuple):
    """A container, when it started, and its newest sample."""

    container: Container
    started: float
    reading: Reading


class PodReport(NamedTuple):
    """A pod, its newest sample and those of its containers, sampled at other times."""

    pod: Pod
    reading: Reading
    containers: Sequence[ContainerReport]


class NodeReport(NamedTuple):
    """A node, when it booted, its newest sample and its pods."""

    node: Node
    started: float
    reading: Reading
    pods: Sequence[PodReport]


class Reporter:
    """Makes the reports of one kubelet.

    Args:
        truth: What truly runs.
        node: The kubelet's node.
        housekeeping: When samples are taken.
        faults: The kubelet's faults; those about numbers are applied here.
    """

    def __init__(
        self, truth: Truth, node: str, *, housekeeping: Housekeeping, faults: Faults
    ) -> None:
        self._truth = truth
        self._node = node
        self._housekeeping = housekeeping
        self._faults = faults
        self._numbers: dict[object, int] = {}

    def report(self, now: float) -> NodeReport:
        """What the kubelet reports at *now* (Unix seconds)."""
        node = self._truth.node(self._node)
        time = self._housekeeping.newest(self._number(node.name), node.booted, now)
        sampled = node.booted if time is None else time
        start = max(node.booted, self._faults.counters_since or 0.0)
        cpu_seconds = node.cpu_seconds(start, sampled) if sampled > start else 0.0
        reading = self._skewed(sampled, cpu_seconds, node.memory_bytes(sampled))
        pods = [report for pod in self._pods(now) if (report := self._pod(pod, now)) is not None]
        return NodeReport(node, node.booted + self._faults.clock_skew, reading, pods)

    def _pods(self, now: float) -> list[Pod]:
        pods = [pod for pod in self._truth.pods(self._node) if pod.phase != "Pending"]
        if self._faults.churn and pods:
            pods.pop(int(now / self._faults.churn) % len(pods))
        if self._faults.hidden_pods:
            pods = [pod for pod in pods if pod.key not in self._faults.hidden_pods]
        return [*pods, *(self._truth.pod(key) for key in self._faults.duplicate_pods)]

    def _pod(self, pod: Pod, now: float) -> PodReport | None:
        reports = [self._container(container, now) for container in pod.containers]
        containers = [report for report in reports if report is not None]
        number = self._number(pod.key)
        time = self._housekeeping.newest(number, _first_sample(pod.containers[0], number), now)
        if time is None or not containers:
            return None
        start = max(pod.created, self._faults.counters_since or 0.0)
        cpu_seconds = pod.cpu_seconds(start, time)
        return PodReport(pod, self._skewed(time, cpu_seconds, pod.memory_bytes(time)), containers)

    def _container(self, container: Container, now: float) -> ContainerReport | None:
        number = self._number(container.key)
        time = self._housekeeping.newest(number, _first_sample(container, number), now)
        if time is None:
            return None
        faults = self._faults
        cpu_seconds: float | None = container.cpu_seconds(time, since=faults.counters_since)
        if container.key in faults.zero_cpu:
            cpu_seconds = 0.0
        if container.key in faults.missing_cpu:
            cpu_seconds = None
        memory = None if container.key in faults.missing_memory else container.memory_bytes(time)
        started = container.started(time) + faults.clock_skew
        return ContainerReport(container, started, self._skewed(time, cpu_seconds, memory))

    def _skewed(
        self, timestamp: float, cpu_seconds: float | None, memory_bytes: int | None
    ) -> Reading:
        return Reading(timestamp + self._faults.clock_skew, cpu_seconds, memory_bytes)

    def _number(self, subject: str | PodKey | tuple[str, ...]) -> int:
        number = self._numbers.get(subject)
        if number is None:
            text = subject if isinstance(subject, str) else "/".join(subject)
            number = self._numbers[subject] = zlib.crc32(f"{self._node}/{text}".encode())
        return number


def _first_sample(container: Container, number: int) -> float:
    # cAdvisor notices a new container a moment after it started.
    return container.starts[-1] + 0.2 + number % 800 / 1000
