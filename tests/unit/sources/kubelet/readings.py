"""Readings of one kubelet for storage, and what comes out of it.

Times are seconds after T0, cpu core seconds; the resolution is 60 s as in metrics-server's tables.
"""

from array import array

from adapter.model.resources import PodKey
from adapter.model.usage import MetricsPoint
from adapter.sources.kubelet.batch import Batch, Columns, ContainerKey, Layout
from adapter.sources.kubelet.storage import Storage

T0 = 1_700_000_000.0
MIB = 1024 * 1024
POD = PodKey("ns1", "pod1")
NOW = 0.0


def node_batch(at: float, cpu: float, memory: int = 2 * MIB, start: float | None = 0.0) -> Batch:
    started = 0.0 if start is None else T0 + start
    point = MetricsPoint(started, T0 + at, cpu, memory)
    return batch({}, node=point)


def batch(containers, node=None, *, complete=True, incomplete=None, seen=NOW) -> Batch:
    """*containers*: name (or (pod, name)) to (timestamp, cpu, memory, start or None)."""
    keys = []
    for name in containers:
        pod, container = name if isinstance(name, tuple) else (POD.name, name)
        keys.append(ContainerKey(POD.namespace, pod, container))
    rows = list(containers.values())
    columns = Columns(
        timestamp_ms=array("q", [round((T0 + row[0]) * 1000) for row in rows]),
        cpu=array("d", [row[1] for row in rows]),
        memory=array("d", [row[2] for row in rows]),
        start=array("d", [0.0 if row[3] is None else T0 + row[3] for row in rows]),
        seen=array("d", [seen]) * len(rows),
    )
    halves = {ContainerKey(POD.namespace, POD.name, name): "memory" for name in incomplete or ()}
    return Batch(Layout(keys, halves), columns, node, complete=complete)


def stored(*batches: Batch, resolution: float = 60.0) -> Storage:
    storage = Storage(resolution)
    for entry in batches:
        storage.store("node1", entry, NOW)
    return storage


def node_of(storage: Storage):
    usage = storage.node("node1", NOW)
    if usage is None:
        return None
    return (usage.cpu, usage.memory, usage.timestamp - T0, usage.window)


def pod_of(storage: Storage, now: float = NOW):
    usage = storage.pod(POD, now)
    if usage is None:
        return None
    containers = [(entry.name, entry.cpu, entry.memory) for entry in usage.containers]
    return (containers, usage.timestamp - T0, usage.window)
