"""Names of objects by selector, and what that costs kube-apiserver."""

import asyncio

import pytest

from adapter.errors import AdapterError, SourceError
from adapter.kube.api import KubeApiError
from adapter.kube.listers import NodeInfo, NodeLister, PodLister, PodMeta
from adapter.kube.objects import FAILED_SECONDS, KEPT_SECONDS, MOST_LISTS, ObjectLister
from adapter.model.labels import EVERYTHING, parse_selector
from adapter.model.resources import ResourceInfo
from adapter.model.restmapper import BUILTIN

PODS, NODES, SERVICES, INGRESSES = (
    BUILTIN.resolve(name) for name in ("pods", "nodes", "services", "ingresses")
)
WIDGETS = ResourceInfo("example.com", "v2", "widgets", "widget", "Widget", namespaced=False)


@pytest.fixture
def memory():
    pods, nodes = PodLister(), NodeLister()
    pods.replace(
        [
            PodMeta("a", "web-2", {"app": "web"}),
            PodMeta("a", "web-1", {"app": "web"}),
            PodMeta("a", "db-1", {"app": "db"}),
            PodMeta("b", "web-1", {"app": "web"}),
        ]
    )
    nodes.replace([NodeInfo("n2", {"pool": "x"}), NodeInfo("n1", {"pool": "x"}), NodeInfo("n3")])
    return pods, nodes


@pytest.fixture
def lister(api, memory, clock, telemetry):
    return ObjectLister(api, *memory, clock=clock, telemetry=telemetry)


def item(name, **labels):
    return {"metadata": {"name": name, "labels": labels, "resourceVersion": "1"}}


def page(*items, more=""):
    return list(items), {"resourceVersion": "10", "continue": more}


def paths(apiserver):
    return [request.path for request in apiserver.requests]


def counted(telemetry, result):
    value = telemetry.registry.get_sample_value("viaduct_object_lists_total", {"result": result})
    return value or 0


@pytest.mark.parametrize(
    ("info", "namespace", "selector", "names"),
    [
        pytest.param(PODS, "a", "", ("db-1", "web-1", "web-2"), id="pods"),
        pytest.param(PODS, "a", "app=web", ("web-1", "web-2"), id="pods-by-label"),
        pytest.param(PODS, "", "app=web", ("web-1", "web-2"), id="pods-everywhere"),
        pytest.param(PODS, "empty", "", (), id="no-pods"),
        pytest.param(NODES, "", "pool=x", ("n1", "n2"), id="nodes"),
        pytest.param(NODES, "a", "", ("n1", "n2", "n3"), id="nodes-beneath-a-namespace"),
    ],
)
async def test_pods_and_nodes_cost_no_request(lister, apiserver, info, namespace, selector, names):
    assert await lister.names(info, namespace, parse_selector(selector)) == names
    assert apiserver.requests == []


@pytest.mark.parametrize(
    ("info", "what"), [(PODS, "pods"), (NODES, "nodes")], ids=["pods", "nodes"]
)
async def test_before_they_are_read_pods_and_nodes_are_an_error_not_empty(
    api, clock, telemetry, info, what
):
    lister = ObjectLister(api, PodLister(), NodeLister(), clock=clock, telemetry=telemetry)

    with pytest.raises(SourceError, match=f"the {what} have not been read from kube-apiserver yet"):
        await lister.names(info, "a", EVERYTHING)


@pytest.mark.parametrize(
    ("info", "namespace", "path"),
    [
        pytest.param(SERVICES, "a", "/api/v1/namespaces/a/services", id="core"),
        pytest.param(
            INGRESSES, "a", "/apis/networking.k8s.io/v1/namespaces/a/ingresses", id="group"
        ),
        pytest.param(WIDGETS, "", "/apis/example.com/v2/widgets", id="cluster-scoped"),
        pytest.param(WIDGETS, "a", "/apis/example.com/v2/widgets", id="beneath-a-namespace"),
        pytest.param(INGRESSES, "", "/apis/networking.k8s.io/v1/ingresses", id="everywhere"),
    ],
)
async def test_other_kinds_are_listed_by_their_metadata(lister, apiserver, info, namespace, path):
    apiserver.lists.append(page(item("z"), item("b"), {"metadata": {"name": "c"}}))

    assert await lister.names(info, namespace, EVERYTHING) == ("b", "c", "z")

    (request,) = apiserver.requests
    assert request.path == path
    assert request.query == {"limit": "500"}
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    assert request.headers["Accept"] == accept


@pytest.mark.parametrize("namespace", ["..", "a/b", "A", "-a", "a.b", "a%2fb", "é"])
async def test_what_is_no_namespace_has_no_objects(lister, apiserver, namespace):
    assert await lister.names(SERVICES, namespace, EVERYTHING) == ()
    assert apiserver.requests == []


async def test_one_list_serves_all_selectors_for_a_while(lister, apiserver, clock, telemetry):
    apiserver.lists.append(page(item("a", app="x"), item("b", app="y"), item("c")))

    assert await lister.names(SERVICES, "ns", parse_selector("app=x")) == ("a",)
    assert await lister.names(SERVICES, "ns", parse_selector("app!=x")) == ("b", "c")
    assert await lister.names(SERVICES, "ns", parse_selector("!app")) == ("c",)
    assert len(apiserver.requests) == 1
    assert (counted(telemetry, "listed"), counted(telemetry, "kept")) == (1, 2)
    assert telemetry.registry.get_sample_value("viaduct_object_list_objects") == 3

    clock.now += KEPT_SECONDS
    apiserver.lists.append(page(item("new")))
    apiserver.lists.popleft()
    assert await lister.names(SERVICES, "ns", EVERYTHING) == ("new",)
    assert telemetry.registry.get_sample_value("viaduct_object_list_objects") == 1


