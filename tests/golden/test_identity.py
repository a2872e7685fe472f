"""Every recorded answer of the peers about who asks and whether they may is ours, over real TLS."""

import json

import pytest
from golden.compare import IDENTITY, Golden, names
from unit.server.identified import Place

SERVED = {"anonymous-readyz", "front-proxy-masters"}
"""Those let through; what they then read, `integration/test_goldens.py` compares."""


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def certificate(place, identity):
    match identity:
        case "client certificate without rights":
            return place.cluster.issue("viewer")
        case "front-proxy":
            return place.front_proxy.issue("front-proxy-client")
        case "anonymous":
            return None
    raise ValueError(identity)


@pytest.mark.parametrize("name", names(IDENTITY))
async def test_answer_is_the_recorded_one(place, name):
    golden = Golden.load(name, IDENTITY)
    place.reviews.allowed = set()
    shown = certificate(place, golden.identity)
    async with place.asking(shown, authorizing=True) as ask:
        status, body = await ask(
            *golden.request_headers.items(), path=golden.path, method=golden.method
        )

    assert status == golden.answer.status
    if name not in SERVED:
        nosniff = golden.answer.headers.get("x-content-type-options")
        assert ask.headers.get("X-Content-Type-Options") == nosniff
        assert (json.dumps(body, separators=(",", ":")) + "\n") == golden.answer.text
