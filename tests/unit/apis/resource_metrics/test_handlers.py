"""``metrics.k8s.io`` through HTTP, beyond what the golden answers cover."""

import pytest
from golden.cluster import DEAD_NODE, NOW, Cluster, serving

from adapter.errors import SourceError, SourceTimeout
from adapter.kube.listers import NodeLister, PodLister
from adapter.kube.placement import PodPlacement
from adapter.model.labels import parse_selector
from adapter.model.metrics import Origin
from adapter.model.resources import PodKey

BASE = "/apis/metrics.k8s.io/v1beta1"
POD = PodKey("team-00", "svc-000-00000000-00000")
POD_URL = f"{BASE}/namespaces/{POD.namespace}/pods/{POD.name}"
DEAD_POD = PodKey("team-05", "svc-017-50af0563-00403")


@pytest.fixture
def cluster():
    return Cluster()


async def get(cluster, path, **headers):
    async with serving(cluster.app()) as session, session.get(path, headers=headers) as response:
        return response, await response.json()


def item_names(body):
    return [item["metadata"]["name"] for item in body["items"]]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        pytest.param("nodes", "NodeMetricsList", id="nodes"),
        pytest.param("nodes/node-0000", "NodeMetrics", id="node"),
        pytest.param("pods", "PodMetricsList", id="pods"),
        pytest.param("namespaces/team-00/pods", "PodMetricsList", id="pods-of-namespace"),
        pytest.param(f"namespaces/team-00/pods/{POD.name}", "PodMetrics", id="pod"),
    ],
)
async def test_both_versions_serve_everything_as_themselves(cluster, version, path, kind):
    _, body = await get(cluster, f"/apis/metrics.k8s.io/{version}/{path}")

    assert (body["kind"], body["apiVersion"]) == (kind, f"metrics.k8s.io/{version}")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("?labelSelector=team=team-02", ["svc-002", "svc-008"], id="label"),
        pytest.param(
            "?labelSelector=team in (team-00,team-01),app.kubernetes.io/name!=svc-001",
            ["svc-000", "svc-007"],
            id="label-set",
        ),
        pytest.param(
            "?fieldSelector=metadata.namespace==team-03", ["svc-003", "svc-009"], id="namespace"
        ),
        pytest.param(
            "?fieldSelector=metadata.namespace!=team-01,metadata.name!=svc-000-00000000-00000",
            ["svc-002", "svc-008", "svc-003", "svc-009", "svc-010"],
            id="fields-negated",
        ),
        pytest.param(
            "?fieldSelector=metadata.namespace=team-02&labelSelector=app.kubernetes.io/name=svc-008",
            ["svc-008"],
            id="both",
        ),
        pytest.param("?fieldSelector=metadata.name=absent", [], id="unknown-name"),
        pytest.param("?fieldSelector=metadata.namespace=nowhere", [], id="unknown-namespace"),
        pytest.param(
            "?limit=1&continue=x&resourceVersion=7&timeoutSeconds=1",
            [
                "svc-000",
                "svc-001",
                "svc-007",
                "svc-002",
                "svc-008",
                "svc-003",
                "svc-009",
                "svc-010",
            ],
            id="paging-ignored",
        ),
        pytest.param("?watch=false&labelSelector=team=team-00", ["svc-000"], id="no-watch"),
    ],
)
async def test_lists_are_filtered_and_sorted_by_namespace_and_name(cluster, query, expected):
    _, body = await get(cluster, f"{BASE}/pods{query}")

    assert [name[:7] for name in item_names(body)] == expected


async def test_a_field_selector_on_the_namespace_narrows_what_the_source_is_asked(cluster):
    await get(cluster, f"{BASE}/pods?fieldSelector=metadata.namespace=team-00")

    assert cluster.source.asked == [([POD], "team-00")]


async def test_a_path_and_a_field_selector_that_disagree_find_nothing(cluster):
    path = f"{BASE}/namespaces/team-00/pods?fieldSelector=metadata.namespace=team-01"

    _, body = await get(cluster, path)

    assert body["items"] == []


