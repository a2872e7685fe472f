"""Decode a kubelet's ``/metrics/resource`` (KEP-727; stable since Kubernetes 1.29).

Six families are read. A container needs a cpu and a memory sample; zero is a value; NaN, infinite
and negative samples are treated as bad lines. What is unreadable costs only itself and makes the
batch incomplete, so that storage keeps what it had.
"""

from array import array
from collections.abc import Mapping
from sys import intern

from adapter.exposition import blocks
from adapter.exposition.blocks import Unfamiliar
from adapter.exposition.text import BadLine, Sample, parse_lines
from adapter.model.usage import MetricsPoint
from adapter.sources.kubelet.batch import Batch, Columns, ContainerKey, Layout

_CPU = b"container_cpu_usage_seconds_total"
_MEMORY = b"container_memory_working_set_bytes"
_START = b"container_start_time_seconds"
_NODE_CPU = b"node_cpu_usage_seconds_total"
_NODE_MEMORY = b"node_memory_working_set_bytes"
_SCRAPE_ERRORS = (b"resource_scrape_error", b"scrape_error")
_FAMILIES = (_CPU, _MEMORY, _START, _NODE_CPU, _NODE_MEMORY)
_INFINITY = float("inf")


class ResourceDecoder:
    """Decodes the answers of one kubelet; remembers the series of the last one.

    The fast path holds while every family has the series it had, in the same order.
    """

    def __init__(self) -> None:
        self._layout: Layout | None = None
        self._series: dict[bytes, list[bytes]] = {}
        self._starts = array("d")
        self._starts_digest: int | None = None

    def decode(self, body: bytes, received: float, seen: float) -> Batch:
        """Decode *body*.

        Args:
            body: The whole answer.
            received: Wall time of the request in Unix seconds; stands in for missing timestamps.
            seen: The same moment in monotonic seconds.
        """
        if self._layout is not None:
            try:
                return self._decode_known(self._layout, body, received, seen)
            except Unfamiliar:
                pass
        return self._decode_strictly(body, received, seen)

    def _decode_known(self, layout: Layout, body: bytes, received: float, seen: float) -> Batch:
        families = blocks.split_families(body)
        for name in _SCRAPE_ERRORS:
            if not families.get(name, b" 0\n").endswith(b" 0\n"):
                raise Unfamiliar
        cpu = self._read(_CPU, families)
        memory = self._read(_MEMORY, families)
        if cpu is None or memory is None or cpu.timestamps is None:
            raise Unfamiliar
        count = len(cpu.values)
        columns = Columns(
            timestamp_ms=array("q", cpu.timestamps),
            cpu=array("d", cpu.values),
            memory=array("d", memory.values),
            start=self._read_starts(families, count),
            seen=array("d", [seen]) * count,
        )
        return Batch(layout, columns, self._read_node(families, received), complete=True)

    def _read(self, family: bytes, families: Mapping[bytes, bytes]) -> blocks.Columns | None:
        """The columns of *family*; None when it has no series, as last time."""
        series = self._series[family]
        if not series:
            if family in families:
                raise Unfamiliar
            return None
        return blocks.read_block(families.get(family, b""), series)

    def _read_starts(self, families: Mapping[bytes, bytes], count: int) -> "array[float]":
        """Start times; the same array while the text stays the same, which it mostly does."""
        digest = hash(families.get(_START))
        if digest != self._starts_digest:
            start = self._read(_START, families)
            self._starts = array("d", start.values if start is not None else bytes(8 * count))
            self._starts_digest = digest
        return self._starts

    def _read_node(self, families: Mapping[bytes, bytes], received: float) -> MetricsPoint | None:
        cpu, memory = self._read(_NODE_CPU, families), self._read(_NODE_MEMORY, families)
        if cpu is None or memory is None:
            return None
        stamp = cpu.timestamps[0] / 1000 if cpu.timestamps else received
        return MetricsPoint(0.0, stamp, cpu.values[0], round(memory.values[0]))

    def _decode_strictly(self, body: bytes, received: float, seen: float) -> Batch:
        reading = _Reading()
        for entry in parse_lines(body):
            reading.add(entry)
        if body and body[-1:] != b"\n":
            reading.problem("the answer ends in the middle of a line")
        layout = reading.layout()
        if self._layout is not None and layout_equal(self._layout, layout):
            layout = self._layout
        self._remember(layout, reading)
        return Batch(
            layout=layout,
            columns=reading.columns(layout, received, seen),
            node=reading.node(received),
            complete=reading.first_problem == "",
            bad_lines=reading.bad_lines,
            first_problem=reading.first_problem,
        )

    def _remember(self, layout: Layout, reading: "_Reading") -> None:
        """Keep the series for the fast path, if it may be used for an answer like this one."""
        self._layout = None
        series = reading.series
        keys = reading.keys
        aligned = keys[_CPU] == keys[_MEMORY] == list(layout.containers)
        starts = not keys[_START] or keys[_START] == keys[_CPU]
        if reading.first_problem or not aligned or not starts or not keys[_CPU]:
            return
        if len(series[_NODE_CPU]) > 1 or len(series[_NODE_MEMORY]) > 1:
            return
        self._layout = layout
        self._starts_digest = None
        self._series = {family: list(series[family]) for family in _FAMILIES}


