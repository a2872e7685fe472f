"""What happens around every request: own metrics, errors as ``metav1.Status``, the deadline."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from adapter.apis.base import ROUTES, RouteInfo
from adapter.errors import (
    AdapterError,
    BadRequest,
    MethodNotAllowed,
    SourceTimeout,
    TooManyRequests,
)
from adapter.periodic import Clock
from adapter.server.responses import status_response
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

CLIENT_GONE = "499"
"""Code in own metrics for a request whose client left before the answer."""

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch"} | {
    "DELETE": "delete"
}


def observed(telemetry: Telemetry, clock: Clock) -> Middleware:
    """Count and time every request, by what it concerns and how it was answered."""

    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = clock.monotonic()
        labels = _concerns(request)
        code = CLIENT_GONE
        try:
            response = await handler(request)
            code = str(response.status)
        finally:
            telemetry.requests.labels(*labels, code).inc()
            telemetry.request_seconds.labels(*labels).observe(clock.monotonic() - started)
        return response

    return observe


def errors_as_status(not_found: Callable[[str], web.Response]) -> Middleware:
    """Answer every failure with a ``metav1.Status``: the one place where errors become HTTP.

    Args:
        not_found: Answers for a path that is not routed, or raises `adapter.errors.NotFound`.
    """

    @web.middleware
    async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            try:
                return await handler(request)
            except web.HTTPNotFound:
                return not_found(request.path)
        except AdapterError as error:
            response = await status_response(request, error)
            if isinstance(error, TooManyRequests):
                response.headers[hdrs.RETRY_AFTER] = str(error.retry_after_seconds)
            return response
        except web.HTTPMethodNotAllowed as error:
            response = await status_response(request, MethodNotAllowed(_METHOD_NOT_ALLOWED))
            response.headers["Allow"] = error.headers["Allow"]
            return response
        except web.HTTPException as error:
            return await status_response(request, _from_http(error))
        except Exception:
            # a bug: the client gets no detail that could hold a secret, the log gets all of it
            number = secrets.token_hex(4)
            log.exception("cannot answer %s %s, error %s", request.method, request.path, number)
            return await status_response(request, AdapterError(_INTERNAL.format(number=number)))

    return answer_errors


def deadline(seconds: float) -> Middleware:
    """Give up on a request after *seconds*; sending a finished answer may take longer."""

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        limited = asyncio.timeout(seconds)
        try:
            async with limited:
                return await handler(request)
        except TimeoutError:
            if not limited.expired():  # somebody else's
                raise
            raise SourceTimeout(f"the request was not answered within {seconds:g} s") from None

    return limit


async def usual_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Set what every response carries; for ``Application.on_response_prepare``."""
    response.headers.setdefault("Cache-Control", "no-cache, private")
    response.headers.popall("Server", None)  # aiohttp's and Python's versions are nobody's business


_METHOD_NOT_ALLOWED = "the server does not allow this method on the requested resource"
_INTERNAL = "Internal error occurred: unexpected, the server's log has it as error {number}"


def _concerns(request: web.Request) -> RouteInfo:
    verb = _VERBS.get(request.method, "other")
    route = request.match_info.route
    return request.app[ROUTES].get(route, RouteInfo("", "", verb))


def _from_http(error: web.HTTPException) -> AdapterError:
    """One of aiohttp's own refusals, such as a body that is too large."""
    if error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return BadRequest(f"the request was refused: {error.reason.lower()}")
    return AdapterError(f"Internal error occurred: {error.reason.lower()}")
