"""Writing to the stand-in for kube-apiserver, as a client of ours does."""

import msgspec
import pytest

from adapter.kube.api import KubeApi, KubeApiError, KubeConflict, KubeNotFound
from adapter.sim.cluster import SimCluster

SECRETS = "/api/v1/namespaces/team/secrets"
API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"


@pytest.fixture
async def api():
    async with SimCluster(nodes=1) as cluster:
        made = await KubeApi.connect(str(cluster.admin_kubeconfig))
        cluster.api.store.put(
            "apiservices.apiregistration.k8s.io",
            {"metadata": {"name": "v1.a"}, "spec": {"group": "a", "insecureSkipTLSVerify": True}},
        )
        yield made
        await made.close()


def secret(**more):
    metadata = {"name": "one", **more}
    return msgspec.json.encode(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"a": "YQ=="}}
    )


async def test_an_object_is_made_once(api):
    made = msgspec.json.decode(await api.post(SECRETS, secret()))

    assert (made["kind"], made["metadata"]["namespace"]) == ("Secret", "team")
    assert msgspec.json.decode(await api.get(f"{SECRETS}/one")) == made
    with pytest.raises(KubeConflict, match='secrets "one" already exists'):
        await api.post(SECRETS, secret())


async def test_only_the_newest_revision_can_be_replaced(api):
    made = msgspec.json.decode(await api.post(SECRETS, secret()))
    revision = made["metadata"]["resourceVersion"]
    await api.put(f"{SECRETS}/one", secret(resourceVersion=revision))

    with pytest.raises(KubeConflict, match="the object has been modified"):
        await api.put(f"{SECRETS}/one", secret(resourceVersion=revision))
    with pytest.raises(KubeNotFound):
        await api.put(f"{SECRETS}/two", secret())


async def test_a_merge_patch_changes_and_removes(api):
    patch = {"spec": {"caBundle": "Yg==", "insecureSkipTLSVerify": None}}

    patched = msgspec.json.decode(await api.merge_patch(f"{API_SERVICES}/v1.a", patch))

    assert patched["spec"] == {"group": "a", "caBundle": "Yg=="}
    stale = {"metadata": {"resourceVersion": "1"}, **patch}
    with pytest.raises(KubeConflict):
        await api.merge_patch(f"{API_SERVICES}/v1.a", stale)


@pytest.mark.parametrize("path", ["/api/v1/namespaces/team/configmaps", "/api/v1/secrets"])
async def test_what_is_not_written_here_is_refused(api, path):
    with pytest.raises(KubeApiError) as raised:
        await api.post(path, secret())

    assert raised.value.http_status == 405
