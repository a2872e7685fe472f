"""One keep-alive HTTP/1.1 connection to one kubelet, read when the scraper's wheel ticks.

A non-blocking socket and llhttp (httptools), nothing between them. An answer is not read as it
trickles in but at the next tick, when most of it lies in the kernel's buffer: that saves a wake-up
of the event loop for every few kilobytes, and asyncio's TLS buffers, 75 KB a connection.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import NamedTuple

import httptools

from adapter.sources.kubelet.failure import FailureReason, ScrapeFailed

READ_BYTES = 64 * 1024
READS_AT_ONCE = 16
"""Buffers read of one connection a tick: a body without an end must not keep others waiting."""

_buffer = memoryview(bytearray(READ_BYTES))
"""One for all connections: it is emptied before the next one reads."""

_NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class _EndOfStream(OSError):
    """The kubelet closed the connection in an orderly way."""


class Response(NamedTuple):
    """A whole answer."""

    status: int
    body: bytes


class Connection:
    """At most one request at a time: `send`, then `poll` until it gives a result.

    Args:
        sock: Connected, non-blocking, its TLS handshake done.
        max_body: Bytes after which an answer is refused and the connection closed.
    """

    def __init__(self, sock: socket.socket, max_body: int) -> None:
        self._socket = sock
        self._max_body = max_body
        self._parser: httptools.HttpResponseParser | None = None
        self._result: Response | ScrapeFailed | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._until_close = True
        self._head_read = False
        self._answered = False
        self._served = False
        self.open = True

    def send(self, request: bytes) -> None:
        """Send *request*, the raw head of a GET."""
        self._parser = httptools.HttpResponseParser(self)
        self._result = None
        self._body = []
        self._size = 0
        self._until_close = True
        self._head_read = self._answered = False
        try:
            sent = self._socket.send(request)
        except OSError as error:  # BlockingIOError and ssl.SSLError are such
            self._lost(error)
            return
        if sent != len(request):
            self._lost(None)

    def poll(self) -> Response | ScrapeFailed | None:
        """Read what has arrived; the result once there is one, None before."""
        for _ in range(READS_AT_ONCE):
            if self._result is not None or not self._read():
                break
        result, self._result = self._result, None
        return result

    def close(self) -> None:
        """Close the socket; a request under way has no result."""
        self.open = False
        self._socket.close()

    def _read(self) -> bool:
        """Fill the buffer once and parse it; whether there may be more.

        TLS gives a record of a few kilobytes at a time; the parser gets them all together.
        """
        filled = 0
        ended: OSError | None = None
        more = True
        while more and filled < READ_BYTES:
            try:
                count = self._socket.recv_into(_buffer[filled:])
            except _NOTHING_YET:
                more = False
            except OSError as error:
                ended, more = error, False
            else:
                filled += count
                if not count:
                    ended, more = _EndOfStream(), False
        if filled:
            self._feed(_buffer[:filled])
        if ended is not None and self._result is None:
            self._end(ended)
        return more

    def _feed(self, data: memoryview) -> None:
        self._answered = True
        if self._parser is None:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ScrapeFailed(FailureReason.MALFORMED, f"not an HTTP answer: {error}"))

    def _end(self, error: OSError) -> None:
        """End of the stream: end of an answer without a length, else a cut one."""
        if self._until_close and self._head_read and isinstance(error, _EndOfStream):
            self.on_message_complete()
            self.close()
        else:
            self._lost(error)

    def _lost(self, error: OSError | None) -> None:
        text = "the connection closed in the middle of the answer"
        retry = self._served and not self._answered
        self._fail(ScrapeFailed(FailureReason.TRUNCATED, text, repr(error), retry=retry))

    def _fail(self, failure: ScrapeFailed) -> None:
        self.close()
        if self._result is None:
            self._result = failure

    # callbacks of the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note how the body ends; refuse a length over the limit before reading it."""
        lower = name.lower()
        if lower == b"transfer-encoding":
            self._until_close = False
        elif lower == b"content-length":
            self._until_close = False
            if value.isdigit() and int(value) > self._max_body:
                self._too_large()

    def on_headers_complete(self) -> None:
        """From here on an end of the stream may be the end of the body."""
        self._head_read = True

    def on_body(self, chunk: bytes) -> None:
        """Collect a piece of the body."""
        self._size += len(chunk)
        if self._size > self._max_body:
            self._too_large()
        else:
            self._body.append(chunk)

    def on_message_complete(self) -> None:
        """Take the answer; redirects are one like any other: we carry credentials."""
        if self._parser is None or self._result is not None:
            return
        self._served = True
        self._result = Response(self._parser.get_status_code(), b"".join(self._body))
        if not self._parser.should_keep_alive():
            self.close()
        self._parser = None
        self._body = []

    def _too_large(self) -> None:
        text = f"its answer is larger than {self._max_body} bytes (--kubelet-max-body-bytes)"
        self._fail(ScrapeFailed(FailureReason.TOO_LARGE, text))


async def open_socket(
    host: str, port: int, context: ssl.SSLContext | None, server_name: str
) -> socket.socket:
    """Connect to the first address of *host* that answers; with *context*, over TLS.

    Raises:
        OSError: No connection, no such name (`socket.gaierror`), or no trust (`ssl.SSLError`).
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for place, (family, kind, protocol, _, address) in enumerate(found, 1):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, address)
            break
        except OSError:
            sock.close()
            if place == len(found):
                raise
        except BaseException:  # cancelled: out of time, or the node has left
            sock.close()
            raise
    else:
        raise OSError(f"{host} has no address")
    if context is None:
        return sock
    return await _secured(sock, context, server_name)


async def _secured(sock: socket.socket, context: ssl.SSLContext, server_name: str) -> ssl.SSLSocket:
    secure = context.wrap_socket(sock, server_hostname=server_name, do_handshake_on_connect=False)
    loop = asyncio.get_running_loop()
    try:
        while True:
            try:
                secure.do_handshake()
            except ssl.SSLWantReadError:
                await _ready(secure, loop.add_reader, loop.remove_reader)
            except ssl.SSLWantWriteError:
                await _ready(secure, loop.add_writer, loop.remove_writer)
            else:
                return secure
    except BaseException:  # also when cancelled
        secure.close()
        raise


async def _ready(
    sock: socket.socket, watch: Callable[..., None], unwatch: Callable[[socket.socket], object]
) -> None:
    """Wait until *sock* can be read, or written, whichever *watch* watches for."""
    ready = asyncio.Event()
    watch(sock, ready.set)
    try:
        await ready.wait()
    finally:
        unwatch(sock)
