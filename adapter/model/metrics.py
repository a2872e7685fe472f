"""Usage of nodes and pods, and values of metrics, as sources hand them to the API groups.

Units: cores, bytes, seconds; timestamps are Unix seconds of the newest sample used, never "now".
Structs are immutable and free of cycles (``gc=False``), so a source may hand out the same object
until it has a newer one; the encoder relies on that identity for its cache.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Origin(StrEnum):
    """Which source a value came from."""

    PROMETHEUS = "prometheus"
    KUBELET = "kubelet"


class ContainerMetrics(msgspec.Struct, frozen=True, gc=False):
    """Usage of one container: *cpu* in cores, *memory* (working set) in bytes."""

    name: str
    cpu: float
    memory: int


class PodMetrics(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Usage of a pod's containers.

    *timestamp* is the end of the interval the cpu values cover, in Unix seconds; *window* its
    length in seconds. With several containers both are those of the container with the earliest
    timestamp. *containers* is sorted by name and never empty.
    """

    namespace: str
    name: str
    timestamp: float
    window: float
    containers: tuple[ContainerMetrics, ...]
    origin: Origin


class NodeMetrics(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Usage of a node: *cpu* in cores, *memory* in bytes; times as in `PodMetrics`."""

    name: str
    timestamp: float
    window: float
    cpu: float
    memory: int
    origin: Origin


class MetricValue(msgspec.Struct, frozen=True, gc=False):
    """The value a custom metric has for one object.

    *timestamp* is Unix seconds; *window* the seconds before it that the value covers, None for an
    instantaneous value or where that is not known. *value* is finite.
    """

    value: float
    timestamp: float
    window: float | None = None


class ExternalMetricValue(msgspec.Struct, frozen=True):
    """One series of an external metric; *labels* is None for a value without labels (a scalar)."""

    labels: Mapping[str, str] | None
    value: float
    timestamp: float
    window: float | None = None
