"""What one scrape of one kubelet yields: columns over a layout of containers.

A `Layout` is made once for a set of series and shared by every later batch with the same set, so
that storage can tell by identity that nothing but numbers changed.
"""

from array import array
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from adapter.model.resources import PodKey
from adapter.model.usage import MetricsPoint


class ContainerKey(NamedTuple):
    """A container of a pod."""

    namespace: str
    pod: str
    name: str


class Layout:
    """The containers a kubelet reports, in a fixed order, grouped by pod.

    Args:
        containers: Containers that have both a cpu and a memory sample; a column slot each.
        incomplete: Containers with only one of the two, and which one is missing.
    """

    __slots__ = ("containers", "incomplete", "pods")

    def __init__(
        self, containers: Sequence[ContainerKey], incomplete: Mapping[ContainerKey, str]
    ) -> None:
        self.containers = tuple(containers)
        self.incomplete = dict(incomplete)
        pods: dict[PodKey, list[int]] = {}
        for slot in sorted(range(len(containers)), key=lambda slot: containers[slot].name):
            key = containers[slot]
            pods.setdefault(PodKey(key.namespace, key.pod), []).append(slot)
        self.pods = {pod: tuple(slots) for pod, slots in pods.items()}


class Columns(msgspec.Struct, gc=False):
    """One reading of every container of a layout; index = slot.

    *timestamp_ms* is Unix milliseconds as kubelets print them, *cpu* cumulative seconds, *memory*
    bytes, *start* Unix seconds (0 when unknown); *seen* is when we received it, in monotonic
    seconds.
    """

    timestamp_ms: "array[int]"
    cpu: "array[float]"
    memory: "array[float]"
    start: "array[float]"
    seen: "array[float]"


class Batch(msgspec.Struct, gc=False):
    """One decoded scrape.

    *complete* is False when something was unreadable, so that what is absent from the batch may
    exist all the same.
    """

    layout: Layout
    columns: Columns
    node: MetricsPoint | None
    complete: bool
    bad_lines: int = 0
    first_problem: str = ""
