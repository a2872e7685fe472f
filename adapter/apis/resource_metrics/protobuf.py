"""Usage as the protobuf of ``metrics.k8s.io``: byte for byte what Go's generated code writes.

As with JSON an item is encoded once per sample, and only ``creationTimestamp`` differs from request
to request: a fragment is what comes before its seconds and what comes after. Field numbers are
those of k8s.io/metrics ``pkg/apis/metrics/v1beta1/generated.proto``; v1 has the same types.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Generic

import msgspec

from adapter.apis.protobuf import (
    ENVELOPE_END,
    LIST_META,
    envelope,
    integer,
    mapping,
    message,
    object_document,
    quantity,
    text,
    time,
    varint,
)
from adapter.apis.resource_metrics.fragments import Fragments, Key, Metrics
from adapter.model.metrics import NodeMetrics, PodMetrics
from adapter.model.quantity import format_cpu, format_memory

_SECONDS = 5
"""Bytes of ``creationTimestamp``'s seconds: what a varint takes from 1978 to 3058."""

_CREATED = b"\x42" + varint(len(integer(2, 0)) + 1 + _SECONDS) + b"\x08"
"""``creationTimestamp`` up to its seconds."""

_CREATED_END = integer(2, 0)
_BEFORE_CREATED = text(4, "") + text(5, "") + text(6, "") + integer(7, 0) + _CREATED
"""selfLink, uid, resourceVersion and generation, which are never set."""

_ANNOTATIONS = 12


class ProtobufFragment(msgspec.Struct, Generic[Metrics], frozen=True, gc=False):
    """An item of a list, in parts, and the values it was made from."""

    metrics: Metrics
    labels: Mapping[str, str]
    start: bytes
    """Field number and length of the item, and of the metadata in it."""
    before: bytes
    """The metadata up to the seconds of its ``creationTimestamp``."""
    after: bytes
    """The metadata after them."""
    values: bytes
    """The item's further fields."""
    size: int
    """Bytes of the whole, the seconds included."""

    def with_origin(self) -> "ProtobufFragment[Metrics]":
        """The same with an annotation that tells which source the values came from."""
        origin = mapping(_ANNOTATIONS, {"viaduct/origin": self.metrics.origin.value})
        return assembled(self.metrics, self.labels, self.before, self.after + origin, self.values)

    def partial(self) -> "ProtobufFragment[Metrics]":
        """The same with its metadata alone, as a ``PartialObjectMetadata`` has it."""
        return assembled(self.metrics, self.labels, self.before, self.after, b"")

    def content(self, now: bytes) -> bytes:
        """The fields of an object made at *now* (of `seconds`)."""
        return message(1, self.before + now + self.after) + self.values


def assembled(
    metrics: Metrics, labels: Mapping[str, str], before: bytes, after: bytes, values: bytes
) -> ProtobufFragment[Metrics]:
    """A fragment of these parts."""
    metadata = len(before) + _SECONDS + len(after)
    start = _starts(metadata, len(values))
    size = len(start) + metadata + len(values)
    return ProtobufFragment(metrics, labels, start, before, after, values, size)


@lru_cache(maxsize=8192)  # lengths repeat over the objects of a cluster
def _starts(metadata: int, values: int) -> bytes:
    """Field numbers and lengths of an item, and of the metadata in it."""
    metadata_start = b"\x0a" + varint(metadata)
    return b"\x12" + varint(len(metadata_start) + metadata + values) + metadata_start


class ProtobufFragments(Fragments[Key, Metrics, ProtobufFragment[Metrics]]):
    """Keeps the protobuf of each object.

    Args:
        encode_name: Fields 1 to 3 of an object's metadata: its name and namespace.
        encode_values: The item's fields after its metadata.
    """

    def __init__(
        self, encode_name: Callable[[Key], bytes], encode_values: Callable[[Metrics], bytes]
    ) -> None:
        super().__init__()
        self._encode_name = encode_name
        self._encode_values = encode_values

    def _encode(
        self,
        key: Key,
        labels: Mapping[str, str],
        metrics: Metrics,
        kept: ProtobufFragment[Metrics] | None,
    ) -> ProtobufFragment[Metrics]:
        if kept is None:
            before, after = self._encode_name(key) + _BEFORE_CREATED, self._labels(labels)
        else:
            before, after = kept.before, kept.after
        return assembled(metrics, labels, before, after, self._encode_values(metrics))

    def _encode_labels(self, labels: Mapping[str, str]) -> bytes:
        return _CREATED_END + mapping(11, labels)


