"""Starting and stopping the server."""

import asyncio
import socket

import aiohttp
import pytest
from golden.cluster import Cluster

from adapter.apis.base import Answer, APIGroup, Route
from adapter.server.app import build_app, start, warning_header
from adapter.server.probes import Checks
from adapter.telemetry import Telemetry


def slow_app(handler, *, checks=None, **options):
    group = APIGroup(
        name="slow.example.com",
        versions=("v1",),
        resources=tuple,
        routes=(Route("/slow", handler, "slow", "get"),),
    )
    checks = checks or Checks([])
    return build_app(groups=[group], checks=checks, telemetry=Telemetry(), **options)


def url_of(server):
    return f"http://127.0.0.1:{server.port}/apis/slow.example.com/v1/slow"


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

    checks = Checks([])
    server = await plain_server(slow_app(slow, checks=checks))
    async with aiohttp.ClientSession() as session:
        request = asyncio.ensure_future(session.get(url_of(server)))
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


async def test_stopping_takes_as_long_as_a_request_may_take():
    """Else a request would be cut that has time left; kube-apiserver waits as long."""
    server = await plain_server(Cluster().app(request_seconds=47.0))
    await server.close()

    assert server.shutdown_seconds == 47.0


async def test_a_request_that_outlasts_the_server_is_told_that_its_time_is_up():
    started = asyncio.Event()

    async def hang(_):
        started.set()
        await asyncio.Event().wait()

    server = await plain_server(slow_app(hang, request_seconds=0.5))
    async with aiohttp.ClientSession() as session:
        request = asyncio.ensure_future(session.get(url_of(server)))
        await started.wait()
        await server.close()
        async with await request as response:
            body = await response.json()

    assert (response.status, body["reason"]) == (504, "Timeout")


async def test_stopping_waits_for_nobody_longer_than_that():
    started = asyncio.Event()

    async def hang(_):
        started.set()
        await asyncio.Event().wait()

    server = await start(slow_app(hang), host="127.0.0.1", port=0, shutdown_seconds=0.1)
    async with aiohttp.ClientSession() as session:
        request = asyncio.ensure_future(session.get(url_of(server)))
        await started.wait()
        async with asyncio.timeout(20):  # a request may take 60
            await server.close()
        with pytest.raises(aiohttp.ClientError):
            await request


@pytest.mark.parametrize("char", ["a", "\\", '"', "😀"])
def test_no_warning_makes_a_header_that_clients_refuse(char):
    value = warning_header(char * 90_000)

    assert len(value.encode()) < 8190
    assert value.endswith('..."')
    assert "\n" not in value
