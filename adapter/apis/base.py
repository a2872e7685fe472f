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
from typing import NamedTuple

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
    """

    version: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    transform: Transform | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON document.

    Attributes:
        chunks: The document in pieces, in order, without a final newline. It is consumed once and
            may be produced while it is sent, so its making must not fail for reasons a client
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


class Route(NamedTuple):
    """A GET below ``/apis/<group>/<version>``; *resource* and *verb* as RBAC names them."""

    path: str
    handler: Handler
    resource: str
    verb: str


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
    """

    name: str
    versions: tuple[str, ...]
    resources: Callable[[], tuple[APIResource, ...]]
    routes: tuple[Route, ...]
    transforms: frozenset[Transform] = frozenset()

    def add_routes(self, app: web.Application, over_http: Callable[[Handler], HTTPHandler]) -> None:
        """Route the group's paths in *app*; *over_http* makes an HTTP handler of each handler."""
        prefix = f"/apis/{self.name}/{{version:{'|'.join(self.versions)}}}"
        for path, handler, resource, verb in self.routes:
            route = app.router.add_route("GET", prefix + path, over_http(handler))
            app[ROUTES][route] = RouteInfo(self.name, resource, verb)
