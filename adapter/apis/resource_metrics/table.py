"""Usage as kinds of ``meta.k8s.io``: ``Table`` for ``kubectl get``, ``PartialObjectMetadata``.

A table's columns come from its first row, as in metrics-server; an empty table has none.
"""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

import msgspec

from adapter.apis.base import APIRequest, Transform
from adapter.apis.gojson import encode_json
from adapter.apis.lists import encode_list
from adapter.apis.resource_metrics.encode import Fragment
from adapter.apis.resource_metrics.fragments import Metrics
from adapter.errors import BadRequest, NotAcceptable
from adapter.model.metrics import NodeMetrics, PodMetrics
from adapter.model.quantity import format_cpu, format_memory
from adapter.model.times import format_duration

_COLUMNS = msgspec.json.encode(
    [
        {"name": name, "type": "string", "format": form, "description": description, "priority": 0}
        for name, form, description in (
            ("Name", "name", "Name of the resource"),
            ("cpu", "quantity", ""),
            ("memory", "quantity", ""),
            ("Window", "duration", ""),
        )
    ]
)


class IncludeObject(StrEnum):
    """How much of its object a row carries (``includeObject`` of ``meta.k8s.io`` TableOptions)."""

    NONE = "None"
    METADATA = "Metadata"
    OBJECT = "Object"


class Cells(NamedTuple):
    """A row's cells."""

    name: str
    cpu: str
    memory: str
    window: str


def pod_cells(pod: PodMetrics) -> Cells:
    """A pod's row: the sum of its containers."""
    # summed in whole nanocores, so that the row agrees with the containers as they are shown
    nanos = sum(round(container.cpu * 1e9) for container in pod.containers)
    memory = sum(container.memory for container in pod.containers)
    return Cells(
        pod.name, format_cpu(nanos / 1e9), format_memory(memory), format_duration(pod.window)
    )


def node_cells(node: NodeMetrics) -> Cells:
    """A node's row."""
    return Cells(
        node.name, format_cpu(node.cpu), format_memory(node.memory), format_duration(node.window)
    )


class Kind(NamedTuple):
    """A kind of object in one version of its group."""

    name: str
    api_version: str


def list_document(
    kind: Kind,
    chunks: Iterator[list[Fragment[Metrics]]],
    cells: Callable[[Metrics], Cells],
    request: APIRequest,
) -> Iterable[bytes]:
    """A list in the representation *request* asks for.

    Raises:
        BadRequest: ``includeObject`` has an unknown value.
        NotAcceptable: A list cannot be sent as the kind asked for.
    """
    match request.transform:
        case None:
            items = ([fragment.item for fragment in chunk] for chunk in chunks)
            return encode_list(f"{kind.name}List", kind.api_version, items)
        case Transform("Table"):
            return _table(kind, chunks, cells, request)
        case Transform("PartialObjectMetadataList", group, version):
            api_version = f"{group}/{version}"
            partial = ([fragment.partial(api_version) for fragment in chunk] for chunk in chunks)
            return encode_list("PartialObjectMetadataList", api_version, partial)
        case Transform(other):
            raise NotAcceptable(
                f"a {kind.name}List cannot be sent as {other}; ask for PartialObjectMetadataList"
            )


def object_document(
    kind: Kind,
    fragment: Fragment[Metrics],
    cells: Callable[[Metrics], Cells],
    request: APIRequest,
) -> Iterable[bytes]:
    """One object in the representation *request* asks for; raises as `list_document`."""
    match request.transform:
        case None:
            return [fragment.whole(*kind)]
        case Transform("Table"):
            return _table(kind, iter([[fragment]]), cells, request)
        case Transform("PartialObjectMetadata", group, version):
            return [fragment.partial(f"{group}/{version}")]
        case Transform(other):
            raise NotAcceptable(
                f"a {kind.name} cannot be sent as {other}; ask for PartialObjectMetadata"
            )


def _table(
    kind: Kind,
    chunks: Iterator[list[Fragment[Metrics]]],
    cells: Callable[[Metrics], Cells],
    request: APIRequest,
) -> Iterator[bytes]:
    """A table, in pieces; *request* is checked now, not when the first piece is asked for."""
    transform = request.transform
    api_version = f"{transform.group}/{transform.version}" if transform else "meta.k8s.io/v1"
    row_object = _row_object(_include_object(request), kind, api_version)

    def row(fragment: Fragment[Metrics]) -> bytes:
        texts = encode_json(cells(fragment.metrics))
        return b'{"cells":%b,"object":%b}' % (texts, row_object(fragment))

    def pieces() -> Iterator[bytes]:
        yield b'{"kind":"Table","apiVersion":%b,"metadata":{},' % encode_json(api_version)
        yield b'"columnDefinitions":'
        comma = b""
        for chunk in chunks:
            if not comma:
                yield _COLUMNS + b',"rows":['
            yield comma + b",".join(map(row, chunk))
            comma = b","
        yield b"]}" if comma else b'[],"rows":[]}'

    return pieces()


def _row_object(
    include: IncludeObject, kind: Kind, api_version: str
) -> Callable[[Fragment[Metrics]], bytes]:
    match include:
        case IncludeObject.NONE:
            return lambda _: b"null"
        case IncludeObject.METADATA:
            return lambda fragment: fragment.partial(api_version)
        case IncludeObject.OBJECT:
            return lambda fragment: fragment.whole(*kind)


def _include_object(request: APIRequest) -> IncludeObject:
    text = request.query.get("includeObject") or IncludeObject.METADATA
    try:
        return IncludeObject(text)
    except ValueError:
        raise BadRequest(
            f'includeObject: unsupported value "{text[:80]}": expected None, Metadata or Object',
            details=False,
        ) from None
