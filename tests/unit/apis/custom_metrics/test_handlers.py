"""``custom.metrics.k8s.io`` through HTTP, beyond what the golden answers cover."""

import pytest
from golden.cluster import serving
from golden.custom_cluster import RATE, CustomCluster
from unit.apis.custom_metrics.asking import BASE, OTHER_POD, POD, PODS, described, get

from adapter.model.labels import parse_selector
from adapter.model.resources import GroupResource
from adapter.sources.base import ListedMetric


@pytest.fixture
def library():
    """The objects of custom-metrics-apiserver's own test: every second one labelled."""
    cluster = CustomCluster()
    for resource, namespace, count in (("nodes", "", 4), ("pods", "ns", 16)):
        cluster.objects.labels[resource, namespace] = {
            f"{resource}-{number}": {"foo": "bar"} if number % 2 else {} for number in range(count)
        }
        for number in range(count):
            cluster.custom.put(RATE, resource, namespace, f"{resource}-{number}", 1.0)
    cluster.custom.put(RATE, "namespaces", "", "ns", 1.0)
    cluster.custom.metrics += (ListedMetric(GroupResource("", "nodes"), RATE, namespaced=False),)
    return cluster


@pytest.mark.parametrize("version", ["v1beta1", "v1beta2"])
@pytest.mark.parametrize(
    ("path", "count"),
    [
        pytest.param(f"nodes/*/{RATE}", 4, id="all-nodes"),
        pytest.param(f"namespaces/ns/pods/*/{RATE}", 16, id="all-pods"),
        pytest.param(f"namespaces/ns/metrics/{RATE}", 1, id="namespace"),
        pytest.param(f"nodes/*/{RATE}?labelSelector=foo%3Dbar", 2, id="labelled-nodes"),
        pytest.param(f"namespaces/ns/pods/*/{RATE}?labelSelector=foo%3Dbar", 8, id="labelled-pods"),
        pytest.param(f"nodes/nodes-1/{RATE}", 1, id="node"),
        pytest.param(f"namespaces/ns/pods/pods-1/{RATE}", 1, id="pod"),
    ],
)
async def test_paths_give_as_many_items_as_in_the_peers_library(library, version, path, count):
    response, body = await get(library, f"/apis/custom.metrics.k8s.io/{version}/{path}")

    assert (response.status, len(body["items"])) == (200, count)
    assert body["apiVersion"] == f"custom.metrics.k8s.io/{version}"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        pytest.param(
            f"namespaces/team-01/pods/{POD}/m", ("pods", "team-01", (POD,), True), id="pod"
        ),
        pytest.param(
            "namespaces/team-01/pods/*/m", ("pods", "team-01", (POD, OTHER_POD), False), id="pods"
        ),
        pytest.param("namespaces/x/pod/p/m", ("pods", "x", ("p",), True), id="singular"),
        pytest.param(
            "namespaces/x/deployments.apps/d/m", ("deployments.apps", "x", ("d",), True), id="group"
        ),
        pytest.param("nodes/n/m", ("nodes", "", ("n",), True), id="node"),
        pytest.param("namespaces/x/nodes/n/m", ("nodes", "", ("n",), True), id="node-of-an-hpa"),
        pytest.param("namespaces/x/metrics/m", ("namespaces", "", ("x",), True), id="namespace"),
        pytest.param(
            "namespaces/x/namespaces/x/m",
            ("namespaces", "", ("x",), True),
            id="the-namespace-itself",
        ),
        pytest.param(
            "namespaces/*/metrics/m?labelSelector=team in (team-01,team-02)",
            ("namespaces", "", ("team-01", "team-02"), False),
            id="namespaces",
        ),
        pytest.param(
            "namespaces/x/persistentvolumeclaim/status/m",
            ("persistentvolumeclaims", "x", ("status",), True),
            id="named-status",
        ),
    ],
)
async def test_what_a_path_asks_of_the_source(cluster, path, asked):
    await get(cluster, f"{BASE}/{path}")

    (question,) = cluster.custom.asked
    names = (str(question.resource.group_resource), question.namespace, question.names)
    assert (*names, question.by_name) == asked
    assert question.metric == "m"


async def test_a_label_selector_selects_objects_and_a_metric_label_selector_series(cluster):
    path = f"{PODS}/*/{RATE}?labelSelector=app.kubernetes.io/name=svc-001&metricLabelSelector=a!=b"

    await get(cluster, path)

    (question,) = cluster.custom.asked
    assert (question.names, question.selector) == ((POD,), parse_selector("a!=b"))


async def test_a_label_selector_is_ignored_for_a_named_object(cluster):
    response, body = await get(cluster, f"{PODS}/{POD}/{RATE}?labelSelector=no=such")

    assert (response.status, described(body)) == (200, [POD])
    assert cluster.objects.asked == []


