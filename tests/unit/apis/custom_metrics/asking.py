"""Questions about the metrics of a small cluster, through HTTP."""

from golden.cluster import serving

BASE = "/apis/custom.metrics.k8s.io/v1beta2"
PODS = f"{BASE}/namespaces/team-01/pods"
POD = "svc-001-360d5a3f-00001"
OTHER_POD = "svc-007-d7437b53-00200"
NOT_ROUTED = "the server could not find the requested resource"


async def get(cluster, path, **headers):
    async with serving(cluster.app()) as session, session.get(path, headers=headers) as response:
        return response, await response.json()


def described(body):
    return [item["describedObject"]["name"] for item in body["items"]]


def no_metric(what):
    return f"the server could not find the metric {what}"
