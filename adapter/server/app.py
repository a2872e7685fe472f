"""The HTTP application, and the server that runs it."""

import ssl
from collections.abc import Collection, Sequence
from functools import partial

import aiohttp
from aiohttp import web
from isal import isal_zlib

from adapter import __version__
from adapter.apis.base import ROUTES, APIGroup, APIRequest, Handler, HTTPHandler, Transform
from adapter.periodic import Clock, SystemClock
from adapter.server.discovery import Discovery
from adapter.server.middleware import deadline, errors_as_status, observed, usual_headers
from adapter.server.negotiate import negotiate
from adapter.server.probes import Checks
from adapter.server.responses import document
from adapter.telemetry import Telemetry

REQUEST_SECONDS = 60.0
"""How long a request may take, as in kube-apiserver."""

KEEPALIVE_SECONDS = 120.0
"""Longer than the 90 s for which Go's clients keep idle connections: else they would now and then
send a request on a connection that is being closed, and the aggregator answers 503."""

MAX_HEADER_BYTES = 64 * 1024
"""Of the request line and of each header: selectors and the groups of a user can be long."""

_CHECKS = web.AppKey("checks", Checks)


def build_app(
    *,
    groups: Sequence[APIGroup],
    checks: Checks,
    telemetry: Telemetry,
    clock: Clock | None = None,
    version: str = __version__,
    request_seconds: float = REQUEST_SECONDS,
) -> web.Application:
    """Build the application.

    Args:
        groups: The API groups to serve.
        checks: The health checks.
        telemetry: What ``/metrics`` shows, and where requests are counted.
        clock: Times requests.
        version: What ``/version`` says.
        request_seconds: Deadline of a request.
    """
    aiohttp.set_zlib_backend(isal_zlib)  # what clients of this process decompress, too
    discovery = Discovery(groups, [*checks.paths(), "/metrics"], version)
    app = web.Application(
        # outermost first
        middlewares=[
            observed(telemetry, clock or SystemClock()),
            errors_as_status(discovery.not_found),
            deadline(request_seconds),
            # Authentication, then authorization, belong here: inside the deadline and with their
            # refusals as Status, outside of every handler including the one for unknown paths.
        ],
    )
    app[ROUTES] = {}
    app[_CHECKS] = checks
    app.on_response_prepare.append(usual_headers)
    discovery.add_routes(app)
    checks.add_routes(app)
    for group in groups:
        group.add_routes(app, partial(over_http, transforms=group.transforms))
    app.router.add_route("GET", "/metrics", _metrics(telemetry))
    return app


def over_http(handler: Handler, transforms: Collection[Transform]) -> HTTPHandler:
    """Make an HTTP handler of an API group's: negotiate, ask, send.

    Args:
        handler: The group's.
        transforms: The kinds it can send its answers as.
    """

    async def answer(request: web.Request) -> web.Response:
        accepted = negotiate(request.headers.get("Accept", ""), transforms)
        path = dict(request.match_info)
        answer = await handler(
            APIRequest(
                version=path.pop("version"),
                path=path,
                query=request.query,
                transform=accepted.transform,
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
    line = " ".join(printable.split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{line}"'


def _metrics(telemetry: Telemetry) -> HTTPHandler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(
            body=telemetry.expose(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    return answer


class RunningServer:
    """A server that listens. Attribute *port* is its TCP port."""

    def __init__(self, runner: web.AppRunner, checks: Checks, port: int) -> None:
        self.port = port
        self._runner = runner
        self._checks = checks

    def begin_shutdown(self) -> None:
        """Fail ``/readyz`` from now on and go on serving, so that no new client is sent here."""
        self._checks.begin_shutdown()

    async def close(self) -> None:
        """Fail ``/readyz``, take no new connection, end what is in flight, and stop."""
        self._checks.begin_shutdown()
        await self._runner.cleanup()


async def start(
    app: web.Application,
    *,
    host: str,
    port: int,
    ssl_context: ssl.SSLContext | None,
    shutdown_seconds: float = 10.0,
) -> RunningServer:
    """Serve *app*.

    Args:
        app: From `build_app`.
        host: Address to listen at.
        port: TCP port; 0 for any free one.
        ssl_context: From `adapter.server.tls`; None serves plain HTTP.
        shutdown_seconds: How long `RunningServer.close` waits for requests in flight.

    Raises:
        OSError: The address is in use or not this machine's.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,  # a client that leaves costs nothing more
        keepalive_timeout=KEEPALIVE_SECONDS,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        shutdown_timeout=shutdown_seconds,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=ssl_context).start()
    except OSError:
        await runner.cleanup()
        raise
    return RunningServer(runner, app[_CHECKS], runner.addresses[0][1])
