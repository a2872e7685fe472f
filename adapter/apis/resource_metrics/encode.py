"""Usage as the JSON of ``metrics.k8s.io``: byte for byte what Go's ``encoding/json`` writes.

An item is encoded once per sample and kept (`fragments`); lists are joined from such items. The
only part that differs from request to request is ``creationTimestamp``, which the peers set to the
time of the request: a NUL byte, which JSON text cannot contain, holds its place.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Generic

import msgspec

from adapter.apis.gojson import encode_json
from adapter.apis.lists import type_meta
from adapter.apis.resource_metrics.fragments import Fragments, Key, Metrics
from adapter.model.metrics import NodeMetrics, PodMetrics
from adapter.model.quantity import format_cpu, format_memory
from adapter.model.times import format_duration, format_rfc3339

_NOW = b"\0"


class Fragment(msgspec.Struct, Generic[Metrics], frozen=True, gc=False):
    """A list item and the values it was made from."""

    metrics: Metrics
    labels: Mapping[str, str]
    item: bytes
    metadata_end: int
    """``item[:metadata_end]`` is the item up to the brace that closes its metadata."""

    def with_origin(self) -> "Fragment[Metrics]":
        """The same with an annotation that tells which source the values came from."""
        annotation = b',"annotations":{"viaduct/origin":"%b"}' % self.metrics.origin.encode()
        item = self.item[: self.metadata_end] + annotation + self.item[self.metadata_end :]
        return Fragment(self.metrics, self.labels, item, self.metadata_end + len(annotation))

    def whole(self, kind: str, api_version: str) -> bytes:
        """The item as an object of its own."""
        return type_meta(kind, api_version) + self.item[1:]

    def partial(self, api_version: str) -> bytes:
        """The item's metadata as a ``PartialObjectMetadata``."""
        return (
            type_meta("PartialObjectMetadata", api_version)
            + self.item[1 : self.metadata_end]
            + b"}}"
        )


class FragmentCache(Fragments[Key, Metrics, Fragment[Metrics]]):
    """Keeps the JSON of each object.

    Args:
        encode_name: JSON of an object's name, ``"name":"x"`` and, in a namespace, that too.
        encode_values: JSON of what follows the metadata, with its leading comma.
    """

    def __init__(
        self, encode_name: Callable[[Key], str], encode_values: Callable[[Metrics], str]
    ) -> None:
        super().__init__()
        self._encode_name = encode_name
        self._encode_values = encode_values

    def _encode(
        self,
        key: Key,
        labels: Mapping[str, str],
        metrics: Metrics,
        kept: Fragment[Metrics] | None,
    ) -> Fragment[Metrics]:
        metadata = (
            kept.item[: kept.metadata_end] if kept is not None else self._metadata(key, labels)
        )
        item = b"%b}%b}" % (metadata, self._encode_values(metrics).encode())
        return Fragment(metrics, labels, item, len(metadata))

    def _encode_labels(self, labels: Mapping[str, str]) -> bytes:
        return encode_json(dict(labels))

    def _metadata(self, key: Key, labels: Mapping[str, str]) -> bytes:
        text = b'{"metadata":{%b,"creationTimestamp":"%b"' % (self._encode_name(key).encode(), _NOW)
        return text + b',"labels":' + self._labels(labels) if labels else text


@lru_cache(maxsize=8192)
def _quote(text: str) -> str:
    # cached: namespaces and names of containers repeat over the pods of a cluster
    return encode_json(text).decode()


# the pods of a node mostly share one timestamp and one window
_timestamp = lru_cache(maxsize=8192)(format_rfc3339)
_window = lru_cache(maxsize=8192)(format_duration)


def encode_pod_name(key: tuple[str, str]) -> str:
    """Name and namespace of a pod, as its metadata begins."""
    return f'"name":{encode_json(key[1]).decode()},"namespace":{_quote(key[0])}'


def encode_node_name(name: str) -> str:
    """Name of a node, as its metadata begins."""
    return f'"name":{encode_json(name).decode()}'


def encode_pod_values(pod: PodMetrics) -> str:
    """Time, window and containers of a pod."""
    containers = []
    for container in pod.containers:
        # What nearly every running container has, nanocores and KiB, is written here as
        # `format_cpu` and `format_memory` would: the calls are a quarter of a list's cost.
        nanocores, memory = round(container.cpu * 1e9), container.memory
        cpu_text = (
            f"{nanocores}n" if nanocores > 0 and nanocores % 1000 else format_cpu(container.cpu)
        )
        memory_text = (
            f"{memory >> 10}Ki"
            if memory > 0 and not memory & 0x3FF and memory & 0xFFC00
            else format_memory(memory)
        )
        containers.append(
            f'{{"name":{_quote(container.name)},'
            f'"usage":{{"cpu":"{cpu_text}","memory":"{memory_text}"}}}}'
        )
    return (
        f',"timestamp":"{_timestamp(pod.timestamp)}","window":"{_window(pod.window)}",'
        f'"containers":[{",".join(containers)}]'
    )


def encode_node_values(node: NodeMetrics) -> str:
    """Time, window and usage of a node."""
    return (
        f',"timestamp":"{_timestamp(node.timestamp)}","window":"{_window(node.window)}",'
        f'"usage":{{"cpu":"{format_cpu(node.cpu)}","memory":"{format_memory(node.memory)}"}}'
    )


def stamped(chunks: Iterable[bytes], now: float) -> Iterator[bytes]:
    """Put *now* (Unix seconds) in as the time the objects were made."""
    text = format_rfc3339(now).encode()
    return (chunk.replace(_NOW, text) for chunk in chunks)
