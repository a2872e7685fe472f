"""Connections of the server: TLS, how many there may be, and how slow.

aiohttp has no limit for connections, for the TLS handshake, for how long headers take or for a
client that does not read. So connections are accepted without TLS, counted, and secured by
``start_tls``; aiohttp's own protocol begins only where a handshake has succeeded.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from aiohttp import web

from adapter.server.connection import Connection
from adapter.server.limits import Limits
from adapter.server.turns import Gates
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

_HANDSHAKES = 32
"""TLS handshakes at a time with one address. Each takes a millisecond of CPU; a probe of a kubelet
must not wait for a thousand that somebody else has begun."""

_QUICK_SECONDS = 0.1
"""How long one counts: a few times the way to the other end of a cluster and back."""


class Connections:
    """Makes and counts the connections of *server*; given to ``create_server``.

    When there are too many, the oldest that never asked anything is closed, then the one idle
    longest: idle ones must not keep a probe out. If all are being answered, the one that has been
    for longest is closed, or the new one refused if none has been for long.

    Args:
        server: What answers the requests.
        context: Gives the TLS context for a new connection; None serves plain HTTP.
        limits: What connections may cost.
        telemetry: Counts them.
    """

    def __init__(
        self,
        server: web.Server,
        context: Callable[[], ssl.SSLContext] | None,
        limits: Limits,
        telemetry: Telemetry,
    ) -> None:
        self.limits = limits
        self._server = server
        self._context = context
        self._telemetry = telemetry
        self._new: dict[Arrival, None] = {}
        self._idle: dict[Arrival, None] = {}
        self._busy: dict[Arrival, float] = {}
        self._gates = Gates(_HANDSHAKES, _QUICK_SECONDS)
        self._settled = asyncio.Event()
        self._answered = asyncio.Event()
        self._answered.set()
        self._handshakes: set[asyncio.Task[None]] = set()
        self._make_request: Any = server.request_factory
        server.request_factory = self._begin_request

    def __call__(self) -> "Arrival":
        """Greet what connects."""
        return Arrival(self)

    async def settle(self, seconds: float) -> None:
        """Return when all that connected have asked something, after *seconds* at the latest."""
        if self._new:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._settled.wait()

    async def answered(self, seconds: float) -> None:
        """Return when nothing is being answered any more, after *seconds* at the latest."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._answered.wait()

    async def close(self) -> None:
        """End all handshakes."""
        for task in self._handshakes:
            task.cancel()
        await asyncio.gather(*self._handshakes, return_exceptions=True)

    def arrived(self, arrival: "Arrival") -> None:
        """Take a new connection, or close it."""
        if self._count() >= self.limits.connections and not self._make_room():
            self.cut(arrival, "connections")
            return
        self._new[arrival] = None
        self._changed()
        if self._context is None:
            self._welcome(arrival, arrival.raw)
            return
        arrival.raw.pause_reading()  # what comes is for TLS
        task = asyncio.get_running_loop().create_task(self._secure(arrival, self._context()))
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    def busy(self, arrival: "Arrival") -> None:
        """It asks something."""
        self._forget(arrival)
        self._busy[arrival] = asyncio.get_running_loop().time()
        self._answered.clear()

    def idle(self, arrival: "Arrival") -> None:
        """It has its answer."""
        if self._busy.pop(arrival, None) is not None:
            self._idle[arrival] = None
            self._tell()

    def gone(self, arrival: "Arrival") -> None:
        """It was closed."""
        self._forget(arrival)
        self._changed()

    def cut(self, arrival: "Arrival", limit: str) -> None:
        """Close it at once, because of *limit*."""
        self._telemetry.connections_cut.labels(limit).inc()
        log.debug("closed the connection of %s: %s", arrival.peer(), limit)
        arrival.raw.abort()

    def _make_room(self) -> bool:
        for arrival in chain(self._new, self._idle, self._held()):
            self._forget(arrival)
            self.cut(arrival, "connections")
            return True
        return False

    def _held(self) -> Iterator["Arrival"]:
        """Those that have been answered for too long, the oldest first."""
        before = asyncio.get_running_loop().time() - self.limits.held
        return (arrival for arrival, begun in self._busy.items() if begun <= before)

    def _count(self) -> int:
        return len(self._new) + len(self._idle) + len(self._busy)

    def _forget(self, arrival: "Arrival") -> None:
        kinds: tuple[dict[Arrival, Any], ...] = (self._new, self._idle, self._busy)
        for kind in kinds:
            kind.pop(arrival, None)
        self._tell()

    def _tell(self) -> None:
        for some, none in ((self._new, self._settled), (self._busy, self._answered)):
            if some:
                none.clear()
            else:
                none.set()

    def _changed(self) -> None:
        self._telemetry.connections.set(self._count())

    async def _secure(self, arrival: "Arrival", context: ssl.SSLContext) -> None:
        """Agree on TLS. Strangers' failures are counted; asyncio and aiohttp never see them."""
        try:
            async with (
                asyncio.timeout(self.limits.handshake),
                self._gates.enter(arrival.peer()),
            ):
                secured = await asyncio.get_running_loop().start_tls(
                    arrival.raw,
                    arrival,
                    context,
                    server_side=True,
                    ssl_handshake_timeout=self.limits.handshake,
                    ssl_shutdown_timeout=self.limits.goodbye,
                )
        except OSError as error:
            self._failed(arrival, error)
            arrival.raw.abort()
            self.gone(arrival)
        except asyncio.CancelledError:
            arrival.raw.abort()
            self.gone(arrival)
            raise
        else:
            if secured is None or arrival.lost:
                self.gone(arrival)
            else:
                self._welcome(arrival, secured)

    def _failed(self, arrival: "Arrival", error: OSError) -> None:
        log.debug("TLS handshake with %s failed: %s", arrival.peer(), error)
        if isinstance(error, ssl.SSLCertVerificationError):
            return  # counted where the certificate is seen
        timely = not isinstance(error, TimeoutError | ConnectionAbortedError)
        self._telemetry.tls_handshake_failures.labels("other" if timely else "timeout").inc()

    def _welcome(self, arrival: "Arrival", transport: asyncio.Transport) -> None:
        arrival.proceed(Connection(self._server, self, arrival), transport)

    def _begin_request(
        self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any
    ) -> web.BaseRequest:
        """Called by aiohttp when the headers of a request are complete."""
        protocol.begin()
        request: web.BaseRequest = self._make_request(message, payload, protocol, writer, task)
        return request


