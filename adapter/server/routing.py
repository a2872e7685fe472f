"""Which handler answers a path: aiohttp's router, safe from what strangers may ask."""

from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.web_urldispatcher import MatchInfoError

Expected = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
"""What does what a request expects before its body comes."""

MAX_SLASHES = 20
"""In a path; the deepest one served has 8. aiohttp looks up each of the paths above one, so that a
path of slashes would keep the loop for half a second."""


class Router(web.UrlDispatcher):
    """Finds no handler for a path that is far too deep, and ignores an ``Expect`` it does not know.

    aiohttp would answer such an ``Expect`` outside of all middlewares: no audit would have it.
    """

    async def resolve(self, request: web.Request) -> web.UrlMappingMatchInfo:
        """What answers *request*: a handler, or the error that there is none."""
        # as the lookup sees it: an encoded slash separates nothing
        if request.rel_url.path_safe.count("/") > MAX_SLASHES:
            return _Unrouted(web.HTTPNotFound())
        found = await super().resolve(request)
        if isinstance(found, MatchInfoError):
            return _Unrouted(found.http_exception)
        return _Routed(found, found.route)


class _Routed(web.UrlMappingMatchInfo):
    """A handler is found."""

    @property
    def expect_handler(self) -> Expected:
        return go_on


class _Unrouted(MatchInfoError):
    """No handler is found: the middlewares are to see that, too."""

    @property
    def expect_handler(self) -> Expected:
        return go_on


async def go_on(request: web.Request) -> None:
    """Tell a client that waits for it to send its body; no other ``Expect`` means anything here."""
    expected = request.headers.get(hdrs.EXPECT, "").lower()
    if expected == "100-continue" and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # else aiohttp thinks that the answer has begun
