"""Messages as Go's generated code writes them, and the envelope Kubernetes sends them in.

Controllers and kubectl ask for it first. Only what is answered here is written: a field number and
its bytes, with the rules gogo/protobuf follows for Kubernetes' types (``generated.pb.go``): fields
in the order of their numbers, texts and numbers that are no pointers also when they are empty, maps
by key. So an answer is the same bytes as the peers'. A general library would build an object for
each pod and each of its quantities; here the parts that stay the same are kept as bytes.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from adapter.model.status import Status, StatusDetails

MAGIC = b"k8s\0"
"""How Kubernetes' protobuf begins (apimachinery ``pkg/runtime/serializer/protobuf``)."""

_VARINT, _BYTES = 0, 2
_UINT64 = 2**64 - 1


@lru_cache(maxsize=8192)
def varint(number: int) -> bytes:
    """A whole number, 64 bits, least significant groups of 7 bits first.

    >>> varint(300).hex(), len(varint(-1))
    ('ac02', 10)
    """
    number &= _UINT64  # two's complement, as int64 is sent
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def integer(field: int, number: int) -> bytes:
    """An ``int64`` or ``int32``."""
    return varint(field << 3 | _VARINT) + varint(number)


def message(field: int, content: bytes) -> bytes:
    """A message within another."""
    return varint(field << 3 | _BYTES) + varint(len(content)) + content


def text(field: int, value: str) -> bytes:
    r"""A string.

    >>> text(1, "cpu")
    b'\n\x03cpu'
    """
    return message(field, value.encode())


def mapping(field: int, entries: Mapping[str, str]) -> bytes:
    """A map of strings, by key."""
    return b"".join(
        message(field, text(1, key) + text(2, value)) for key, value in sorted(entries.items())
    )


def time(field: int, unix: float) -> bytes:
    """A ``metav1.Time``: whole seconds, fraction cut."""
    return message(field, integer(1, int(unix // 1)) + integer(2, 0))


def quantity(field: int, canonical: str) -> bytes:
    """A ``resource.Quantity`` from its text."""
    return message(field, text(1, canonical))


LIST_META = message(1, text(1, "") + text(2, "") + text(3, ""))
"""The ``metadata`` of a list, which is always empty: selfLink, resourceVersion, continue."""


def envelope(kind: str, api_version: str, size: int) -> bytes:
    """What comes before the *size* bytes of an object: ``runtime.Unknown`` up to them."""
    type_meta = message(1, text(1, api_version) + text(2, kind))
    return MAGIC + type_meta + varint(2 << 3 | _BYTES) + varint(size)


ENVELOPE_END = text(3, "") + text(4, "")
"""What comes after: contentEncoding, contentType."""


def object_document(kind: str, api_version: str, content: bytes) -> list[bytes]:
    """One object."""
    return [envelope(kind, api_version, len(content)), content, ENVELOPE_END]


async def list_document(kind: str, api_version: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A list; *chunks* are its items, each a field 2.

    Its length comes before it, so that all of it is made first; between two chunks others run.
    """
    made = [LIST_META]
    for chunk in chunks:
        made.append(chunk)
        await asyncio.sleep(0)
    start = envelope(kind, api_version, sum(map(len, made)))
    return iter([start, *made, ENVELOPE_END])


def status_document(status: Status) -> list[bytes]:
    """A ``metav1.Status``."""
    content = LIST_META + text(2, status.status) + text(3, status.message) + text(4, status.reason)
    if isinstance(status.details, StatusDetails):
        content += message(5, _details(status.details))
    return object_document(status.kind, status.api_version, content + integer(6, status.code))


def _details(details: StatusDetails) -> bytes:
    causes = b"".join(
        message(4, text(1, cause.reason) + text(2, cause.message) + text(3, cause.field))
        for cause in details.causes
    )
    return (
        text(1, details.name)
        + text(2, details.group)
        + text(3, details.kind)
        + causes
        + integer(5, details.retry_after_seconds)
        + text(6, "")  # uid
    )
