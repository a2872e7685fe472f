"""Connections that reach only what the guard lets them reach.

Facts of aiohttp 3.14, on which this rests: a name is given to the resolver and the addresses it
returns are connected to, without another look-up; an address given as host does not come to the
resolver; the socket factory is called for each address immediately before the socket connects to
that address, in both cases. Proxies are not used, for they would do the look-up.
"""

import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from adapter.sources.json.guard import Denied, Guard
from adapter.sources.lookups import OwnThreads

KEEPALIVE_SECONDS = 75.0
"""After which an idle connection is closed: a few of the usual periods between two fetches."""


class DeniedAddress(OSError):
    """A socket was to connect to what the guard denies; an OSError for the sake of aiohttp.

    Args:
        denied: What the guard said.
    """

    def __init__(self, denied: Denied) -> None:
        super().__init__(str(denied))
        self.denied = denied


class CheckedResolver(AbstractResolver):
    """Looks names up, and refuses those with an address that is denied.

    One denied address among others is enough: which of them is connected to would be up to chance,
    and a name that mixes them is what an attack looks like.

    Args:
        guard: Checks the addresses.
        resolver: Looks names up; None is the machine's.
    """

    def __init__(self, guard: Guard, resolver: AbstractResolver | None = None) -> None:
        self._guard = guard
        self._resolver = resolver or OwnThreads()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Addresses of *host*.

        Raises:
            Denied: One of them must not be connected to.
            OSError: There are none.
        """
        found = await self._resolver.resolve(host, port, family)
        if not self._guard.trusts(host):
            for answer in found:
                self._guard.check_address(answer["host"], host)
        return found

    async def close(self) -> None:
        """Release what the look-ups hold."""
        await self._resolver.close()


class Connections:
    """Two pools of connections: for names that are allowed, and for all else.

    They are apart because a socket knows its address only: that an address is allowed since the
    name was, is true for that name only.

    Args:
        guard: Says what may be connected to.
        resolver: Looks names up; None is the machine's.
    """

    def __init__(self, guard: Guard, resolver: AbstractResolver | None = None) -> None:
        self._guard = guard
        self._resolver = CheckedResolver(guard, resolver)
        self._checked = self._session(_CheckedSockets(guard))
        self._trusted: aiohttp.ClientSession | None = None

    def session(self, host: str) -> aiohttp.ClientSession:
        """The pool that *host* is reached by."""
        if not self._guard.trusts(host):
            return self._checked
        if self._trusted is None:
            self._trusted = self._session(None)
        return self._trusted

    async def close(self) -> None:
        """Close all connections."""
        await self._checked.close()
        if self._trusted is not None:
            await self._trusted.close()
        await self._resolver.close()

    def _session(self, sockets: "_CheckedSockets | None") -> aiohttp.ClientSession:
        # Concurrency is bounded by who asks; a limit here would only queue inside a timeout.
        connector = aiohttp.TCPConnector(
            limit=0,
            resolver=self._resolver,
            socket_factory=sockets,
            keepalive_timeout=KEEPALIVE_SECONDS,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )


class _CheckedSockets:
    """Makes the socket for an address that may be connected to."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def __call__(self, address: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, place = address
        try:
            self._guard.check_address(str(place[0]))
        except Denied as denied:
            raise DeniedAddress(denied) from denied
        return socket.socket(family, kind, protocol)
