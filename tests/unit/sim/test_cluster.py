"""The cluster as a whole: files, kubeconfigs, layouts, churn."""

import stat

import pytest
import yaml

from adapter.model.resources import PodKey
from adapter.sim.cluster import SimCluster


async def test_kubeconfigs_point_to_the_api_server(cluster):
    admin = yaml.safe_load(cluster.admin_kubeconfig.read_text())
    server = yaml.safe_load(cluster.server_kubeconfig.read_text())

    for config in (admin, server):
        assert config["clusters"][0]["cluster"]["server"] == cluster.api.url
    assert "client-certificate-data" in admin["users"][0]["user"]
    token_file = server["users"][0]["user"]["tokenFile"]
    assert cluster.directory.joinpath("token").read_text() == cluster.kubelet_token
    assert token_file == str(cluster.directory / "token")


async def test_secrets_are_only_for_their_owner(cluster):
    secret = [*cluster.directory.glob("*.key"), *cluster.directory.glob("*.kubeconfig")]
    secret.append(cluster.directory / "token")

    assert len(secret) >= 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}


async def test_golden_layout_has_one_silent_kubelet(clock):
    async with SimCluster(nodes=50, clock=clock, layout="golden") as cluster:
        assert cluster.workloads.nodes() == ["node-0000", "node-0001", "node-0002"]
        assert len(cluster.workloads.pods()) == 12
        listening = {name: kubelet.listening for name, kubelet in cluster.kubelets.items()}
        assert listening == {"node-0000": True, "node-0001": True, "node-0002": False}
        namespaces = cluster.api.store.list("namespaces")
        assert len(namespaces) == 42


async def test_bad_addresses_come_first(clock):
    bad = (("InternalIP", "127.0.0.9"), ("ExternalIP", "127.0.0.8"))
    async with SimCluster(nodes=1, pods_per_node=0, clock=clock, bad_addresses=bad) as cluster:
        [node] = cluster.api.store.list("nodes")

    addresses = [(entry["type"], entry["address"]) for entry in node["status"]["addresses"]]
    assert addresses == [*bad, ("InternalIP", "127.0.0.1"), ("Hostname", "node-0000")]


async def test_a_new_pod_brings_its_namespace(cluster, api):
    key = PodKey("brand-new", "web")

    cluster.add_pod(key, "node-0000", {"app": (0.1, 4096)}, labels={"app": "web"})

    assert (await api.json("/api/v1/namespaces/brand-new"))["status"]["phase"] == "Active"
    pod = await api.json("/api/v1/namespaces/brand-new/pods/web")
    assert pod["metadata"]["labels"] == {"app": "web"}


async def test_nodes_come_change_and_go(cluster, api, kubelets):
    kubelet = await cluster.add_node("late", labels={"pool": "new"})
    node = await api.json("/api/v1/nodes/late")
    assert node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"] == kubelet.port
    assert "node_cpu_usage_seconds_total 0 " in await kubelets.text("late")

    path = {"metrics.k8s.io/resource-metrics-path": "/nodes/late/metrics/resource"}
    cluster.update_node("late", ready=False, labels={"pool": "old"}, annotations=path)
    cluster.update_node("late", addresses=[("InternalIP", "127.0.0.2")])
    node = await api.json("/api/v1/nodes/late")
    assert node["metadata"]["labels"] == {"pool": "old"}
    assert node["metadata"]["annotations"] == path
    assert node["status"]["conditions"][0]["status"] == "False"
    assert node["status"]["addresses"] == [{"type": "InternalIP", "address": "127.0.0.2"}]
    assert "node_cpu_usage" in await kubelets.text("late", "/nodes/late/metrics/resource")

    await cluster.delete_node("late")
    await cluster.delete_node("node-0001")
    assert cluster.workloads.nodes() == ["node-0000"]
    assert {pod.node for pod in cluster.workloads.pods()} == {"node-0000"}
    assert [n["metadata"]["name"] for n in (await api.json("/api/v1/nodes"))["items"]] == [
        "node-0000"
    ]
    with pytest.raises(KeyError):
        cluster.update_node("late", ready=True)


async def test_a_failed_start_leaves_nothing(clock, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with pytest.raises(TypeError):
        async with SimCluster(nodes="three", clock=clock):
            pass

    assert list(tmp_path.iterdir()) == []