async def test_each_kind_and_namespace_has_a_list(lister, apiserver):
    apiserver.lists.append(page(item("a")))

    for info, namespace in [(SERVICES, "x"), (SERVICES, "y"), (INGRESSES, "x"), (SERVICES, "x")]:
        await lister.names(info, namespace, EVERYTHING)

    assert len(apiserver.requests) == 3


async def test_pages_are_put_together(lister, apiserver, telemetry):
    apiserver.lists.extend([page(item("b"), more="next"), page(item("a"))])

    assert await lister.names(SERVICES, "ns", EVERYTHING) == ("a", "b")

    assert [dict(request.query) for request in apiserver.requests] == [
        {"limit": "500"},
        {"limit": "500", "continue": "next"},
    ]
    assert counted(telemetry, "listed") == 1


async def test_an_expired_page_starts_a_list_in_one_piece(lister, apiserver):
    apiserver.lists.extend([page(item("old"), more="next"), 410, page(item("a"))])

    assert await lister.names(SERVICES, "ns", EVERYTHING) == ("a",)
    assert dict(apiserver.requests[-1].query) == {}


async def test_many_at_once_share_a_request(lister, apiserver):
    apiserver.lists.append(page(item("a")))

    found = await asyncio.gather(*(lister.names(SERVICES, "ns", EVERYTHING) for _ in range(50)))

    assert set(found) == {("a",)}
    assert len(apiserver.requests) == 1


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        pytest.param(
            403,
            "the service account may not list ingresses.networking.k8s.io: "
            "add it to the ClusterRole",
            id="forbidden",
        ),
        pytest.param(
            404, "kube-apiserver does not serve ingresses.networking.k8s.io any more", id="gone"
        ),
        pytest.param(
            500,
            "kube-apiserver answered 500 to GET "
            "/apis/networking.k8s.io/v1/namespaces/ns/ingresses: refused with 500",
            id="failed",
        ),
        pytest.param(
            b'{"items": {}}',
            "GET /apis/networking.k8s.io/v1/namespaces/ns/ingresses: "
            "kube-apiserver's list is broken: Expected `array | null`, got `object` - at `$.items`",
            id="broken",
        ),
    ],
)
async def test_a_failure_names_its_cause(lister, apiserver, telemetry, answer, text):
    apiserver.lists.append(answer)

    with pytest.raises(AdapterError) as caught:
        await lister.names(INGRESSES, "ns", EVERYTHING)

    assert str(caught.value) == text
    assert caught.value.code == 500
    assert counted(telemetry, "failed") == 1


async def test_a_failure_is_not_asked_for_again_at_once(lister, apiserver, clock):
    apiserver.lists.append(403)
    for _ in range(3):
        with pytest.raises(KubeApiError, match="may not list services: add it") as caught:
            await lister.names(SERVICES, "ns", EVERYTHING)
        assert caught.value.http_status == 403
    assert len(apiserver.requests) == 1

    apiserver.lists[0] = page(item("a"))
    clock.now += FAILED_SECONDS
    assert await lister.names(SERVICES, "ns", EVERYTHING) == ("a",)


async def test_no_answer_is_an_error_that_names_no_address(lister, apiserver):
    await apiserver.server.close()

    with pytest.raises(KubeApiError, match=r"^GET /api/v1/name") as caught:
        await lister.names(SERVICES, "ns", EVERYTHING)
    assert "127.0.0.1" not in str(caught.value)


async def test_the_number_of_kept_lists_is_bounded(lister, apiserver, telemetry):
    apiserver.lists.append(page(item("a")))

    for number in range(MOST_LISTS + 10):
        await lister.names(SERVICES, f"ns-{number}", EVERYTHING)

    held = telemetry.registry.get_sample_value("viaduct_object_list_objects")
    assert held == MOST_LISTS
    await lister.names(SERVICES, f"ns-{MOST_LISTS + 9}", EVERYTHING)
    assert len(apiserver.requests) == MOST_LISTS + 10
    await lister.names(SERVICES, "ns-0", EVERYTHING)
    assert len(apiserver.requests) == MOST_LISTS + 11


async def test_old_lists_are_let_go(lister, apiserver, clock, telemetry):
    apiserver.lists.append(page(item("a")))
    for number in range(5):
        await lister.names(SERVICES, f"ns-{number}", EVERYTHING)

    clock.now += KEPT_SECONDS
    await lister.names(SERVICES, "other", EVERYTHING)

    assert telemetry.registry.get_sample_value("viaduct_object_list_objects") == 1


async def test_a_caller_that_goes_away_leaves_nothing_behind(lister, apiserver, eventually):
    async def hang(_request):
        await asyncio.sleep(60)

    apiserver.routes["/api/v1/namespaces/ns/services"] = hang
    task = asyncio.create_task(lister.names(SERVICES, "ns", EVERYTHING))
    await eventually(lambda: apiserver.requests)
    task.cancel()
    await asyncio.wait([task])

    apiserver.routes.clear()
    apiserver.lists.append(page(item("a")))
    assert await lister.names(SERVICES, "ns", EVERYTHING) == ("a",)
