"""A kubelet of the simulated cluster: its listening socket, its faults and what it reports."""

import asyncio
import socket
import ssl
from typing import Protocol

from adapter.sim.faults import Faults
from adapter.sim.report import NodeReport, Reporter

_BACKLOG = 128


class Connections(Protocol):
    """The server that speaks for all kubelets."""

    def protocol(self) -> asyncio.BaseProtocol:
        """Make the protocol of a new connection."""

    def abort(self, port: int) -> None:
        """Close all connections to *port* at once."""


class SimKubelet:
    """One node's kubelet, on a free loopback port; counts the scrapes it gets.

    Args:
        node: The node's name.
        reporter: Makes what it reports.
        faults: Its faults; `Faults.refusing` closes the listener.
        context: TLS with its serving certificate.
        connections: The server behind the socket.
    """

    def __init__(
        self,
        node: str,
        *,
        reporter: Reporter,
        faults: Faults,
        context: ssl.SSLContext,
        connections: Connections,
    ) -> None:
        self.node = node
        self.faults = faults
        self.scrapes = 0
        self._reporter = reporter
        self._context = context
        self._connections = connections
        self._socket = _bind(port=0)
        self.port: int = self._socket.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None

    def report(self, now: float) -> NodeReport:
        """What it reports at *now* (Unix seconds), faults about numbers applied."""
        return self._reporter.report(now)

    @property
    def listening(self) -> bool:
        """Whether it accepts connections."""
        return self._server is not None

    async def open(self) -> None:
        """Listen, unless the faults say otherwise."""
        self.faults.on_refusing(self._switch)
        if not self.faults.refusing:
            await self._listen()

    async def start(self) -> None:
        """Accept connections again, on the same port."""
        self.faults.refusing = False
        if self._opening is not None:
            await self._opening

    async def stop(self) -> None:
        """Refuse connections, and close those that are open."""
        self.faults.refusing = True
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Give the port back."""
        await self.stop()
        if self._opening is not None:
            await self._opening
        self._socket.close()

    def _switch(self, refusing: bool) -> None:  # noqa: FBT001 - the listener's only argument
        if refusing:
            self._refuse()
        elif self._server is None and self._opening is None:
            # Connects succeed from now on; the loop accepts them as soon as it runs.
            self._socket.listen(_BACKLOG)
            self._opening = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._connections.protocol, sock=self._socket, ssl=self._context, backlog=_BACKLOG
        )
        self._opening = None
        if self.faults.refusing:
            self._refuse()

    def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            # A bound socket that does not listen keeps the port ours while connects are refused.
            self._socket = _bind(self.port)
        self._connections.abort(self.port)


def _bind(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.setblocking(False)
    return sock
