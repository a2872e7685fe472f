"""Decode a kubelet's ``/stats/summary``, for kubelets without ``/metrics/resource``."""

from array import array
from collections.abc import Iterator

import msgspec

from adapter.model.times import parse_rfc3339
from adapter.model.usage import MetricsPoint
from adapter.sources.kubelet.batch import Batch, Columns, ContainerKey, Layout
from adapter.sources.kubelet.decode import layout_equal
from adapter.sources.kubelet.failure import FailureReason, ScrapeFailed


class _Cpu(msgspec.Struct, gc=False, rename="camel"):
    time: str = ""
    usage_core_nano_seconds: int | None = None


class _Memory(msgspec.Struct, gc=False, rename="camel"):
    working_set_bytes: int | None = None


class _Container(msgspec.Struct, gc=False, rename="camel"):
    name: str
    start_time: str | None = None
    cpu: _Cpu | None = None
    memory: _Memory | None = None


class _PodRef(msgspec.Struct, gc=False):
    name: str
    namespace: str


class _Pod(msgspec.Struct, gc=False, rename="camel"):
    pod_ref: _PodRef
    containers: list[_Container] | None = None


class _Node(msgspec.Struct, gc=False, rename="camel"):
    cpu: _Cpu | None = None
    memory: _Memory | None = None


class _Summary(msgspec.Struct, gc=False):
    """The part we read of ``k8s.io/kubelet/pkg/apis/stats/v1alpha1.Summary``."""

    node: _Node
    pods: list[_Pod] | None = None


_DECODER = msgspec.json.Decoder(_Summary)


class SummaryDecoder:
    """Decodes the answers of one kubelet; shares the layout while the containers stay the same."""

    def __init__(self) -> None:
        self._layout: Layout | None = None

    def decode(self, body: bytes, received: float, seen: float) -> Batch:
        """Decode *body*; arguments as for `ResourceDecoder.decode`.

        Raises:
            ScrapeFailed: *body* is not a summary; JSON cannot be read in part.
        """
        try:
            summary = _DECODER.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            text = f"its summary cannot be read: {error}"
            raise ScrapeFailed(FailureReason.MALFORMED, text) from error
        rows: dict[ContainerKey, _Row] = {}
        incomplete: dict[ContainerKey, str] = {}
        problems = []
        for key, container in _containers(summary):
            try:
                row = _row(container.cpu, container.memory, container.start_time, received)
            except ValueError as error:
                problems.append(f"container {key.name} of pod {key.namespace}/{key.pod}: {error}")
                continue
            if isinstance(row, str):
                incomplete[key] = row
            elif row is not None:
                rows[key] = row
        layout = Layout(list(rows), incomplete)
        if self._layout is not None and layout_equal(self._layout, layout):
            layout = self._layout
        self._layout = layout
        return Batch(
            layout=layout,
            columns=_columns(list(rows.values()), seen),
            node=_node(summary.node, received, problems),
            complete=not problems,
            bad_lines=len(problems),
            first_problem=problems[0] if problems else "",
        )


_Row = tuple[float, float, float, float]
"""timestamp, cpu seconds, memory bytes, start"""


def _containers(summary: _Summary) -> Iterator[tuple[ContainerKey, _Container]]:
    for pod in summary.pods or ():
        for container in pod.containers or ():
            yield ContainerKey(pod.pod_ref.namespace, pod.pod_ref.name, container.name), container


def _row(
    cpu: _Cpu | None, memory: _Memory | None, start: str | None, received: float
) -> _Row | str | None:
    """One reading; the name of the missing half; None when there is neither.

    Raises:
        ValueError: A time or number makes no sense.
    """
    used = cpu.usage_core_nano_seconds if cpu is not None else None
    working_set = memory.working_set_bytes if memory is not None else None
    if cpu is None or used is None:
        return None if working_set is None else "cpu"
    if working_set is None:
        return "memory"
    if used < 0 or working_set < 0:
        raise ValueError("negative usage")
    stamp = parse_rfc3339(cpu.time) if cpu.time else received
    started = max(0.0, parse_rfc3339(start)) if start else 0.0
    return stamp, used / 1e9, float(working_set), started


def _node(node: _Node, received: float, problems: list[str]) -> MetricsPoint | None:
    try:
        row = _row(node.cpu, node.memory, None, received)
    except ValueError as error:
        problems.append(f"node: {error}")
        return None
    if row is None or isinstance(row, str):
        return None
    return MetricsPoint(0.0, row[0], row[1], round(row[2]))


def _columns(rows: list[_Row], seen: float) -> Columns:
    return Columns(
        timestamp_ms=array("q", [round(row[0] * 1000) for row in rows]),
        cpu=array("d", [row[1] for row in rows]),
        memory=array("d", [row[2] for row in rows]),
        start=array("d", [row[3] for row in rows]),
        seen=array("d", [seen]) * len(rows),
    )
