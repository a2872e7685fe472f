"""The scale of a workload: its selector, kept for a while, and what goes wrong."""

import asyncio

import pytest
from aiohttp import web
from unit.kube.conftest import refusal
from unit.kube.discovering import Discovery

from adapter.kube.api import KubeApiError
from adapter.kube.mapper import KubeMapper
from adapter.kube.scales import FAILED_SECONDS, KEPT_SECONDS, Scales
from adapter.model.labels import parse_selector

PATH = "/apis/apps/v1/namespaces/shop/deployments/myapp/scale"
MYAPP = ("shop", "apps/v1", "Deployment", "myapp")


class Scaled:
    """Serves one scale."""

    def __init__(self):
        self.asked = 0
        self.answer = {"status": {"replicas": 3, "selector": "app=myapp,tier in (a,b)"}}

    async def serve(self, _):
        self.asked += 1
        return refusal(self.answer) if isinstance(self.answer, int) else self._document()

    def _document(self):
        if isinstance(self.answer, bytes):
            return web.Response(body=self.answer)
        return web.json_response({"kind": "Scale", "spec": {"replicas": 9}, **self.answer})


@pytest.fixture
def scaled(apiserver):
    scaled = Scaled()
    Discovery(apiserver)
    apiserver.routes[PATH] = scaled.serve
    return scaled


@pytest.fixture
def scales(api, scaled, clock, telemetry):
    return Scales(api, KubeMapper(api, clock=clock, telemetry=telemetry), clock=clock)


async def test_selector_and_replicas(scales):
    selector = parse_selector("app=myapp,tier in (a,b)")

    assert await scales.selector(*MYAPP) == selector
    assert await scales.scale(*MYAPP) == (selector, 3)


async def test_one_request_serves_for_a_while(scales, scaled, clock):
    await asyncio.gather(*(scales.selector(*MYAPP) for _ in range(5)))
    clock.now += KEPT_SECONDS - 1
    await scales.selector(*MYAPP)
    assert scaled.asked == 1

    clock.now += 2
    scaled.answer = {"status": {"replicas": 3, "selector": "app=other"}}
    assert str(await scales.selector(*MYAPP)) == "app=other"


async def test_a_failure_serves_for_a_moment(scales, scaled, clock):
    good, scaled.answer = scaled.answer, 500
    for _ in range(3):
        with pytest.raises(KubeApiError, match="cannot read the scale of deployments"):
            await scales.selector(*MYAPP)
    assert scaled.asked == 1

    clock.now += FAILED_SECONDS
    scaled.answer = good
    assert (await scales.scale(*MYAPP)).replicas == 3


async def test_the_last_selector_serves_while_kube_apiserver_cannot_answer(scales, scaled, clock):
    good = scaled.answer
    selector = await scales.selector(*MYAPP)
    for status in (500, 503, 429, 401):
        scaled.answer = status
        clock.now += KEPT_SECONDS
        assert await scales.selector(*MYAPP) == selector
        with pytest.raises(KubeApiError):  # how many replicas there are would be made up
            await scales.scale(*MYAPP)

    scaled.answer = {**good, "status": {"selector": "app=new"}}
    clock.now += FAILED_SECONDS
    assert str(await scales.selector(*MYAPP)) == "app=new"


@pytest.mark.parametrize("answer", [403, 404, {"status": {}}, b"[]"])
async def test_the_last_selector_goes_with_its_workload(scales, scaled, clock, answer):
    await scales.selector(*MYAPP)
    scaled.answer = answer
    clock.now += KEPT_SECONDS
    for _ in range(2):
        with pytest.raises(KubeApiError):
            await scales.selector(*MYAPP)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            403,
            (
                r"the service account may not get deployments/scale \(deployments.apps\): add it "
                "to the ClusterRole"
            ),
        ),
        (404, "the scale of deployments.apps shop/myapp does not exist"),
        ({"status": {"replicas": 3}}, "tells no selector, so nobody knows its pods"),
        ({"status": {"selector": "a in ("}}, "is broken"),
        (b"[]", "is broken"),
    ],
    ids=["forbidden", "missing", "no selector", "no such selector", "no scale"],
)
async def test_what_goes_wrong(scales, scaled, answer, told):
    scaled.answer = answer

    with pytest.raises(KubeApiError, match=told):
        await scales.selector(*MYAPP)


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [("apps/v1", "Deploymint"), ("v1", "Deployment"), ("app/v1", "Deployment")],
    ids=["kind", "group", "beginning of a group"],
)
async def test_a_kind_that_there_is_not(scales, scaled, api_version, kind):
    with pytest.raises(KubeApiError, match=f"kubernetes serves no {kind} of {api_version}"):
        await scales.selector("shop", api_version, kind, "myapp")
    assert scaled.asked == 0


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_a_name_that_is_none(scales, apiserver, name):
    with pytest.raises(KubeApiError, match=f"no Deployment can be called '{name}'"):
        await scales.selector("shop", "apps/v1", "Deployment", name)
    assert not any("scale" in request.path for request in apiserver.requests)


async def test_a_name_stays_a_name(scales, apiserver):
    apiserver.lists.append(404)

    with pytest.raises(KubeApiError):
        await scales.selector("shop", "apps/v1", "Deployment", "../../secrets/x?a=b")
    assert apiserver.requests[-1].raw_path == (
        "/apis/apps/v1/namespaces/shop/deployments/..%2F..%2Fsecrets%2Fx%3Fa=b/scale"
    )
