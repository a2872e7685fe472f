"""Which resources the stand-in serves now: custom ones come and go while it runs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adapter.errors import NotFound
from adapter.periodic import Clock
from adapter.sim.kube_objects import ObjectStore
from adapter.sim.kube_resources import Resource, plain_object


class ServedResources:
    """The stand-in's own resources, by group and version.

    Args:
        resources: Those it begins with, in the order of their groups.
    """

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._resources = list(resources)

    def add(self, resource: Resource) -> None:
        """Serve *resource* from now on."""
        self._resources.append(resource)

    def remove(self, group: str, name: str) -> None:
        """Serve it no longer, in none of its versions."""
        self._resources = [
            each for each in self._resources if (each.group, each.name) != (group, name)
        ]

    def groups(self) -> Sequence[str]:
        """Groups but the core one, in the order of discovery."""
        return [*dict.fromkeys(each.group for each in self._resources if each.group)]

    def versions(self, group: str) -> Sequence[str]:
        """Versions of *group*, the preferred one first; none when it is not the stand-in's own."""
        found = (each.version for each in self._resources if each.group == group)
        return [*dict.fromkeys(found)]

    def find(self, group: str, version: str, name: str) -> Resource:
        """One resource.

        Raises:
            NotFound: There is none.
        """
        for each in self._resources:
            if (each.group, each.version, each.name) == (group, version, name):
                return each
        raise NotFound("the server could not find the requested resource")

    def document(self, group: str, version: str) -> dict[str, Any]:
        """``APIResourceList`` of a version."""
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{group}/{version}" if group else version,
            "resources": [
                {
                    "name": each.name,
                    "singularName": each.singular,
                    "namespaced": each.namespaced,
                    "kind": each.kind,
                    "verbs": list(each.verbs),
                    "shortNames": list(each.short_names),
                }
                for each in self._resources
                if (each.group, each.version) == (group, version)
            ],
        }


class PlainObjects:
    """Objects of which only the labels matter: services, ingresses, custom resources.

    Args:
        store: Where the objects are.
        served: What is served.
        clock: Time of the cluster.
    """

    def __init__(self, store: ObjectStore, served: ServedResources, clock: Clock) -> None:
        self._store = store
        self._served = served
        self._clock = clock

    def add(
        self, resource: str, namespace: str, name: str, labels: Mapping[str, str] | None = None
    ) -> None:
        """Make an object, or give one new labels.

        Args:
            resource: Plural name and group, such as ``ingresses.networking.k8s.io``.
            namespace: Where; "" for kinds without namespaces.
            name: Its name.
            labels: Its labels.
        """
        made = plain_object(namespace, name, labels or {}, self._clock.time())
        self._store.put(resource, made)

    def delete(self, resource: str, namespace: str, name: str) -> None:
        """Remove an object; `KeyError` if there is none."""
        self._store.delete(resource, namespace, name)

    def define(
        self, resource: str, kind: str, *, namespaced: bool, versions: Sequence[str] = ("v1",)
    ) -> None:
        """Serve a custom resource, as if its CustomResourceDefinition was created now.

        Args:
            resource: Plural name and group, such as ``widgets.example.com``.
            kind: Its kind, such as ``Widget``.
            namespaced: Whether its objects live in namespaces.
            versions: The preferred one first.
        """
        name, _, group = resource.partition(".")
        for version in versions:
            self._served.add(
                Resource(name, kind, namespaced, kind.lower(), group=group, version=version)
            )

    def withdraw(self, resource: str) -> None:
        """Serve a custom resource no longer, as if its definition was deleted with its objects."""
        name, _, group = resource.partition(".")
        self._served.remove(group, name)
        for each in list(self._store.list(resource)):
            self.delete(resource, each["metadata"].get("namespace", ""), each["metadata"]["name"])