@pytest.mark.parametrize(
    "query",
    ["limit=1&continue=x", "resourceVersion=7", "timeoutSeconds=1", "watch=false", "pretty=false"],
)
async def test_parameters_of_lists_change_nothing(cluster, query):
    response, body = await get(cluster, f"{PODS}/*/{RATE}?{query}")

    assert described(body) == [POD, OTHER_POD]
    assert "Warning" not in response.headers


@pytest.mark.parametrize("watch", ["true", "1", ""])
@pytest.mark.parametrize("name", ["*", POD])
async def test_watching_is_not_allowed(cluster, watch, name):
    response, body = await get(cluster, f"{PODS}/{name}/{RATE}?watch={watch}")

    assert (response.status, body["reason"]) == (405, "MethodNotAllowed")
    assert cluster.custom.asked == []


@pytest.mark.parametrize(
    ("name", "fields", "status"),
    [
        pytest.param(POD, f"metadata.name={POD}", 200, id="same"),
        pytest.param("*", "metadata.name=*", 200, id="same-star"),
        pytest.param("*", f"metadata.name={POD}", 400, id="one-of-all"),
        pytest.param(POD, f"metadata.name={OTHER_POD}", 400, id="other"),
        pytest.param(POD, f"metadata.name!={POD}", 400, id="not-same"),
        pytest.param(POD, "metadata.namespace=team-01", 400, id="namespace"),
        pytest.param(POD, "spec.nodeName=x", 400, id="unknown-field"),
        pytest.param(POD, "nonsense", 400, id="nonsense"),
        pytest.param(POD, "", 200, id="empty"),
    ],
)
async def test_a_field_selector_may_only_repeat_the_name(cluster, name, fields, status):
    response, body = await get(cluster, f"{PODS}/{name}/{RATE}?fieldSelector={fields}")

    assert response.status == status
    assert status == 200 or body["reason"] == "BadRequest"


@pytest.mark.parametrize("parameter", ["labelSelector", "metricLabelSelector"])
@pytest.mark.parametrize("name", ["*", POD])
async def test_a_wrong_selector_is_a_bad_request_with_kubernetes_text(cluster, parameter, name):
    response, body = await get(cluster, f"{PODS}/{name}/{RATE}?{parameter}=a in (b")

    assert (response.status, body["reason"]) == (400, "BadRequest")
    assert body["message"].startswith("unable to parse requirement: found '', expected: ")


async def test_a_comparison_of_numbers_is_refused_before_anybody_is_asked(cluster):
    response, body = await get(cluster, f"{PODS}/{POD}/{RATE}?metricLabelSelector=a%3E5")

    assert response.status == 400
    assert body["message"] == '"gt" isn\'t supported in label selectors'
    assert cluster.custom.asked == []


@pytest.mark.parametrize(
    ("query", "warning"),
    [
        pytest.param("selector=code=500", '"selector"', id="walkthrough"),
        pytest.param(
            "labelselector=a&metricSelector=b", '"labelselector", "metricSelector"', id="two"
        ),
    ],
)
async def test_a_parameter_nobody_reads_is_warned_of(cluster, query, warning):
    response, _ = await get(cluster, f"{PODS}/{POD}/{RATE}?{query}")

    escaped = warning.replace('"', '\\"')
    assert response.headers["Warning"] == (
        f'299 - "unknown query parameter {escaped} ignored: '
        'selectors are labelSelector, metricLabelSelector, fieldSelector"'
    )


async def test_ages_of_values_are_counted_by_group(cluster):
    """20 buckets from 1 s, each 1.364 times the one before, as custom-metrics-apiserver's."""
    cluster.clock.now += 10
    async with serving(cluster.app()) as session:
        (await session.get(f"{PODS}/*/{RATE}")).release()
        text = await (await session.get("/metrics")).text()

    name = "viaduct_api_value_age_seconds"
    label = 'group="custom.metrics.k8s.io"'
    lines = [line for line in text.splitlines() if line.startswith(name)]
    bounds = [line.split('le="')[1].split('"')[0] for line in lines if "_bucket" in line]
    assert [float(bound) for bound in bounds[:-1]] == [round(1.364**n, 3) for n in range(20)]
    assert f"{name}_count{{{label}}} 2.0" in lines
    assert f"{name}_sum{{{label}}} 20.0" in lines


@pytest.mark.parametrize("kind", ["Table", "PartialObjectMetadataList"])
async def test_values_have_no_other_kind_to_be_sent_as(cluster, kind):
    """A client that takes the list itself as well gets that (`v1beta2-table` of the goldens)."""
    accept = f"application/json;as={kind};g=meta.k8s.io;v=v1"

    response, body = await get(cluster, f"{PODS}/*/{RATE}", Accept=accept)

    assert (response.status, body["reason"]) == (406, "NotAcceptable")
