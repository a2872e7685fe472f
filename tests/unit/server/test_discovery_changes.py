"""Discovery of groups whose metrics come and go."""

import re
import time

import pytest
from golden.cluster import serving
from golden.custom_cluster import PODS_RESOURCE, CustomCluster

from adapter.apis.base import APIGroup, APIResource
from adapter.model.resources import GroupResource
from adapter.server.discovery import AGGREGATED, KeptDocument, aggregated_list, resource_list
from adapter.sources.base import ListedMetric

V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
CUSTOM = "/apis/custom.metrics.k8s.io"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1"
KIND = {"group": "", "version": "", "kind": "MetricValueList"}


@pytest.fixture
def cluster():
    cluster = CustomCluster()
    # nothing behind the API answers: discovery must not care
    cluster.custom.error = cluster.external.error = cluster.mapper.error = RuntimeError("down")
    return cluster


async def get(session, path, **headers):
    async with session.get(path, headers=headers) as response:
        text = await response.text()
        return response, await response.json(content_type=None) if text else None


def listed_names(body):
    return [resource["name"] for resource in body["resources"]]


async def aggregated(session, group):
    _, body = await get(session, "/apis", Accept=V2)
    (found,) = [item for item in body["items"] if item["metadata"]["name"] == group]
    return found["versions"]


async def test_v1beta2_is_preferred_and_both_versions_list_the_same(cluster):
    async with serving(cluster.app()) as session:
        _, group = await get(session, CUSTOM)
        _, newer = await get(session, f"{CUSTOM}/v1beta2")
        _, older = await get(session, f"{CUSTOM}/v1beta1")

    assert group["preferredVersion"]["version"] == "v1beta2"
    assert [each["version"] for each in group["versions"]] == ["v1beta2", "v1beta1"]
    assert newer["resources"] == older["resources"]


async def test_a_metric_is_listed_when_the_source_lists_it_and_not_before(cluster):
    new = ListedMetric(GroupResource("apps", "deployments"), "new_metric", namespaced=True)
    async with serving(cluster.app()) as session:
        before, first = await get(session, f"{CUSTOM}/v1beta2")
        aggregated_before, _ = await get(session, "/apis", Accept=V2)
        cluster.custom.metrics = (*cluster.custom.metrics, new)
        cluster.external.metrics = (*cluster.external.metrics, "another")
        _, second = await get(session, f"{CUSTOM}/v1beta2")
        _, external = await get(session, EXTERNAL)
        etag = aggregated_before.headers["ETag"]
        after, _ = await get(session, "/apis", **{"Accept": V2, "If-None-Match": etag})
        found = await aggregated(session, "custom.metrics.k8s.io")

    assert before.status == 200
    assert set(listed_names(second)) - set(listed_names(first)) == {"deployments.apps/new_metric"}
    assert listed_names(second) == sorted(listed_names(second))
    assert "another" in listed_names(external)
    assert (after.status, after.headers["ETag"] != etag) == (200, True)
    assert "deployments.apps" in [resource["resource"] for resource in found[0]["resources"]]


async def test_the_same_content_keeps_its_etag(cluster):
    """A relist that finds the same in another tuple is no change for a client."""
    async with serving(cluster.app()) as session:
        first, _ = await get(session, "/apis", Accept=V2)
        cluster.custom.metrics = tuple(each for each in cluster.custom.metrics)
        etag = first.headers["ETag"]
        again, _ = await get(session, "/apis", **{"Accept": V2, "If-None-Match": etag})

    assert again.status == 304


