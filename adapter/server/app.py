"""The HTTP application, and the server that runs it."""

import asyncio
import ssl
import warnings
from collections.abc import Callable, Collection, Sequence
from functools import partial

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Middleware
from isal import isal_zlib

from adapter import __version__
from adapter.apis.base import ROUTES, APIGroup, APIRequest, Handler, HTTPHandler, Transform
from adapter.periodic import Clock, SystemClock
from adapter.server.connections import Connections
from adapter.server.discovery import Discovery
from adapter.server.limits import Limits, in_flight, small_body
from adapter.server.middleware import deadline, errors_as_status, observed, usual_headers
from adapter.server.negotiate import TEXTUAL, MediaType, negotiate
from adapter.server.openapi import PATHS as OPENAPI_PATHS
from adapter.server.openapi import OpenAPI
from adapter.server.probes import Checks
from adapter.server.responses import document, exposition
from adapter.server.routing import Router
from adapter.server.tls import ServingTLS
from adapter.server.waiting import bounded
from adapter.telemetry import Telemetry

REQUEST_SECONDS = 60.0
"""How long a request may take, as in kube-apiserver."""

MAX_IN_FLIGHT = 400
"""How many requests for metrics may be answered at once, as in kube-apiserver."""

BACKLOG = 1024
"""Connections the kernel keeps for us while the loop is busy; a dropped one costs a second."""

MAX_WARNING = 1024
"""Characters of a ``Warning``: many clients refuse a header over 8 KB, one takes up to 4 bytes."""

SETTLE_SECONDS = 1.0
"""How long a stopping server waits for the first request of those who have just connected."""

ENDING_SECONDS = 1.0
"""How long it then lets a request take that was not answered in time, and again for its end."""

_CHECKS = web.AppKey("checks", Checks)
_TELEMETRY = web.AppKey("telemetry", Telemetry)
_REQUEST_SECONDS = web.AppKey("request_seconds", float)


def build_app(
    *,
    groups: Sequence[APIGroup],
    checks: Checks,
    telemetry: Telemetry,
    clock: Clock | None = None,
    version: str = __version__,
    request_seconds: float = REQUEST_SECONDS,
    max_in_flight: int = MAX_IN_FLIGHT,
    identity: Sequence[Middleware] = (),
    recording: Sequence[Middleware] = (),
) -> web.Application:
    """Build the application.

    Args:
        groups: The API groups to serve.
        checks: The health checks.
        telemetry: What ``/metrics`` shows, and where requests are counted.
        clock: Times requests.
        version: What ``/version`` says.
        request_seconds: Deadline of a request.
        max_in_flight: Most requests for metrics at once; 0 is no limit.
        identity: Authentication, then authorization; without them whoever asks is answered.
        recording: The audit, the access log.
    """
    aiohttp.set_zlib_backend(isal_zlib)  # what clients of this process decompress, too
    clock = clock or SystemClock()
    discovery = Discovery(groups, [*checks.paths(), *OPENAPI_PATHS, "/metrics"], version)
    app = _application(
        # outermost first
        observed(telemetry, clock),
        *recording,
        errors_as_status(discovery.not_found),
        deadline(request_seconds),
        small_body,
        # inside the deadline and with their refusals as Status, outside of every handler including
        # the one for unknown paths
        *bounded(identity, max_in_flight, telemetry),
        in_flight(max_in_flight, telemetry),
    )
    app[ROUTES] = {}
    app[_REQUEST_SECONDS] = request_seconds
    app[_CHECKS] = checks
    app[_TELEMETRY] = telemetry
    app.on_response_prepare.append(usual_headers)
    discovery.add_routes(app)
    OpenAPI(groups, version, clock).add_routes(app)
    checks.add_routes(app)
    for group in groups:
        offered = tuple(MediaType) if group.protobuf else TEXTUAL
        group.add_routes(app, partial(over_http, transforms=group.transforms, offered=offered))
    app.router.add_route("GET", "/metrics", _metrics(telemetry))
    return app


def _application(*middlewares: Middleware) -> web.Application:
    with warnings.catch_warnings():
        # aiohttp warns of any other router than its own, and has no limit for what that looks up
        warnings.simplefilter("ignore", DeprecationWarning)
        return web.Application(router=Router(), middlewares=middlewares)


