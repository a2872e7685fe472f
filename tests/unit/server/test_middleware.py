"""What happens around every request."""

import asyncio
import json
import logging

import pytest
from golden.cluster import Cluster, serving

from adapter.apis.base import Answer, APIGroup, APIResource, Route
from adapter.errors import NotFound
from adapter.server.app import build_app
from adapter.server.probes import Checks
from adapter.telemetry import Telemetry

WIDGETS = (APIResource("widgets", "Widget", namespaced=False, verbs=("get",)),)


class Widgets:
    """A group whose one handler does what a test says."""

    def __init__(self, handler):
        self.telemetry = Telemetry()
        self.group = APIGroup(
            name="widgets.example.com",
            versions=("v1",),
            resources=lambda: WIDGETS,
            routes=(Route("/widgets/{name}", handler, "widgets", "get"),),
        )

    def app(self, **options):
        return build_app(
            groups=[self.group], checks=Checks([]), telemetry=self.telemetry, **options
        )

    def counted(self, code, group="widgets.example.com", resource="widgets", verb="get"):
        labels = {"group": group, "resource": resource, "verb": verb, "code": str(code)}
        registry = self.telemetry.registry
        return registry.get_sample_value("viaduct_api_requests_total", labels)


URL = "/apis/widgets.example.com/v1/widgets/one"


async def give(request):
    return Answer([json.dumps({"name": request.path["name"], "version": request.version}).encode()])


async def test_a_group_is_served_as_it_describes_itself():
    async with serving(Widgets(give).app()) as session:
        body = await (await session.get(URL)).json()
        listed = await (await session.get("/apis/widgets.example.com/v1")).json()

    assert body == {"name": "one", "version": "v1"}
    assert listed["resources"][0]["kind"] == "Widget"


async def test_a_bug_is_a_status_without_details_and_a_log_entry_with_them(caplog):
    async def fail(_):
        raise RuntimeError("password=hunter2")

    widgets = Widgets(fail)
    with caplog.at_level(logging.ERROR):
        async with serving(widgets.app()) as session, session.get(URL) as response:
            body = await response.json()

    number = body["message"].rpartition(" ")[2]
    assert (response.status, body["reason"]) == (500, "InternalError")
    assert body["message"].startswith("Internal error occurred: ")
    assert "hunter2" not in json.dumps(body)
    assert number in caplog.text
    assert "hunter2" in caplog.text
    assert widgets.counted(500) == 1


async def test_a_request_that_takes_too_long_is_a_timeout():
    async def hang(_):
        await asyncio.Event().wait()

    widgets = Widgets(hang)
    async with (
        serving(widgets.app(request_seconds=0.01)) as session,
        session.get(URL) as response,
    ):
        body = await response.json()

    assert (response.status, body["reason"]) == (504, "Timeout")
    assert body["message"] == "the request was not answered within 0.01 s"
    assert widgets.counted(504) == 1


async def test_a_timeout_inside_a_handler_is_not_the_deadline():
    async def fail(_):
        raise TimeoutError

    async with serving(Widgets(fail).app()) as session, session.get(URL) as response:
        assert response.status == 500


async def test_a_client_that_leaves_cancels_its_request(caplog):
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(_):
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    widgets = Widgets(hang)
    async with serving(widgets.app()) as session:
        request = asyncio.ensure_future(session.get(URL))
        await started.wait()
        request.cancel()
        async with asyncio.timeout(5):
            await cancelled.wait()

    assert widgets.counted(499) == 1
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("path", [URL, "/apis", "/version", "/", "/metrics"])
async def test_only_get_is_allowed(method, path):
    async with (
        serving(Widgets(give).app()) as session,
        session.request(method, path) as response,
    ):
        text = await response.text()

    assert response.status == 405
    assert response.headers["Allow"] == "GET"
    assert text == "" if method == "HEAD" else json.loads(text)["reason"] == "MethodNotAllowed"


@pytest.mark.parametrize(
    ("path", "verb", "group", "resource", "code"),
    [
        pytest.param(URL, "get", "widgets.example.com", "widgets", 200, id="resource"),
        pytest.param("/apis", "get", "", "", 200, id="discovery"),
        pytest.param("/nowhere/at/all", "get", "", "", 404, id="unknown"),
        pytest.param("/readyz", "get", "", "", 200, id="probe"),
    ],
)
async def test_requests_are_counted_by_what_they_concern(path, verb, group, resource, code):
    """Never by path: names of objects as labels would grow without bound."""
    widgets = Widgets(give)
    async with serving(widgets.app()) as session:
        (await session.get(path)).release()
        counted = widgets.counted(code, group, resource, verb)
        exposed = await (await session.get("/metrics")).text()

    assert counted == 1
    assert "nowhere" not in exposed
    assert "one" not in {part for line in exposed.splitlines() for part in line.split('"')}


async def test_unknown_methods_share_one_label():
    widgets = Widgets(give)
    async with serving(widgets.app()) as session:
        (await session.request("PROPFIND", URL)).release()

    assert widgets.counted(405, "", "", "other") == 1


async def test_status_is_escaped_as_go_does_and_indented_for_people():
    async def fail(_):
        raise NotFound('widgets "<one>" not found', name="<one>", kind="widgets")

    async with serving(Widgets(fail).app()) as session:
        compact = await (await session.get(URL)).text()
        pretty = await (await session.get(URL, headers={"User-Agent": "curl/8"})).text()
        yaml = await (await session.get(URL, headers={"Accept": "application/yaml"})).text()

    assert r'"message":"widgets \"\u003cone\u003e\" not found"' in compact
    assert pretty.startswith('{\n  "kind": "Status",\n')
    assert yaml.startswith("apiVersion: v1\ncode: 404\n")


async def test_versions_of_the_server_are_not_told():
    async with serving(Widgets(give).app()) as session, session.get(URL) as response:
        assert "Server" not in response.headers
        assert response.headers["Cache-Control"] == "no-cache, private"


async def test_a_source_that_answers_through_the_golden_cluster_is_counted_per_verb():
    cluster = Cluster()
    async with serving(cluster.app()) as session:
        for path in ("pods", "nodes", "nodes/node-0000"):
            (await session.get(f"/apis/metrics.k8s.io/v1/{path}")).release()

    value = cluster.telemetry.registry.get_sample_value
    for resource, verb in (("pods", "list"), ("nodes", "list"), ("nodes", "get")):
        labels = {"group": "metrics.k8s.io", "resource": resource, "verb": verb}
        assert value("viaduct_api_requests_total", {**labels, "code": "200"}) == 1
        assert value("viaduct_api_request_duration_seconds_count", labels) == 1


async def test_two_apps_in_one_process_share_nothing():
    one, other = Widgets(give), Widgets(give)
    async with serving(one.app()) as session:
        (await session.get(URL)).release()
    other.app()

    assert (one.counted(200), other.counted(200)) == (1, None)