def layout_equal(one: Layout, other: Layout) -> bool:
    """Whether both layouts have the same containers in the same slots."""
    return one.containers == other.containers and one.incomplete == other.incomplete


class _Reading:
    """Samples of one body, gathered by the strict path."""

    def __init__(self) -> None:
        self.bad_lines = 0
        self.first_problem = ""
        self.series: dict[bytes, list[bytes]] = {family: [] for family in _FAMILIES}
        self.keys: dict[bytes, list[ContainerKey]] = {_CPU: [], _MEMORY: [], _START: []}
        self._containers: dict[bytes, dict[ContainerKey, Sample]] = {
            _CPU: {},
            _MEMORY: {},
            _START: {},
        }
        self._node: dict[bytes, Sample] = {}

    def problem(self, text: str) -> None:
        """Note that something was unreadable."""
        self.first_problem = self.first_problem or text

    def add(self, entry: Sample | BadLine) -> None:
        """Take one parsed line."""
        if isinstance(entry, BadLine):
            self._bad(f"line {entry.number}: {entry.reason}: {entry.text}")
            return
        family = entry.name.encode()
        if family in _SCRAPE_ERRORS:
            if entry.value != 0.0:
                self.problem(f"the kubelet reports {entry.name} {entry.value:g}")
        elif family in self.series:
            if not 0.0 <= entry.value < _INFINITY or (entry.timestamp_ms or 0) < 0:
                self._bad(f"{entry.series}: value or timestamp out of range")
            else:
                self._take(family, entry)

    def _bad(self, text: str) -> None:
        self.bad_lines += 1
        self.problem(text)

    def _take(self, family: bytes, sample: Sample) -> None:
        if family in self._containers:
            try:
                key = ContainerKey(
                    intern(sample.labels["namespace"]),
                    sample.labels["pod"],
                    intern(sample.labels["container"]),
                )
            except KeyError as missing:
                self._bad(f"{sample.series}: label {missing} is missing")
                return
            if key in self._containers[family]:
                self._bad(f"{sample.series}: given twice")
                return
            self._containers[family][key] = sample
            self.keys[family].append(key)
        elif not sample.labels:
            self._node[family] = sample
        self.series[family].append(sample.series.encode())

    def layout(self) -> Layout:
        """Containers with both samples; those with one are incomplete; start alone is nothing."""
        cpu, memory = self._containers[_CPU], self._containers[_MEMORY]
        incomplete = {key: "cpu" for key in memory if key not in cpu}
        incomplete |= {key: "memory" for key in cpu if key not in memory}
        return Layout([key for key in cpu if key in memory], incomplete)

    def columns(self, layout: Layout, received: float, seen: float) -> Columns:
        """The readings in the order of *layout*."""
        cpu = [self._containers[_CPU][key] for key in layout.containers]
        memory = [self._containers[_MEMORY][key] for key in layout.containers]
        starts: Mapping[ContainerKey, Sample] = self._containers[_START]
        return Columns(
            timestamp_ms=array("q", [_stamp(sample, received) for sample in cpu]),
            cpu=array("d", [sample.value for sample in cpu]),
            memory=array("d", [sample.value for sample in memory]),
            start=array(
                "d", [starts[key].value if key in starts else 0.0 for key in layout.containers]
            ),
            seen=array("d", [seen]) * len(cpu),
        )

    def node(self, received: float) -> MetricsPoint | None:
        """The node's own reading, when it has both samples."""
        cpu, memory = self._node.get(_NODE_CPU), self._node.get(_NODE_MEMORY)
        if cpu is None or memory is None:
            return None
        return MetricsPoint(0.0, _stamp(cpu, received) / 1000, cpu.value, round(memory.value))


def _stamp(sample: Sample, received: float) -> int:
    return round(received * 1000) if sample.timestamp_ms is None else sample.timestamp_ms
