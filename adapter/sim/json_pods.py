"""Pods that publish JSON: each answers at an address of its own, all of them at the same port.

Pods have addresses in 127/8, which Linux takes for this machine as a whole; whoever refuses
loopback addresses has to be told to allow those of pods.
"""

import asyncio
import hashlib
import http
from collections import deque
from collections.abc import Callable, Mapping

from aiohttp import hdrs, web

from adapter.model.resources import PodKey
from adapter.periodic import Clock
from adapter.sim.json_faults import JsonFaults
from adapter.sim.json_figures import Figures, made_figures
from adapter.sim.ports import free_port
from adapter.sim.workloads import Pod, Truth

PATH = "/stats.json"
"""Where the document is, at every pod."""

PORT_NAME = "http"
"""Name of the container's port."""

_LAST_REQUESTS = 10_000
_PIECE_BYTES = 64 * 1024


class JsonPod:
    """One pod's listener and what it publishes.

    Attributes:
        figures: What the document says; may be replaced while it runs.
        faults: What goes wrong.
        token: Bearer token it wants to see; "" for none.
        times: When requests came, by the cluster's clock; the newest last.
        unchanged: Requests answered by 304.
        headers: Headers of the last request.
    """

    def __init__(self, address: str, port: int, figures: Figures) -> None:
        self.address = address
        self.port = port
        self.figures = figures
        self.faults = JsonFaults()
        self.token = ""
        self.times: deque[float] = deque(maxlen=_LAST_REQUESTS)
        self.requests = 0
        self.unchanged = 0
        self.headers: Mapping[str, str] = {}
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """URL of the document."""
        return f"http://{self.address}:{self.port}{PATH}"

    async def open(self, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        """Accept connections."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(protocol, self.address, self.port)

    def close(self) -> None:
        """Accept none any longer."""
        if self._server is not None:
            self._server.close()
            self._server = None


class JsonPods:
    """All pods of a cluster that publish JSON.

    Args:
        workloads: The pods there are.
        tell: Makes kube-apiserver's object of a pod anew.
        clock: Time of the cluster.
    """

    def __init__(self, workloads: Truth, tell: Callable[[Pod], object], clock: Clock) -> None:
        self.port = 0
        """The port of all of them; 0 before the first."""
        self._workloads = workloads
        self._tell = tell
        self._clock = clock
        self._pods: dict[PodKey, JsonPod] = {}
        self._by_address: dict[str, JsonPod] = {}
        self._runner: web.AppRunner | None = None

    def __getitem__(self, key: PodKey) -> JsonPod:
        """The pod *key*; `KeyError` when it publishes nothing."""
        return self._pods[key]

    def published(self) -> list[PodKey]:
        """The pods that publish something, sorted."""
        return sorted(self._pods)

    async def publish(self, key: PodKey, figures: Figures | None = None) -> JsonPod:
        """Let the pod *key* publish *figures*, or such that are made up from its name."""
        pod = self._workloads.pod(key)
        if self._runner is None:
            self._runner = await self._start()
            self.port = free_port()
        figures = figures or made_figures(key, started=pod.created)
        made = JsonPod(pod.ip, self.port, figures)
        await made.open(self._protocol)
        self._pods[key] = self._by_address[pod.ip] = made
        pod.ports = {**pod.ports, PORT_NAME: self.port}
        self._tell(pod)
        return made

    async def refuse(self, key: PodKey) -> None:
        """Close the pod's listener and its connections: connects are refused from now on."""
        self._pods[key].close()
        self._abort(self._pods[key].address)
        await asyncio.sleep(0)

    async def accept(self, key: PodKey) -> None:
        """Accept connections again."""
        await self._pods[key].open(self._protocol)

    def forget(self, key: PodKey) -> None:
        """The pod *key* is gone; nothing happens when it published nothing."""
        pod = self._pods.pop(key, None)
        if pod is not None:
            pod.close()
            self._abort(pod.address)
            del self._by_address[pod.address]

    async def stop(self) -> None:
        """Close everything."""
        for key in self.published():
            self.forget(key)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_get(PATH, self._serve)
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
        )
        await runner.setup()
        return runner

    def _protocol(self) -> asyncio.BaseProtocol:
        return self._server()

    @property
    def _server(self) -> web.Server:
        if self._runner is None or self._runner.server is None:
            raise RuntimeError("publish() something first")
        return self._runner.server

    def _abort(self, address: str) -> None:
        for handler in self._server.connections:
            transport = handler.transport
            if transport is not None and _local_address(transport) == address:
                transport.abort()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        pod = self._asked(request)
        pod.requests += 1
        pod.times.append(self._clock.time())
        pod.headers = request.headers
        if refusal := await self._refusal(pod, request):
            return refusal
        faults = pod.faults
        body = pod.figures.body(self._clock.time()) if faults.body is None else faults.body
        body += b" " * faults.huge_body
        headers: dict[str, str] = {hdrs.CONTENT_TYPE: faults.content_type}
        if not faults.no_etag:
            headers[hdrs.ETAG] = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            if request.headers.get(hdrs.IF_NONE_MATCH) == headers[hdrs.ETAG]:
                pod.unchanged += 1
                return web.Response(status=304, headers=headers)
        return await self._send(request, faults, headers, body)

    def _asked(self, request: web.Request) -> JsonPod:
        address = None if request.transport is None else _local_address(request.transport)
        if address not in self._by_address:
            raise ConnectionResetError("the client or the pod is gone")
        return self._by_address[address]

    async def _refusal(self, pod: JsonPod, request: web.Request) -> web.Response | None:
        faults = pod.faults
        if faults.hanging:
            await asyncio.Event().wait()
        if faults.slow:
            await self._clock.sleep(faults.slow)
        if pod.token and request.headers.get(hdrs.AUTHORIZATION) != f"Bearer {pod.token}":
            return web.Response(status=401, text="Unauthorized\n")
        if faults.redirect:
            return web.Response(status=302, headers={hdrs.LOCATION: faults.redirect})
        if faults.status:
            text = f"{http.HTTPStatus(faults.status).phrase}\n"
            return web.Response(status=faults.status, text=text)
        return None

    async def _send(
        self, request: web.Request, faults: JsonFaults, headers: Mapping[str, str], body: bytes
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        response.content_length = len(body)
        await response.prepare(request)
        sent = body[: len(body) // 2] if faults.truncated else body
        step = 1 if faults.drip else _PIECE_BYTES
        for start in range(0, len(sent), step):
            await response.write(sent[start : start + step])
            if faults.drip:
                await self._clock.sleep(faults.drip)
        if faults.truncated and request.transport is not None:
            request.transport.close()
        return response


def _local_address(transport: asyncio.BaseTransport) -> str | None:
    name = transport.get_extra_info("sockname")  # None once the connection is lost
    return None if name is None else str(name[0])
