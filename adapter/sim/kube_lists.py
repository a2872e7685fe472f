"""Reading objects from the stand-in: get, list with pages, watch with bookmarks."""

import asyncio
import base64
import binascii
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from adapter.errors import BadRequest, MethodNotAllowed, NotAcceptable, NotFound
from adapter.model.labels import parse_selector
from adapter.sim.kube_objects import Event, Expired, Object, ObjectStore, parse_fields
from adapter.sim.kube_resources import Resource
from adapter.sim.kube_served import ServedResources
from adapter.sim.kube_table import table

Matcher = Callable[[Object], bool]

_LONGEST_WATCH = 3600.0
_EXPIRED = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "reason": "Expired",
    "code": 410,
}


class _Start(NamedTuple):
    """Where a list page begins: the revision of the first page and the last key sent."""

    revision: int
    namespace: str
    name: str


class ObjectReader:
    """Handlers of GET requests for objects.

    Args:
        store: The objects.
        served: The resources they are of.
        now: Wall time in Unix seconds, for ages in tables.
    """

    def __init__(
        self, store: ObjectStore, served: ServedResources, now: Callable[[], float]
    ) -> None:
        self._store = store
        self._served = served
        self._now = now

    async def get_object(self, request: web.Request) -> web.Response:
        """Serve one object."""
        resource = self._resource(request)
        name = request.match_info["name"]
        found = self._store.get(resource.key, request.match_info.get("namespace", ""), name)
        if found is None:
            raise NotFound(f'{resource.key} "{name}" not found', name=name, kind=resource.name)
        form = _form(request)
        if form == "Table":
            metadata = {"resourceVersion": str(self._store.revision)}
            return _json(table(resource, [found], metadata, request.query, self._now()))
        return _json(_single(found, form, resource))

    async def list_or_watch(self, request: web.Request) -> web.StreamResponse:
        """Serve a list, or a watch when the query asks for one."""
        resource = self._resource(request)
        if request.query.get("watch") in ("1", "true"):
            return await self._watch(request, resource)
        matches = _matcher(request, resource)
        found = [
            candidate
            for candidate in self._store.list(resource.key, request.match_info.get("namespace"))
            if matches(candidate)
        ]
        page, metadata = self._page(found, request.query)
        form = _form(request)
        if form == "Table":
            return _json(table(resource, page, metadata, request.query, self._now()))
        if form:
            items: Sequence[Any] = [_single(candidate, form, resource) for candidate in page]
            kind, version = "PartialObjectMetadataList", "meta.k8s.io/v1"
        else:
            items, kind, version = page, f"{resource.kind}List", resource.api_version
        document = {"kind": kind, "apiVersion": version, "metadata": metadata, "items": items}
        return _json(document)

    def _resource(self, request: web.Request) -> Resource:
        path = request.match_info
        group, version = path.get("group", ""), path.get("version", "v1")
        resource = self._served.find(group, version, path["resource"])
        if "namespace" in path and not resource.namespaced:
            raise NotFound("the server could not find the requested resource")
        if "list" not in resource.verbs:
            raise MethodNotAllowed(
                "the server does not allow this method on the requested resource"
            )
        return resource

    def _page(
        self, found: Sequence[Object], query: Mapping[str, str]
    ) -> tuple[Sequence[Object], dict[str, Any]]:
        revision = self._store.revision
        if token := query.get("continue"):
            start = _decode_continue(token)
            self._store.check_revision(start.revision)
            revision = start.revision
            # Keys, not positions: what was added or removed since does not shift the next page.
            found = [c for c in found if _place(c) > (start.namespace, start.name)]
        metadata: dict[str, Any] = {"resourceVersion": str(revision)}
        limit = int(_number(query, "limit", 0))
        if 0 < limit < len(found):
            metadata["continue"] = _encode_continue(_Start(revision, *_place(found[limit - 1])))
            metadata["remainingItemCount"] = len(found) - limit
            found = found[:limit]
        return found, metadata

    async def _watch(self, request: web.Request, resource: Resource) -> web.StreamResponse:
        matches = _matcher(request, resource)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        seconds = _number(request.query, "timeoutSeconds", _LONGEST_WATCH)
        since = int(_number(request.query, "resourceVersion", 0))
        await response.prepare(request)
        try:
            async with (
                asyncio.timeout(seconds),
                contextlib.aclosing(self._events(request, resource, matches, since)) as events,
            ):
                async for event in events:
                    await response.write(msgspec.json.encode(event) + b"\n")
        except TimeoutError:
            pass
        except Expired as error:
            status = {**_EXPIRED, "message": str(error)}
            await response.write(msgspec.json.encode({"type": "ERROR", "object": status}) + b"\n")
        return response

    async def _events(
        self, request: web.Request, resource: Resource, matches: Matcher, since: int
    ) -> AsyncGenerator[dict[str, Any]]:
        form = _form(request)
        namespace = request.match_info.get("namespace")
        bookmarks = request.query.get("allowWatchBookmarks") in ("1", "true")
        initial = self._store.list(resource.key, namespace) if since == 0 else []
        with self._store.watch(resource.key, since or self._store.revision) as queue:
            for candidate in initial:
                if matches(candidate):
                    yield {"type": "ADDED", "object": _single(candidate, form, resource)}
            if bookmarks and request.query.get("sendInitialEvents") == "true":
                yield self._initial_events_end(form, resource)
            while (event := await queue.get()) is not None:
                seen = _seen(event, namespace, matches)
                if seen is not None and (bookmarks or event.type != "BOOKMARK"):
                    yield {"type": seen, "object": _single(event.object, form, resource)}

    def _initial_events_end(self, form: str, resource: Resource) -> dict[str, Any]:
        metadata = {
            "resourceVersion": str(self._store.revision),
            "annotations": {"k8s.io/initial-events-end": "true"},
        }
        return {"type": "BOOKMARK", "object": _single({"metadata": metadata}, form, resource)}


