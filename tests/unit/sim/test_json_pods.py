"""Pods that publish JSON: known values, one address each, and everything that can go wrong."""

import asyncio
import json

import aiohttp
import pytest
from unit.kube.informing import running

from adapter.kube.api import KubeApi
from adapter.kube.informer import Informer
from adapter.kube.pod_endpoints import PodEndpoints, watched_pods
from adapter.model.resources import PodKey
from adapter.model.times import parse_rfc3339
from adapter.sim.json_figures import PROCESSES, made_figures
from adapter.telemetry import Telemetry

WEB = PodKey("shop", "web-1")


@pytest.fixture
async def web(cluster):
    cluster.add_pod(WEB, "node-0000", {"app": (0.1, 1 << 20)}, labels={"app": "web"})
    return await cluster.json.publish(WEB)


async def get(session, pod, **options):
    async with session.get(pod.url, **options) as answer:
        return answer.status, await answer.read()


async def document(session, pod):
    status, body = await get(session, pod)
    assert status == 200
    return json.loads(body)


async def test_published_figures_are_the_known_ones(session, clock, web):
    found = await document(session, web)

    now = clock.time()
    assert found["queue"]["depth"] == web.figures.depth(now)
    assert sum(each["depth"] for each in found["queues"]) == web.figures.depth(now)
    assert {each["name"]: each["depth"] for each in found["queues"]} == {
        name: web.figures.depth(now, name) for name in ("mail", "print", "video")
    }
    assert parse_rfc3339(found["time"]) == web.figures.moment(now)
    assert (found["pod"], found["namespace"]) == (WEB.name, WEB.namespace)


async def test_figures_move_within_their_bounds(session, clock, web):
    start = clock.time()
    depths = set()
    for _ in range(30):
        depths.add((await document(session, web))["queue"]["depth"])
        clock.advance(5.0)

    assert len(depths) > 3
    bounds = web.figures.depth_between(start, clock.time())
    assert all(depth in bounds for depth in depths)


async def test_counters_only_rise(session, clock, web):
    totals = []
    for _ in range(5):
        totals.append((await document(session, web))["requests"]["total"])
        clock.advance(10.0)

    assert totals == sorted(set(totals))


def test_figures_are_the_same_for_the_same_name_and_seed():
    one, same, other = (made_figures(WEB, started=0.0, seed=seed) for seed in (1, 1, 2))

    assert one.document(1000.0) == same.document(1000.0)
    assert one.document(1000.0) != other.document(1000.0)
    assert 0 <= one.document(1000.0)["active processes"] <= PROCESSES


async def test_pods_have_addresses_of_their_own_and_one_port(cluster, session, web):
    key = PodKey("shop", "web-2")
    cluster.add_pod(key, "node-0001", {"app": (0.1, 1 << 20)})
    other = await cluster.json.publish(key)

    assert other.address != web.address
    assert other.port == web.port
    assert (await document(session, other))["pod"] == "web-2"
    assert cluster.json.published() == [WEB, key]


async def test_document_that_did_not_change_is_not_sent_again(session, clock, web):
    async with session.get(web.url) as answer:
        tag = answer.headers["ETag"]
    known = {"If-None-Match": tag}

    assert await get(session, web, headers=known) == (304, b"")
    assert web.unchanged == 1
    clock.advance(web.figures.refresh)
    status, body = await get(session, web, headers=known)
    assert status == 200
    assert json.loads(body)
    web.faults.no_etag = True
    async with session.get(web.url) as answer:
        assert "ETag" not in answer.headers


async def test_requests_are_counted_and_timed(session, clock, web):
    started = clock.time()
    await get(session, web, headers={"X-Token": "a"})
    clock.advance(15.0)
    await get(session, web)

    assert web.requests == 2
    assert list(web.times) == [started, started + 15.0]
    assert "X-Token" not in web.headers


