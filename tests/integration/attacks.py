"""Clients that mean no good, or do not know better: shared by tests and by the benchmark."""

import asyncio
import contextlib
import ssl
import time

import aiohttp

SOURCE = ("127.0.0.2", 0)
"""Where attacks come from: not from where probes do."""

REQUEST = b"GET %b HTTP/1.1\r\nHost: viaduct\r\nAccept: application/json\r\n"


class Attacks:
    """Attacks on the server at *port*; whatever they opened is closed at the end."""

    def __init__(self, port, context=None, headers=None, host="127.0.0.1"):
        self.host = host
        self.headers = headers or {}
        self.port = port
        self.context = context
        self.writers = []

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        for writer in self.writers:
            writer.transport.abort()
        await asyncio.gather(
            *(writer.wait_closed() for writer in self.writers), return_exceptions=True
        )

    async def connect(self, context="own"):
        reader, writer = await asyncio.open_connection(
            self.host,
            self.port,
            local_addr=SOURCE,
            ssl=self.context if context == "own" else context,
        )
        self.writers.append(writer)
        return reader, writer

    async def idle(self, count, at_once=50):
        """Open *count* connections that ask nothing; how many of them the server took."""
        opened = 0
        gate = asyncio.Semaphore(at_once)

        async def one():
            nonlocal opened
            async with gate:
                with contextlib.suppress(OSError):
                    await self.connect()
                    opened += 1

        await asyncio.gather(*(one() for _ in range(count)))
        return opened

    async def slowloris(self, count, seconds, pause=0.5):
        """*count* connections that send a byte of a header each *pause*."""
        gate = asyncio.Semaphore(50)
        end = time.monotonic() + seconds

        async def one():
            with contextlib.suppress(OSError):
                async with gate:
                    _, writer = await self.connect()
                writer.write(REQUEST % b"/readyz" + b"X-Slow: ")
                while time.monotonic() < end and not writer.is_closing():
                    writer.write(b"a")
                    await writer.drain()
                    await asyncio.sleep(pause)

        await asyncio.gather(*(one() for _ in range(count)))

    async def slow_handshakes(self, count):
        """*count* connections that begin TLS and go no further."""
        for _ in range(count):
            with contextlib.suppress(OSError):
                _, writer = await self.connect(context=None)
                writer.write(b"\x16\x03\x01\x02\x00\x01")

    async def giant_headers(self, size=1 << 20, line=0):
        """A request with *size* bytes of headers, in lines of *line* bytes (0: a single one)."""
        reader, writer = await self.connect()
        line = line or size
        header = b"".join(b"X-%d: %b\r\n" % (n, b"a" * line) for n in range(size // line))
        with contextlib.suppress(OSError):
            writer.write(REQUEST % b"/readyz" + header + b"\r\n")
            await writer.drain()
        with contextlib.suppress(OSError):
            return await asyncio.wait_for(reader.read(), 10)
        return b""

    async def half_closed(self, count):
        """*count* connections whose client sends a part of a request, then the end of TCP."""
        for _ in range(count):
            with contextlib.suppress(OSError):
                _, writer = await self.connect()
                writer.write(REQUEST % b"/readyz")
                writer.transport.get_extra_info("socket")
                # below TLS: no close_notify, which a client that vanishes does not send either
                writer.transport._ssl_protocol._transport.write_eof()

    async def greedy(self, count, path, at_once=1000):
        """*count* lists at once, each over its own connection; statuses and how often."""
        connector = aiohttp.TCPConnector(
            limit=at_once, local_addr=SOURCE, ssl=self.context or False
        )
        found = {}
        async with aiohttp.ClientSession(connector=connector, headers=self.headers) as session:

            async def one():
                scheme = "https" if self.context else "http"
                try:
                    async with session.get(f"{scheme}://{self.host}:{self.port}{path}") as answer:
                        await answer.read()
                        key = answer.status
                except aiohttp.ClientError as error:
                    key = type(error).__name__
                found[key] = found.get(key, 0) + 1

            await asyncio.gather(*(one() for _ in range(count)))
        return found


def unverified():
    """A context that trusts anything, for those who do not care."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Watch:
    """Asks like a probe and like an HPA while something else goes on; keeps the worst times.

    Args:
        url: Of the server.
        context: TLS of the client.
        listed: Path of a normal list.
        headers: Of all its requests.
    """

    def __init__(self, url, context, listed, headers=None):
        self.url = url
        self.context = context
        self.listed = listed
        self.headers = headers or {}
        self.probes = []
        self.lists = []
        self.failures = []

    async def run(self, stop):
        """Go on until *stop* is set."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self._probe, stop))
            group.create_task(self._repeat(self._list, stop))

    async def _repeat(self, once, stop):
        # a probe of kubelet's is a connection of its own; the aggregator keeps its connections
        fresh = once == self._probe
        connector = aiohttp.TCPConnector(ssl=self.context or False, force_close=fresh)
        async with aiohttp.ClientSession(
            self.url, connector=connector, headers=self.headers
        ) as session:
            while not stop.is_set():
                await once(session)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 0.1)

    async def _probe(self, session):
        await self._timed(session, "/livez", self.probes)

    async def _list(self, session):
        await self._timed(session, self.listed, self.lists)

    async def _timed(self, session, path, times):
        started = time.perf_counter()
        try:
            while True:
                async with session.get(path) as answer:
                    await answer.read()
                if answer.status != 429:
                    break
                await asyncio.sleep(int(answer.headers["Retry-After"]))
            if answer.status != 200:
                self.failures.append(f"{path}: {answer.status}")
        except aiohttp.ClientError as error:
            self.failures.append(f"{path}: {error!r}")
        times.append(time.perf_counter() - started)