class Arrival(asyncio.Protocol):
    """A connection from the moment it is accepted; keeps what comes with the end of a handshake.

    Attributes:
        raw: The transport below TLS: aborting it ends the connection at once in every state.
        lost: Whether it ended before it got further.
    """

    __slots__ = ("_connections", "_early", "_next", "lost", "raw")

    raw: asyncio.Transport

    def __init__(self, connections: Connections) -> None:
        self.lost = False
        self._connections = connections
        self._early: list[bytes] = []
        self._next: Connection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It was accepted."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP
        self.raw = transport
        self._connections.arrived(self)

    def data_received(self, data: bytes) -> None:
        """Something came right after the handshake."""
        self._early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """It ended; asyncio may still call this one when the next protocol is in place."""
        self.lost = True
        if self._next is not None:
            self._next.connection_lost(exc)
        else:
            self._connections.gone(self)

    def proceed(self, connection: Connection, transport: asyncio.Transport) -> None:
        """Hand over to *connection*."""
        self._next = connection
        transport.set_protocol(connection)
        connection.connection_made(transport)
        early, self._early = self._early, []
        for data in early:
            connection.data_received(data)

    def peer(self) -> str:
        """Address of the other side, for logs."""
        address = self.raw.get_extra_info("peername")
        return str(address[0]) if address else "unknown"
