"""What is listed and watched: paths, media types, and the few fields that are decoded.

Pods are asked for as ``PartialObjectMetadata``: labels are all we need of them, and a page of
metadata is 40 % of a page of pods. Nodes are read whole, for addresses, port and conditions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from adapter.kube.listers import NodeAddress, NodeInfo, PodMeta

T = TypeVar("T")

RESOURCE_METRICS_PATH = "metrics.k8s.io/resource-metrics-path"
"""Annotation of a node that moves its resource metrics page (metrics-server, used by kwok)."""

_METADATA = "application/json;as={kind};g=meta.k8s.io;v=v1"


class ListMeta(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """``metadata`` of a list; *continue_* is the token of the next page, "" on the last."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _PodMetadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    # a bookmark has nothing but a resource version
    name: str = ""
    namespace: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None


class _NodeMetadata(_PodMetadata, frozen=True, gc=False, rename="camel"):
    annotations: dict[str, str] | None = None


class _Pod(msgspec.Struct, frozen=True, gc=False):
    metadata: _PodMetadata


class _Condition(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    status: str = ""


class _KubeletEndpoint(msgspec.Struct, frozen=True, gc=False):
    port: int = msgspec.field(default=0, name="Port")  # written with a capital on the wire


class _DaemonEndpoints(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    kubelet_endpoint: _KubeletEndpoint = _KubeletEndpoint()


class _NodeStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    addresses: tuple[NodeAddress, ...] | None = None
    conditions: tuple[_Condition, ...] | None = None
    daemon_endpoints: _DaemonEndpoints = _DaemonEndpoints()


class _Node(msgspec.Struct, frozen=True, gc=False):
    metadata: _NodeMetadata
    status: _NodeStatus = _NodeStatus()


class _PodList(msgspec.Struct, frozen=True, gc=False):
    metadata: ListMeta
    items: list[_Pod] | None = None


class _NodeList(msgspec.Struct, frozen=True, gc=False):
    metadata: ListMeta
    items: list[_Node] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched(Generic[T]):
    """A collection of objects and how to read it.

    Attributes:
        resource: Plural name, for logs and metrics.
        path: Path of the collection.
        params: Query parameters of both list and watch.
        list_accept: Media type of the list.
        watch_accept: Media type of the watch.
        page: Decodes a page: ``metadata`` and ``items``.
        one: Decodes one object.
        convert: Makes what the store holds of a decoded object.
    """

    resource: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    list_accept: str = "application/json"
    watch_accept: str = "application/json"
    page: msgspec.json.Decoder[Any]
    one: msgspec.json.Decoder[Any]
    convert: Callable[[Any], T]

    def decode_list(self, body: bytes) -> tuple[list[T], ListMeta]:
        """Objects of a page, and its metadata.

        Raises:
            msgspec.DecodeError: *body* is no such list.
        """
        page = self.page.decode(body)
        return [self.convert(item) for item in page.items or ()], page.metadata

    def decode(self, body: bytes | msgspec.Raw) -> tuple[T, str]:
        """One object and its resource version.

        Raises:
            msgspec.DecodeError: *body* is no such object.
        """
        item = self.one.decode(body)
        return self.convert(item), item.metadata.resource_version


def _pod(wire: _Pod) -> PodMeta:
    meta = wire.metadata
    return PodMeta(meta.namespace, meta.name, meta.labels or {})


def _node(wire: _Node) -> NodeInfo:
    meta, status = wire.metadata, wire.status
    path = (meta.annotations or {}).get(RESOURCE_METRICS_PATH, "")
    return NodeInfo(
        name=meta.name,
        labels=meta.labels or {},
        addresses=status.addresses or (),
        kubelet_port=status.daemon_endpoints.kubelet_endpoint.port,
        ready=any(
            each.type == "Ready" and each.status == "True" for each in status.conditions or ()
        ),
        resource_metrics_path=path if path.startswith("/") or not path else f"/{path}",
    )


RUNNING_PODS = Watched(
    resource="pods",
    path="/api/v1/pods",
    params={"fieldSelector": "status.phase=Running"},
    list_accept=_METADATA.format(kind="PartialObjectMetadataList"),
    watch_accept=_METADATA.format(kind="PartialObjectMetadata"),
    page=msgspec.json.Decoder(_PodList),
    one=msgspec.json.Decoder(_Pod),
    convert=_pod,
)
"""Running pods of all namespaces, their metadata alone."""

NODES = Watched(
    resource="nodes",
    path="/api/v1/nodes",
    page=msgspec.json.Decoder(_NodeList),
    one=msgspec.json.Decoder(_Node),
    convert=_node,
)
"""All nodes."""
