"""A line in the log for each request, at verbosity 3 and more; probes are left out."""

import logging

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from adapter.periodic import Clock
from adapter.server.authn import USER
from adapter.server.limits import when_sent

log = logging.getLogger(__name__)

VERBOSITY = 3
"""``-v`` from which requests are logged, as in the peers."""

CLIENT_GONE = 499
"""Status of a request whose client left before the answer."""

_PROBES = ("/healthz", "/livez", "/readyz")
_MAX_TEXT = 500


def access_logged(clock: Clock) -> Middleware:
    """Log every request when its answer is sent: what, by whom, how long, how much.

    The bytes are those sent, headers included. The query is left out: it may be long, and hold what
    its sender should not have put there.
    """

    @web.middleware
    async def log_access(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(_PROBES):
            return await handler(request)
        started = clock.monotonic()
        response: web.StreamResponse | None = None

        def write() -> None:
            _write(request, response, clock.monotonic() - started)

        try:
            response = await handler(request)
        finally:
            if response is None:
                write()
        if not when_sent(request, write):
            write()
        return response

    return log_access


def _write(request: web.Request, response: web.StreamResponse | None, seconds: float) -> None:
    user = request.get(USER)
    fields = {
        "method": request.method,
        "path": _cut(request.rel_url.raw_path),
        "status": CLIENT_GONE if response is None else response.status,
        "seconds": round(seconds, 6),
        "user": _cut(user.name) if user is not None else "",
        "bytes": 0 if response is None else response.body_length,
    }
    text = " ".join(f"{name}={value!r}" for name, value in fields.items())
    log.info("request: %s", text, extra={"fields": fields})


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"
