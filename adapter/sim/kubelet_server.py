"""What all kubelets of a cluster answer: one application, the port tells which one is asked."""

import asyncio
import gzip
import http
from collections.abc import Callable

from aiohttp import hdrs, web

from adapter.periodic import Clock
from adapter.sim.exposition import render_resource_metrics, render_scrape_error
from adapter.sim.faults import Faults
from adapter.sim.kubelet import SimKubelet
from adapter.sim.summary import render_summary

_WRITE_BYTES = 4096
"""client_golang writes through a buffer of this size, so no chunk on the wire is larger."""
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_FILLER = b'kubelet_filler{text="a line of a body far too large to be of any use"} 1\n' * 64


class KubeletServer:
    """The application behind every kubelet's socket.

    Args:
        accepts_token: Whether a bearer token is good.
        clock: Time of the cluster.
    """

    def __init__(self, accepts_token: Callable[[str], bool], clock: Clock) -> None:
        self._accepts_token = accepts_token
        self._clock = clock
        self._by_port: dict[int, SimKubelet] = {}
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Get ready for `add`."""
        app = web.Application()
        app.router.add_get("/metrics/resource", self._serve_resource_metrics)
        # Nodes may name another path in an annotation (metrics.k8s.io/resource-metrics-path).
        app.router.add_get("/{prefix:.+}/metrics/resource", self._serve_resource_metrics)
        app.router.add_get("/stats/summary", self._serve_summary)
        app.router.add_get("/healthz", self._serve_healthz)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
        )
        await self._runner.setup()

    async def add(self, kubelet: SimKubelet) -> None:
        """Open *kubelet*'s socket."""
        await kubelet.open()
        self._by_port[kubelet.port] = kubelet

    async def stop(self) -> None:
        """Close all sockets and connections."""
        for kubelet in self._by_port.values():
            await kubelet.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def protocol(self) -> asyncio.BaseProtocol:
        """Make the protocol of a new connection."""
        return self._server()

    def abort(self, port: int) -> None:
        """Close all connections to *port* at once."""
        for handler in self._server.connections:
            transport = handler.transport
            if transport is not None and _local_port(transport) == port:
                transport.abort()

    @property
    def _server(self) -> web.Server:
        if self._runner is None or self._runner.server is None:
            raise RuntimeError("start() the kubelet server first")
        return self._runner.server

    async def _serve_resource_metrics(self, request: web.Request) -> web.StreamResponse:
        kubelet = self._kubelet(request)
        refusal = await self._refusal(request, kubelet)
        if refusal is not None:
            return refusal
        faults = kubelet.faults
        if faults.no_resource_metrics:
            return web.Response(status=404, text="404 page not found\n")
        if faults.scrape_error:
            text = render_scrape_error()
        else:
            text = render_resource_metrics(
                kubelet.report(self._clock.time()),
                timestamps=not faults.no_timestamps,
                garbage=faults.garbage_line,
            )
        if faults.cut_mid_line:
            text = text[: text.rindex(" ", 0, len(text) // 2)]
        return await self._send(request, faults, text.encode(), _TEXT)

    async def _serve_summary(self, request: web.Request) -> web.StreamResponse:
        kubelet = self._kubelet(request)
        refusal = await self._refusal(request, kubelet)
        if refusal is not None:
            return refusal
        if kubelet.faults.no_summary:
            return web.Response(status=404, text="404 page not found\n")
        body = render_summary(kubelet.report(self._clock.time()))
        return await self._send(request, kubelet.faults, body, "application/json")

    async def _serve_healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok")

    def _kubelet(self, request: web.Request) -> SimKubelet:
        port = _local_port(request.transport) if request.transport is not None else None
        if port is None:
            raise ConnectionResetError("the client is gone")
        kubelet = self._by_port[port]
        kubelet.scrapes += 1
        return kubelet

    async def _refusal(self, request: web.Request, kubelet: SimKubelet) -> web.Response | None:
        faults = kubelet.faults
        if faults.hanging:
            await asyncio.Event().wait()
        if faults.slow:
            await self._clock.sleep(faults.slow)
        if not self._is_authenticated(request):
            return web.Response(status=401, text="Unauthorized\n")
        if faults.status:
            return web.Response(
                status=faults.status, text=f"{http.HTTPStatus(faults.status).phrase}\n"
            )
        return None

    def _is_authenticated(self, request: web.Request) -> bool:
        if request.transport is not None and request.transport.get_extra_info("peercert"):
            return True
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        return scheme.lower() == "bearer" and self._accepts_token(token)

    async def _send(
        self, request: web.Request, faults: Faults, body: bytes, content_type: str
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: content_type})
        if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "") and not faults.huge_body:
            body = gzip.compress(body, 1)
            response.headers[hdrs.CONTENT_ENCODING] = "gzip"
        if faults.truncated_length:
            response.content_length = len(body)
        else:
            response.enable_chunked_encoding()
        await response.prepare(request)
        cut = faults.truncated or faults.truncated_length
        await self._write(response, faults, body[: len(body) // 2] if cut else body)
        if cut and request.transport is not None:
            request.transport.close()
        return response

    async def _write(self, response: web.StreamResponse, faults: Faults, body: bytes) -> None:
        if faults.drip:
            for index in range(len(body)):
                await response.write(body[index : index + 1])
                await self._clock.sleep(faults.drip)
            return
        for start in range(0, len(body), _WRITE_BYTES):
            await response.write(body[start : start + _WRITE_BYTES])
        for _ in range(len(body), faults.huge_body, len(_FILLER)):
            await response.write(_FILLER)


def _local_port(transport: asyncio.BaseTransport) -> int | None:
    name = transport.get_extra_info("sockname")  # None once the connection is lost
    return None if name is None else int(name[1])
