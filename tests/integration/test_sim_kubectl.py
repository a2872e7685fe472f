"""A real kubectl against the stand-in for kube-apiserver."""

import asyncio
import json
import os
import shutil
import ssl
from dataclasses import dataclass

import pytest
from aiohttp import web

from adapter.model.resources import PodKey
from adapter.sim.clock import ManualClock
from adapter.sim.cluster import SimCluster

KUBECTL = shutil.which("kubectl")
SECONDS = 60

pytestmark = [
    pytest.mark.kubectl,
    pytest.mark.skipif(KUBECTL is None, reason="no kubectl on PATH: install it to run these tests"),
]


@dataclass
class Kubectl:
    """Runs kubectl with the administrator's kubeconfig and a home of its own."""

    cluster: SimCluster

    async def __call__(self, *arguments, code=0):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.cluster.directory),
            "KUBECONFIG": str(self.cluster.admin_kubeconfig),
        }
        process = await asyncio.create_subprocess_exec(
            KUBECTL,
            *arguments,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(SECONDS):
                output, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == code, errors.decode()
        return (output if code == 0 else errors).decode()

    async def rows(self, *arguments):
        return [line.split() for line in (await self(*arguments)).splitlines()]


@pytest.fixture
async def cluster():
    async with SimCluster(layout="golden", clock=ManualClock()) as cluster:
        yield cluster


@pytest.fixture
def kubectl(cluster):
    return Kubectl(cluster)


async def test_get_nodes(kubectl):
    rows = await kubectl.rows("get", "nodes")

    assert rows[0] == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert [row[:2] for row in rows[1:]] == [[f"node-000{n}", "Ready"] for n in range(3)]


async def test_get_pods_of_all_namespaces(kubectl, cluster):
    rows = await kubectl.rows("get", "pods", "-A")

    assert rows[0] == ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    expected = [[*pod.key, "2/2", "Running", "0"] for pod in cluster.workloads.pods()]
    assert [row[:5] for row in rows[1:]] == expected


async def test_get_pods_by_label_and_field(kubectl):
    by_label = await kubectl("get", "pods", "-A", "-l", "team in (team-00,team-05)", "-o", "name")
    field = "spec.nodeName=node-0002,metadata.namespace=team-03"
    by_field = await kubectl("get", "pods", "-A", "--field-selector", field, "-o", "name")

    assert by_label.split() == ["pod/svc-000-00000000-00000", "pod/svc-017-50af0563-00403"]
    assert by_field.split() == ["pod/svc-015-e49450e5-00401"]


async def test_get_pods_in_pages(kubectl):
    output = await kubectl("get", "pods", "-A", "--chunk-size=5", "-o", "name")

    assert len(output.split()) == 12


async def test_get_one_pod_as_json(kubectl):
    output = await kubectl("get", "pod", "-n", "team-05", "svc-017-50af0563-00403", "-o", "json")

    assert json.loads(output)["spec"]["nodeName"] == "node-0002"


async def test_get_namespaces(kubectl):
    rows = await kubectl.rows("get", "ns", "--no-headers")

    names = [row[0] for row in rows]
    assert names == ["default", "kube-system", *(f"team-{n:02d}" for n in range(40))]
    assert {row[1] for row in rows} == {"Active"}


async def test_api_resources(kubectl):
    output = await kubectl("api-resources", "-o", "name")

    assert {"pods", "nodes", "namespaces", "configmaps"} <= set(output.split())
    assert "subjectaccessreviews.authorization.k8s.io" in output.split()


async def test_get_objects_of_groups(kubectl):
    ingresses = await kubectl.rows("get", "ing", "-A")
    services = await kubectl("get", "services", "-n", "team-01", "-l", "team=team-01", "-o", "name")

    assert ingresses[0] == ["NAMESPACE", "NAME", "AGE"]
    assert [row[:2] for row in ingresses[1:]] == [["team-00", "front"], ["team-01", "front"]]
    assert services.split() == ["service/web"]
    assert await kubectl("get", "deployments,jobs,pv", "-A", "-o", "name") == ""


async def test_get_a_custom_resource(kubectl, cluster):
    cluster.objects.define("widgets.example.com", "Widget", namespaced=False, versions=["v2", "v1"])
    cluster.objects.add("widgets.example.com", "", "one")

    assert (await kubectl("get", "widgets", "-o", "name")).split() == ["widget.example.com/one"]
    widget = json.loads(await kubectl("get", "widget", "one", "-o", "json"))
    assert widget["apiVersion"] == "example.com/v2"


async def test_what_is_missing_is_said_in_kubectls_words(kubectl):
    errors = await kubectl("get", "pod", "-n", "team-00", "absent", code=1)

    assert errors.strip() == 'Error from server (NotFound): pods "absent" not found'


async def test_watching_pods(kubectl, cluster):
    new = PodKey("team-00", "fresh")
    arguments = ("get", "pods", "-n", "team-00", "-w", "-o", "name", "--request-timeout=3s")
    watch = asyncio.create_task(kubectl(*arguments))
    async with asyncio.timeout(SECONDS):
        while not cluster.api.store.watches:  # noqa: ASYNC110 - another process connects
            await asyncio.sleep(0.02)

    cluster.add_pod(new, "node-0000", {"app": (0.1, 4096)})
    await asyncio.sleep(0)
    cluster.api.store.end_watches()

    assert (await watch).split() == ["pod/svc-000-00000000-00000", "pod/fresh"]


async def test_raw_probes(kubectl):
    assert await kubectl("get", "--raw", "/readyz") == "ok"


async def test_a_registered_group_is_reached_through_the_aggregator(kubectl, cluster):
    """Any backend will do: kubectl finds it by discovery and gets its objects through the proxy."""
    item = {"metadata": {"name": "one"}, "apiVersion": "example.io/v1", "kind": "Thing"}
    documents = {
        "/apis/example.io/v1": {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": "example.io/v1",
            "resources": [
                {
                    "name": "things",
                    "singularName": "thing",
                    "namespaced": False,
                    "kind": "Thing",
                    "verbs": ["get", "list"],
                }
            ],
        },
        "/apis/example.io/v1/things": {
            "kind": "ThingList",
            "apiVersion": "example.io/v1",
            "metadata": {},
            "items": [item],
        },
    }

    async def serve(request):
        document = documents.get(request.path)
        return web.json_response(document, status=200 if document else 404)

    pair = cluster.credentials.serving_certificate("things", [])
    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert_file, pair.key_file)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        cluster.register_api_service("example.io", ["v1"], url, cluster.ca_file)

        resources = await kubectl("api-resources", "--api-group=example.io", "-o", "name")
        things = await kubectl("get", "things", "-o", "name")
        raw = await kubectl("get", "--raw", "/apis/example.io/v1/things")
    finally:
        await runner.cleanup()

    assert resources.split() == ["things.example.io"]
    assert things.split() == ["thing.example.io/one"]
    assert json.loads(raw) == documents["/apis/example.io/v1/things"]
