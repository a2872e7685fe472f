"""A small simulated cluster on a clock the test turns, and clients of its parts."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from unit.sim.exposed import NODE

from adapter.sim.clock import ManualClock
from adapter.sim.cluster import SimCluster
from adapter.transport import client_context


@dataclass
class KubeletClient:
    """Asks kubelets as the server would."""

    cluster: SimCluster
    session: aiohttp.ClientSession
    context: ssl.SSLContext

    def get(self, node="node-0000", path="/metrics/resource", **options):
        headers = {
            "Authorization": f"Bearer {self.cluster.kubelet_token}",
            "Accept-Encoding": "identity",
            **options.pop("headers", {}),
        }
        port = self.cluster.kubelets[node].port
        url = f"https://127.0.0.1:{port}{path}"
        return self.session.get(url, headers=headers, ssl=self.context, **options)

    async def text(self, node="node-0000", path="/metrics/resource", **options):
        async with self.get(node, path, **options) as answer:
            assert answer.status == 200
            return await answer.text()


@dataclass
class ApiClient:
    """Asks the API server, as the server's own user unless told otherwise."""

    cluster: SimCluster
    session: aiohttp.ClientSession
    context: ssl.SSLContext

    def request(self, method, path, *, token="own", headers=None, **options):
        token = self.cluster.kubelet_token if token == "own" else token
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        url = self.cluster.api.url + path
        options.setdefault("ssl", self.context)
        return self.session.request(method, url, headers=headers, **options)

    async def json(self, path, *, method="GET", status=200, **options):
        async with self.request(method, path, **options) as answer:
            document = await answer.json(content_type=None)
            assert answer.status == status, document
            return document


@pytest.fixture
def until():
    """Wait until something has happened in another task; gives up after about ten seconds."""

    async def wait(predicate):
        for _ in range(10_000):
            if predicate():
                return
            await asyncio.sleep(0.001)
        raise TimeoutError("it did not happen")

    return wait


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def cluster(clock) -> AsyncIterator[SimCluster]:
    async with SimCluster(nodes=2, pods_per_node=3, clock=clock, housekeeping=0) as cluster:
        yield cluster


@pytest.fixture
def kubelets(cluster, session):
    return KubeletClient(cluster, session, client_context(ca_file=cluster.kubelet_ca_file))


@pytest.fixture
def api(cluster, session):
    return ApiClient(cluster, session, client_context(ca_file=cluster.ca_file))


@pytest.fixture
def faults(cluster):
    return cluster.kubelets[NODE].faults


@pytest.fixture
def key(cluster):
    return cluster.workloads.pods(NODE)[0].containers[0].key