def _seen(event: Event, namespace: str | None, matches: Matcher) -> str | None:
    """What a watch with a selector sees of *event*: leaving the selection is a deletion."""
    if event.type == "BOOKMARK":
        return event.type
    if namespace is not None and event.object["metadata"].get("namespace") != namespace:
        return None
    before = event.previous is not None and matches(event.previous)
    if event.type == "DELETED":
        return event.type if before else None
    if matches(event.object):
        return "MODIFIED" if before else "ADDED"
    return "DELETED" if before else None


def _matcher(request: web.Request, resource: Resource) -> Matcher:
    selector = parse_selector(request.query.get("labelSelector", ""))
    fields = parse_fields(request.query.get("fieldSelector", ""), resource.fields)
    return lambda candidate: (
        selector.matches(candidate["metadata"].get("labels") or {}) and fields(candidate)
    )


def _form(request: web.Request) -> str:
    """How the client wants objects: ``""`` as they are, ``Table`` or ``PartialObjectMetadata``."""
    ranges = request.headers.get("Accept", "*/*").lower().split(",")
    for media_range in ranges:
        media_type, *parameters = (part.strip() for part in media_range.split(";"))
        if media_type not in ("application/json", "application/*", "*/*"):
            continue
        wanted = next((p.removeprefix("as=") for p in parameters if p.startswith("as=")), "")
        if not wanted:
            return ""
        if wanted.startswith("partialobjectmetadata"):
            return "PartialObjectMetadata"
        if wanted == "table" and "watch" not in request.query:
            return "Table"
    raise NotAcceptable(
        "only the following media types are accepted: application/json, "
        "application/json;as=Table;v=v1;g=meta.k8s.io, "
        "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
    )


def _single(candidate: Object, form: str, resource: Resource) -> dict[str, Any]:
    if form == "PartialObjectMetadata":
        metadata = candidate["metadata"]
        return {"kind": form, "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    return {"kind": resource.kind, "apiVersion": resource.api_version, **candidate}


def _number(query: Mapping[str, str], name: str, default: float) -> float:
    text = query.get(name) or default
    try:
        return float(text)
    except ValueError as error:
        raise BadRequest(f"{name} must be a number, not {text!r}") from error


def _place(candidate: Object) -> tuple[str, str]:
    metadata = candidate["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _encode_continue(start: _Start) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(list(start))).decode()


def _decode_continue(token: str) -> _Start:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(token), type=_Start)
    except (binascii.Error, msgspec.MsgspecError, ValueError) as error:
        raise BadRequest(f"continue key is not valid: {error}") from error


def _json(document: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(document), content_type="application/json")
