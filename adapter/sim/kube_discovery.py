"""Documents of discovery, legacy and aggregated (v2) ones."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web

AGGREGATED_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def wants_aggregated(request: web.Request) -> bool:
    """Whether the client takes aggregated discovery v2."""
    for media_range in request.headers.get("Accept", "").split(","):
        parameters = {part.strip() for part in media_range.split(";")}
        if {"g=apidiscovery.k8s.io", "v=v2", "as=APIGroupDiscoveryList"} <= parameters:
            return True
    return False


def group_document(group: str, versions: Sequence[str]) -> dict[str, Any]:
    """``APIGroup`` of a group, the preferred version first; also an entry of ``APIGroupList``."""
    entries = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": group,
        "versions": entries,
        "preferredVersion": entries[0],
    }


def aggregated_list(items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """``APIGroupDiscoveryList`` with *items*."""
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": list(items),
    }


def aggregated_group(group: str, versions: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One group of aggregated discovery."""
    metadata = {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None}
    return {"metadata": metadata, "versions": list(versions)}


def aggregated_version(document: Mapping[str, Any] | None, version: str) -> dict[str, Any]:
    """Turn an ``APIResourceList`` into a version of aggregated discovery; None is stale."""
    if document is None:
        return {"version": version, "freshness": "Stale"}
    group, _, _ = document["groupVersion"].rpartition("/")
    resources: dict[str, dict[str, Any]] = {}
    for entry in document["resources"]:
        name, _, subresource = entry["name"].partition("/")
        kind = {"group": group, "version": version, "kind": entry["kind"]}
        resource = resources.setdefault(
            name,
            {
                "resource": name,
                "responseKind": kind,
                "scope": "Namespaced" if entry["namespaced"] else "Cluster",
                "singularResource": entry["singularName"],
                "verbs": entry["verbs"],
                "shortNames": entry.get("shortNames", []),
                "categories": entry.get("categories", []),
            },
        )
        if subresource:
            resource["verbs"] = resource["verbs"] if "subresources" not in resource else []
            resource.setdefault("subresources", []).append(
                {"subresource": subresource, "responseKind": kind, "verbs": entry["verbs"]}
            )
    return {"version": version, "resources": list(resources.values()), "freshness": "Current"}
