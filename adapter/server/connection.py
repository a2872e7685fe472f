"""One connection: aiohttp's HTTP/1.1, with limits on size and pace, and errors as ``Status``."""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from adapter.model.status import Status, encode_status
from adapter.server.limits import MAX_HEADER_BYTES, MAX_HEADERS, MAX_LINE_BYTES

if TYPE_CHECKING:  # these two know each other
    from adapter.server.connections import Arrival, Connections

log = logging.getLogger(__name__)

_WRITE_BUFFER = 128 * 1024
"""Bytes that wait for a client before its answer is produced no further; asyncio's own limit for
TLS is four times this, for each of hundreds of slow clients."""

_LINGER_SECONDS = 5.0
"""How long the rest of a body nobody wants is read, so that the answer is not lost in a reset."""

_END_OF_HEADERS = b"\r\n\r\n"

_CLIENTS_FAULTS = (ConnectionError, HttpProcessingError, web.RequestPayloadError)


class Connection(web.RequestHandler):
    """A connection that is counted, and cut when it is too slow.

    Args:
        server: What answers its requests.
        connections: Counts it, and knows the limits.
        arrival: Where it came from.
    """

    __slots__ = (
        "_arrival",
        "_busy",
        "_connections",
        "_headers_timer",
        "_last",
        "_received",
        "_stalled_timer",
        "_when_sent",
    )

    def __init__(self, server: web.Server, connections: "Connections", arrival: "Arrival") -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            logger=log,
            access_log=None,  # type: ignore[arg-type] # as aiohttp's own runners allow
            keepalive_timeout=connections.limits.idle,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_HEADERS,
            lingering_time=_LINGER_SECONDS,
        )
        self._connections = connections
        self._arrival = arrival
        self._busy = False
        self._received = 0
        self._last = b""
        self._headers_timer: asyncio.TimerHandle | None = None
        self._stalled_timer: asyncio.TimerHandle | None = None
        self._when_sent: list[Callable[[], None]] = []

    def when_sent(self, then: Callable[[], None]) -> None:
        """Call *then* once when the answer being made is sent, or cannot be."""
        self._when_sent.append(then)

    def begin(self) -> None:
        """The headers of a request are complete."""
        self._busy = True
        self._received = 0
        self._stop_headers_timer()
        self._connections.busy(self._arrival)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is secured, where it is to be."""
        super().connection_made(transport)
        if isinstance(transport, asyncio.Transport):
            transport.set_write_buffer_limits(high=_WRITE_BUFFER)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It ended."""
        self._stop_headers_timer()
        self._stop_stalled_timer()
        self._connections.gone(self._arrival)
        super().connection_lost(exc)
        self._sent()

    def data_received(self, data: bytes) -> None:
        """Something came: of a request, or while one is answered of the next."""
        self._last = (self._last + data[-4:])[-4:]
        if data and not self._busy:
            self._received += len(data)
            self._await_headers()
            if self._received > MAX_HEADER_BYTES + len(data):
                # what came before this is already too much, and no request was complete in it
                self._refuse_headers()
                return
        super().data_received(data)

    def pause_writing(self) -> None:
        """The client takes less than it asked for."""
        super().pause_writing()
        self._stalled_timer = self._loop.call_later(
            self._connections.limits.stalled, self._cut, "stalled"
        )

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._stop_stalled_timer()
        super().resume_writing()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send what is left of an answer."""
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._busy = False
            self._sent()
            self._connections.idle(self._arrival)
            if self._last != _END_OF_HEADERS:
                self._await_headers()  # the next request has begun (or this one had a body)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's; the comment below
    ) -> web.StreamResponse:
        """Answer what is no request with a ``Status``; nothing but a bug is logged."""
        # never aiohttp's message: it repeats what was sent, which may be a token
        detail = "it is no request of HTTP/1.1"
        if isinstance(exc, LineTooLong):
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            detail = f"a line is over {MAX_LINE_BYTES} bytes"
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("cannot answer %s", request.path, exc_info=exc)
            detail = ""
        else:
            log.debug("refused what %s sent: %s", self._arrival.peer(), detail)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer had begun")
        response = web.Response(
            status=status,
            body=_status(status, detail),
            content_type="application/json",
            headers={"Server": "viaduct"},  # else aiohttp tells its version and Python's
        )
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log a bug; what a client did wrong is none."""
        level = logging.DEBUG if isinstance(kw.get("exc_info"), _CLIENTS_FAULTS) else logging.ERROR
        log.log(level, *args, **kw)

    def _await_headers(self) -> None:
        if self._headers_timer is None:
            self._headers_timer = self._loop.call_later(
                self._connections.limits.headers, self._cut, "headers"
            )

    def _refuse_headers(self) -> None:
        """Answer past aiohttp, which waits for the end of the headers."""
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        body = _status(status, f"the headers are over {MAX_HEADER_BYTES} bytes")
        if self.transport is not None:
            self.transport.write(
                f"HTTP/1.1 {status.value} {status.phrase}\r\n"
                f"{hdrs.CONTENT_TYPE}: application/json\r\n"
                f"{hdrs.CONTENT_LENGTH}: {len(body)}\r\n"
                f"{hdrs.CONNECTION}: close\r\n\r\n".encode()
                + body
            )
        self.force_close()

    def _cut(self, limit: str) -> None:
        self._connections.cut(self._arrival, limit)

    def _sent(self) -> None:
        when_sent, self._when_sent = self._when_sent, []
        for then in when_sent:
            then()

    def _stop_headers_timer(self) -> None:
        if self._headers_timer is not None:
            self._headers_timer.cancel()
            self._headers_timer = None

    def _stop_stalled_timer(self) -> None:
        if self._stalled_timer is not None:
            self._stalled_timer.cancel()
            self._stalled_timer = None


def _status(code: int, detail: str) -> bytes:
    message = f"the request was refused: {detail or HTTPStatus(code).phrase.lower()}"
    reason = "BadRequest" if code < HTTPStatus.INTERNAL_SERVER_ERROR else "InternalError"
    return encode_status(Status(message=message, reason=reason, code=code)) + b"\n"