@pytest.mark.parametrize("watch", ["true", "1", "", "yes"])
@pytest.mark.parametrize("resource", ["pods", "nodes"])
async def test_watching_is_not_allowed(cluster, watch, resource):
    response, body = await get(cluster, f"{BASE}/{resource}?watch={watch}")

    assert response.status == 405
    kind = f"{resource}.metrics.k8s.io"
    assert body["message"] == f'watch is not supported on resources of kind "{kind}"'


async def test_an_empty_source_gives_an_empty_list(cluster):
    cluster.source.by_pod.clear()

    response, body = await get(cluster, f"{BASE}/pods")

    assert (response.status, body["items"]) == (200, [])


async def test_only_pods_the_lister_knows_are_served(cluster):
    """The source may still have a sample of a pod that has ended."""
    cluster.pods.remove(cluster.pods.get(POD))

    _, listed = await get(cluster, f"{BASE}/namespaces/team-00/pods")
    response, _ = await get(cluster, POD_URL)

    assert (listed["items"], response.status) == ([], 404)


@pytest.mark.parametrize(
    ("placement", "message"),
    [
        pytest.param(None, 'pods "new" not found', id="unknown"),
        pytest.param(
            PodPlacement("Pending", ""),
            'pods "new" not found: the pod is Pending; only running pods have metrics',
            id="pending",
        ),
        pytest.param(
            PodPlacement("Running", "node-0000"),
            'pods "new" not found: the pod started a moment ago and is not known here yet',
            id="just-started",
        ),
        pytest.param(PodPlacement("", ""), 'pods "new" not found', id="no-phase"),
    ],
)
async def test_a_pod_that_is_not_listed_says_why(cluster, placement, message):
    cluster.placement.placements[PodKey("team-00", "new")] = placement

    response, body = await get(cluster, f"{BASE}/namespaces/team-00/pods/new")

    assert response.status == 404
    assert body["message"] == message
    assert body["details"] == {"name": "new", "kind": "pods"}


@pytest.mark.parametrize(
    ("placement", "why"),
    [
        pytest.param(
            PodPlacement("Running", DEAD_NODE), "node node-0002 cannot be reached", id="node"
        ),
        pytest.param(PodPlacement("Running", ""), "node unknown cannot be reached", id="no-node"),
        pytest.param(None, "node unknown cannot be reached", id="no-placement"),
        pytest.param(
            PodPlacement("Succeeded", DEAD_NODE),
            "the pod is Succeeded; only running pods have metrics",
            id="ended",
        ),
    ],
)
async def test_a_pod_without_metrics_says_why(cluster, placement, why):
    cluster.placement.placements[DEAD_POD] = placement

    path = f"{BASE}/namespaces/{DEAD_POD.namespace}/pods/{DEAD_POD.name}"
    response, body = await get(cluster, path)

    name = f"{DEAD_POD.namespace}/{DEAD_POD.name}"
    assert response.status == 404
    assert body["message"] == f'podmetrics.metrics.k8s.io "{name}" not found: {why}'
    assert body["details"] == {"name": name, "group": "metrics.k8s.io", "kind": "podmetrics"}


async def test_node_selector_is_anded_and_named_for_an_excluded_node(cluster):
    cluster.node_selector = parse_selector("pool!=p0")

    _, everything = await get(cluster, f"{BASE}/nodes")
    _, selected = await get(cluster, f"{BASE}/nodes?labelSelector=pool in (p0,p1)")
    response, excluded = await get(cluster, f"{BASE}/nodes/node-0000")

    assert item_names(everything) == item_names(selected) == ["node-0001"]
    assert response.status == 404
    assert excluded["message"] == (
        'nodemetrics.metrics.k8s.io "node-0000" not found: '
        "the node is not selected by --node-selector pool!=p0"
    )


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        pytest.param(SourceError("prometheus refused"), 503, "ServiceUnavailable", id="broken"),
        pytest.param(SourceTimeout("prometheus is slow"), 504, "Timeout", id="slow"),
        pytest.param(RuntimeError("secret"), 500, "InternalError", id="bug"),
    ],
)
@pytest.mark.parametrize(
    "path", ["/pods", "/nodes", "/nodes/node-0000", POD_URL.removeprefix(BASE)]
)
async def test_a_failing_source_is_an_error_never_an_empty_list(
    cluster, error, status, reason, path
):
    cluster.source.error = error

    response, body = await get(cluster, BASE + path)

    assert (response.status, body["kind"], body["reason"]) == (status, "Status", reason)
    assert "secret" not in body["message"]


