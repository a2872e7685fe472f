"""Discovery of the stand-in's own groups, legacy documents and aggregated (v2) ones."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from aiohttp import web

from adapter.sim.kube_resources import RESOURCES

AGGREGATED_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class OwnGroup(NamedTuple):
    """A group the stand-in serves itself: reviews that are only created."""

    group: str
    version: str
    reviews: Mapping[str, str]


OWN_GROUPS: Sequence[OwnGroup] = (
    OwnGroup("authentication.k8s.io", "v1", {"tokenreviews": "TokenReview"}),
    OwnGroup(
        "authorization.k8s.io",
        "v1",
        {
            "selfsubjectaccessreviews": "SelfSubjectAccessReview",
            "subjectaccessreviews": "SubjectAccessReview",
        },
    ),
)


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


def core_resources() -> dict[str, Any]:
    """``APIResourceList`` of core/v1."""
    resources = [
        {
            "name": resource.name,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(resource.verbs),
            "shortNames": list(resource.short_names),
        }
        for resource in RESOURCES.values()
    ]
    return _resource_list("v1", resources)


def own_resources(own: OwnGroup) -> dict[str, Any]:
    """``APIResourceList`` of one of the stand-in's own groups."""
    resources = [
        {
            "name": name,
            "singularName": kind.lower(),
            "namespaced": False,
            "kind": kind,
            "verbs": ["create"],
        }
        for name, kind in own.reviews.items()
    ]
    return _resource_list(f"{own.group}/{own.version}", resources)


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


def _resource_list(group_version: str, resources: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": resources,
    }
