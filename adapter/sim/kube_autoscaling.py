"""Autoscalers, what they scale, and the ``scale`` subresource that tells which pods those are."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web

from adapter.errors import NotFound
from adapter.model.times import format_rfc3339
from adapter.periodic import Clock
from adapter.sim.kube_objects import Object, ObjectStore
from adapter.sim.kube_served import ServedResources

AUTOSCALERS = "horizontalpodautoscalers.autoscaling"
"""Under which the store has them."""

Target = tuple[str, str, str]
"""``apiVersion``, kind and name of what an autoscaler scales."""


class AutoscalingObjects:
    """Makes autoscalers and workloads, and shows the events that were told of them.

    Args:
        store: Where the objects are.
        clock: Time of the cluster.
    """

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add_workload(
        self,
        resource: str,
        namespace: str,
        name: str,
        *,
        selector: Mapping[str, str],
        replicas: int = 1,
    ) -> None:
        """Make a workload, or change one.

        Args:
            resource: Plural name and group, such as ``deployments.apps``.
            namespace: Where.
            name: Its name.
            selector: Labels of its pods.
            replicas: How many it has, and wants.
        """
        spec = {"replicas": replicas, "selector": {"matchLabels": dict(selector)}}
        metadata = self._metadata("workload", namespace, name, labels=dict(selector))
        status = {"replicas": replicas}
        self._store.put(resource, {"metadata": metadata, "spec": spec, "status": status})

    def add_autoscaler(
        self,
        namespace: str,
        name: str,
        *,
        target: Target,
        metrics: Sequence[Mapping[str, Any]],
        annotations: Mapping[str, str] | None = None,
        replicas: int = 1,
    ) -> Object:
        """Make a HorizontalPodAutoscaler, or change one.

        Args:
            namespace: Where.
            name: Its name.
            target: What it scales.
            metrics: Its ``spec.metrics`` as in autoscaling/v2.
            annotations: Its annotations.
            replicas: How many the target has, as its status says.
        """
        version, kind, scaled = target
        made = {
            "metadata": self._metadata("hpa", namespace, name, annotations=dict(annotations or {})),
            "spec": {
                "scaleTargetRef": {"apiVersion": version, "kind": kind, "name": scaled},
                "minReplicas": 1,
                "maxReplicas": 10,
                "metrics": list(metrics),
            },
            "status": {"currentReplicas": replicas, "desiredReplicas": replicas},
        }
        return self._store.put(AUTOSCALERS, made)

    def delete_autoscaler(self, namespace: str, name: str) -> None:
        """Remove an autoscaler; `KeyError` if there is none."""
        self._store.delete(AUTOSCALERS, namespace, name)

    def events(self, namespace: str | None = None) -> Sequence[Object]:
        """Events that were written, of *namespace* or of all, by namespace and name."""
        return self._store.list("events", namespace)

    def _metadata(self, what: str, namespace: str, name: str, **more: Any) -> dict[str, Any]:
        return {
            "name": name,
            "namespace": namespace,
            "uid": f"{what}-{namespace}-{name}",
            "creationTimestamp": format_rfc3339(self._clock.time()),
            **more,
        }


class ScaleReader:
    """Serves ``scale`` of objects that have replicas.

    Args:
        store: The objects.
        served: The resources they are of.
    """

    def __init__(self, store: ObjectStore, served: ServedResources) -> None:
        self._store = store
        self._served = served

    async def get_scale(self, request: web.Request) -> web.Response:
        """Serve an ``autoscaling/v1`` Scale."""
        path = request.match_info
        resource = self._served.find(path["group"], path["version"], path["resource"])
        namespace, name = path["namespace"], path["name"]
        found = self._store.get(resource.key, namespace, name)
        if found is None:
            raise NotFound(f'{resource.key} "{name}" not found', name=name, kind=resource.name)
        replicas = found["spec"].get("replicas")
        if replicas is None:  # nothing that is scaled
            raise NotFound("the server could not find the requested resource")
        labels = found["spec"].get("selector", {}).get("matchLabels", {})
        selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        document = {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"replicas": replicas},
            "status": {"replicas": found["status"]["replicas"], "selector": selector},
        }
        return web.Response(body=msgspec.json.encode(document), content_type="application/json")
