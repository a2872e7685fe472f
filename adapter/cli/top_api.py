"""What ``viaduct top`` asks the API for."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

import msgspec

from adapter.errors import AdapterError, NotFound, SourceError
from adapter.kube.api import KubeApi, KubeApiError, KubeNotFound

_GROUP_PATH = "/apis/metrics.k8s.io"
_VERSIONS = ("v1", "v1beta1")

T = TypeVar("T")


class Metadata(msgspec.Struct, frozen=True):
    """The part of ``ObjectMeta`` that is shown."""

    name: str
    namespace: str = ""
    annotations: dict[str, str] | None = None


class Container(msgspec.Struct, frozen=True):
    """Usage of a container as on the wire."""

    name: str
    usage: dict[str, str]


class Metrics(msgspec.Struct, frozen=True):
    """``NodeMetrics`` or ``PodMetrics`` as on the wire."""

    metadata: Metadata
    timestamp: str
    usage: dict[str, str] | None = None
    containers: list[Container] | None = None


class NodeStatus(msgspec.Struct, frozen=True):
    """The part of a node's status that percentages need."""

    allocatable: dict[str, str] | None = None


class Node(msgspec.Struct, frozen=True):
    """A node as on the wire."""

    metadata: Metadata
    status: NodeStatus | None = None


class _MetricsList(msgspec.Struct, frozen=True):
    items: list[Metrics] | None = None


class _NodeList(msgspec.Struct, frozen=True):
    items: list[Node] | None = None


class _Objects(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw] | None = None


class _Version(msgspec.Struct, frozen=True):
    version: str


class _Group(msgspec.Struct, frozen=True):
    versions: list[_Version]


async def fetch_metrics(
    api: KubeApi, resource: str, *, namespace: str, name: str, selectors: Mapping[str, str]
) -> list[Metrics]:
    """Metrics of one object, or of all that match *selectors*.

    Args:
        api: Where to ask.
        resource: ``nodes`` or ``pods``.
        namespace: Empty for all, and for nodes.
        name: Empty for a list.
        selectors: ``labelSelector`` and ``fieldSelector``.

    Raises:
        AdapterError: The API is not there or fails.
    """
    path = f"{_GROUP_PATH}/{await _served_version(api)}"
    path += f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    path += f"/{resource}"
    if name:
        body = await api.get(f"{path}/{quote(name, safe='')}", {"origin": "true"})
        return [_decoded(body, Metrics)]
    body = await api.get(path, {"origin": "true", **selectors})
    return _decoded(body, _MetricsList).items or []


async def fetch_nodes(api: KubeApi, name: str, label_selector: str) -> list[Node] | None:
    """Nodes as kube-apiserver knows them; None where they cannot be read."""
    if name:
        body = await _core(api, f"/api/v1/nodes/{quote(name, safe='')}")
        return None if body is None else [_decoded(body, Node)]
    body = await _core(api, "/api/v1/nodes", labelSelector=label_selector)
    return None if body is None else _decoded(body, _NodeList).items or []


async def has_pods(api: KubeApi, namespace: str) -> bool:
    """True when kube-apiserver knows any pod in *namespace* (empty: anywhere)."""
    prefix = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    body = await _core(api, f"/api/v1{prefix}/pods", limit="1")
    return body is not None and bool(_decoded(body, _Objects).items)


async def _core(api: KubeApi, path: str, **params: str) -> bytes | None:
    """Something of kube-apiserver's own; None when it is another server, or we may not."""
    try:
        return await api.get(path, {name: text for name, text in params.items() if text})
    except KubeApiError as error:
        if error.http_status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
            return None
        raise


async def _served_version(api: KubeApi) -> str:
    try:
        group = _decoded(await api.get(_GROUP_PATH), _Group)
    except KubeNotFound as error:
        raise NotFound(
            "metrics API not available: nothing serves metrics.k8s.io; is its APIService installed?"
        ) from error
    served = {item.version for item in group.versions}
    for version in _VERSIONS:
        if version in served:
            return version
    raise AdapterError(
        f"metrics.k8s.io is served as {', '.join(sorted(served))}, none of which is known here"
    )


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise SourceError(f"the answer is not what the Kubernetes API sends: {error}") from error
