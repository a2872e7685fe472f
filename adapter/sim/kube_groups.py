"""Handlers of the stand-in's discovery: its own groups and those of registered backends."""

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from adapter.errors import NotFound
from adapter.sim.aggregator import Aggregator, ApiService
from adapter.sim.kube_discovery import (
    AGGREGATED_TYPE,
    OWN_GROUPS,
    aggregated_group,
    aggregated_list,
    aggregated_version,
    core_resources,
    group_document,
    own_resources,
    wants_aggregated,
)


class DiscoveryHandlers:
    """Says what is served; asks backends each time, so nothing here is ever out of date.

    Args:
        aggregator: The registered backends.
    """

    def __init__(self, aggregator: Aggregator) -> None:
        self._aggregator = aggregator

    def routes(self) -> list[web.RouteDef]:
        """Where the documents are."""
        return [
            web.get("/api", self._serve_core),
            web.get("/api/v1", self._serve_core_resources),
            web.get("/apis", self._serve_groups),
            web.get("/apis/{group}", self._serve_group),
            *(
                web.get(f"/apis/{own.group}/{own.version}", self._serve_own_resources)
                for own in OWN_GROUPS
            ),
            web.get("/openapi/v3", self._serve_openapi),
        ]

    async def _serve_core(self, request: web.Request) -> web.Response:
        if wants_aggregated(request):
            version = aggregated_version(core_resources(), "v1")
            return _aggregated([aggregated_group("", [version])])
        return _json({"kind": "APIVersions", "versions": ["v1"]})

    async def _serve_core_resources(self, _request: web.Request) -> web.Response:
        return _json(core_resources())

    async def _serve_own_resources(self, request: web.Request) -> web.Response:
        group = request.path.split("/")[2]
        return _json(own_resources(next(own for own in OWN_GROUPS if own.group == group)))

    async def _serve_groups(self, request: web.Request) -> web.Response:
        services = self._aggregator.services()
        if not wants_aggregated(request):
            groups = [group_document(own.group, [own.version]) for own in OWN_GROUPS]
            groups += [group_document(service.group, service.versions) for service in services]
            return _json({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        items = [
            aggregated_group(own.group, [aggregated_version(own_resources(own), own.version)])
            for own in OWN_GROUPS
        ]
        items += [await self._backend_group(service) for service in services]
        return _aggregated(items)

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
        for own in OWN_GROUPS:
            if own.group == group:
                return _json(group_document(group, [own.version]))
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


def _aggregated(items: list[dict[str, Any]]) -> web.Response:
    body = msgspec.json.encode(aggregated_list(items))
    return web.Response(body=body, headers={"Content-Type": AGGREGATED_TYPE, "Vary": "Accept"})
