"""Server-side printing, enough for ``kubectl get`` to look as usual."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapter.model.times import parse_rfc3339
from adapter.sim.kube_objects import Object
from adapter.sim.kube_resources import Resource

_COLUMNS: Mapping[str, Sequence[str]] = {
    "configmaps": ("Name", "Data", "Age"),
    "namespaces": ("Name", "Status", "Age"),
    "nodes": ("Name", "Status", "Roles", "Age", "Version"),
    "pods": ("Name", "Ready", "Status", "Restarts", "Age"),
}


def table(
    resource: Resource,
    objects: Sequence[Object],
    metadata: Mapping[str, Any],
    query: Mapping[str, str],
    now: float,
) -> dict[str, Any]:
    """A ``meta.k8s.io/v1`` Table of *objects*, whose age counts to *now* (Unix seconds)."""
    include = query.get("includeObject", "Metadata")
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [
            {
                "name": name,
                "type": "string",
                "format": "name" if name == "Name" else "",
                "description": "",
                "priority": 0,
            }
            for name in _COLUMNS.get(resource.key, ("Name", "Age"))
        ],
        "rows": [
            {"cells": _cells(resource, item, now), "object": _row_object(resource, item, include)}
            for item in objects
        ],
    }


def _row_object(resource: Resource, item: Object, include: str) -> dict[str, Any] | None:
    if include == "None":
        return None
    if include == "Object":
        return {"kind": resource.kind, "apiVersion": resource.api_version, **item}
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": item["metadata"],
    }


def _cells(resource: Resource, item: Object, now: float) -> list[Any]:
    name = item["metadata"]["name"]
    age = _age(now - parse_rfc3339(item["metadata"]["creationTimestamp"]))
    match resource.key:
        case "nodes":
            condition = item["status"]["conditions"][0]["status"]
            status = "Ready" if condition == "True" else "NotReady"
            return [name, status, "<none>", age, item["status"]["nodeInfo"]["kubeletVersion"]]
        case "pods":
            statuses = item["status"]["containerStatuses"]
            ready = sum(status["ready"] for status in statuses)
            restarts = sum(status["restartCount"] for status in statuses)
            phase = item["status"]["phase"]
            return [name, f"{ready}/{len(statuses)}", phase, str(restarts), age]
        case "namespaces":
            return [name, item["status"]["phase"], age]
        case "configmaps":
            return [name, len(item["data"]), age]
        case _:
            return [name, age]


def _age(seconds: float) -> str:
    """Seconds as kubectl shows ages, coarser.

    >>> [_age(seconds) for seconds in (5, 90, 4000, 200000)]
    ['5s', '90s', '66m', '2d7h']
    """
    if seconds < 120:
        return f"{int(seconds)}s"
    if seconds < 3 * 3600:
        return f"{int(seconds // 60)}m"
    if seconds < 48 * 3600:
        return f"{int(seconds // 3600)}h"
    return f"{int(seconds // 86400)}d{int(seconds % 86400 // 3600)}h"
