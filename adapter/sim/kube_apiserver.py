"""A stand-in for kube-apiserver, good enough for kubectl, informers and an aggregated server."""

import contextlib
import logging
import ssl
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from adapter.errors import AdapterError, MethodNotAllowed, NotFound
from adapter.model.status import Status, encode_status
from adapter.periodic import Clock, Periodic, running
from adapter.sim.access import Access
from adapter.sim.aggregator import Aggregator
from adapter.sim.identity import USER, Identities
from adapter.sim.kube_autoscaling import ScaleReader
from adapter.sim.kube_groups import DiscoveryHandlers
from adapter.sim.kube_lists import ObjectReader
from adapter.sim.kube_objects import ObjectStore
from adapter.sim.kube_served import ServedResources
from adapter.sim.kube_writes import ObjectWriter

log = logging.getLogger(__name__)

_BOOKMARK_SECONDS = 60.0
_LONGEST_LINE = 64 * 1024
"""Selectors travel in the query; aiohttp's own limit is 8190 bytes."""
_VERSION = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.0",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2025-08-27T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class KubeApiServer:
    """Serves the objects of a store, reviews, discovery, and registered groups by proxy.

    Args:
        store: The objects.
        served: The resources they are of.
        identities: Who asks.
        access: May they; records the reviews others ask for.
        aggregator: Backends of registered groups.
        clock: Time of the cluster.
    """

    def __init__(
        self,
        store: ObjectStore,
        served: ServedResources,
        *,
        identities: Identities,
        access: Access,
        aggregator: Aggregator,
        clock: Clock,
    ) -> None:
        self.store = store
        self.access = access
        self.aggregator = aggregator
        self.discovery = DiscoveryHandlers(served, aggregator)
        self.url = ""
        self.requests: deque[str] = deque(maxlen=10_000)
        """Method and target of the last requests, the newest last."""
        self._served = served
        self._identities = identities
        self._clock = clock
        self._stack = contextlib.AsyncExitStack()

    async def start(self, context: ssl.SSLContext) -> None:
        """Listen on a free loopback port with *context*."""
        app = web.Application(middlewares=[self._guard])
        app.add_routes(self._routes())
        runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=0.5,
            handler_cancellation=True,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
        )
        await self.aggregator.start()
        self._stack.push_async_callback(self.aggregator.stop)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        self.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        bookmarks = Periodic(
            "bookmarks", self._send_bookmarks, period=_BOOKMARK_SECONDS, clock=self._clock
        )
        await self._stack.enter_async_context(running(bookmarks))

    async def stop(self) -> None:
        """End all watches, close all connections."""
        self.store.end_watches()
        await self._stack.aclose()

    def expire_history(self) -> None:
        """End all watches; whoever resumes from an earlier revision meets 410 Gone."""
        self.store.expire_history()

    def _routes(self) -> list[web.RouteDef]:
        objects = ObjectReader(self.store, self._served, self._clock.time)
        writer = ObjectWriter(self.store, self._served, self._clock)
        scales = ScaleReader(self.store, self._served)
        reviews = "/apis/authorization.k8s.io/v1"
        tokens = "/apis/authentication.k8s.io/v1/tokenreviews"
        group = "/apis/{group}/{version}"
        scale = f"{group}/namespaces/{{namespace}}/{{resource}}/{{name}}/scale"
        readers = {
            "/{resource}": objects.list_or_watch,
            "/{resource}/{name}": objects.get_object,
            "/namespaces/{namespace}/{resource}": objects.list_or_watch,
            "/namespaces/{namespace}/{resource}/{name}": objects.get_object,
        }
        return [
            *(web.get(path, self._serve_ok) for path in ("/healthz", "/livez", "/readyz")),
            web.get("/version", self._serve_version),
            *self.discovery.routes(),
            web.post(tokens, self.access.review_token),
            web.post(f"{reviews}/subjectaccessreviews", self.access.review_access),
            web.post(f"{reviews}/selfsubjectaccessreviews", self.access.review_own_access),
            *(web.get(f"/api/v1{path}", reader) for path, reader in readers.items()),
            web.get(group, self._own_or_proxied(self.discovery.serve_version)),
            *(web.get(group + path, self._own_or_proxied(it)) for path, it in readers.items()),
            web.get(scale, self._own_or_proxied(scales.get_scale)),
            *writer.routes("/api/v1", lambda handler: handler),
            *writer.routes(group, self._own_or_proxied),
            web.route("*", group, self._proxy),
            web.route("*", f"{group}/{{rest:.*}}", self._proxy),
            web.get("/openapi/v3/apis/{group}/{version}", self._proxy),
        ]

    def _own_or_proxied(self, handler: Handler) -> Handler:
        """Let *handler* serve the stand-in's own groups, and backends the others."""

        async def serve(request: web.Request) -> web.StreamResponse:
            path = request.match_info
            own = path["version"] in self._served.versions(path["group"])
            return await (handler if own else self._proxy)(request)

        return serve

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Establish who asks, whether they may, and turn every failure into a Status."""
        self.requests.append(f"{request.method} {request.path_qs}")
        try:
            user = self._identities.authenticate(request)
            request[USER] = user
            self.access.check(user, request)
            return await handler(request)
        except AdapterError as error:
            return _status(error)
        except web.HTTPMethodNotAllowed:
            return _status(MethodNotAllowed("the server does not allow this method"))
        except web.HTTPNotFound:
            return _status(NotFound("the server could not find the requested resource"))

    async def _proxy(self, request: web.Request) -> web.StreamResponse:
        service = self.aggregator.service(request.match_info["group"])
        if service is None or request.match_info["version"] not in service.versions:
            raise NotFound("the server could not find the requested resource")
        return await self.aggregator.proxy(request, service, request[USER])

    async def _serve_ok(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _serve_version(self, _request: web.Request) -> web.Response:
        return web.Response(body=msgspec.json.encode(_VERSION), content_type="application/json")

    async def _send_bookmarks(self) -> None:
        self.store.bookmark()


def _status(error: AdapterError) -> web.Response:
    body = encode_status(Status.from_error(error))
    return web.Response(status=error.code, body=body, content_type="application/json")
