"""Usage in the representation and kind a request asks for."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

from adapter.apis.base import APIRequest
from adapter.apis.resource_metrics import protobuf, table
from adapter.apis.resource_metrics.encode import FragmentCache, stamped
from adapter.apis.resource_metrics.fragments import Key, Metrics, ObjectMeta
from adapter.apis.resource_metrics.protobuf import ProtobufFragment, ProtobufFragments
from adapter.apis.resource_metrics.table import Cells, Kind
from adapter.errors import NotAcceptable
from adapter.model.resources import GroupVersion

_SWITCHED_ON = frozenset({"1", "t", "T", "true", "TRUE", "True"})  # Go's strconv.ParseBool


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents(Generic[Key, Metrics]):
    """How one resource is written.

    Attributes:
        group: Name of its group.
        kind: Kind of an object.
        cells: A row of a table.
        json: Objects as JSON.
        protobuf: Objects as protobuf.
    """

    group: str
    kind: str
    cells: Callable[[Metrics], Cells]
    json: FragmentCache[Key, Metrics]
    protobuf: ProtobufFragments[Key, Metrics]

    async def many(
        self,
        request: APIRequest,
        keys: Sequence[Key],
        objects: Sequence[ObjectMeta],
        metrics: Sequence[Metrics | None],
        now: float,
    ) -> Iterable[bytes]:
        """A list; the three sequences are parallel, *now* is when it is made.

        Raises:
            BadRequest: ``includeObject`` has an unknown value.
            NotAcceptable: A list cannot be sent as the kind asked for.
        """
        if request.protobuf:
            return await self._protobuf_list(
                request, self.protobuf.chunks(keys, objects, metrics), now
            )
        chunks = self.json.chunks(keys, objects, metrics)
        if _wants_origin(request):
            chunks = ([fragment.with_origin() for fragment in chunk] for chunk in chunks)
        return stamped(table.list_document(self._kind(request), chunks, self.cells, request), now)

    def one(
        self,
        request: APIRequest,
        key: Key,
        labels: Mapping[str, str],
        metrics: Metrics,
        now: float,
    ) -> Iterable[bytes]:
        """One object; raises as `many`."""
        if request.protobuf:
            return self._protobuf_object(request, self.protobuf.fragment(key, labels, metrics), now)
        fragment = self.json.fragment(key, labels, metrics)
        if _wants_origin(request):
            fragment = fragment.with_origin()
        return stamped(
            table.object_document(self._kind(request), fragment, self.cells, request), now
        )

    def forget(self, exists: Callable[[Key], bool]) -> None:
        """Drop what is kept of objects that are gone."""
        self.json.forget(exists)
        self.protobuf.forget(exists)

    async def _protobuf_list(
        self,
        request: APIRequest,
        chunks: Iterator[list[ProtobufFragment[Metrics]]],
        now: float,
    ) -> Iterator[bytes]:
        if _wants_origin(request):
            chunks = ([fragment.with_origin() for fragment in chunk] for chunk in chunks)
        kind, partial = self._kind_in_protobuf(request, "List")
        if partial:
            chunks = ([fragment.partial() for fragment in chunk] for chunk in chunks)
        return await protobuf.list_document(*kind, chunks, now)

    def _protobuf_object(
        self, request: APIRequest, fragment: ProtobufFragment[Metrics], now: float
    ) -> Iterable[bytes]:
        if _wants_origin(request):
            fragment = fragment.with_origin()
        kind, partial = self._kind_in_protobuf(request, "")
        return protobuf.single_document(*kind, fragment.partial() if partial else fragment, now)

    def _kind_in_protobuf(self, request: APIRequest, suffix: str) -> tuple[Kind, bool]:
        """The kind to send, and whether it is metadata alone."""
        transform = request.transform
        if transform is None:
            return Kind(self.kind + suffix, str(GroupVersion(self.group, request.version))), False
        if transform.kind != f"PartialObjectMetadata{suffix}":
            raise NotAcceptable(
                f"a {self.kind}{suffix} cannot be sent as {transform.kind}; "
                f"ask for PartialObjectMetadata{suffix}"
            )
        return Kind(transform.kind, str(GroupVersion(transform.group, transform.version))), True

    def _kind(self, request: APIRequest) -> Kind:
        return Kind(self.kind, str(GroupVersion(self.group, request.version)))


def _wants_origin(request: APIRequest) -> bool:
    return request.query.get("origin") in _SWITCHED_ON