@pytest.mark.parametrize(
    "path", ["pods", "nodes", "nodes/node-0000", f"namespaces/a/pods/{POD.name}"]
)
async def test_before_the_first_sync_nothing_is_answered(cluster, path):
    cluster.pods, cluster.nodes = PodLister(), NodeLister()

    response, body = await get(cluster, f"{BASE}/{path}")

    assert response.status == 503
    assert "have not been read from kube-apiserver yet" in body["message"]


@pytest.mark.parametrize(
    ("warning", "header"),
    [
        pytest.param(None, None, id="none"),
        pytest.param("from the kubelets", '299 - "from the kubelets"', id="plain"),
        pytest.param('a "b"\nc\\d', '299 - "a \\"b\\" c\\\\d"', id="escaped"),
    ],
)
async def test_the_warning_is_a_header(cluster, warning, header):
    cluster.warning = warning

    response, _ = await get(cluster, f"{BASE}/pods")

    assert response.headers.get("Warning") == header


async def test_creation_is_the_time_of_the_request_and_timestamps_are_the_samples(cluster):
    async with serving(cluster.app()) as session:
        await (await session.get(POD_URL)).json()
        cluster.clock.now += 100
        body = await (await session.get(POD_URL)).json()

    assert body["metadata"]["creationTimestamp"] == "2026-11-21T13:53:45Z"
    assert body["timestamp"] == "2026-11-21T13:51:55Z"


async def test_origin_is_told_only_when_asked(cluster):
    async with serving(cluster.app()) as session:
        asked = await (await session.get(f"{POD_URL}?origin=true")).json()
        listed = await (await session.get(f"{BASE}/nodes?origin=true")).json()
        plain = await (await session.get(f"{POD_URL}?origin=false")).json()

    assert asked["metadata"]["annotations"] == {"viaduct/origin": "prometheus"}
    assert list(asked["metadata"]) == [
        "name", "namespace", "creationTimestamp", "labels", "annotations",
    ]  # fmt: skip
    assert all(item["metadata"]["annotations"] for item in listed["items"])
    assert "annotations" not in plain["metadata"]


async def test_answers_and_their_age_are_counted(cluster):
    """Three nodes and eight pods; the age histogram has one observation per object."""
    async with serving(cluster.app()) as session:
        for path in ("pods", "nodes", "nodes/node-0000"):
            (await session.get(f"{BASE}/{path}")).release()
        text = await (await session.get("/metrics")).text()

    lines = set(text.splitlines())
    assert cluster.clock.now - (NOW - 10) == 10
    assert lines >= {
        'viaduct_resource_metrics_answers_total{origin="prometheus",resource="pods"} 8.0',
        'viaduct_resource_metrics_answers_total{origin="prometheus",resource="nodes"} 3.0',
        'viaduct_resource_metrics_age_seconds_bucket{le="8.784",resource="nodes"} 0.0',
        'viaduct_resource_metrics_age_seconds_bucket{le="11.982",resource="nodes"} 3.0',
        'viaduct_resource_metrics_age_seconds_count{resource="nodes"} 3.0',
        'viaduct_resource_metrics_age_seconds_sum{resource="nodes"} 30.0',
    }
    assert not any('origin="kubelet"' in line for line in lines)


async def test_origins_are_counted_apart(cluster):
    cluster.source = type(cluster.source)(Origin.KUBELET)

    await get(cluster, f"{BASE}/nodes")

    count = cluster.telemetry.registry.get_sample_value(
        "viaduct_resource_metrics_answers_total", {"resource": "nodes", "origin": "kubelet"}
    )
    assert count == 2
