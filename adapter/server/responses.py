"""HTTP responses: JSON or YAML, indented or not, compressed, streamed when they are large."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from itertools import chain

import msgspec
from aiohttp import web
from isal import isal_zlib

from adapter.apis.gojson import escape_html
from adapter.errors import AdapterError, NotAcceptable
from adapter.model.status import Status, encode_status
from adapter.server.negotiate import Accepted, MediaType, accepts_gzip, negotiate, wants_pretty
from adapter.server.yamltext import to_yaml

LARGE = 128 * 1024
"""Bytes up to which a body is sent whole and never compressed, as in kube-apiserver."""

SLICE = 256 * 1024
"""Bytes of a large body that are written at once."""

_GZIP_LEVEL = 1
_GZIP_WINDOW = 31  # zlib's way to ask for a gzip header


async def document(
    request: web.Request,
    accepted: Accepted,
    chunks: Iterable[bytes],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """A JSON document in the representation agreed on.

    Args:
        request: The request it answers.
        accepted: That representation.
        chunks: Compact JSON in pieces, without a final newline.
        status: The HTTP status.
        headers: Further headers; a ``Content-Type`` replaces the usual one.
    """
    all_headers = {"Content-Type": accepted.media_type.value, **(headers or {})}
    pieces = await _represented(request, accepted, chunks)
    first = _take(pieces, LARGE)
    if len(first) <= LARGE:
        return web.Response(body=first, status=status, headers=all_headers)
    body = _sliced(chain([first], pieces))
    if accepts_gzip(request.headers.get("Accept-Encoding", "")):
        all_headers |= {"Content-Encoding": "gzip"}
        body = _gzipped(body)
    response = web.Response(body=_sent(body), status=status, headers=all_headers)
    response.headers.add("Vary", "Accept-Encoding")
    return response


async def status_response(request: web.Request, error: AdapterError) -> web.Response:
    """*error* as a ``metav1.Status``."""
    try:
        accepted = negotiate(request.headers.get("Accept", ""))
    except NotAcceptable:
        accepted = Accepted()
    body = escape_html(encode_status(Status.from_error(error)))
    if isinstance(error, NotAcceptable):  # kube-apiserver writes this one for people to read
        return raw_document(body, status=int(error.code))
    return await document(request, accepted, [body], status=int(error.code))


def raw_document(body: bytes, *, status: int = 200) -> web.Response:
    """JSON that is not negotiated and always indented: ``/``, ``/version``."""
    return web.Response(
        body=msgspec.json.format(body, indent=2),
        status=status,
        headers={"Content-Type": MediaType.JSON},
    )


def text(body: str, *, status: int = 200, nosniff: bool = True) -> web.Response:
    """Plain text."""
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    if nosniff:
        headers["X-Content-Type-Options"] = "nosniff"
    return web.Response(body=body.encode(), status=status, headers=headers)


async def _represented(
    request: web.Request, accepted: Accepted, chunks: Iterable[bytes]
) -> Iterator[bytes]:
    if accepted.media_type is MediaType.YAML:
        # slow for a large list: in a thread, so that other requests go on meanwhile
        return iter([await asyncio.to_thread(to_yaml, b"".join(chunks))])
    if accepted.pretty or wants_pretty(request.query, request.headers.get("User-Agent", "")):
        return iter([msgspec.json.format(b"".join(chunks), indent=2)])
    return chain(chunks, [b"\n"])


def _take(pieces: Iterator[bytes], size: int) -> bytes:
    """The first pieces, until they are more than *size* together."""
    taken = []
    length = 0
    for piece in pieces:
        taken.append(piece)
        length += len(piece)
        if length > size:
            break
    return b"".join(taken)


def _sliced(pieces: Iterable[bytes]) -> Iterator[bytes | memoryview]:
    for piece in pieces:
        if len(piece) <= SLICE:
            yield piece
        else:  # views: a large body is not copied once more
            view = memoryview(piece)
            yield from (view[start : start + SLICE] for start in range(0, len(piece), SLICE))


def _gzipped(pieces: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    compressor = isal_zlib.compressobj(level=_GZIP_LEVEL, wbits=_GZIP_WINDOW)
    for piece in pieces:
        if compressed := compressor.compress(piece):
            yield compressed
    yield compressor.flush()


async def _sent(pieces: Iterable[bytes | memoryview]) -> AsyncIterator[bytes | memoryview]:
    for piece in pieces:
        yield piece
        # writing does not wait for a fast client: let others run between two pieces
        await asyncio.sleep(0)
