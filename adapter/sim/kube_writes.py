"""Writing objects to the stand-in: create, replace, merge patch; with optimistic concurrency."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from adapter.errors import AdapterError, BadRequest, MethodNotAllowed, NotFound
from adapter.model.times import format_rfc3339
from adapter.periodic import Clock
from adapter.sim.access import UnsupportedMediaType
from adapter.sim.kube_objects import Object, ObjectStore
from adapter.sim.kube_resources import Resource
from adapter.sim.kube_served import ServedResources

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MERGE_PATCH = "application/merge-patch+json"


class Conflict(AdapterError):
    """Somebody else was first."""

    code = HTTPStatus.CONFLICT
    reason = "Conflict"


class AlreadyExists(Conflict):
    """There is an object of this name."""

    reason = "AlreadyExists"


class ObjectWriter:
    """Handlers of requests that change objects.

    Args:
        store: The objects.
        served: The resources they are of.
        clock: Time of the cluster.
    """

    def __init__(self, store: ObjectStore, served: ServedResources, clock: Clock) -> None:
        self._store = store
        self._served = served
        self._clock = clock

    def routes(self, prefix: str, wrap: Callable[[Handler], Handler]) -> list[web.RouteDef]:
        """The routes below *prefix*; each handler goes through *wrap*."""
        made = []
        for place in ("", "/namespaces/{namespace}"):
            collection = f"{prefix}{place}/{{resource}}"
            made += [
                web.post(collection, wrap(self.create)),
                web.put(f"{collection}/{{name}}", wrap(self.replace)),
                web.patch(f"{collection}/{{name}}", wrap(self.patch)),
            ]
        return made

    async def create(self, request: web.Request) -> web.Response:
        """Serve a POST."""
        resource = self._resource(request, "create")
        new = await _decode(request, "application/json")
        name = new["metadata"].get("name", "")
        namespace = request.match_info.get("namespace", "")
        if self._store.get(resource.key, namespace, name) is not None:
            raise AlreadyExists(f'{resource.key} "{name}" already exists', name=name)
        metadata = {
            **new["metadata"],
            **({"namespace": namespace} if namespace else {}),
            "uid": f"{resource.singular}-{namespace}-{name}",
            "creationTimestamp": format_rfc3339(self._clock.time()),
        }
        return self._stored(resource, {**new, "metadata": metadata}, HTTPStatus.CREATED)

    async def replace(self, request: web.Request) -> web.Response:
        """Serve a PUT."""
        resource = self._resource(request, "update")
        new = await _decode(request, "application/json")
        old = self._current(request, resource, new)
        metadata = {**old["metadata"], **new["metadata"]}
        return self._stored(resource, {**new, "metadata": metadata}, HTTPStatus.OK)

    async def patch(self, request: web.Request) -> web.Response:
        """Serve a PATCH."""
        resource = self._resource(request, "patch")
        patch = await _decode(request, MERGE_PATCH)
        old = self._current(request, resource, patch)
        return self._stored(resource, merged(old, patch), HTTPStatus.OK)

    def _resource(self, request: web.Request, verb: str) -> Resource:
        path = request.match_info
        group, version = path.get("group", ""), path.get("version", "v1")
        resource = self._served.find(group, version, path["resource"])
        if verb not in resource.verbs or resource.namespaced != ("namespace" in path):
            raise MethodNotAllowed(
                "the server does not allow this method on the requested resource"
            )
        return resource

    def _current(
        self, request: web.Request, resource: Resource, change: Mapping[str, Any]
    ) -> Object:
        name = request.match_info["name"]
        old = self._store.get(resource.key, request.match_info.get("namespace", ""), name)
        if old is None:
            raise NotFound(f'{resource.key} "{name}" not found', name=name, kind=resource.name)
        known = change.get("metadata", {}).get("resourceVersion")
        if known is not None and known != old["metadata"]["resourceVersion"]:
            raise Conflict(
                f'Operation cannot be fulfilled on {resource.key} "{name}": the object has been '
                "modified; please apply your changes to the latest version and try again",
                name=name,
            )
        return old

    def _stored(
        self, resource: Resource, new: Mapping[str, Any], status: HTTPStatus
    ) -> web.Response:
        plain = {key: value for key, value in new.items() if key not in ("kind", "apiVersion")}
        stored = self._store.put(resource.key, plain)
        document = {"kind": resource.kind, "apiVersion": resource.api_version, **stored}
        return web.Response(
            status=status, body=msgspec.json.encode(document), content_type="application/json"
        )


def merged(target: Any, patch: Any) -> Any:
    """Apply a merge patch (RFC 7396).

    >>> merged({"a": 1, "b": {"c": 2, "d": 3}}, {"a": None, "b": {"d": 4}})
    {'b': {'c': 2, 'd': 4}}
    """
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


async def _decode(request: web.Request, content_type: str) -> dict[str, Any]:
    if request.content_type != content_type:
        raise UnsupportedMediaType(f"the body must be {content_type}, not {request.content_type}")
    try:
        body = msgspec.json.decode(await request.read())
    except msgspec.DecodeError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("the body must be an object")
    return {**body, "metadata": body.get("metadata") or {}}
