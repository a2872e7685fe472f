"""Large answers: sliced, compressed, streamed."""

import json

import pytest
from golden.cluster import serving

from adapter.apis.base import Answer, APIGroup, Route
from adapter.server.app import build_app
from adapter.server.probes import Checks
from adapter.server.responses import LARGE, SLICE
from adapter.server.yamltext import to_yaml
from adapter.telemetry import Telemetry

URL = "/apis/big.example.com/v1/big"


def app(*chunks):
    async def give(_):
        return Answer(iter(chunks))

    group = APIGroup(
        name="big.example.com",
        versions=("v1",),
        resources=tuple,
        routes=(Route("/big", give, "big", "get"),),
    )
    return build_app(groups=[group], checks=Checks([]), telemetry=Telemetry())


def document(size):
    """Pieces of a JSON text of *size* bytes."""
    text = json.dumps("x" * (size - 2)).encode()
    return [text[start : start + 50_000] for start in range(0, size, 50_000)]


async def get(pieces, path=URL, **headers):
    async with (
        serving(app(*pieces)) as session,
        session.get(path, headers=headers) as response,
    ):
        return response, await response.read()


@pytest.mark.parametrize("encoding", ["gzip", "identity", "deflate"])
@pytest.mark.parametrize("size", [10, LARGE - 1, LARGE, LARGE + 1, 3 * SLICE + 7])
async def test_the_document_arrives_whole_however_it_is_sent(size, encoding):
    pieces = document(size)

    response, body = await get(pieces, **{"Accept-Encoding": encoding})

    large = size + 1 > LARGE  # with the final newline
    assert body == b"".join(pieces) + b"\n"
    assert ("Content-Length" in response.headers) is not large
    assert response.headers.get("Content-Encoding") == (
        "gzip" if large and encoding == "gzip" else None
    )
    assert ("Vary" in response.headers) is large


async def test_one_huge_piece_is_sliced():
    pieces = [b'"' + b"y" * (5 * SLICE) + b'"']

    _, body = await get(pieces, **{"Accept-Encoding": "identity"})

    assert body == pieces[0] + b"\n"


async def test_large_documents_can_be_indented_and_compressed():
    pieces = [json.dumps({"items": list(range(50_000))}).encode()]

    response, body = await get(pieces, f"{URL}?pretty=true", **{"Accept-Encoding": "gzip"})

    assert response.headers["Content-Encoding"] == "gzip"
    assert body.startswith(b'{\n  "items": [\n    0,\n')
    assert json.loads(body) == json.loads(pieces[0])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("500m", "500m", id="quantity"),
        pytest.param("1", '"1"', id="integer"),
        pytest.param("1e3", '"1e3"', id="exponent"),
        pytest.param("true", '"true"', id="boolean"),
        pytest.param("2026-11-21T13:52:05Z", '"2026-11-21T13:52:05Z"', id="time"),
        pytest.param("", '""', id="empty"),
        pytest.param("x" * 200 + " y", "x" * 200 + " y", id="long-line"),
    ],
)
def test_yaml_quotes_what_would_read_as_something_else(value, text):
    assert to_yaml(json.dumps({"a": value}).encode()) == f"a: {text}\n".encode()
