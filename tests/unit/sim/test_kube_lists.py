"""Get, list, pages, selectors and forms of the stand-in kube-apiserver."""

import pytest

from adapter.sim.layout import pod_key, pod_labels

PARTIAL = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


def names(document):
    return [item["metadata"]["name"] for item in document["items"]]


async def test_lists_are_sorted_and_carry_a_revision(api, cluster):
    pods = await api.json("/api/v1/pods")

    assert (pods["kind"], pods["apiVersion"]) == ("PodList", "v1")
    assert int(pods["metadata"]["resourceVersion"]) == cluster.api.store.revision
    keys = [(p["metadata"]["namespace"], p["metadata"]["name"]) for p in pods["items"]]
    assert keys == sorted(keys)
    assert len(keys) == 6
    assert all(int(p["metadata"]["resourceVersion"]) > 1000 for p in pods["items"])


async def test_one_object_and_one_namespace(api):
    key = pod_key(0, 1)

    pod = await api.json(f"/api/v1/namespaces/{key.namespace}/pods/{key.name}")
    listed = await api.json(f"/api/v1/namespaces/{key.namespace}/pods")

    assert (pod["kind"], pod["metadata"]["name"]) == ("Pod", key.name)
    assert pod["metadata"]["labels"] == pod_labels(0, 1)
    assert pod["spec"]["nodeName"] == "node-0000"
    assert pod["status"]["phase"] == "Running"
    assert names(listed) == [key.name, pod_key(1, 0).name]


async def test_node_says_where_its_kubelet_is(api, cluster):
    node = await api.json("/api/v1/nodes/node-0001")

    status = node["status"]
    port = cluster.kubelets["node-0001"].port
    assert status["daemonEndpoints"] == {"kubeletEndpoint": {"Port": port}}
    assert {"type": "InternalIP", "address": "127.0.0.1"} in status["addresses"]
    assert {"type": "Hostname", "address": "node-0001"} in status["addresses"]
    assert status["conditions"][0]["status"] == "True"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/api/v1/nodes/absent", id="object"),
        pytest.param("/api/v1/namespaces/team-00/pods/absent", id="namespaced-object"),
        pytest.param("/api/v1/widgets", id="resource"),
        pytest.param("/api/v1/namespaces/team-00/nodes", id="cluster-scoped-in-namespace"),
        pytest.param("/apis/absent.example", id="group"),
        pytest.param("/apis/absent.example/v1/things", id="group-version"),
        pytest.param("/nothing", id="path"),
    ],
)
async def test_what_does_not_exist_is_a_status(api, path):
    status = await api.json(path, status=404)

    assert (status["kind"], status["reason"], status["code"]) == ("Status", "NotFound", 404)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("labelSelector=team%3Dteam-01", {(0, 1), (1, 0)}, id="label"),
        pytest.param("labelSelector=team+in+(team-00,team-03)", {(0, 0), (1, 2)}, id="set"),
        pytest.param(
            "fieldSelector=spec.nodeName%3Dnode-0000", {(0, 0), (0, 1), (0, 2)}, id="node"
        ),
        pytest.param("fieldSelector=status.phase%21%3DRunning", {(1, 1)}, id="not-running"),
        pytest.param(
            "fieldSelector=status.phase%3D%3DRunning,metadata.namespace=team-02",
            {(0, 2)},
            id="two-fields",
        ),
        pytest.param(
            "labelSelector=team%3Dteam-01&fieldSelector=spec.nodeName=node-0001",
            {(1, 0)},
            id="label-and-field",
        ),
    ],
)
async def test_selectors(api, cluster, query, found):
    cluster.set_phase(pod_key(1, 1), "Pending")

    pods = await api.json(f"/api/v1/pods?{query}")

    assert set(names(pods)) == {pod_key(*place).name for place in found}


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("fieldSelector=spec.color%3Dred", id="unknown-field"),
        pytest.param("fieldSelector=metadata.name", id="no-operator"),
        pytest.param("labelSelector=a%3D%3Db%3D%3Dc", id="label"),
        pytest.param("limit=many", id="limit"),
        pytest.param("continue=nonsense", id="continue"),
        pytest.param("watch=1&resourceVersion=new", id="revision"),
    ],
)
async def test_what_cannot_be_understood_is_a_bad_request(api, query):
    status = await api.json(f"/api/v1/pods?{query}", status=400)

    assert status["reason"] == "BadRequest"


async def test_pages_hold_every_object_once_while_others_come_and_go(api, cluster):
    everything = names(await api.json("/api/v1/pods"))
    first = await api.json("/api/v1/pods?limit=2")
    assert first["metadata"]["remainingItemCount"] == 4
    cluster.delete_pod(pod_key(0, 0))  # was on the first page

    second = await api.json(f"/api/v1/pods?limit=2&continue={first['metadata']['continue']}")
    third = await api.json(f"/api/v1/pods?limit=2&continue={second['metadata']['continue']}")

    assert names(first) + names(second) + names(third) == everything
    assert "continue" not in third["metadata"]
    revisions = {page["metadata"]["resourceVersion"] for page in (first, second, third)}
    assert revisions == {first["metadata"]["resourceVersion"]}


async def test_continuing_after_the_history_expired_is_410(api, cluster):
    page = await api.json("/api/v1/pods?limit=2")
    cluster.api.expire_history()

    status = await api.json(
        f"/api/v1/pods?limit=2&continue={page['metadata']['continue']}", status=410
    )

    assert (status["reason"], status["code"]) == ("Expired", 410)


async def test_partial_object_metadata(api):
    full = await api.json("/api/v1/pods")
    partial = await api.json("/api/v1/pods", headers=PARTIAL)

    assert (partial["kind"], partial["apiVersion"]) == (
        "PartialObjectMetadataList",
        "meta.k8s.io/v1",
    )
    assert [item["metadata"] for item in partial["items"]] == [
        item["metadata"] for item in full["items"]
    ]
    assert set(partial["items"][0]) == {"kind", "apiVersion", "metadata"}


@pytest.mark.parametrize(
    ("path", "cells"),
    [
        pytest.param("nodes", ["node-0000", "Ready", "<none>", "24h", "v1.34.0"], id="nodes"),
        pytest.param("namespaces", ["default", "Active", "24h"], id="namespaces"),
        pytest.param("configmaps", ["extension-apiserver-authentication", 7, "24h"], id="cm"),
    ],
)
async def test_tables_for_kubectl(api, path, cells):
    table = await api.json(f"/api/v1/{path}", headers=TABLE)

    assert table["kind"] == "Table"
    assert table["rows"][0]["cells"] == cells
    assert len(table["columnDefinitions"]) == len(cells)


async def test_table_of_pods_shows_restarts(api, cluster):
    key = pod_key(0, 0)
    cluster.restart_container(cluster.workloads.pod(key).containers[0].key)

    table = await api.json(f"/api/v1/namespaces/{key.namespace}/pods/{key.name}", headers=TABLE)

    [row] = table["rows"]
    assert row["cells"][:4] == [key.name, "2/2", "Running", "1"]
    assert row["object"]["kind"] == "PartialObjectMetadata"


async def test_protobuf_alone_is_not_acceptable(api):
    headers = {"Accept": "application/vnd.kubernetes.protobuf"}
    status = await api.json("/api/v1/pods", headers=headers, status=406)
    either = {"Accept": "application/vnd.kubernetes.protobuf,*/*"}

    assert status["reason"] == "NotAcceptable"
    assert (await api.json("/api/v1/pods", headers=either))["kind"] == "PodList"
