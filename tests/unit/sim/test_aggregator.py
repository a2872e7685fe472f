"""What a registered backend sees of requests, and what clients see of its answers."""

import json
import ssl
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from adapter.sim.identity import User
from adapter.sim.kube_discovery import AGGREGATED_TYPE

GROUP = "metrics.k8s.io"
PREFIX = f"/apis/{GROUP}/v1beta1"
RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": f"{GROUP}/v1beta1",
    "resources": [
        {
            "name": "nodes",
            "singularName": "",
            "namespaced": False,
            "kind": "NodeMetrics",
            "verbs": ["get", "list"],
        }
    ],
}


@dataclass
class Backend:
    """An aggregated API server that remembers what it was asked."""

    url: str = ""
    seen: list = field(default_factory=list)
    aggregated: bool = False

    async def serve(self, request):
        certificate = request.transport.get_extra_info("peercert")
        body = await request.read()
        self.seen.append(
            (request.method, request.path_qs, request.headers.copy(), certificate, body)
        )
        return await self.answer(request)

    async def answer(self, request):
        if request.path == PREFIX:
            return web.json_response(RESOURCES)
        if request.path == "/apis" and self.aggregated:
            version = {"version": "v1beta1", "freshness": "Current", "resources": []}
            item = {"metadata": {"name": GROUP}, "versions": [version]}
            document = {"kind": "APIGroupDiscoveryList", "items": [item]}
            headers = {"Content-Type": AGGREGATED_TYPE}
            return web.Response(body=json.dumps(document).encode(), headers=headers)
        if request.path == "/openapi/v3":
            entry = {"serverRelativeURL": "/openapi/v3/apis/metrics.k8s.io/v1beta1?hash=1"}
            return web.json_response({"paths": {f"apis/{GROUP}/v1beta1": entry, "other": entry}})
        if request.path.endswith("/moved"):
            raise web.HTTPFound("/elsewhere")
        if request.path.endswith("/stream"):
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"first")
            await response.write(b"second")
            return response
        if request.path.endswith("/broken"):
            response = web.StreamResponse()
            response.content_length = 100
            await response.prepare(request)
            await response.write(b"only this")
            request.transport.close()
            return response
        headers = {"Warning": '299 - "fallback"', "ETag": '"1"', "X-Own": "yes"}
        return web.Response(status=418, text="short and stout", headers=headers)


