"""One keep-alive HTTP/1.1 connection to one kubelet, driven by callbacks.

A scrape is a write and a few reads; without a task, a future and aiohttp's response objects it
costs a third. Framing is llhttp's (httptools); redirects are not followed: we carry credentials.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, cast

import httptools

from adapter.sources.kubelet.failure import FailureReason, ScrapeFailed


class Response(NamedTuple):
    """A whole answer."""

    status: int
    body: bytes


OnDone = Callable[[Response | ScrapeFailed], None]


class Connection(asyncio.Protocol):
    """At most one request at a time; the callback is called exactly once for each.

    Args:
        max_body: Bytes after which an answer is refused and the connection closed.
    """

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._transport: asyncio.Transport | None = None
        self._on_done: OnDone | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._until_close = True
        self._head_read = False
        self._answered = False
        self._served = False

    @property
    def open(self) -> bool:
        """Whether a request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes, on_done: OnDone) -> None:
        """Send *request*, the raw head of a GET; *on_done* gets the answer or the failure."""
        self._on_done = on_done
        self._parser = httptools.HttpResponseParser(self)
        self._body = []
        self._size = 0
        self._until_close = True
        self._head_read = False
        self._answered = False
        if self._transport is not None:
            self._transport.write(request)

    def abort(self) -> None:
        """Close at once; a request under way is dropped without its callback."""
        self._on_done = None
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; bytes nobody asked for end the connection."""
        if self._parser is None or self._on_done is None:
            self.abort()
            return
        self._answered = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ScrapeFailed(FailureReason.MALFORMED, f"not an HTTP answer: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """End of the stream: end of an answer without a length, else a cut one."""
        self._transport = None
        if self._on_done is None:
            return
        if self._until_close and self._head_read:
            self.on_message_complete()
            return
        text = "the connection closed in the middle of the answer"
        retry = self._served and not self._answered
        self._done(ScrapeFailed(FailureReason.TRUNCATED, text, repr(exc), retry=retry))

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
        """Hand over the answer."""
        parser = self._parser
        if parser is None or self._on_done is None:
            return
        self._served = True
        response = Response(parser.get_status_code(), b"".join(self._body))
        if not parser.should_keep_alive() and self._transport is not None:
            self._transport.close()
        self._done(response)

    def _too_large(self) -> None:
        text = f"its answer is larger than {self._max_body} bytes (--kubelet-max-body-bytes)"
        self._fail(ScrapeFailed(FailureReason.TOO_LARGE, text))

    def _fail(self, failure: ScrapeFailed) -> None:
        on_done = self._on_done
        self.abort()
        if on_done is not None:
            self._reset()
            on_done(failure)

    def _done(self, result: Response | ScrapeFailed) -> None:
        on_done = self._on_done
        self._reset()
        if on_done is not None:
            on_done(result)

    def _reset(self) -> None:
        self._on_done = None
        self._parser = None
        self._body = []
