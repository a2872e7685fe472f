"""Resources and objects as the service finds them in a cluster that changes and fails."""

import ssl

import pytest
from aiohttp import web

from adapter.kube.api import KubeApi, KubeApiError
from adapter.kube.listers import NodeLister, PodLister
from adapter.kube.mapper import MISS_SECONDS, KubeMapper
from adapter.kube.objects import KEPT_SECONDS, ObjectLister
from adapter.model.labels import EVERYTHING, parse_selector
from adapter.rules.mapping import ResourceMapping
from adapter.rules.schema import ResourceSection
from adapter.sim.clock import ManualClock
from adapter.sim.cluster import SimCluster
from adapter.telemetry import Telemetry

WIDGETS = "widgets.example.com"


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def cluster(clock):
    async with SimCluster(layout="golden", clock=clock) as cluster:
        yield cluster


@pytest.fixture
async def api(cluster, clock):
    api = await KubeApi.connect(str(cluster.server_kubeconfig), clock=clock)
    yield api
    await api.close()


@pytest.fixture
def mapper(api, clock):
    return KubeMapper(api, clock=clock, telemetry=Telemetry())


@pytest.fixture
def objects(api, clock):
    return ObjectLister(api, PodLister(), NodeLister(), clock=clock, telemetry=Telemetry())


def asked(cluster, beginning):
    return [each for each in cluster.api.requests if each.startswith(f"GET {beginning}")]


def forbid(cluster, resource):
    """Let nobody list *resource*."""
    before = cluster.api.access.policy

    def decide(spec):
        wanted = spec.get("resourceAttributes", {})
        return wanted.get("resource") != resource and before(spec)

    cluster.api.access.policy = decide


@pytest.mark.parametrize("aggregated", [True, False], ids=["aggregated", "legacy"])
async def test_words_mean_what_they_mean_to_kubectl(cluster, mapper, aggregated):
    cluster.api.discovery.aggregated = aggregated

    await mapper.refresh()

    words = ["deployment", "ingress", "job", "svc", "service", "persistentvolumes"]
    found = [await mapper.resolve(word) for word in words]
    assert [info and str(info.group_resource) for info in found] == [
        "deployments.apps",
        "ingresses.networking.k8s.io",
        "jobs.batch",
        None,
        "services",
        "persistentvolumes",
    ]


@pytest.mark.parametrize("aggregated", [True, False], ids=["aggregated", "legacy"])
async def test_scope_comes_from_discovery(cluster, mapper, aggregated):
    """The peer takes every kind but three for a namespaced one."""
    cluster.api.discovery.aggregated = aggregated
    cluster.objects.define(WIDGETS, "Widget", namespaced=False)
    cluster.objects.define("gadgets.example.com", "Gadget", namespaced=True)

    await mapper.refresh()

    assert not (await mapper.resolve("widget")).namespaced
    assert (await mapper.resolve("gadget")).namespaced
    assert not (await mapper.resolve("persistentvolume")).namespaced


async def test_a_definition_that_appears_heals_a_rule_and_its_objects_are_found(
    cluster, mapper, objects, clock
):
    overrides = {"widget": {"group": "example.com", "resource": "widget"}}
    section = ResourceSection.model_validate({"overrides": overrides})
    await mapper.refresh()
    assert ResourceMapping(section, mapper.mapper).unresolved

    cluster.objects.define(WIDGETS, "Widget", namespaced=False, versions=["v2", "v1"])
    cluster.objects.add(WIDGETS, "", "one", {"size": "small"})
    cluster.objects.add(WIDGETS, "", "two", {"size": "large"})
    clock.advance(MISS_SECONDS)
    info = await mapper.resolve("widget", "example.com")

    assert info.api_version == "example.com/v2"
    mapping = ResourceMapping(section, mapper.mapper)
    assert mapping.unresolved == ()
    assert mapping.resource_for("widget") == info
    assert await objects.names(info, "", EVERYTHING) == ("one", "two")
    assert await objects.names(info, "team-00", parse_selector("size=large")) == ("two",)

    cluster.objects.withdraw(WIDGETS)
    await mapper.refresh()
    assert mapper.mapper.resolve("widget") is None
    clock.advance(KEPT_SECONDS)
    with pytest.raises(KubeApiError, match=f"kube-apiserver does not serve {WIDGETS} any more"):
        await objects.names(info, "", EVERYTHING)


