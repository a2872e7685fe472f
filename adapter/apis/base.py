"""What every API group is made of. Discovery and the server read this and nothing else of a group.

To add a group: write a sub-package with async handlers (`APIRequest` in, `Answer` out; failures
are raised from ``adapter.errors``), describe it, and hand it to ``server.app.build_app``::

    WIDGETS = (APIResource("widgets", kind="Widget", namespaced=False, verbs=("get",)),)

    def widgets_group(*, source: WidgetSource) -> APIGroup:
        async def get_widget(request: APIRequest) -> Answer:
            return Answer([await source.widget(request.path["name"])])

        return APIGroup(
            name="widgets.k8s.io",
            versions=("v1", "v1beta1"),
            resources=lambda: WIDGETS,
            routes=(Route("/widgets/{name}", get_widget, resource="widgets", verb="get"),),
        )

Routing, negotiation of the representation, compression, streaming, errors as ``metav1.Status``,
deadline and own metrics are the server's.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiohttp import web


class Transform(NamedTuple):
    """Another kind the client asks an answer to be sent as.

    ``application/json;as=Table;g=meta.k8s.io;v=v1`` in an Accept header.
    """

    kind: str
    group: str
    version: str


RESOURCE_TRANSFORMS = frozenset(
    Transform(kind, "meta.k8s.io", version)
    for kind in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
    for version in ("v1", "v1beta1")
)
"""The kinds an object with metadata, or a list of such, can be asked as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class APIRequest:
    """A GET of something in a group, freed of HTTP.

    Attributes:
        version: The version asked, such as ``v1``.
        path: The parameters of the route's path, decoded.
        query: The query parameters; of one given twice the first counts, as in kube-apiserver.
        transform: The kind the answer is to be sent as; None for the resource's own.
        protobuf: The answer is to be protobuf, not JSON; only where the group says it can.
    """

    version: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    transform: Transform | None = None
    protobuf: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A document: JSON, or protobuf where that was asked for.

    Attributes:
        chunks: The document in pieces, in order, JSON without a final newline. It is consumed once
            and may be produced while it is sent, so its making must not fail for reasons a client
            should be told: raise before.
        warning: Text of a ``Warning`` header for the person who asked (kubectl prints it).
    """

    chunks: Iterable[bytes]
    warning: str | None = None


Handler = Callable[[APIRequest], Awaitable[Answer]]
HTTPHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class APIResource(NamedTuple):
    """A resource as discovery shows it.

    The singular name is always empty: ``kubectl get podmetrics`` works only because kubectl then
    takes the lower-cased kind for it.
    """

    name: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...]


class Operation(NamedTuple):
    """What OpenAPI says of a route.

    Attributes:
        summary: What is asked, a sentence.
        kind: The kind the route is about, as discovery names it.
        answer: The kind of the answer.
        query: The query parameters that are read.
    """

    summary: str
    kind: str
    answer: str
    query: tuple[str, ...] = ()


class Route(NamedTuple):
    """A GET below ``/apis/<group>/<version>``; *resource* and *verb* as RBAC names them.

    One without *operation* is not documented.
    """

    path: str
    handler: Handler
    resource: str
    verb: str
    operation: Operation | None = None


Schema = Mapping[str, Any]
"""A type in OpenAPI's words; ``$ref`` is the name of another type, no path to it."""


class Types(NamedTuple):
    """The types of a group's answers, for OpenAPI.

    Attributes:
        package: What comes before ``<version>.<kind>`` in their names.
        of_version: The types of a version, by kind.
    """

    package: str
    of_version: Callable[[str], Mapping[str, Schema]]

    def name(self, version: str, kind: str) -> str:
        """The name of a type, unique among those of all API servers."""
        return f"{self.package}.{version}.{kind}"


class RouteInfo(NamedTuple):
    """What a request concerns: labels of own metrics."""

    group: str
    resource: str
    verb: str


ROUTES = web.AppKey("routes", dict[web.AbstractRoute, RouteInfo])
"""What each route of an application concerns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class APIGroup:
    """A group that is served.

    Attributes:
        name: Such as ``metrics.k8s.io``.
        versions: Versions, the preferred one first; all serve the same routes.
        resources: What discovery lists at the moment, sorted by name; answers from memory, and with
            the same tuple until something changes.
        routes: What can be asked.
        transforms: The kinds its answers can also be sent as; those of all routes.
        protobuf: Whether its handlers can answer in protobuf.
        types: The types of its answers; None documents nothing.
    """

    name: str
    versions: tuple[str, ...]
    resources: Callable[[], tuple[APIResource, ...]]
    routes: tuple[Route, ...]
    transforms: frozenset[Transform] = frozenset()
    protobuf: bool = False
    types: Types | None = None

    def add_routes(self, app: web.Application, over_http: Callable[[Handler], HTTPHandler]) -> None:
        """Route the group's paths in *app*; *over_http* makes an HTTP handler of each handler."""
        prefix = f"/apis/{self.name}/{{version:{'|'.join(self.versions)}}}"
        for each in self.routes:
            route = app.router.add_route("GET", prefix + each.path, over_http(each.handler))
            app[ROUTES][route] = RouteInfo(self.name, each.resource, each.verb)
