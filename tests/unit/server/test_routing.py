"""Paths and expectations that aiohttp's own router would let strangers harm the server with."""

import asyncio
import json
import time

import pytest
from golden.custom_cluster import CustomCluster
from integration.attacks import Attacks

from adapter.server.app import start
from adapter.server.routing import MAX_SLASHES

GROUP = "/apis/metrics.k8s.io/v1/"
CPU_SECONDS = 1.0
"""For 5 requests; each took half of that when all the paths above one were looked up."""


def counted(cluster, code):
    labels = {"group": "", "resource": "", "verb": "get", "code": str(code)}
    return cluster.telemetry.registry.get_sample_value("viaduct_api_requests_total", labels) or 0


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        pytest.param("/" + "a/" * 32_000, None, id="anywhere"),
        pytest.param("/" * 64_000, None, id="nothing-between"),
        pytest.param(GROUP + "a/" * 32_000, "Status", id="of-a-group"),
        pytest.param(GROUP + "a/" * MAX_SLASHES, "Status", id="a-few-too-many"),
    ],
)
async def test_a_path_that_is_far_too_deep_is_not_found_and_costs_nothing(path, kind):
    cluster = CustomCluster()
    sent = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    began = time.process_time()
    answers = [await asked(cluster.app(), sent) for _ in range(5)]
    took = time.process_time() - began

    heads, bodies = zip(*(answer.split("\r\n\r\n") for answer in answers), strict=True)
    assert {head.partition("\r\n")[0] for head in heads} == {"HTTP/1.1 404 Not Found"}
    assert {json.loads(body).get("kind") for body in bodies} == {kind}
    assert took < CPU_SECONDS
    assert counted(cluster, 404) == 5  # the middlewares have seen them


def test_no_path_that_is_served_is_too_deep():
    paths = [resource.canonical for resource in CustomCluster().app().router.resources()]

    assert max(path.count("/") for path in paths) + 10 <= MAX_SLASHES


async def test_an_encoded_slash_separates_nothing():
    cluster, path = CustomCluster(), f"{GROUP}nodes/{'%2F' * 2 * MAX_SLASHES}"
    answer = await asked(
        cluster.app(), f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )

    assert '"kind":"node"}' in answer  # a node that there is not


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("expected", ["foo", "200-ok", "100-continue, foo", ""])
@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        pytest.param("GET /livez", 200, id="served"),
        pytest.param("GET /nowhere", 404, id="not-found"),
        pytest.param("GET /" + "a/" * 100, 404, id="too-deep"),
        pytest.param("POST /version", 405, id="method-not-allowed"),
    ],
)
async def test_an_expectation_that_is_unknown_is_ignored(request_line, status, expected, version):
    cluster = CustomCluster()
    sent = f"{request_line} HTTP/{version}\r\nHost: x\r\nExpect: {expected}\r\n"
    answer = await asked(cluster.app(), sent + "Connection: close\r\n\r\n")

    assert answer.startswith(f"HTTP/{version} {status} ")


@pytest.mark.parametrize(
    ("path", "status"),
    [pytest.param("/livez", 405, id="served"), pytest.param("/nowhere", 404, id="not-found")],
)
async def test_who_waits_for_it_is_told_to_send_its_body(path, status):
    cluster = CustomCluster()
    sent = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\n"
        "Connection: close\r\nContent-Length: 2\r\n\r\n{}"
    )
    answer = await asked(cluster.app(), sent)
    first, _, rest = answer.partition("\r\n\r\n")

    assert first == "HTTP/1.1 100 Continue"
    assert rest.startswith(f"HTTP/1.1 {status} ")
    assert json.loads(rest.partition("\r\n\r\n")[2])


async def asked(app, sent):
    """All that a server of *app* answers."""
    server = await start(app, host="127.0.0.1", port=0)
    async with Attacks(server.port) as client:
        reader, writer = await client.connect()
        writer.write(sent.encode())
        answer = await asyncio.wait_for(reader.read(), 20)
    await server.close()
    return answer.decode()
