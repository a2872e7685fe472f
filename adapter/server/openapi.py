"""``/openapi/v2`` and ``/openapi/v3``: what ``kubectl explain`` shows of the types served here.

kube-apiserver reads the list of documents of version 3 once a minute, and the one of version 2 as a
whole; documents of version 3 it fetches for each client (kube-aggregator
``pkg/controllers/openapi*``). It refuses redirects. So a URL with the hash of an older document,
which the peers redirect, is answered with the current one, and just not kept by anyone.
"""

import hashlib
from collections.abc import Sequence
from email.utils import formatdate
from typing import NamedTuple

import msgspec
from aiohttp import web

from adapter.apis.base import APIGroup, HTTPHandler
from adapter.apis.gojson import escape_html
from adapter.periodic import Clock
from adapter.server.discovery import etag_matches
from adapter.server.negotiate import MediaType, negotiate
from adapter.server.openapi_documents import version_2, version_3

PATHS = ("/openapi/v2", "/openapi/v3", "/openapi/v3/")
"""What ``/`` lists of them."""

_YEAR_SECONDS = 365 * 86400
_OFFERED = (MediaType.JSON,)


class _Document(NamedTuple):
    """JSON, and the hash of it in capitals, as Go's ``%X`` writes one."""

    body: bytes
    digest: str


class OpenAPI:
    """The documents about *groups*, made once: what they say does not change while we run.

    Args:
        groups: What is served; groups whose types are not described are left out.
        version: The program's version.
        clock: Tells when a document may be forgotten.
    """

    def __init__(self, groups: Sequence[APIGroup], version: str, clock: Clock) -> None:
        described = [group for group in groups if group.types is not None]
        self._clock = clock
        self._version_2 = _document(version_2(described, version))
        self._version_3 = {
            f"apis/{group.name}/{each}": _document(version_3(group, each, version))
            for group in described
            for each in group.versions
        }
        urls = {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={document.digest}"}
            for path, document in sorted(self._version_3.items())
        }
        self._index = _document({"paths": urls})

    def add_routes(self, app: web.Application) -> None:
        """Serve the documents in *app*."""
        app.router.add_get("/openapi/v2", self._handler(self._version_2))
        for path in ("/openapi/v3", "/openapi/v3/"):
            app.router.add_get(path, self._handler(self._index))
        for path, document in self._version_3.items():
            app.router.add_get(f"/openapi/v3/{path}", self._handler(document))

    def _handler(self, document: _Document) -> HTTPHandler:
        async def answer(request: web.Request) -> web.Response:
            negotiate(request.headers.get("Accept", ""), offered=_OFFERED)
            etag = f'"{document.digest}"'
            headers = {"ETag": etag, "Vary": "Accept"}
            if request.query.get("hash") == document.digest:
                expires = formatdate(self._clock.time() + _YEAR_SECONDS, usegmt=True)
                headers |= {"Cache-Control": "public, immutable", "Expires": expires}
            if etag_matches(request.headers.get("If-None-Match", ""), etag):
                return web.Response(status=304, headers=headers)
            headers["Content-Type"] = MediaType.JSON
            return web.Response(body=document.body, headers=headers)

        return answer


def _document(content: object) -> _Document:
    body = escape_html(msgspec.json.encode(content))
    return _Document(body, hashlib.sha512(body).hexdigest().upper())
