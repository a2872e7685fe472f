"""What is served, told to clients: ``/``, ``/apis`` and below, ``/version``.

kube-apiserver decides by these whether the APIs are available, and namespace deletion waits for
them. So they never depend on a backend: what a group lists comes from memory, and its documents are
made again only when it lists something else.
"""

import hashlib
import operator
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from adapter.apis.base import APIGroup, APIResource, HTTPHandler, Transform
from adapter.apis.gojson import escape_html
from adapter.errors import NotFound
from adapter.model.resources import GroupVersion
from adapter.server.negotiate import negotiate
from adapter.server.responses import document, raw_document

AGGREGATED = tuple(
    Transform("APIGroupDiscoveryList", "apidiscovery.k8s.io", version)
    for version in ("v2", "v2beta1")
)
"""Discovery of all groups in one document (KEP-3352); kube-apiserver asks for it every minute."""


class Discovery:
    """The documents about *groups*.

    Args:
        groups: What is served.
        other_paths: Paths outside of ``/apis`` to name in ``/``.
        version: The program's version.
    """

    def __init__(
        self, groups: Sequence[APIGroup], other_paths: Sequence[str], version: str
    ) -> None:
        self._groups = tuple(groups)
        self._paths = _json({"paths": sorted({*_api_paths(groups), *other_paths, "/version"})})
        self._version = _json(version_info(version))
        self._aggregated = {
            form: KeptDocument(groups, partial(aggregated_list, groups, form))
            for form in AGGREGATED
        }

    def add_routes(self, app: web.Application) -> None:
        """Serve the documents in *app*."""
        _add(app, "/", self._index)
        _add(app, "/version", self._version_info)
        for path in ("/apis", "/apis/"):
            _add(app, path, self._group_list)
        for group in self._groups:
            below = {f"/apis/{group.name}": KeptDocument((), partial(group_document, group))} | {
                f"/apis/{group.name}/{version}": KeptDocument(
                    [group], partial(resource_list, group, version)
                )
                for version in group.versions
            }
            for path, kept in below.items():
                _add(app, path, _document_handler(kept))
                _add(app, f"{path}/", _document_handler(kept))

    def not_found(self, path: str) -> web.Response:
        """Answer a request for a *path* that is not routed.

        Raises:
            NotFound: It is below a group that is served; elsewhere the answer lists what is.
        """
        if any(path.startswith(f"/apis/{group.name}/") for group in self._groups):
            raise NotFound("the server could not find the requested resource")
        return raw_document(self._paths, status=404)

    async def _index(self, _: web.Request) -> web.Response:
        return raw_document(self._paths)

    async def _version_info(self, _: web.Request) -> web.Response:
        return raw_document(self._version)

    async def _group_list(self, request: web.Request) -> web.Response:
        accepted = negotiate(request.headers.get("Accept", ""), AGGREGATED)
        if accepted.transform is None:
            body = _group_list_document(self._groups, _local_port(request))
            return await document(request, accepted, [body])
        form = accepted.transform
        body, etag = self._aggregated[form].current()
        headers = {
            "Cache-Control": "public",
            "ETag": etag,
            "Vary": "Accept",
            # repeated as it was asked: without this exact type kube-apiserver ignores the answer
            "Content-Type": f"{accepted.media_type};g={form.group};v={form.version};as={form.kind}",
        }
        if etag_matches(request.headers.get("If-None-Match", ""), etag):
            del headers["Content-Type"]
            return web.Response(status=304, headers=headers)
        return await document(request, accepted, [body], headers=headers)


class Document(NamedTuple):
    """JSON, and its ``ETag``: quoted as HTTP wants it, in upper case as Go's ``%X``."""

    body: bytes
    etag: str


class KeptDocument:
    """A document about the resources of *groups*, as long as these are the same.

    Args:
        groups: Those whose resources *make* looks at.
        make: Makes it; called once at the beginning and once for each change.
    """

    def __init__(self, groups: Iterable[APIGroup], make: Callable[[], object]) -> None:
        self._groups = tuple(groups)
        self._make = make
        self._made_of: list[tuple[APIResource, ...]] | None = None
        self._document = Document(b"", "")

    def current(self) -> Document:
        """The document; two calls give the same one while every group lists the same tuple."""
        resources = [group.resources() for group in self._groups]
        if self._made_of is None or any(map(operator.is_not, resources, self._made_of)):
            body = _json(self._make())
            self._document = Document(body, f'"{hashlib.sha512(body).hexdigest().upper()}"')
            self._made_of = resources
        return self._document


