"""Groups, custom resources and plain objects of the stand-in kube-apiserver."""

import pytest

PARTIAL = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
AGGREGATED = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/team-00/ingresses"


def names(document):
    return [item["metadata"]["name"] for item in document["items"]]


async def test_core_resources_are_listed(api):
    document = await api.json("/api/v1")

    found = {entry["name"]: entry["namespaced"] for entry in document["resources"]}
    assert found["services"]
    assert not found["persistentvolumes"]


@pytest.mark.parametrize(
    ("group", "resource"),
    [("apps", "deployments"), ("batch", "jobs"), ("networking.k8s.io", "ingresses")],
)
async def test_groups_are_in_both_kinds_of_discovery(api, group, resource):
    legacy = await api.json("/apis")
    version = await api.json(f"/apis/{group}/v1")
    aggregated = await api.json("/apis", headers=AGGREGATED)

    assert group in [entry["name"] for entry in legacy["groups"]]
    assert (await api.json(f"/apis/{group}"))["preferredVersion"]["version"] == "v1"
    assert resource in [entry["name"] for entry in version["resources"]]
    (item,) = (each for each in aggregated["items"] if each["metadata"]["name"] == group)
    found = {each["resource"]: each for each in item["versions"][0]["resources"]}
    served = found[resource]
    assert served["scope"] == "Namespaced"
    assert served["singularResource"] == resource.removesuffix("es" if "ss" in resource else "s")


async def test_aggregated_discovery_has_an_etag(api, cluster):
    async with api.request("GET", "/apis", headers=AGGREGATED) as answer:
        tag = answer.headers["ETag"]
    known = {**AGGREGATED, "If-None-Match": tag}
    async with api.request("GET", "/apis", headers=known) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
    cluster.objects.define("widgets.example.com", "Widget", namespaced=True)
    async with api.request("GET", "/apis", headers=known) as answer:
        assert answer.status == 200


async def test_discovery_as_before_kubernetes_1_27(api, cluster):
    cluster.api.discovery.aggregated = False

    assert (await api.json("/apis", headers=AGGREGATED))["kind"] == "APIGroupList"
    assert (await api.json("/api", headers=AGGREGATED))["kind"] == "APIVersions"


async def test_objects_of_groups_are_listed_as_metadata_too(api):
    full = await api.json(INGRESSES)
    partial = await api.json(INGRESSES, headers=PARTIAL)

    assert (full["kind"], full["apiVersion"]) == ("IngressList", "networking.k8s.io/v1")
    assert partial["kind"] == "PartialObjectMetadataList"
    assert names(full) == names(partial) == ["front"]
    one = await api.json(f"{INGRESSES}/front")
    assert (one["kind"], one["apiVersion"]) == ("Ingress", "networking.k8s.io/v1")


async def test_selectors_and_pages(api, cluster):
    for number in range(5):
        labels = {"tier": "edge" if number % 2 else "inner"}
        cluster.objects.add("services", "team-09", f"s{number}", labels)
    path = "/api/v1/namespaces/team-09/services"

    first = await api.json(f"{path}?limit=3", headers=PARTIAL)
    token = first["metadata"]["continue"]
    second = await api.json(f"{path}?limit=3&continue={token}", headers=PARTIAL)

    assert names(first) + names(second) == [f"s{number}" for number in range(5)]
    assert names(await api.json(f"{path}?labelSelector=tier%3Dedge")) == ["s1", "s3"]


async def test_a_custom_resource_comes_and_goes(api, cluster):
    path = "/apis/example.com/v2/widgets"
    await api.json(path, status=404)

    cluster.objects.define("widgets.example.com", "Widget", namespaced=False, versions=["v2", "v1"])
    cluster.objects.add("widgets.example.com", "", "one", {"a": "b"})

    assert (await api.json("/apis/example.com"))["preferredVersion"]["version"] == "v2"
    assert names(await api.json(path)) == ["one"]
    assert names(await api.json("/apis/example.com/v1/widgets")) == ["one"]
    await api.json("/apis/example.com/v2/namespaces/team-00/widgets", status=404)

    cluster.objects.withdraw("widgets.example.com")
    await api.json(path, status=404)
    await api.json("/apis/example.com", status=404)
    assert cluster.api.store.list("widgets.example.com") == []


async def test_deleted_objects_are_gone(api, cluster):
    cluster.objects.delete("ingresses.networking.k8s.io", "team-00", "front")

    assert names(await api.json(INGRESSES)) == []
    status = await api.json(f"{INGRESSES}/front", status=404)
    assert status["message"] == 'ingresses.networking.k8s.io "front" not found'


async def test_reviews_cannot_be_listed(api):
    status = await api.json("/apis/authentication.k8s.io/v1/tokenreviews", status=405)

    assert status["reason"] == "MethodNotAllowed"