@pytest.fixture
async def backend(cluster):
    backend = Backend()
    pair = cluster.credentials.serving_certificate("viaduct", ["viaduct.kube-system.svc"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert_file, pair.key_file)
    context.load_verify_locations(cluster.front_proxy.ca_file)
    context.verify_mode = ssl.CERT_OPTIONAL
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", backend.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    backend.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    cluster.register_api_service(GROUP, ["v1beta1"], backend.url, cluster.ca_file)
    yield backend
    await runner.cleanup()


async def test_backend_learns_who_asks_from_headers_and_certificate(api, cluster, backend):
    extra = {"scopes.example/a": ["x", "y"]}
    token = cluster.identities.issue(User("alice", ("developers",), uid="u-1", extra=extra))
    spoofed = {"X-Remote-User": "root", "x-remote-group": "system:masters", "X-Custom": "kept"}

    async with api.request("GET", f"{PREFIX}/nodes", token=token, headers=spoofed):
        pass

    [(method, path, headers, certificate, _)] = backend.seen
    assert (method, path) == ("GET", f"{PREFIX}/nodes")
    assert headers.getall("X-Remote-User") == ["alice"]
    assert headers.getall("X-Remote-Group") == ["developers", "system:authenticated"]
    assert headers.getall("X-Remote-Uid") == ["u-1"]
    assert headers.getall("X-Remote-Extra-scopes.example%2Fa") == ["x", "y"]
    assert "Authorization" not in headers
    assert headers["X-Custom"] == "kept"
    assert headers["Audit-ID"]
    assert (("commonName", "front-proxy-client"),) in certificate["subject"]


async def test_query_accept_and_body_are_passed_on(api, backend):
    path = f"{PREFIX}/pods?watch=0&labelSelector=app+in+%28a%2Cb%29&limit="
    headers = {"Accept": "application/vnd.kubernetes.protobuf,*/*", "Content-Type": "text/x-test"}

    async with api.request("POST", path, headers=headers, data=b"the body"):
        pass

    [(method, path, headers, _, body)] = backend.seen
    assert method == "POST"
    assert path == f"{PREFIX}/pods?labelSelector=app+in+%28a%2Cb%29&limit=&watch=0"
    assert headers["Accept"] == "application/vnd.kubernetes.protobuf,*/*"
    assert headers["Content-Type"] == "text/x-test"
    assert body == b"the body"


async def test_answer_comes_back_unchanged(api, backend):
    async with api.request("GET", f"{PREFIX}/nodes") as answer:
        assert answer.status == 418
        assert answer.headers["Warning"] == '299 - "fallback"'
        assert answer.headers["ETag"] == '"1"'
        assert answer.headers["X-Own"] == "yes"
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert await answer.text() == "short and stout"


async def test_streams_pass_through(api, backend):
    async with api.request("GET", f"{PREFIX}/stream") as answer:
        assert await answer.read() == b"firstsecond"


async def test_an_answer_that_breaks_off_is_not_completed(api, backend):
    async with api.request("GET", f"{PREFIX}/broken") as answer:
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_redirects_are_refused(api, backend):
    async with api.request("GET", f"{PREFIX}/moved") as answer:
        assert answer.status == 502
        assert "redirect" in await answer.text()


@pytest.mark.parametrize("problem", ["nobody-listens", "other-ca", "other-name"])
async def test_backend_that_cannot_be_reached_or_trusted_is_503(api, cluster, backend, problem):
    url, ca_file, name = backend.url, cluster.ca_file, None
    if problem == "nobody-listens":
        url = "https://127.0.0.1:1"
    elif problem == "other-ca":
        ca_file = cluster.front_proxy.ca_file
    else:
        name = "other.kube-system.svc"
    cluster.register_api_service(GROUP, ["v1beta1"], url, ca_file, server_name=name)

    async with api.request("GET", f"{PREFIX}/nodes") as answer:
        assert answer.status == 503
        assert (await answer.text()).startswith("error trying to reach service: ")
    assert backend.seen == []


async def test_backend_is_verified_by_its_service_name(api, cluster, backend):
    name = "viaduct.kube-system.svc"
    cluster.register_api_service(GROUP, ["v1beta1"], backend.url, cluster.ca_file, server_name=name)

    async with api.request("GET", f"{PREFIX}/nodes") as answer:
        assert answer.status == 418


async def test_who_may_not_is_refused_before_the_backend(api, cluster, backend):
    status = await api.json(f"{PREFIX}/nodes", token=None, status=403)

    assert "nodes.metrics.k8s.io is forbidden" in status["message"]
    assert backend.seen == []


async def test_registered_groups_appear_in_legacy_discovery(api, backend):
    groups = await api.json("/apis")
    group = await api.json(f"/apis/{GROUP}")
    resources = await api.json(PREFIX)

    names = [entry["name"] for entry in groups["groups"]]
    assert names[-1] == GROUP
    assert {"authentication.k8s.io", "authorization.k8s.io"} < set(names)
    assert group["preferredVersion"] == {"groupVersion": f"{GROUP}/v1beta1", "version": "v1beta1"}
    assert resources == RESOURCES


@pytest.mark.parametrize("aggregated", [True, False], ids=["aggregated", "legacy"])
async def test_aggregated_discovery_asks_the_backend(api, backend, aggregated):
    backend.aggregated = aggregated

    async with api.request("GET", "/apis", headers={"Accept": AGGREGATED_TYPE}) as answer:
        assert answer.headers["Content-Type"] == AGGREGATED_TYPE
        document = await answer.json(content_type=None)

    [version] = document["items"][-1]["versions"]
    assert version["freshness"] == "Current"
    resources = [resource["resource"] for resource in version["resources"]]
    assert resources == ([] if aggregated else ["nodes"])
    user, groups = backend.seen[0][2]["X-Remote-User"], backend.seen[0][2]["X-Remote-Group"]
    assert (user, groups) == ("system:kube-aggregator", "system:masters")


async def test_a_dead_backend_is_stale_in_discovery_not_gone(api, cluster):
    cluster.register_api_service(GROUP, ["v1"], "https://127.0.0.1:1", cluster.ca_file)

    document = await api.json("/apis", headers={"Accept": AGGREGATED_TYPE})

    assert document["items"][-1]["metadata"]["name"] == GROUP
    assert document["items"][-1]["versions"] == [{"version": "v1", "freshness": "Stale"}]


async def test_openapi_lists_what_the_backend_has_of_its_group(api, backend):
    document = await api.json("/openapi/v3")

    assert list(document["paths"]) == [f"apis/{GROUP}/v1beta1"]


async def test_unregistered_groups_are_not_found(api, cluster, backend):
    cluster.api.aggregator.unregister(GROUP)

    await api.json(f"{PREFIX}/nodes", status=404)
