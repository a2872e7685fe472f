"""Lists of any kind, as Kubernetes writes them."""

from collections.abc import Iterable, Iterator, Sequence


def type_meta(kind: str, api_version: str) -> bytes:
    """How every object begins; a comma follows."""
    return f'{{"kind":"{kind}","apiVersion":"{api_version}",'.encode()


def encode_list(kind: str, api_version: str, chunks: Iterable[Sequence[bytes]]) -> Iterator[bytes]:
    """A list of *kind*, in pieces; *chunks* are its items, and none of them is empty."""
    yield type_meta(kind, api_version) + b'"metadata":{},"items":['
    comma = b""
    for items in chunks:
        yield comma + b",".join(items)
        comma = b","
    yield b"]}"