@pytest.mark.parametrize(
    ("faults", "status", "body"),
    [
        pytest.param({"status": 500}, 500, b"Internal Server Error\n", id="status"),
        pytest.param({"body": b"<html>"}, 200, b"<html>", id="something else"),
        pytest.param({"redirect": "http://127.0.0.1:1/"}, 302, b"", id="redirect"),
    ],
)
async def test_wrong_answers(session, web, faults, status, body):
    for name, value in faults.items():
        setattr(web.faults, name, value)
    assert await get(session, web, allow_redirects=False) == (status, body)

    web.faults.clear()
    assert (await get(session, web))[0] == 200


async def test_wrong_media_type(session, web):
    web.faults.content_type = "text/html"

    async with session.get(web.url) as answer:
        assert answer.content_type == "text/html"


async def test_huge_body_is_good_json(session, web):
    web.faults.huge_body = 1 << 20
    _, body = await get(session, web)

    assert len(body) > 1 << 20
    assert json.loads(body)["queue"]


async def test_truncated_body(session, web):
    web.faults.truncated = True

    with pytest.raises(aiohttp.ClientPayloadError):
        await get(session, web)


async def test_hanging_pod_hangs_alone(cluster, session, web):
    key = PodKey("shop", "web-2")
    cluster.add_pod(key, "node-0001", {"app": (0.1, 1 << 20)})
    other = await cluster.json.publish(key)
    web.faults.hanging = True

    with pytest.raises(TimeoutError):
        await get(session, web, timeout=aiohttp.ClientTimeout(total=0.05))
    assert (await get(session, other))[0] == 200


async def test_slow_answer_takes_time(session, clock, web, until):
    web.faults.slow = 3.0
    asking = asyncio.create_task(get(session, web))
    await until(lambda: web.requests)
    await asyncio.sleep(0)
    assert not asking.done()

    clock.advance(3.0)

    assert (await asking)[0] == 200


async def test_dripping_body_is_whole_in_the_end(session, clock, web, until):
    web.faults.body, web.faults.drip = b"{}", 1.0
    asking = asyncio.create_task(get(session, web))
    await until(lambda: web.requests)
    while not asking.done():
        clock.advance(1.0)
        await asyncio.sleep(0.001)

    assert await asking == (200, b"{}")


async def test_token_is_wanted(session, web):
    web.token = "letmein"

    assert (await get(session, web))[0] == 401
    assert (await get(session, web, headers={"Authorization": "Bearer letmein"}))[0] == 200


async def test_pod_refuses_and_accepts_again(cluster, session, web):
    await get(session, web)
    await cluster.json.refuse(WEB)
    with pytest.raises(aiohttp.ClientConnectionError):
        await get(session, web)

    await cluster.json.accept(WEB)

    assert (await get(session, web))[0] == 200


async def test_deleted_pod_answers_no_longer(cluster, session, web):
    cluster.delete_pod(WEB)

    with pytest.raises(aiohttp.ClientConnectionError):
        await get(session, web)
    assert cluster.json.published() == []
    with pytest.raises(KeyError):
        cluster.json[WEB]


async def test_where_pods_answer_is_told_by_kube_apiserver(cluster, clock, web, until):
    api = await KubeApi.connect(str(cluster.server_kubeconfig))
    store = PodEndpoints()
    watched = watched_pods("shop", "app=web")
    informer = Informer(api, watched, store, clock=clock, telemetry=Telemetry())
    async with running(informer):
        await until(lambda: store.has_synced)
        found = store.get(*WEB)
        assert (found.ip, found.ports) == (web.address, {"http": web.port})
        assert (found.ready, found.ready_since) == (True, clock.time() // 1)
        assert not found.terminating

        cluster.set_ready(WEB, ready=False)
        await until(lambda: not store.get(*WEB).ready)
        cluster.terminate(WEB)
        await until(lambda: store.get(*WEB).terminating)
        cluster.set_phase(WEB, "Succeeded")
        await until(lambda: store.get(*WEB) is None)
    await api.close()
