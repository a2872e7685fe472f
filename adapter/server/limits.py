"""How much one server takes on: requests in flight, their size, connections and their pace."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from adapter.errors import RequestEntityTooLarge, TooManyRequests
from adapter.server.authn import USER
from adapter.server.requestinfo import attributes_of
from adapter.server.responses import status_response
from adapter.server.turns import TURN, Turn, Turns
from adapter.telemetry import Telemetry

MAX_LINE_BYTES = 64 * 1024
"""Of the request line and of each header: selectors and the groups of a user can be long."""

MAX_HEADERS = 1000
"""Of a request; each group of a user is one."""

MAX_HEADER_BYTES = 256 * 1024
"""Of all headers of a request together, the request line included."""

MAX_BODY_BYTES = 64 * 1024
"""Of a request. Nothing served reads one, so this is what is skipped to keep a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What connections may cost; durations in seconds.

    Attributes:
        connections: Most at once, see `adapter.server.connections`.
        held: For the answer to a request; after that its connection may be closed to make room for
            a new one, which may be that of a probe.
        handshake: For the TLS handshake.
        headers: From the first byte of a request until its headers are complete.
        stalled: For a client to take what was sent before more is, some 200 KB.
        idle: Between requests. Longer than the 90 s for which Go's clients keep idle connections:
            else they would now and then send a request on a connection that is being closed, and
            the aggregator answers 503.
        goodbye: For the end of TLS.
    """

    connections: int = 2000
    held: float = 5.0
    handshake: float = 10.0
    headers: float = 20.0
    stalled: float = 30.0
    idle: float = 120.0
    goodbye: float = 5.0


@web.middleware
async def small_body(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a request whose body is too large."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        return await _too_large(request)
    return await handler(request)


def in_flight(limit: int, telemetry: Telemetry) -> Middleware:
    """Refuse requests for metrics with 429 while *limit* are being answered (0: never).

    It is the innermost middleware, so that only those count that may have an answer; who waits
    until that is known is counted in `adapter.server.waiting`. One user may have half of *limit*:
    whoever floods the server is refused before others are. A request counts until its answer is
    sent, however slowly its client takes it.

    Probes, discovery, OpenAPI and own metrics are answered from memory and never refused: or a
    flood of requests would make the APIServices unavailable.

    Requests begin one in each turn of the event loop, and users take turns. A list costs
    milliseconds that nothing interrupts. Hundreds that were let go at once, as those that waited
    for one TokenReview are, would keep a probe waiting for all of them; so the loop looks for what
    is new between each two.
    """
    turns = Turns()
    requests = _InFlight(telemetry)

    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _for_metrics(request):
            return await handler(request)
        user = request[USER].name if USER in request else ""
        if why := _full(requests, user, limit):
            telemetry.requests_refused.inc()
            raise TooManyRequests(
                f"too many requests at once, {why}: try again in "
                f"{TooManyRequests.retry_after_seconds} s"
            )
        with requests.one_more(request, user):
            turn = request[TURN] = Turn(turns, user)
            await turn.take()
            return await handler(request)

    return admit


def _full(requests: "_InFlight", user: str, limit: int) -> str:
    """Why *user* may ask nothing more now; empty if that is not so."""
    if 0 < limit <= requests.total:
        return f"{limit} requests are being answered (--max-requests-inflight)"
    if 0 < limit <= 2 * requests.of_user[user]:
        return "half of --max-requests-inflight are this user's own requests"
    return ""


def _for_metrics(request: web.Request) -> bool:
    return attributes_of(request.method, request.path, {}).is_resource


class _InFlight:
    """How many requests are being answered, in all and of each user."""

    def __init__(self, telemetry: Telemetry) -> None:
        self.of_user: Counter[str] = Counter()
        self.total = 0
        self._gauge = telemetry.requests_in_flight

    @contextlib.contextmanager
    def one_more(self, request: web.Request, user: str) -> Iterator[None]:
        """Count *request* until it is sent; where nobody can tell, until the block ends."""
        self._add(user, 1)
        less = partial(self._add, user, -1)
        told = when_sent(request, less)
        try:
            yield
        finally:
            if not told:
                less()

    def _add(self, user: str, number: int) -> None:
        self.total += number
        self.of_user[user] += number
        if not self.of_user[user]:
            del self.of_user[user]
        self._gauge.set(self.total)


def when_sent(request: web.Request, then: Callable[[], None]) -> bool:
    """Call *then* once when the answer to *request* is sent or will never be.

    False when its connection is not one of this server's and cannot tell.
    """
    after = getattr(request.protocol, "when_sent", None)
    if after is None:
        return False
    after(then)
    return True


async def _too_large(request: web.Request) -> web.StreamResponse:
    error = RequestEntityTooLarge(
        f"the body of the request is over {MAX_BODY_BYTES} bytes: nothing here reads one"
    )
    response = await status_response(request, error)
    response.force_close()
    return response
