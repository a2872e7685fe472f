"""Servers that answer as a test tells them, byte by byte, and know who came."""

import asyncio
import contextlib
import socket

from aiohttp.abc import AbstractResolver


def answer(body=b"{}", status="200 OK", **headers):
    """The bytes of an answer; a header's underscores stand for hyphens, None leaves it out."""
    given = {"Content-Length": str(len(body))}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body


EVERYWHERE = ""
"""A host to listen at: every address of this machine, IPv6 included where there is some."""


def listening(host, port):
    if host == EVERYWHERE and socket.has_dualstack_ipv6():
        return socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server((host, port))


class Scripted:
    """Gives each request the next of *answers*, the last one again and again.

    An answer of None never comes; one that is a pair ``(bytes, "close")`` ends the connection.

    Attributes:
        connections: How many there were.
        requests: Heads of the requests, as text.
        asked: Set with the first of them.
    """

    def __init__(self, *answers):
        self.answers = list(answers) or [answer()]
        self.connections = 0
        self.requests = []
        self.asked = asyncio.Event()
        self._tasks = set()

    @contextlib.asynccontextmanager
    async def serving(self, host="127.0.0.1", port=0, ssl=None):
        server = await asyncio.start_server(self._serve, sock=listening(host, port), ssl=ssl)
        self.port = server.sockets[0].getsockname()[1]
        self.place = f"{host}:{self.port}"
        self.url = f"{'https' if ssl else 'http'}://{self.place}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _serve(self, reader, writer):
        self.connections += 1
        self._tasks.add(asyncio.current_task())
        try:
            # cancelled: the test is over, which asyncio's own callback would log as an error
            over = (OSError, asyncio.IncompleteReadError, asyncio.CancelledError)
            with contextlib.suppress(*over):
                while await self._answer(reader, writer):
                    pass
        finally:
            writer.close()

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.requests.append(head)
        self.asked.set()
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if given is None:
            await asyncio.Event().wait()
        data, last = given if isinstance(given, tuple) else (given, "")
        writer.write(data)
        await writer.drain()
        return not last


class Names(AbstractResolver):
    """Resolves the names it was given; each look-up takes the next of a name's answers.

    Attributes:
        asked: The names that were looked up.
    """

    def __init__(self, **answers):
        self.asked = []
        self._answers = {name.replace("_", "."): list(found) for name, found in answers.items()}

    async def resolve(self, host, port=0, family=socket.AF_UNSPEC):
        self.asked.append(host)
        answers = self._answers.get(host.removesuffix("."))
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if found is None:
            await asyncio.Event().wait()
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": 0,
            }
            for address in found.split()
        ]

    async def close(self):
        pass
