"""What is said of a request that kube-apiserver forbids: who needs what, where that is known."""

import pytest
from aiohttp import web

from adapter.kube.api import KubeApiError

VIADUCT = "system:serviceaccount:viaduct:viaduct"


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        pytest.param(
            f'pods is forbidden: User "{VIADUCT}" cannot list resource "pods" in API group "" at '
            "the cluster scope",
            "service account viaduct/viaduct needs a ClusterRole that allows it",
            id="cluster",
        ),
        pytest.param(
            f'secrets "serving" is forbidden: User "{VIADUCT}" cannot get resource "secrets" in '
            'API group "" in the namespace "viaduct": RBAC: role.rbac.authorization.k8s.io "x" '
            "not found",
            "service account viaduct/viaduct needs a Role in namespace viaduct, or a ClusterRole, "
            "that allows it",
            id="namespace",
        ),
        pytest.param(
            f'forbidden: User "{VIADUCT}" cannot get path "/metrics"',
            "service account viaduct/viaduct needs a ClusterRole that allows it",
            id="path",
        ),
        pytest.param(
            'forbidden: User "system:anonymous" cannot get path "/apis/metrics.k8s.io"',
            "the request came without credentials",
            id="anonymous",
        ),
        pytest.param(
            r'pods is forbidden: User "CORP\\alice" cannot list resource "pods" in API group "" '
            'in the namespace "shop"',
            r"user CORP\\alice needs a Role in namespace shop, or a ClusterRole, that allows it",
            id="user",
        ),
        pytest.param(
            'pods "x" is forbidden: exceeded quota: compute', None, id="admission-not-a-role"
        ),
        pytest.param("", None, id="no-words"),
    ],
)
async def test_a_forbidden_request_says_who_needs_which_role(apiserver, api, message, hint):
    async def forbid(_request):
        status = {"kind": "Status", "message": message, "reason": "Forbidden", "code": 403}
        return web.json_response(status, status=403)

    apiserver.routes["/x"] = forbid

    with pytest.raises(KubeApiError) as caught:
        await api.get("/x")

    told = ["kube-apiserver answered 403 to GET /x", message, hint]
    assert str(caught.value) == ": ".join(part for part in told if part)