def group_document(group: APIGroup, port: int | None = None) -> dict[str, Any]:
    """``APIGroup``; with *port* as an element of ``APIGroupList``, which has no type but that."""
    versions = [
        {"groupVersion": str(GroupVersion(group.name, version)), "version": version}
        for version in group.versions
    ]
    described = {"name": group.name, "versions": versions, "preferredVersion": versions[0]}
    if port is None:
        return {"kind": "APIGroup", "apiVersion": "v1", **described}
    address = {"clientCIDR": "0.0.0.0/0", "serverAddress": f":{port}"}
    return {**described, "serverAddressByClientCIDRs": [address]}


def resource_list(group: APIGroup, version: str) -> dict[str, Any]:
    """``APIResourceList`` of one version."""
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": str(GroupVersion(group.name, version)),
        "resources": [
            {
                "name": resource.name,
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": resource.kind,
                "verbs": resource.verbs,
            }
            for resource in group.resources()
        ],
    }


def aggregated_list(groups: Sequence[APIGroup], form: Transform) -> dict[str, Any]:
    """``APIGroupDiscoveryList`` of all groups, in the version *form* names."""
    return {
        "kind": form.kind,
        "apiVersion": str(GroupVersion(form.group, form.version)),
        "metadata": {},
        "items": [
            {
                "metadata": {"name": group.name},
                "versions": [
                    {
                        "version": version,
                        "resources": _discovered(group.resources()),
                        "freshness": "Current",
                    }
                    for version in group.versions
                ],
            }
            for group in groups
        ],
    }


def version_info(version: str) -> dict[str, str]:
    """``version.Info`` as clients of ``/version`` expect it (apimachinery ``pkg/version``)."""
    major, minor, *_ = version.split(".")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{version}",
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "",
        "goVersion": "",
        "compiler": f"{sys.implementation.name} {platform.python_version()}",
        "platform": f"{platform.system().lower()}/{machine}",
    }


def _discovered(resources: Iterable[APIResource]) -> list[dict[str, Any]]:
    """``APIResourceDiscovery`` of *resources*; ``pods/x`` is the subresource x of ``pods``.

    A resource that is listed only by its subresources gets an entry for them to be in. It has
    neither kind nor verbs, which tells clients that it is no resource itself (client-go
    ``discovery/aggregated_discovery.go``): else kubectl would offer pods of this group to get.
    """
    found: dict[str, dict[str, Any]] = {}
    for resource in resources:
        name, _, subresource = resource.name.partition("/")
        kind = _response_kind(resource.kind)
        entry = found.get(name)
        if entry is None:
            entry = found[name] = {
                "resource": name,
                "responseKind": _response_kind(""),
                "scope": "Namespaced" if resource.namespaced else "Cluster",
                "singularResource": "",
                "verbs": (),
            }
        if subresource:
            entry.setdefault("subresources", []).append(
                {"subresource": subresource, "responseKind": kind, "verbs": resource.verbs}
            )
        else:
            entry |= {"responseKind": kind, "verbs": resource.verbs}
    return list(found.values())


@lru_cache(maxsize=16)
def _response_kind(kind: str) -> msgspec.Raw:
    # null would crash client-go 0.26; group and version empty mean: of this group and version
    return msgspec.Raw(_json({"group": "", "version": "", "kind": kind}))


@lru_cache(maxsize=16)
def _group_list_document(groups: tuple[APIGroup, ...], port: int) -> bytes:
    # the port is known only once the server listens
    described = [group_document(group, port) for group in groups]
    return _json({"kind": "APIGroupList", "groups": described})


def _api_paths(groups: Sequence[APIGroup]) -> list[str]:
    below = [
        path
        for group in groups
        for path in (group.name, *(f"{group.name}/{version}" for version in group.versions))
    ]
    return ["/apis", *(f"/apis/{path}" for path in below)]


def _document_handler(kept: KeptDocument) -> HTTPHandler:
    async def answer(request: web.Request) -> web.Response:
        accepted = negotiate(request.headers.get("Accept", ""))
        return await document(request, accepted, [kept.current().body])

    return answer


def _add(app: web.Application, path: str, handler: HTTPHandler) -> None:
    app.router.add_route("GET", path, handler)


def _local_port(request: web.Request) -> int:
    address = request.get_extra_info("sockname")
    return int(address[1]) if address else 0


def etag_matches(if_none_match: str, etag: str) -> bool:
    """Whether an ``If-None-Match`` header names *etag*, weakly or not (RFC 9110 §13.1.2)."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in tags or "*" in tags


def _json(value: object) -> bytes:
    return escape_html(msgspec.json.encode(value))