def seconds(unix: float) -> bytes:
    """Unix time as the seconds of ``creationTimestamp``; always of the same length."""
    number = min(max(int(unix), 0), (1 << 7 * _SECONDS) - 1)
    # a varint may have more bytes than it needs: times before 1978, of simulations, get them
    groups = [number >> 7 * place & 0x7F | 0x80 for place in range(_SECONDS)]
    return bytes([*groups[:-1], groups[-1] & 0x7F])


async def list_document(
    kind: str, api_version: str, chunks: Iterator[list[ProtobufFragment[Metrics]]], now: float
) -> Iterator[bytes]:
    """A list made at *now*, in pieces.

    Its length comes before it, so that all items are encoded first; between two chunks others run.
    """
    stamp = seconds(now)
    encoded = []
    size = len(LIST_META)
    for chunk in chunks:
        encoded.append(chunk)
        size += sum([each.size for each in chunk])
        await asyncio.sleep(0)
    start = envelope(kind, api_version, size) + LIST_META

    def pieces() -> Iterator[bytes]:
        yield start
        for chunk in encoded:
            parts: list[bytes] = []
            for each in chunk:
                parts += (each.start, each.before, stamp, each.after, each.values)
            yield b"".join(parts)
        yield ENVELOPE_END

    return pieces()


def single_document(
    kind: str, api_version: str, fragment: ProtobufFragment[Metrics], now: float
) -> list[bytes]:
    """One object, made at *now*."""
    return object_document(kind, api_version, fragment.content(seconds(now)))


def encode_pod_name(key: tuple[str, str]) -> bytes:
    """Name and namespace of a pod."""
    return text(1, key[1]) + _namespace(key[0])


def encode_node_name(name: str) -> bytes:
    """Name of a node, and no namespace."""
    return text(1, name) + _namespace("")


def encode_pod_values(pod: PodMetrics) -> bytes:
    """Time, window and containers of a pod.

    Written as text in which each character is one byte (Latin-1): formatting it is twice as fast as
    joining bytes.
    """
    parts = [_times(pod.timestamp, pod.window)]
    for container in pod.containers:
        # written here as `format_cpu` and `format_memory` would, for the reason JSON does it
        nanocores, memory = round(container.cpu * 1e9), container.memory
        cpu_text = (
            f"{nanocores}n" if nanocores > 0 and nanocores % 1000 else format_cpu(container.cpu)
        )
        memory_text = (
            f"{memory >> 10}Ki"
            if memory > 0 and not memory & 0x3FF and memory & 0xFFC00
            else format_memory(memory)
        )
        usage = (
            f"{_container_name(container.name)}"
            f"{_CPU_START[len(cpu_text)]}{cpu_text}{_MEMORY_START[len(memory_text)]}{memory_text}"
        )
        parts.append(f"{_container_start(len(usage))}{usage}")
    return "".join(parts).encode("latin-1")


def encode_node_values(node: NodeMetrics) -> bytes:
    """Time, window and usage of a node."""
    return (
        _times(node.timestamp, node.window).encode("latin-1")
        + _usage(4, "cpu", format_cpu(node.cpu))
        + _usage(4, "memory", format_memory(node.memory))
    )


def _usage(field: int, resource: str, amount: str) -> bytes:
    return message(field, text(1, resource) + quantity(2, amount))


def _usage_starts(resource: str) -> Sequence[str]:
    """``usage`` of a container up to the text of its quantity, by the length of that text."""
    starts = []
    for length in range(_LONGEST):
        whole = _usage(2, resource, "x" * length)
        starts.append(whole[: len(whole) - length].decode("latin-1"))
    return starts


_LONGEST = 512
"""Above the characters of any finite float."""

_CPU_START = _usage_starts("cpu")
_MEMORY_START = _usage_starts("memory")


# the pods of a node mostly share one timestamp and one window, and names repeat over a cluster
@lru_cache(maxsize=8192)
def _times(unix: float, duration: float) -> str:
    return (time(2, unix) + message(3, integer(1, round(duration * 1e9)))).decode("latin-1")


@lru_cache(maxsize=8192)
def _container_name(name: str) -> str:
    return text(1, name).decode("latin-1")


@lru_cache(maxsize=1024)
def _container_start(size: int) -> str:
    return (b"\x22" + varint(size)).decode("latin-1")


@lru_cache(maxsize=8192)
def _namespace(name: str) -> bytes:
    return text(2, "") + text(3, name)
