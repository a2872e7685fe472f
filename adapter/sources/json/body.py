"""The body of an answer, whole and within a limit, whatever its server sends."""

import zlib

import aiohttp

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""zlib's window for each encoding that is read, though none is asked for."""

_RAW_DEFLATE = -15


class BrokenBody(Exception):
    """The body of an answer cannot be used.

    Args:
        text: A clause that follows the name of its server.
    """


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole body of *response*, decompressed.

    aiohttp does not decompress it: it would read on for as long as there is something, and takes
    gzip that is cut short for whole.

    Args:
        response: The answer.
        limit: Most bytes, both as they come and decompressed.

    Raises:
        BrokenBody: It is too large, or cannot be decompressed.
        aiohttp.ClientError: It did not come whole.
    """
    if (response.content_length or 0) > limit:
        raise _too_large(limit)
    stream = response.content
    pieces = [await stream.readany()]
    size = len(pieces[0])
    while size <= limit and not stream.at_eof():
        pieces.append(await stream.readany())
        size += len(pieces[-1])
    if size > limit:
        raise _too_large(limit)
    body = b"".join(pieces)
    encoding = response.headers.get("Content-Encoding")
    return body if encoding is None else decompress(body, encoding, limit)


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Decompress *body*, and no more of it than *limit* bytes.

    Args:
        body: As it came.
        encoding: Of the header ``Content-Encoding``.
        limit: Most bytes of the result.

    Raises:
        BrokenBody: It is too large, cut short, or not in this encoding.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return body
    bits = _WINDOW_BITS.get(name)
    if bits is None:
        raise BrokenBody("compressed its answer in a way nobody asked for; gzip is read")
    if name == "deflate" and body[:1] and body[0] & 0x0F != 8:
        bits = _RAW_DEFLATE  # servers that leave out zlib's header (RFC 9110 §8.4.1.2)
    machine = zlib.decompressobj(bits)
    try:
        text = machine.decompress(body, limit + 1)
    except zlib.error:
        raise BrokenBody(f"says that its answer is {name}, but it is not") from None
    if len(text) > limit:
        raise _too_large(limit)
    if not machine.eof:
        raise BrokenBody(f"sent an answer whose {name} is cut short")
    if machine.unused_data:
        raise BrokenBody(f"sent more after the end of its {name}")
    return text


def _too_large(limit: int) -> BrokenBody:
    return BrokenBody(f"sent a document of more than {limit} bytes (--json-max-body-bytes)")