def over_http(
    handler: Handler, transforms: Collection[Transform], offered: Sequence[MediaType]
) -> HTTPHandler:
    """Make an HTTP handler of an API group's: negotiate, ask, send.

    Args:
        handler: The group's.
        transforms: The kinds it can send its answers as.
        offered: The representations it can send them in.
    """

    async def answer(request: web.Request) -> web.Response:
        accepted = negotiate(request.headers.get("Accept", ""), transforms, offered)
        path = dict(request.match_info)
        answer = await handler(
            APIRequest(
                version=path.pop("version"),
                path=path,
                query=request.query,
                transform=accepted.transform,
                protobuf=accepted.media_type is MediaType.PROTOBUF,
            )
        )
        headers = {"Warning": warning_header(answer.warning)} if answer.warning else None
        return await document(request, accepted, answer.chunks, headers=headers)

    return answer


def warning_header(text: str) -> str:
    r"""*text* as the value of a ``Warning`` header (RFC 7234 §5.5, code 299: persistent).

    >>> warning_header('served from "kubelets"')
    '299 - "served from \\"kubelets\\""'
    """
    # a header cannot hold control characters, and the text may repeat what a client sent
    printable = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(printable.split())
    if len(line) > MAX_WARNING:  # before it is quoted, or half an escape could be left
        line = f"{line[:MAX_WARNING]}..."
    line = line.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{line}"'


def _metrics(telemetry: Telemetry) -> HTTPHandler:
    async def answer(request: web.Request) -> web.Response:
        return exposition(request, telemetry.exposition())

    return answer


class RunningServer:
    """A server that listens.

    Attributes:
        port: Its TCP port.
        shutdown_seconds: How long `close` lets requests in flight end.
    """

    def __init__(
        self, runner: web.AppRunner, app: web.Application, shutdown_seconds: float
    ) -> None:
        self.port = 0
        self.shutdown_seconds = shutdown_seconds
        self._runner = runner
        self._checks = app[_CHECKS]
        self._telemetry = app[_TELEMETRY]
        self._draining = False
        app.on_response_prepare.append(self._say_goodbye)

    async def listen(
        self,
        host: str,
        port: int,
        context: Callable[[], ssl.SSLContext] | None,
        limits: Limits,
    ) -> None:
        """Begin to serve; see `start`."""
        await self._runner.setup()
        if self._runner.server is None:
            raise RuntimeError("aiohttp has set up no server")
        self._connections = Connections(self._runner.server, context, limits, self._telemetry)
        try:
            self._listener = await asyncio.get_running_loop().create_server(
                self._connections, host, port, backlog=BACKLOG
            )
        except OSError:
            await self._runner.cleanup()
            raise
        self.port = self._listener.sockets[0].getsockname()[1]

    def begin_shutdown(self) -> None:
        """Fail ``/readyz`` from now on and go on serving, so that no new client is sent here.

        Each connection is closed after its next answer, so that clients go elsewhere one by one.
        """
        self._checks.begin_shutdown()
        self._draining = True

    async def close(self) -> None:
        """Fail ``/readyz``, take no new connection, let what is in flight end, and stop.

        It takes as long as the longest request in flight, at most *shutdown_seconds* and, where
        that is not enough, three seconds more.
        """
        self.begin_shutdown()
        self._listener.close()
        await self._connections.settle(SETTLE_SECONDS)
        await self._connections.answered(self.shutdown_seconds)
        await self._connections.close()
        await self._runner.cleanup()

    async def _say_goodbye(self, _: web.Request, response: web.StreamResponse) -> None:
        if self._draining:
            response.force_close()
            response.headers["Connection"] = "close"  # aiohttp has set this header before


async def start(
    app: web.Application,
    *,
    host: str,
    port: int,
    tls: ServingTLS | None = None,
    ssl_context: ssl.SSLContext | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    shutdown_seconds: float | None = None,
) -> RunningServer:
    """Serve *app*.

    Args:
        app: From `build_app`.
        host: Address to listen at.
        port: TCP port; 0 for any free one.
        tls: What to show clients; without it and *ssl_context* plain HTTP is served.
        ssl_context: A fixed context instead of *tls*.
        limits: What connections may cost.
        shutdown_seconds: How long `RunningServer.close` lets requests in flight end; None is as
            long as a request may take, so that each has its answer, be it that time is up.

    Raises:
        OSError: The address is in use or not this machine's.
    """
    context: Callable[[], ssl.SSLContext] | None = None
    if tls is not None:
        context = tls.current
    elif ssl_context is not None:
        context = partial(_same, ssl_context)
    runner = web.AppRunner(
        app,
        handler_cancellation=True,  # a client that leaves costs nothing more
        shutdown_timeout=ENDING_SECONDS,
    )
    if shutdown_seconds is None:
        shutdown_seconds = app[_REQUEST_SECONDS]
    server = RunningServer(runner, app, shutdown_seconds)
    await server.listen(host, port, context, limits)
    return server


def _same(context: ssl.SSLContext) -> ssl.SSLContext:
    return context
