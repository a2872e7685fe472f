"""Discovery documents for the conversation with a `KubeMapper`."""

import hashlib
import json

from aiohttp import web

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def resource(name, kind, *, namespaced=True, singular=""):
    return {
        "resource": name,
        "responseKind": {"group": "", "version": "", "kind": kind},
        "scope": "Namespaced" if namespaced else "Cluster",
        "singularResource": singular,
        "verbs": ["get", "list"],
        "subresources": [{"subresource": "status", "responseKind": {"kind": kind}}],
    }


def version(name, *resources, **more):
    return {"version": name, "freshness": "Current", "resources": list(resources), **more}


def stale(name):
    return {"version": name, "freshness": "Stale"}


def group(name, *versions):
    metadata = {"creationTimestamp": None, **({"name": name} if name else {})}
    return {"metadata": metadata, "versions": list(versions)}


PODS = resource("pods", "Pod", singular="pod")
CORE = group("", version("v1", PODS, resource("nodes", "Node", namespaced=False, singular="node")))
APPS = group("apps", version("v1", resource("deployments", "Deployment", singular="deployment")))
WIDGETS = version("v1", resource("widgets", "Widget", namespaced=False))
WIDGET_GROUP = group("example.com", WIDGETS)

_GROUPS = ("apps", "example.com", "metrics.k8s.io")
_VERSIONS = ("v1", "v2", "v1beta1")


class Discovery:
    """Serves `core` and `groups`, aggregated or, with *legacy*, one document each."""

    def __init__(self, fake):
        self.core = CORE
        self.groups = [APPS]
        self.legacy = False
        self.broken = set()
        self.asked = []
        self.not_modified = 0
        documents = (f"/apis/{name}/{each}" for name in _GROUPS for each in _VERSIONS)
        fake.routes = dict.fromkeys(["/api", "/apis", "/api/v1", *documents], self.serve)

    async def serve(self, request):
        self.asked.append(request.path)
        if request.path in self.broken:
            status = {"kind": "Status", "message": "the server is away", "code": 503}
            return web.json_response(status, status=503)
        if self.legacy:
            return web.json_response(self._legacy(request.path))
        assert request.headers["Accept"].startswith(AGGREGATED)
        return self._aggregated(request)

    def _aggregated(self, request):
        items = {"/api": [self.core], "/apis": self.groups}[request.path]
        body = json.dumps({"kind": "APIGroupDiscoveryList", "items": items}).encode()
        headers = {"ETag": f'"{hashlib.sha256(body).hexdigest()}"', "Content-Type": AGGREGATED}
        if request.headers.get("If-None-Match") == headers["ETag"]:
            self.not_modified += 1
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers=headers)

    def _legacy(self, path):
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            groups = [_legacy_group(item) for item in self.groups]
            return {"kind": "APIGroupList", "groups": groups}
        served = {
            f"/apis/{item['metadata']['name']}/{each['version']}": each
            for item in self.groups
            for each in item["versions"]
        }
        served["/api/v1"] = self.core["versions"][0]
        return {"kind": "APIResourceList", "resources": [*_legacy_resources(served[path])]}


def _legacy_group(item):
    """Versions in the order of their names: only ``preferredVersion`` tells which is best."""
    versions = [{"version": each["version"]} for each in item["versions"]]
    return {
        "name": item["metadata"]["name"],
        "versions": sorted(versions, key=lambda each: each["version"]),
        "preferredVersion": versions[0],
    }


def _legacy_resources(served):
    for each in served["resources"]:
        entry = {
            "name": each["resource"],
            "kind": each["responseKind"]["kind"],
            "singularName": each["singularResource"],
            "namespaced": each["scope"] == "Namespaced",
        }
        yield entry
        yield {**entry, "name": f"{each['resource']}/status"}