async def test_objects_of_a_namespace_are_found_by_label(cluster, mapper, objects):
    ingresses = await mapper.resolve("ingress")
    cluster.objects.add("ingresses.networking.k8s.io", "team-00", "back", {"tier": "inner"})

    edge = await objects.names(ingresses, "team-00", parse_selector("tier=edge"))
    every = await objects.names(ingresses, "team-00", EVERYTHING)

    assert (edge, every) == (("front",), ("back", "front"))
    assert len(asked(cluster, "/apis/networking.k8s.io/v1/namespaces/team-00")) == 1


async def test_long_lists_are_read_in_pages(cluster, mapper, objects):
    for number in range(1201):
        cluster.objects.add("services", "team-05", f"s{number:04d}")
    services = await mapper.resolve("service")

    found = await objects.names(services, "team-05", EVERYTHING)

    assert found == tuple(f"s{number:04d}" for number in range(1201))
    assert len(asked(cluster, "/api/v1/namespaces/team-05/services")) == 3


async def test_a_forbidden_list_says_what_to_add_and_heals(cluster, mapper, objects, clock):
    ingresses = await mapper.resolve("ingress")
    allowed = cluster.api.access.policy
    forbid(cluster, "ingresses")

    with pytest.raises(KubeApiError) as caught:
        await objects.names(ingresses, "team-00", EVERYTHING)

    assert str(caught.value) == (
        "the service account may not list ingresses.networking.k8s.io: add it to the ClusterRole"
    )
    cluster.api.access.policy = allowed
    clock.advance(KEPT_SECONDS)
    assert await objects.names(ingresses, "team-00", EVERYTHING) == ("front",)


async def test_while_kube_apiserver_is_down_the_mapper_keeps_what_it_had(
    cluster, mapper, objects, clock
):
    await mapper.refresh()
    known, revision = mapper.mapper.resources, mapper.revision
    ingresses = await mapper.resolve("ingress")
    await cluster.api.stop()
    clock.advance(MISS_SECONDS)

    with pytest.raises(KubeApiError, match="GET /api: "):
        await mapper.refresh()

    assert await mapper.resolve("deployment")
    with pytest.raises(KubeApiError, match="GET /api: "):
        await mapper.resolve("gizmo")
    assert (mapper.mapper.resources, mapper.revision, mapper.has_synced) == (known, revision, True)
    with pytest.raises(KubeApiError, match=r"^GET /apis/netw"):
        await objects.names(ingresses, "team-00", EVERYTHING)


@pytest.mark.parametrize("aggregated", [True, False], ids=["aggregated", "legacy"])
async def test_a_backend_that_dies_takes_nothing_with_it(cluster, mapper, aggregated):
    cluster.api.discovery.aggregated = aggregated
    document = {
        "kind": "APIResourceList",
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
    }

    async def serve(request):
        found = request.path == "/apis/example.io/v1"
        return web.json_response(document, status=200 if found else 404)

    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        pair = cluster.credentials.serving_certificate("things", [])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert_file, pair.key_file)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        cluster.register_api_service("example.io", ["v1"], url, cluster.ca_file)
        await mapper.refresh()
    finally:
        await runner.cleanup()
    cluster.objects.define(WIDGETS, "Widget", namespaced=True)

    await mapper.refresh()

    assert (await mapper.resolve("thing")).group == "example.io"
    assert (await mapper.resolve("widget")).group == "example.com"
