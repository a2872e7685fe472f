"""Discovery documents, beyond what the golden answers cover."""

import re

import pytest
from golden.cluster import Cluster, serving

V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2BETA1 = V2.replace("v=v2", "v=v2beta1")
DOCUMENTS = [
    "/apis",
    "/apis/metrics.k8s.io",
    "/apis/metrics.k8s.io/v1",
    "/apis/metrics.k8s.io/v1beta1",
]


@pytest.fixture
async def session():
    cluster = Cluster()
    # nothing behind the API answers: discovery must not care
    cluster.source = cluster.pods = cluster.nodes = cluster.placement = None
    async with serving(cluster.app()) as session:
        yield session


async def get(session, path, **headers):
    async with session.get(path, headers=headers) as response:
        return response, await response.text()


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", DOCUMENTS)
async def test_documents_need_nothing_behind_the_api(session, path, slash):
    response, _ = await get(session, path + slash)

    assert (response.status, response.headers["Content-Type"]) == (200, "application/json")


async def test_version_of_the_aggregated_list_is_the_one_asked(session):
    response, _ = await get(session, "/apis", Accept=f"{V2BETA1},{V2},application/json")

    body = await response.json(content_type=None)
    assert response.headers["Content-Type"] == V2BETA1
    assert body["apiVersion"] == "apidiscovery.k8s.io/v2beta1"


async def test_an_aggregated_list_that_is_not_known_falls_back_to_the_legacy_one(session):
    response, text = await get(session, "/apis", Accept=f"{V2.replace('v=v2', 'v=v9')},*/*")

    assert '"APIGroupList"' in text
    assert response.headers["Content-Type"] == "application/json"


async def test_etag_is_a_quoted_hash_and_constant(session):
    first, _ = await get(session, "/apis", Accept=V2)
    second, _ = await get(session, "/apis", Accept=V2)
    other, _ = await get(session, "/apis", Accept=V2BETA1)

    assert re.fullmatch('"[0-9A-F]{128}"', first.headers["ETag"])
    assert first.headers["ETag"] == second.headers["ETag"] != other.headers["ETag"]


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
async def test_a_document_the_client_has_is_not_sent_again(session, form):
    first, _ = await get(session, "/apis", Accept=V2)
    etag = first.headers["ETag"]

    again, text = await get(session, "/apis", **{"Accept": V2, "If-None-Match": form.format(etag)})

    assert (again.status, text) == (304, "")
    assert again.headers["ETag"] == etag
    assert again.headers["Vary"] == "Accept"
    assert again.headers["Cache-Control"] == "public"


async def test_an_old_etag_gets_the_document(session):
    response, _ = await get(session, "/apis", **{"Accept": V2, "If-None-Match": '"OLD"'})

    assert response.status == 200


async def test_documents_can_be_yaml(session):
    _, text = await get(session, "/apis/metrics.k8s.io", Accept="application/yaml")

    assert text.startswith("apiVersion: v1\nkind: APIGroup\n")


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_documents_are_negotiated(session, path):
    response, _ = await get(session, path, Accept="text/csv")

    assert response.status == 406


async def test_the_address_is_the_port_that_was_asked(session):
    response, _ = await get(session, "/apis")

    group = (await response.json())["groups"][0]
    assert group["serverAddressByClientCIDRs"] == [
        {"clientCIDR": "0.0.0.0/0", "serverAddress": f":{response.url.port}"}
    ]


async def test_every_path_that_is_listed_is_served(session):
    """A test of the list against the routes; what is behind a check does not matter."""
    response, _ = await get(session, "/")

    for path in (await response.json())["paths"]:
        answer, _ = await get(session, path)
        assert answer.status == 200, path


async def test_version_is_what_clients_of_kubernetes_read(session):
    response, text = await get(session, "/version")

    body = await response.json()
    assert text.startswith("{\n")
    assert body["gitVersion"] == f"v{body['major']}.{body['minor']}.0"
    assert re.fullmatch(r"linux/\w+", body["platform"])
