"""Starting and stopping the server."""

import asyncio
import socket

import aiohttp
import pytest
from golden.cluster import Cluster

from adapter.apis.base import Answer, APIGroup, Route
from adapter.server.app import build_app, start
from adapter.server.probes import Checks
from adapter.telemetry import Telemetry


async def plain_server(app):
    return await start(app, host="127.0.0.1", port=0, ssl_context=None)


async def test_long_selectors_and_headers_are_accepted():
    """A selector of 20 KB and, as the aggregator may send them, many groups in a header."""
    server = await plain_server(Cluster().app())
    url = f"http://127.0.0.1:{server.port}/apis/metrics.k8s.io/v1/pods"
    selector = f"app in ({','.join(f'application-{number}' for number in range(1200))})"
    query, headers = {"labelSelector": selector}, {"X-Remote-Group": "g" * 40_000}
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, params=query, headers=headers) as response,
    ):
        body = await response.json()
    await server.close()

    assert (response.status, body["items"]) == (200, [])


async def test_a_port_in_use_is_an_os_error():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(OSError, match="address already in use"):
            await start(
                Cluster().app(), host="127.0.0.1", port=taken.getsockname()[1], ssl_context=None
            )


async def test_stopping_lets_requests_in_flight_end():
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_):
        started.set()
        await go_on.wait()
        return Answer([b"{}"])

    group = APIGroup(
        name="slow.example.com",
        versions=("v1",),
        resources=tuple,
        routes=(Route("/slow", slow, "slow", "get"),),
    )
    checks = Checks([])
    server = await plain_server(build_app(groups=[group], checks=checks, telemetry=Telemetry()))
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{server.port}/apis/slow.example.com/v1/slow"
        request = asyncio.ensure_future(session.get(url))
        await started.wait()
        closing = asyncio.ensure_future(server.close())
        await asyncio.sleep(0)
        ready = checks.report("readyz").passed
        go_on.set()
        response = await request
        body = await response.read()
        await closing

    assert not ready
    assert (response.status, body) == (200, b"{}\n")
