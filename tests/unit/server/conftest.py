"""A simulated kube-apiserver, for those who keep their certificates there."""

import pytest

from adapter.kube.api import KubeApi
from adapter.server import selfmanaged
from adapter.sim.cluster import SimCluster


@pytest.fixture(scope="module")
async def cluster():
    async with SimCluster(nodes=1) as made:
        yield made


@pytest.fixture
async def api(cluster, issued):
    """A kube-apiserver without Secret and APIServices."""
    for resource in ("secrets", "apiservices.apiregistration.k8s.io"):
        for each in list(cluster.api.store.list(resource)):
            metadata = each["metadata"]
            cluster.api.store.delete(resource, metadata.get("namespace", ""), metadata["name"])
    made = await KubeApi.connect(str(cluster.server_kubeconfig))
    yield made
    await made.close()


@pytest.fixture
def issued(monkeypatch):
    """Certificates are made in this process: faster by far than a process for each."""
    from datetime import UTC, datetime

    from adapter.server.selfsigned import make_authority, sign_pair

    made = []

    def authority(name, now, days):
        made.append("ca")
        return make_authority(name, datetime.fromtimestamp(now, UTC), days)

    def signed(names, ca, now, days):
        made.append("pair")
        return sign_pair(names, ca, datetime.fromtimestamp(now, UTC), days)

    monkeypatch.setattr(selfmanaged, "issue_authority", authority)
    monkeypatch.setattr(selfmanaged, "issue_signed", signed)
    return made
