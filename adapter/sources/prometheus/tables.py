"""Readings of cpu and memory → usage of pods and nodes. Pure; generators, as `readings`.

Differently from prometheus-adapter no number is invented for a container of which only cpu or only
memory is known: its pod is left out, and why is remembered.
"""

from collections.abc import Iterator, Mapping

from adapter.model.metrics import ContainerMetrics, NodeMetrics, Origin, PodMetrics
from adapter.model.resources import PodKey
from adapter.sources.prometheus.readings import STEP, ContainerKey, K, Naming, Reading, Readings

_Row = tuple[str, Reading, Reading]

SPREAD_SECONDS = 30.0
"""Windows that differ by no more than this differ by the kubelet's housekeeping and scrapes."""


class PodTable:
    """Usage of the pods of one scope; *reasons* says why a pod is not in *pods*.

    *divided* is False when the answers for several namespaces did not tell them apart; *namings*
    are kept for the next refresh.
    """

    def __init__(self, window: float) -> None:
        self.pods: dict[PodKey, PodMetrics] = {}
        self.reasons: dict[PodKey, str] = {}
        self.divided = True
        self.namings: tuple[Naming[ContainerKey], ...] = ()
        self._window = window

    def build(
        self,
        cpu: Readings[ContainerKey],
        memory: Readings[ContainerKey],
        last: "PodTable | None",
    ) -> Iterator[None]:
        """Put *cpu* and *memory* together.

        A pod that is as it was in *last* stays the same object: encoders cache by identity.
        """
        containers: dict[PodKey, list[_Row]] = {}
        for count, (key, used) in enumerate(cpu.values.items()):
            if count % STEP == 0:
                yield
            other = memory.values.get(key)
            if other is None:
                self.reasons[key[0]] = _incomplete(key, "cpu", "memory", memory)
            else:
                containers.setdefault(key[0], []).append((key[1], used, other))
        for count, key in enumerate(memory.values):
            if count % STEP == 0:
                yield
            if key not in cpu.values:
                self.reasons[key[0]] = _incomplete(key, "memory", "cpu", cpu)
        yield from self._assemble(containers, {} if last is None else last.pods)
        for readings in (cpu, memory):
            for (pod, _), age in readings.stale.items():
                if pod not in self.pods:
                    self.reasons.setdefault(pod, _stale(age, readings.max_age))

    def _assemble(
        self, containers: Mapping[PodKey, list[_Row]], last: Mapping[PodKey, PodMetrics]
    ) -> Iterator[None]:
        for count, (key, rows) in enumerate(containers.items()):
            if count % STEP == 0:
                yield
            if key in self.reasons:
                continue
            if uneven := _uneven(rows):
                self.reasons[key] = uneven
                continue
            pod = self._pod(key, rows)
            before = last.get(key)
            self.pods[key] = before if before is not None and before == pod else pod

    def _pod(self, key: PodKey, rows: list[_Row]) -> PodMetrics:
        rows.sort(key=_container_name)
        timestamp, window = rows[0][1].timestamp, rows[0][1].window
        for _, cpu, memory in rows:
            if cpu.timestamp < timestamp:
                timestamp, window = cpu.timestamp, cpu.window
            timestamp = min(timestamp, memory.timestamp)
        return PodMetrics(
            namespace=key.namespace,
            name=key.name,
            timestamp=timestamp,
            window=self._window if window is None else window,
            containers=tuple(
                [
                    ContainerMetrics(name, cpu.value, round(memory.value))
                    for name, cpu, memory in rows
                ]
            ),
            origin=Origin.PROMETHEUS,
        )


class NodeTable:
    """Usage of all nodes; *reasons* says why a node is not in *nodes*."""

    def __init__(self, window: float) -> None:
        self.nodes: dict[str, NodeMetrics] = {}
        self.reasons: dict[str, str] = {}
        self.namings: tuple[Naming[str], ...] = ()
        self._window = window

    def build(
        self, cpu: Readings[str], memory: Readings[str], last: "NodeTable | None"
    ) -> Iterator[None]:
        """Put *cpu* and *memory* together; identity as in `PodTable.build`."""
        for count, (name, used) in enumerate(cpu.values.items()):
            if count % STEP == 0:
                yield
            other = memory.values.get(name)
            if other is None:
                self.reasons[name] = _incomplete(name, "cpu", "memory", memory)
                continue
            node = NodeMetrics(
                name=name,
                timestamp=min(used.timestamp, other.timestamp),
                window=self._window if used.window is None else used.window,
                cpu=used.value,
                memory=round(other.value),
                origin=Origin.PROMETHEUS,
            )
            before = None if last is None else last.nodes.get(name)
            self.nodes[name] = before if before is not None and before == node else node
        for name in memory.values:
            if name not in cpu.values:
                self.reasons[name] = _incomplete(name, "memory", "cpu", cpu)
        for readings in (cpu, memory):
            for name, age in readings.stale.items():
                if name not in self.nodes:
                    self.reasons.setdefault(name, _stale(age, readings.max_age))


def _uneven(rows: list[_Row]) -> str:
    """Why the containers' values cannot stand beside each other; empty when they can.

    A pod has one window. When Prometheus comes back, one container's value may span the outage and
    another's not: their sum would be true of no window at all.
    """
    windows = [cpu.window for _, cpu, _ in rows if cpu.window is not None]
    if len(windows) < 2:
        return ""
    least, most = min(windows), max(windows)
    if most <= 2 * least or most - least <= SPREAD_SECONDS:
        return ""
    return f"the values of its containers cover different spans, {least:.0f} s to {most:.0f} s"


def _container_name(row: _Row) -> str:
    return row[0]


def _incomplete(key: K, known: str, unknown: str, readings: Readings[K]) -> str:
    text = f"prometheus has {known} but no {unknown}"
    if isinstance(key, tuple) and key[1]:
        text += f' of container "{key[1]}"'
    if key in readings.stale:
        text += f": {_stale(readings.stale[key], readings.max_age)}"
    return text


def _stale(age: float, limit: float) -> str:
    return f"the newest sample in prometheus is {age:.0f} s old (limit {limit:.0f} s)"
