"""How a kubelet is reached: address, port, TLS, credentials."""

import asyncio
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from adapter.kube.listers import NodeInfo
from adapter.sources.kubelet.failure import FailureReason, ScrapeFailed, connect_failure
from adapter.sources.kubelet.http1 import Connection, open_socket


class Endpoint(StrEnum):
    """Which of a kubelet's pages is read."""

    AUTO = "auto"
    RESOURCE = "resource"
    SUMMARY = "summary"


PATHS = {Endpoint.RESOURCE: "/metrics/resource", Endpoint.SUMMARY: "/stats/summary"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeletOptions:
    """How kubelets are scraped; the flags ``--kubelet-…`` of metrics-server and our own."""

    port: int = 10250
    """Port when the node's status is not used or gives none."""

    use_node_status_port: bool = False
    """Prefer ``status.daemonEndpoints.kubeletEndpoint.Port``."""

    address_types: Sequence[str] = ("InternalIP", "ExternalIP", "Hostname")
    """Order in which a node's addresses are tried."""

    request_timeout: float = 10.0
    """Seconds one scrape may take, connecting included."""

    server_name: str = ""
    """``node`` verifies certificates against the node's name; empty against the address."""

    endpoint: Endpoint = Endpoint.AUTO
    """Which page is read; auto falls back to the summary when there is no resource page."""

    max_body_bytes: int = 32 * 1024 * 1024
    """Largest answer that is read; 500 pods of 4 containers make 1.5 MB."""


class KubeletClient:
    """Opens connections to kubelets and builds the requests.

    Args:
        options: Addresses, ports, limits.
        context: TLS context, or None for plain http (``--deprecated-kubelet-completely-insecure``).
        token: Gives the bearer token of the moment, or None when there is none.
    """

    def __init__(
        self,
        options: KubeletOptions,
        context: ssl.SSLContext | None,
        token: Callable[[], str | None],
    ) -> None:
        self.options = options
        self._context = context
        self._token = token

    def request(self, node: NodeInfo, endpoint: Endpoint) -> bytes:
        """The head of the GET of *endpoint* on *node*."""
        lines = [
            f"GET {self.path(node, endpoint)} HTTP/1.1",
            f"Host: {node.name}",
            "User-Agent: viaduct",
            "Accept: text/plain" if endpoint is Endpoint.RESOURCE else "Accept: application/json",
            "Accept-Encoding: identity",
        ]
        token = self._token()
        if token is not None:
            lines.append(f"Authorization: Bearer {token}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def path(self, node: NodeInfo, endpoint: Endpoint) -> str:
        """Path of *endpoint*; a node's annotation may move its resource page (used by kwok)."""
        if endpoint is Endpoint.RESOURCE and node.resource_metrics_path.startswith("/"):
            moved = node.resource_metrics_path
            if moved.isascii() and moved.isprintable() and " " not in moved:
                return moved
        return PATHS[endpoint]

    def port(self, node: NodeInfo) -> int:
        """Port of *node*'s kubelet."""
        if self.options.use_node_status_port and node.kubelet_port:
            return node.kubelet_port
        return self.options.port

    def addresses(self, node: NodeInfo) -> list[str]:
        """Addresses of *node* in the order of the preferred types, without repeats.

        Raises:
            ScrapeFailed: The node has no address of these types.
        """
        found = dict.fromkeys(self._by_type(node))
        if not found:
            types = ", ".join(self.options.address_types)
            text = f"the node has no address of the types {types}"
            raise ScrapeFailed(FailureReason.NO_ADDRESS, text)
        return list(found)

    def _by_type(self, node: NodeInfo) -> Iterator[str]:
        for kind in self.options.address_types:
            for address in node.addresses:
                if address.type == kind and address.address:
                    yield address.address

    async def connect(self, node: NodeInfo, first: str | None) -> tuple[Connection, str]:
        """Connect to *node*, trying its addresses in turn, *first* the one that worked before.

        Returns:
            The connection and the address.

        Raises:
            ScrapeFailed: None of them works; says why the first does not.
        """
        addresses = self.addresses(node)
        if first in addresses:
            addresses.remove(first)
            addresses.insert(0, first)
        share = self.options.request_timeout / len(addresses)
        failures = []
        details = []
        for address in addresses:
            try:
                async with asyncio.timeout(share):
                    return await self._open(node, address), address
            except (OSError, ValueError) as error:  # ValueError: no name TLS could ask for
                failures.append(connect_failure(error))
                details.append(f"{address}: {failures[-1].text}")
        # A name that does not resolve says little when another address was reached.
        told = min(failures, key=lambda failure: failure.reason is FailureReason.DNS)
        raise ScrapeFailed(told.reason, told.text, "; ".join(details))

    async def _open(self, node: NodeInfo, address: str) -> Connection:
        server_name = node.name if self.options.server_name == "node" else address
        sock = await open_socket(address, self.port(node), self._context, server_name)
        return Connection(sock, self.options.max_body_bytes)
