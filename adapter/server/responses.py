"""HTTP responses: JSON, YAML or protobuf, compressed, streamed when they are large."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from itertools import chain

import msgspec
from aiohttp import web
from isal import isal_zlib

from adapter.apis.gojson import escape_html
from adapter.apis.protobuf import status_document
from adapter.errors import AdapterError, Forbidden, NotAcceptable
from adapter.model.status import Status, encode_status
from adapter.server.negotiate import Accepted, MediaType, accepts_gzip, negotiate, wants_pretty
from adapter.server.turns import TURN
from adapter.server.yamltext import to_yaml

LARGE = 128 * 1024
"""Bytes up to which a body is sent whole and never compressed, as in kube-apiserver."""

SLICE = 256 * 1024
"""Bytes of a large body that are written at once."""

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
"""Media type of Prometheus' text format."""

FAILURE = web.RequestKey("failure", Status)
"""What a request was answered with, where that is an error."""

_NOSNIFF = {"X-Content-Type-Options": "nosniff"}
"""As kube-apiserver, where an answer repeats what a stranger sent."""

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
    """A document in the representation agreed on.

    Args:
        request: The request it answers.
        accepted: That representation.
        chunks: The document in pieces: protobuf if that was agreed on, else compact JSON without a
            final newline.
        status: The HTTP status.
        headers: Further headers; a ``Content-Type`` replaces the usual one.
    """
    all_headers = {"Content-Type": accepted.media_type.value, **(headers or {})}
    pieces = await _represented(request, accepted, chunks)
    return _in_pieces(request, pieces, status, all_headers)


def exposition(request: web.Request, chunks: Iterator[bytes]) -> web.Response:
    """Own metrics in Prometheus' text format."""
    return _in_pieces(request, chunks, 200, {"Content-Type": EXPOSITION})


def _in_pieces(
    request: web.Request, pieces: Iterator[bytes], status: int, headers: dict[str, str]
) -> web.Response:
    """Send *pieces*: whole when they are few, else as they are made."""
    first = _take(pieces, LARGE)
    if len(first) <= LARGE:
        return web.Response(body=first, status=status, headers=headers)
    body = _sliced(chain([first], pieces))
    if accepts_gzip(request.headers.get("Accept-Encoding", "")):
        headers = {**headers, "Content-Encoding": "gzip"}
        body = _gzipped(body)
    response = web.Response(body=_sent(request, body), status=status, headers=headers)
    response.headers.add("Vary", "Accept-Encoding")
    return response


async def status_response(request: web.Request, error: AdapterError) -> web.Response:
    """*error* as a ``metav1.Status``."""
    try:
        accepted = negotiate(request.headers.get("Accept", ""), offered=tuple(MediaType))
    except NotAcceptable:
        accepted = Accepted()
    status = request[FAILURE] = Status.from_error(error)
    body = escape_html(encode_status(status))
    if isinstance(error, NotAcceptable):  # kube-apiserver writes this one for people to read
        return raw_document(body, status=int(error.code))
    chunks = status_document(status) if accepted.media_type is MediaType.PROTOBUF else [body]
    headers = _NOSNIFF if isinstance(error, Forbidden) else None
    return await document(request, accepted, chunks, status=int(error.code), headers=headers)


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
    if accepted.media_type is MediaType.PROTOBUF:
        return iter(chunks)
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


async def _sent(
    request: web.Request, pieces: Iterable[bytes | memoryview]
) -> AsyncIterator[bytes | memoryview]:
    for piece in pieces:
        yield piece
        # writing does not wait for a fast client: let others run between two pieces
        if TURN in request:
            await request[TURN].take()
        else:
            await asyncio.sleep(0)
