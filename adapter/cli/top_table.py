"""Metrics to the rows ``kubectl top`` prints, plus age and origin; pure.

Rounding is kubectl's: cpu up to whole millicores, memory down to whole MiB, percentages down.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from adapter.cli.top_api import Metrics, Node
from adapter.model.quantity import Quantity
from adapter.model.times import format_duration, parse_rfc3339

ORIGIN_ANNOTATION = "viaduct/origin"

_UNKNOWN = "<unknown>"
_NANOS = 10**9
_NANOS_OF_A_MILLI = 10**6
_MIB = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Usage of a node, pod or container, or of a node without metrics.

    Attributes:
        keys: The texts of the leading columns: namespace, pod and name, those shown.
        cpu: Nanocores.
        memory: Nano-bytes: as precise as the wire.
        age: Text of the sample's age.
        origin: Which source the values came from.
        allocatable: What the percentages refer to; None hides the columns' values.
        known: False for a node without metrics.
    """

    keys: tuple[str, ...]
    cpu: int = 0
    memory: int = 0
    age: str = _UNKNOWN
    origin: str = "-"
    allocatable: Mapping[str, str] | None = None
    known: bool = True


def node_rows(metrics: Iterable[Metrics], nodes: Iterable[Node] | None, now: float) -> list[Row]:
    """Rows of nodes; those kube-apiserver knows without metrics come as unknown."""
    known = {node.metadata.name: node for node in nodes or ()}
    rows = []
    for item in metrics:
        node = known.pop(item.metadata.name, None)
        allocatable = node.status.allocatable if node and node.status else None
        rows.append(_row((item.metadata.name,), [item.usage or {}], item, now, allocatable))
    rows += [Row(keys=(name,), known=False) for name in known]
    return rows


def pod_rows(metrics: Iterable[Metrics], now: float, *, with_namespace: bool) -> list[Row]:
    """Rows of pods: the sum of their containers."""
    return [
        _row(
            (*_namespace(item, with_namespace=with_namespace), item.metadata.name),
            [container.usage for container in item.containers or ()],
            item,
            now,
        )
        for item in metrics
    ]


def container_rows(metrics: Iterable[Metrics], now: float, *, with_namespace: bool) -> list[Row]:
    """Rows of the containers of pods."""
    return [
        _row(
            (*_namespace(item, with_namespace=with_namespace), item.metadata.name, container.name),
            [container.usage],
            item,
            now,
        )
        for item in metrics
        for container in item.containers or ()
    ]


def ordered(rows: Sequence[Row], sort_by: str) -> list[Row]:
    """Rows by name, or the largest use of ``cpu`` or ``memory`` first; unknown ones at the end."""
    if not sort_by:
        return sorted(rows, key=lambda row: (not row.known, row.keys))
    return sorted(rows, key=lambda row: (not row.known, -getattr(row, sort_by), row.keys))


def header(key_columns: Sequence[str], *, percent: bool) -> list[str]:
    """Titles of the columns."""
    usage = ["CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]
    return [*key_columns, *(usage if percent else usage[::2]), "AGE", "ORIGIN"]


def cells(row: Row, *, percent: bool) -> list[str]:
    """Texts of a row, one for each column."""
    cpu, memory = _cpu(row.cpu), _memory(row.memory)
    share = [_percent(row, "cpu", row.cpu), _percent(row, "memory", row.memory)]
    if not row.known:
        cpu = memory = _UNKNOWN
    usage = [cpu, share[0], memory, share[1]] if percent else [cpu, memory]
    return [*row.keys, *usage, row.age, row.origin]


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest text and three spaces, as kubectl does."""
    widths = [max(map(len, column)) + 3 for column in zip(*lines, strict=True)]
    return "\n".join(
        "".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _row(
    keys: tuple[str, ...],
    usages: Iterable[Mapping[str, str]],
    item: Metrics,
    now: float,
    allocatable: Mapping[str, str] | None = None,
) -> Row:
    used = list(usages)
    annotations = item.metadata.annotations or {}
    return Row(
        keys=keys,
        cpu=sum(_nanos(usage.get("cpu", "0")) for usage in used),
        memory=sum(_nanos(usage.get("memory", "0")) for usage in used),
        age=format_duration(max(0, int(now - parse_rfc3339(item.timestamp)))),
        origin=annotations.get(ORIGIN_ANNOTATION, "-"),
        allocatable=allocatable,
    )


def _namespace(item: Metrics, *, with_namespace: bool) -> tuple[str, ...]:
    return (item.metadata.namespace,) if with_namespace else ()


def _nanos(quantity: str) -> int:
    return Quantity.parse(quantity).nanos


def _cpu(nanos: int) -> str:
    return f"{_milli(nanos)}m"


def _memory(nanos: int) -> str:
    return f"{-(-nanos // _NANOS) // _MIB}Mi"


def _percent(row: Row, resource: str, nanos: int) -> str:
    available = _milli(_nanos((row.allocatable or {}).get(resource, "0")))
    if not row.known or not available:
        return _UNKNOWN
    return f"{100 * _milli(nanos) // available}%"


def _milli(nanos: int) -> int:
    return -(-nanos // _NANOS_OF_A_MILLI)
