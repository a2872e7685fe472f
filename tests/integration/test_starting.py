"""The first seconds of the service: once it is ready it answers what it will answer later."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from integration.service import lab

from adapter.kube.api import KubeApiError
from adapter.kube.mapper import KubeMapper

CUSTOM = "/apis/custom.metrics.k8s.io/v1beta2"
RULES = """
rules:
- seriesQuery: 'hits'
  resources: {template: <<.Resource>>}
  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'
"""


@pytest.fixture
async def prometheus():
    """Knows series ``hits`` with labels that are called as resources are, in any group."""

    async def labels(_):
        names = ["__name__", "deployment", "ingress", "namespace", "pod"]
        return web.json_response({"status": "success", "data": names})

    async def values(_):
        return web.json_response({"status": "success", "data": ["hits"]})

    app = web.Application()
    app.router.add_route("*", "/api/v1/labels", labels)
    app.router.add_route("*", "/api/v1/label/__name__/values", values)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@pytest.fixture
def kubernetes(monkeypatch):
    """Kubernetes tells its resources only when this event is set."""
    may_tell = asyncio.Event()
    refresh = KubeMapper.refresh

    async def late(mapper):
        await may_tell.wait()
        await refresh(mapper)

    monkeypatch.setattr(KubeMapper, "refresh", late)
    return may_tell


@pytest.fixture
def flags(prometheus, tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    return lambda _: [f"--prometheus-url={prometheus}", f"--config={rules}"]


async def listed(made):
    _, _, body = await made.get(CUSTOM)
    return {each["name"] for each in body["resources"]}


async def test_ready_means_that_resources_of_all_groups_are_known(flags, kubernetes):
    async with lab(layout="golden", flags=flags) as made:
        await made.turn(5)
        assert "[-]metric-discovery" in (await made.text("/readyz"))[1]

        kubernetes.set()
        await made.turn_until(made.ready)
        assert await listed(made) >= {"deployments.apps/hits", "pods/hits"}


async def test_it_does_not_wait_for_kubernetes_that_does_not_tell(flags, monkeypatch):
    async def refused(_):
        raise KubeApiError("GET /api: kube-apiserver does not answer")

    monkeypatch.setattr(KubeMapper, "refresh", refused)
    async with lab(layout="golden", flags=flags) as made:
        await made.turn_until(made.ready)
        assert "pods/hits" in await listed(made)
