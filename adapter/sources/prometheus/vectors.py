"""Instant vectors → usage of pods and nodes. Pure; generators, so that the caller may pause.

Scrubbing is prometheus-adapter's (``pkg/resourceprovider``): NaN and negative values count as 0.
Differently from it, +Inf is no value, and no number is invented for a container of which only cpu
or only memory is known: its pod is left out, and why is remembered.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from adapter.model.metrics import ContainerMetrics, NodeMetrics, Origin, PodMetrics
from adapter.model.resources import PodKey
from adapter.promql.response import Sample
from adapter.rules.query import ContainerQueries, NodeQueries

STEP = 2000
"""Rows handled between two pauses; 2 to 4 ms."""

SANDBOX = "POD"
"""Name cAdvisor gives to a pod's sandbox, which is no container of the pod."""

ObjectKey = tuple[str, ...]
"""Namespace, pod and container; or a node."""


class Reading(msgspec.Struct, gc=False):
    """The value of one object and its sample's time in Unix seconds."""

    value: float
    timestamp: float


class Readings:
    """The newest usable value of each object in the answers to one rule's queries.

    *values* is by object; *stale* has the age in seconds of samples beyond the limit; *dropped*
    counts rows that were not used, by reason.

    Args:
        key_of: Names the object of a row from its labels; None when it is none of ours.
        at: When the queries were evaluated, in Unix seconds.
        max_age: Seconds from which a sample is too old.
    """

    def __init__(
        self, key_of: Callable[[Mapping[str, str]], ObjectKey | None], *, at: float, max_age: float
    ) -> None:
        self.values: dict[ObjectKey, Reading] = {}
        self.stale: dict[ObjectKey, float] = {}
        self.dropped = {"infinite": 0, "stale": 0, "no_timestamp": 0}
        self._key_of = key_of
        self._at = at
        self.max_age = max_age

    def read(self, rows: Sequence[Sample], times: Sequence[Sample] | None) -> Iterator[None]:
        """Take in *rows*, with *times* as the values of the timestamp query, if there is one.

        Of several rows for one object the one with the newest sample counts, then the first.

        Raises:
            ResponseError: A value is no number.
        """
        taken: _Times | None = None
        if times is not None:
            taken = _Times(self._key_of)
            yield from taken.read(times)
        for count, row in enumerate(rows):
            if count % STEP == 0:
                yield
            key = self._key_of(row.metric)
            if key is None:
                continue
            timestamp = row.timestamp if taken is None else taken.of(row.metric, key)
            if timestamp is None:
                self.dropped["no_timestamp"] += 1
            else:
                self._add(key, row.number, timestamp)

    def _add(self, key: ObjectKey, value: float, timestamp: float) -> None:
        if value == math.inf:
            self.dropped["infinite"] += 1
            return
        age = self._at - timestamp
        if age > self.max_age:
            self.dropped["stale"] += 1
            self.stale[key] = min(age, self.stale.get(key, age))
            return
        known = self.values.get(key)
        if known is None or timestamp > known.timestamp:
            # In this order max() turns NaN into 0, too.
            self.values[key] = Reading(max(0.0, value), timestamp)


class _Times:
    """Times of samples, by all labels of a row, or by its object where the labels differ."""

    def __init__(self, key_of: Callable[[Mapping[str, str]], ObjectKey | None]) -> None:
        self._key_of = key_of
        self._by_labels: dict[tuple[tuple[str, str], ...], float] = {}
        self._by_object: dict[ObjectKey, float] = {}

    def read(self, rows: Sequence[Sample]) -> Iterator[None]:
        for count, row in enumerate(rows):
            if count % STEP == 0:
                yield
            key = self._key_of(row.metric)
            time = row.number
            if key is None or not math.isfinite(time):
                continue
            self._by_labels[_labels(row.metric)] = time
            # The earliest: never make data look newer than it is.
            self._by_object[key] = min(time, self._by_object.get(key, time))

    def of(self, metric: Mapping[str, str], key: ObjectKey) -> float | None:
        time = self._by_labels.get(_labels(metric))
        return self._by_object.get(key) if time is None else time


