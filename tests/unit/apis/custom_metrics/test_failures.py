"""``custom.metrics.k8s.io`` that cannot be served: what the person who asked is told."""

import pytest
from golden.custom_cluster import RATE, FakeCustomSource
from unit.apis.custom_metrics.asking import (
    BASE,
    NOT_ROUTED,
    OTHER_POD,
    POD,
    PODS,
    described,
    get,
    no_metric,
)

from adapter.errors import BadRequest, Forbidden, NotFound, SourceError, SourceTimeout
from adapter.kube.api import KubeApiError
from adapter.sources.base import ObjectQuestion, ObjectValues


@pytest.mark.parametrize(
    "path",
    [
        f"{BASE}/blah",
        f"{BASE}/nodes/foo",
        f"{BASE}/namespaces/ns",
        f"{BASE}/namespaces/ns/pods/bar",
        f"{BASE}/namespaces/ns/group/metric",
        f"{BASE}/namespaces/ns/pods/foo/bar/baz",
        f"{BASE}/nodes/foo/bar/",
        f"{BASE}/nodes//bar",
        "/apis/custom.metrics.k8s.io/v1/nodes/foo/bar",
    ],
)
async def test_other_paths_are_not_found(cluster, path):
    response, body = await get(cluster, path)

    assert (response.status, body["message"]) == (404, NOT_ROUTED)


@pytest.mark.parametrize("metric", ["status", "finalize", "bar"])
async def test_three_segments_below_namespaces_are_an_invalid_path(cluster, metric):
    response, body = await get(cluster, f"{BASE}/namespaces/foo/{metric}")

    assert (response.status, body["message"]) == (400, "invalid request path")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        pytest.param(
            f"namespaces/team-01/pods/*/{RATE}?labelSelector=x=y",
            f"{RATE} for pods: "
            "the label selector x=y selects no pods that run in namespace team-01",
            id="selector",
        ),
        pytest.param(
            f"namespaces/nowhere/pods/*/{RATE}",
            f"{RATE} for pods: there are no pods that run in namespace nowhere",
            id="no-objects",
        ),
        pytest.param(
            "nodes/*/node_disk_busy?labelSelector=x",
            "node_disk_busy for nodes: the label selector x selects no nodes",
            id="cluster-scoped",
        ),
        pytest.param(
            f"pods/{POD}/{RATE}",
            f"{RATE} for pods {POD}: they are in namespaces, "
            f"ask for /namespaces/NAMESPACE/pods/NAME/{RATE}",
            id="pod-at-the-root",
        ),
        pytest.param(
            f"namespaces/x/widgets/*/{RATE}",
            f"{RATE} for widgets: the cluster has no resource widgets",
            id="no-resource",
        ),
        pytest.param(
            f"namespaces/team-01/pods/absent/{RATE}",
            f"{RATE} for pods absent: it has no sample",
            id="no-sample-of-a-named-object",
        ),
        pytest.param(
            f"namespaces/*/pods/*/{RATE}",
            f"{RATE} for pods: no namespace can have that name",
            id="all-namespaces",
        ),
        pytest.param(
            "namespaces/team-00/namespaces/team-01/jobs",
            "jobs for namespaces team-01: they are not in a namespace, "
            "ask for /namespaces/team-01/metrics/jobs",
            id="another-namespace",
        ),
        pytest.param(
            "namespaces/team-00/namespaces/*/jobs",
            "jobs for namespaces: they are not in a namespace, ask for /namespaces/*/metrics/jobs",
            id="all-namespaces-from-one",
        ),
        pytest.param(
            "namespaces/team-00/nodes/*/node_disk_busy",
            "node_disk_busy for nodes: they are not in a namespace, "
            "ask for /nodes/*/node_disk_busy",
            id="all-nodes-from-a-namespace",
        ),
        pytest.param(
            "watch/nodes/x",
            "x for watch: a path takes that for something else: "
            "name its group, as in proxy.example.com",
            id="read-as-a-verb",
        ),
        pytest.param(
            "namespaces/team-00/status/x/m",
            "m for status: a path takes that for something else: "
            "name its group, as in proxy.example.com",
            id="read-as-a-part-of-the-namespace",
        ),
    ],
)
async def test_what_is_not_found_says_why(cluster, path, message):
    response, body = await get(cluster, f"{BASE}/{path}")

    assert (response.status, body["reason"]) == (404, "NotFound")
    assert body["message"] == no_metric(message)
    assert "details" not in body
    assert cluster.custom.asked == [] or POD in path or "absent" in path