async def test_an_empty_registry_lists_a_path_instead_of_nothing(cluster):
    """Clients take an empty list for a broken API."""
    cluster.custom.metrics = cluster.external.metrics = ()
    async with serving(cluster.app()) as session:
        _, custom = await get(session, f"{CUSTOM}/v1beta1")
        _, external = await get(session, EXTERNAL)
        versions = await aggregated(session, "external.metrics.k8s.io")

    common = {"singularName": "", "namespaced": True, "verbs": ["get"]}
    assert custom["resources"] == [{"name": "metrics", "kind": "MetricValueList", **common}]
    assert external["resources"] == [
        {"name": "externalmetrics", "kind": "ExternalMetricValueList", **common}
    ]
    assert [resource["resource"] for resource in versions[0]["resources"]] == ["externalmetrics"]


async def test_in_the_aggregated_list_metrics_are_subresources(cluster):
    """Of parents without kind and verbs: clients list those with them as objects one can get."""
    namespaces = GroupResource("", "namespaces")
    cluster.custom.metrics = (
        ListedMetric(namespaces, "jobs", namespaced=False),
        ListedMetric(PODS_RESOURCE, "a", namespaced=True),
        ListedMetric(PODS_RESOURCE, "b", namespaced=True),
    )
    async with serving(cluster.app()) as session:
        newer, older = await aggregated(session, "custom.metrics.k8s.io")

    def subresource(name):
        return {"subresource": name, "responseKind": KIND, "verbs": ["get"]}

    nothing = {"group": "", "version": "", "kind": ""}
    common = {"responseKind": nothing, "singularResource": "", "verbs": []}
    assert newer["resources"] == [
        {
            "resource": "namespaces",
            "scope": "Cluster",
            **common,
            "subresources": [subresource("jobs")],
        },
        {
            "resource": "pods",
            "scope": "Namespaced",
            **common,
            "subresources": [subresource("a"), subresource("b")],
        },
    ]
    assert older["resources"] == newer["resources"]
    assert (newer["version"], older["version"]) == ("v1beta2", "v1beta1")


async def test_in_the_aggregated_list_external_metrics_are_resources(cluster):
    async with serving(cluster.app()) as session:
        (version,) = await aggregated(session, "external.metrics.k8s.io")

    kind = {"group": "", "version": "", "kind": "ExternalMetricValueList"}
    assert version["resources"] == [
        {
            "resource": name,
            "responseKind": kind,
            "scope": "Namespaced",
            "singularResource": "",
            "verbs": ["get"],
        }
        for name in ("cluster_backlog", "queue_messages_ready")
    ]


async def test_every_listed_metric_has_a_path_that_is_routed(cluster):
    """Each gets an answer that is about it: here the failure of what is behind."""
    async with serving(cluster.app()) as session:
        _, body = await get(session, f"{CUSTOM}/v1beta2")
        for resource in body["resources"]:
            name, metric = resource["name"].split("/")
            path = (
                f"namespaces/x/{name}/y/{metric}"
                if resource["namespaced"]
                else f"{name}/y/{metric}"
            )
            if name == "namespaces":  # their own form; the other is an invalid path
                path = f"namespaces/y/metrics/{metric}"
            response, _ = await get(session, f"{CUSTOM}/v1beta2/{path}")
            assert response.status == 500, resource["name"]


def many(count):
    resources = tuple(
        APIResource(f"pods/metric_{number:05}", "MetricValueList", True, ("get",))
        for number in range(count)
    )
    return APIGroup(
        name="custom.metrics.k8s.io",
        versions=("v1beta2", "v1beta1"),
        resources=lambda: resources,
        routes=(),
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda group: aggregated_list([group], AGGREGATED[0]),
        lambda group: resource_list(group, "v1beta2"),
    ],
)
def test_documents_of_ten_thousand_metrics_are_made_quickly_and_once(make):
    """20 ms on an idle machine; the limit only tells that from work that grew."""
    group = many(10_000)
    times = []
    for _ in range(3):
        kept = KeptDocument([group], lambda: make(group))
        begun = time.perf_counter()
        document = kept.current()
        times.append(time.perf_counter() - begun)

        assert kept.current() is document
        assert re.fullmatch('"[0-9A-F]{128}"', document.etag)
    assert min(times) < 0.2