def _labels(metric: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """All labels but the name, which ``timestamp()`` drops; Prometheus sends them sorted."""
    return tuple(label for label in metric.items() if label[0] != "__name__")


def container_key(
    queries: ContainerQueries, namespace: str | None
) -> Callable[[Mapping[str, str]], ObjectKey | None]:
    """Name containers by the labels of *queries*, in answers about *namespace* or all."""

    def key_of(metric: Mapping[str, str]) -> ObjectKey | None:
        found = metric.get(queries.namespace_label, namespace)
        pod = metric.get(queries.pod_label)
        if not found or not pod or (namespace is not None and found != namespace):
            return None
        container = ""
        if queries.container_label:
            container = metric.get(queries.container_label, "")
            if container in {"", SANDBOX}:
                return None
        return found, pod, container

    return key_of


def node_key(queries: NodeQueries) -> Callable[[Mapping[str, str]], ObjectKey | None]:
    """Name nodes by the label of *queries*."""

    def key_of(metric: Mapping[str, str]) -> ObjectKey | None:
        name = metric.get(queries.node_label)
        return (name,) if name else None

    return key_of


class PodTable:
    """Usage of the pods of one scope; *reasons* says why a pod is not in *pods*.

    *divided* is False when the answers for several namespaces did not tell them apart.
    """

    def __init__(self, window: float) -> None:
        self.pods: dict[PodKey, PodMetrics] = {}
        self.reasons: dict[PodKey, str] = {}
        self.divided = True
        self._window = window

    def build(self, cpu: Readings, memory: Readings, last: "PodTable | None") -> Iterator[None]:
        """Put *cpu* and *memory* together.

        A pod that is as it was in *last* stays the same object: encoders cache by identity.
        """
        containers: dict[PodKey, list[tuple[str, Reading, Reading]]] = {}
        for count, (key, used) in enumerate(cpu.values.items()):
            if count % STEP == 0:
                yield
            other = memory.values.get(key)
            pod = PodKey(key[0], key[1])
            if other is None:
                self.reasons[pod] = _incomplete(key, "cpu", "memory", memory)
            else:
                containers.setdefault(pod, []).append((key[2], used, other))
        for count, key in enumerate(memory.values):
            if count % STEP == 0:
                yield
            if key not in cpu.values:
                self.reasons[PodKey(key[0], key[1])] = _incomplete(key, "memory", "cpu", cpu)
        yield from self._assemble(containers, {} if last is None else last.pods)
        for readings in (cpu, memory):
            for key, age in readings.stale.items():
                pod = PodKey(key[0], key[1])
                if pod not in self.pods:
                    self.reasons.setdefault(pod, _stale(age, readings))

    def _assemble(
        self,
        containers: Mapping[PodKey, list[tuple[str, Reading, Reading]]],
        last: Mapping[PodKey, PodMetrics],
    ) -> Iterator[None]:
        for count, (key, rows) in enumerate(containers.items()):
            if count % STEP == 0:
                yield
            if key in self.reasons:
                continue
            rows.sort(key=lambda row: row[0])
            pod = PodMetrics(
                namespace=key.namespace,
                name=key.name,
                timestamp=min(min(cpu.timestamp, memory.timestamp) for _, cpu, memory in rows),
                window=self._window,
                containers=tuple(
                    ContainerMetrics(name, cpu.value, round(memory.value))
                    for name, cpu, memory in rows
                ),
                origin=Origin.PROMETHEUS,
            )
            before = last.get(key)
            self.pods[key] = before if before is not None and before == pod else pod


class NodeTable:
    """Usage of all nodes; *reasons* says why a node is not in *nodes*."""

    def __init__(self, window: float) -> None:
        self.nodes: dict[str, NodeMetrics] = {}
        self.reasons: dict[str, str] = {}
        self._window = window

    def build(self, cpu: Readings, memory: Readings, last: "NodeTable | None") -> Iterator[None]:
        """Put *cpu* and *memory* together; identity as in `PodTable.build`."""
        for count, (key, used) in enumerate(cpu.values.items()):
            if count % STEP == 0:
                yield
            other = memory.values.get(key)
            if other is None:
                self.reasons[key[0]] = _incomplete(key, "cpu", "memory", memory)
                continue
            node = NodeMetrics(
                name=key[0],
                timestamp=min(used.timestamp, other.timestamp),
                window=self._window,
                cpu=used.value,
                memory=round(other.value),
                origin=Origin.PROMETHEUS,
            )
            before = None if last is None else last.nodes.get(key[0])
            self.nodes[key[0]] = before if before is not None and before == node else node
        for key in memory.values:
            if key not in cpu.values:
                self.reasons[key[0]] = _incomplete(key, "memory", "cpu", cpu)
        for readings in (cpu, memory):
            for key, age in readings.stale.items():
                if key[0] not in self.nodes:
                    self.reasons.setdefault(key[0], _stale(age, readings))


def _incomplete(key: ObjectKey, known: str, unknown: str, readings: Readings) -> str:
    text = f"prometheus has {known} but no {unknown}"
    if len(key) == 3 and key[2]:
        text += f' of container "{key[2]}"'
    if key in readings.stale:
        text += f": {_stale(readings.stale[key], readings)}"
    return text


def _stale(age: float, readings: Readings) -> str:
    return f"the newest sample in prometheus is {age:.0f} s old (limit {readings.max_age:.0f} s)"