async def test_objects_without_samples_are_an_empty_list_with_a_warning(cluster):
    response, body = await get(cluster, f"{PODS}/*/{RATE}?metricLabelSelector=code=404")

    assert (response.status, body["items"]) == (200, [])
    assert response.headers["Warning"] == (
        f'299 - "none of the pods asked for (2) has a sample of the metric {RATE}"'
    )


async def test_the_sources_warning_reaches_the_person_who_asked(cluster):
    cluster.custom.put("queue_depth", "pods", "team-01", OTHER_POD, float("nan"))

    response, body = await get(cluster, f"{PODS}/*/queue_depth?selector=x")

    assert described(body) == [POD]
    assert OTHER_POD in response.headers["Warning"]
    assert "unknown query parameter" in response.headers["Warning"]


async def test_a_source_that_answers_for_others_too_is_not_believed(cluster):
    class Generous(FakeCustomSource):
        async def object_values(self, question: ObjectQuestion) -> ObjectValues:
            wider = question._replace(names=(OTHER_POD, *question.names))
            return await super().object_values(wider)

    cluster.custom = Generous()

    _, body = await get(cluster, f"{PODS}/{POD}/{RATE}")

    assert described(body) == [POD]


@pytest.mark.parametrize(
    ("error", "status", "reason", "message"),
    [
        pytest.param(
            SourceError("prometheus refused"),
            500,
            "InternalError",
            "Internal error occurred: unable to fetch metrics: prometheus refused",
            id="broken",
        ),
        pytest.param(
            SourceTimeout("no answer within 5s"),
            500,
            "InternalError",
            "Internal error occurred: unable to fetch metrics: no answer within 5s",
            id="slow",
        ),
        pytest.param(NotFound("not there"), 404, "NotFound", "not there", id="not-found"),
        pytest.param(BadRequest("no such label"), 400, "BadRequest", "no such label", id="bad"),
        pytest.param(Forbidden("not yours"), 403, "Forbidden", "not yours", id="forbidden"),
    ],
)
@pytest.mark.parametrize("name", ["*", POD])
async def test_failures_of_the_source(cluster, error, status, reason, message, name):
    cluster.custom.error = error

    response, body = await get(cluster, f"{PODS}/{name}/{RATE}")

    assert (response.status, body["reason"], body["message"]) == (status, reason, message)
    if status == 500:
        cause = message.removeprefix("Internal error occurred: ")
        assert body["details"] == {"causes": [{"message": cause}]}


@pytest.mark.parametrize("part", ["objects", "mapper"])
@pytest.mark.parametrize(
    "error", [KubeApiError("GET /api/v1/x: 403"), SourceError("pods have not been read yet")]
)
async def test_failures_of_kubernetes(cluster, part, error):
    getattr(cluster, part).error = error

    response, body = await get(cluster, f"{PODS}/*/{RATE}")

    text = f"unable to list matching resources: {error}"
    assert (response.status, body["reason"]) == (500, "InternalError")
    assert body["message"] == f"Internal error occurred: {text}"
    assert body["details"] == {"causes": [{"message": text}]}


async def test_a_named_object_needs_no_list_of_objects(cluster):
    cluster.objects.error = KubeApiError("down")

    response, _ = await get(cluster, f"{PODS}/{POD}/{RATE}")

    assert response.status == 200
