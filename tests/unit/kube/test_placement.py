import asyncio

import pytest
from aiohttp import web

from adapter.kube import placement as module
from adapter.kube.api import KubeApi
from adapter.kube.placement import PlacementReader, PodPlacement
from adapter.model.resources import PodKey

KEY = PodKey("ns", "web-0")
PATH = "/api/v1/namespaces/ns/pods/web-0"


@pytest.fixture
async def reader(apiserver, write_kubeconfig):
    client = await KubeApi.connect(write_kubeconfig(apiserver.url))
    yield PlacementReader(client)
    await client.close()


def answers(apiserver, response):
    async def answer(_request):
        return response() if callable(response) else response

    apiserver.routes[PATH] = answer


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"spec": {"nodeName": "n1"}, "status": {"phase": "Running"}},
            PodPlacement("Running", "n1"),
        ),
        ({"spec": {}, "status": {"phase": "Pending"}}, PodPlacement("Pending", "")),
        ({"metadata": {}}, PodPlacement("", "")),
    ],
)
async def test_phase_and_node(apiserver, reader, body, expected):
    answers(apiserver, web.json_response(body))

    assert await reader.placement(KEY) == expected


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(lambda: web.json_response({"code": 404}, status=404), id="missing"),
        pytest.param(lambda: web.json_response({"code": 403}, status=403), id="forbidden"),
        pytest.param(lambda: web.Response(body=b"{"), id="broken"),
        pytest.param(lambda: web.Response(body=b"[]"), id="other"),
    ],
)
async def test_whatever_fails_is_none(apiserver, reader, response):
    answers(apiserver, response)

    assert await reader.placement(KEY) is None


async def test_a_refusal_is_logged_once_until_it_works_again(apiserver, reader, caplog):
    """Without `get` on pods the reasons are lost; nobody would know why."""
    good = web.json_response({"status": {"phase": "Pending"}}, status=200)
    for response in (403, 403, 404, 403, good.body, 403):
        status = response if isinstance(response, int) else 200
        body = b"{}" if status != 200 else response
        answers(apiserver, lambda status=status, body=body: web.Response(status=status, body=body))
        await reader.placement(KEY)

    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 3, "the first, the one after a 404, the one after an answer"
    assert "missing pods cannot be explained: kube-apiserver answered 403" in told[0]


async def test_no_answer_in_time_is_none(apiserver, reader, monkeypatch):
    monkeypatch.setattr(module, "PLACEMENT_SECONDS", 0.05)
    release = asyncio.Event()

    async def hang(_request):
        await release.wait()
        return web.Response()

    apiserver.routes[PATH] = hang

    assert await reader.placement(KEY) is None
    release.set()


@pytest.mark.parametrize(
    "key",
    [
        ("ns", ".."),
        ("..", "x"),
        ("ns", "a/b"),
        ("ns", ""),
        ("ns", "a?b"),
        ("ns", "A"),
        ("ns", "a%"),
    ],
)
async def test_what_is_no_name_is_not_asked_for(apiserver, reader, key):
    assert await reader.placement(PodKey(*key)) is None
    assert apiserver.requests == []
