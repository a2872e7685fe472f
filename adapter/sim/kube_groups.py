"""Handlers of the stand-in's discovery: its own groups and those of registered backends."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web

from adapter.errors import NotFound
from adapter.sim.aggregator import Aggregator, ApiService
from adapter.sim.kube_discovery import (
    AGGREGATED_TYPE,
    aggregated_group,
    aggregated_list,
    aggregated_version,
    group_document,
    wants_aggregated,
)
from adapter.sim.kube_served import ServedResources


class DiscoveryHandlers:
    """Says what is served; asks backends each time, so nothing here is ever out of date.

    Args:
        served: The stand-in's own resources.
        aggregator: The registered backends.
    """

    def __init__(self, served: ServedResources, aggregator: Aggregator) -> None:
        self.aggregated = True
        """Whether aggregated discovery is offered, as Kubernetes does since 1.27."""
        self._served = served
        self._aggregator = aggregator

    def routes(self) -> list[web.RouteDef]:
        """Where the documents are, but for those of group versions."""
        return [
            web.get("/api", self._serve_core),
            web.get("/api/v1", self.serve_version),
            web.get("/apis", self._serve_groups),
            web.get("/apis/{group}", self._serve_group),
            web.get("/openapi/v3", self._serve_openapi),
        ]

    async def serve_version(self, request: web.Request) -> web.Response:
        """Serve the resources of a version of one of the stand-in's own groups."""
        path = request.match_info
        return _json(self._served.document(path.get("group", ""), path.get("version", "v1")))

    async def _serve_core(self, request: web.Request) -> web.Response:
        if self._wants_aggregated(request):
            return _aggregated(request, [self._own_group("")])
        return _json({"kind": "APIVersions", "versions": ["v1"]})

    async def _serve_groups(self, request: web.Request) -> web.Response:
        own, services = self._served.groups(), self._aggregator.services()
        if not self._wants_aggregated(request):
            groups = [group_document(group, self._served.versions(group)) for group in own]
            groups += [group_document(service.group, service.versions) for service in services]
            return _json({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        items = [self._own_group(group) for group in own]
        items += [await self._backend_group(service) for service in services]
        return _aggregated(request, items)

    def _wants_aggregated(self, request: web.Request) -> bool:
        return self.aggregated and wants_aggregated(request)

    def _own_group(self, group: str) -> dict[str, Any]:
        versions = [
            aggregated_version(self._served.document(group, version), version)
            for version in self._served.versions(group)
        ]
        return aggregated_group(group, versions)

    async def _backend_group(self, service: ApiService) -> dict[str, Any]:
        found = await self._aggregator.group_discovery(service)
        known = {entry["version"]: entry for entry in found["versions"]} if found else {}
        versions = []
        for version in service.versions:
            if version in known:
                versions.append(known[version])
                continue
            document = await self._aggregator.version_discovery(service, version)
            versions.append(aggregated_version(document, version))
        return aggregated_group(service.group, versions)

    async def _serve_group(self, request: web.Request) -> web.Response:
        group = request.match_info["group"]
        service = self._aggregator.service(group)
        if service is not None:
            return _json(group_document(group, service.versions))
        if versions := self._served.versions(group):
            return _json(group_document(group, versions))
        raise NotFound("the server could not find the requested resource")

    async def _serve_openapi(self, _request: web.Request) -> web.Response:
        paths: dict[str, Any] = {}
        for service in self._aggregator.services():
            wanted = {f"apis/{service.group}/{version}" for version in service.versions}
            found = await self._aggregator.openapi_paths(service)
            paths.update((path, entry) for path, entry in found.items() if path in wanted)
        return _json({"paths": paths})


def _json(document: Mapping[str, Any]) -> web.Response:
    return web.Response(body=msgspec.json.encode(document), content_type="application/json")


def _aggregated(request: web.Request, items: Sequence[Mapping[str, Any]]) -> web.Response:
    body = msgspec.json.encode(aggregated_list(items))
    headers = {
        "Content-Type": AGGREGATED_TYPE,
        "Vary": "Accept",
        "ETag": f'"{hashlib.sha256(body).hexdigest()}"',
    }
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers=headers)
