"""Names of API things: group, version, resource (apimachinery ``pkg/runtime/schema``)."""

from typing import NamedTuple


class GroupVersion(NamedTuple):
    """An API group and a version of it.

    >>> str(GroupVersion("metrics.k8s.io", "v1beta1"))
    'metrics.k8s.io/v1beta1'
    >>> str(GroupVersion("", "v1"))
    'v1'
    """

    group: str
    version: str

    def __str__(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


class GroupResource(NamedTuple):
    """A resource (plural, lower case) of an API group.

    >>> str(GroupResource("apps", "deployments")), str(GroupResource("", "pods"))
    ('deployments.apps', 'pods')
    >>> GroupResource.parse("ingresses.networking.k8s.io")
    GroupResource(group='networking.k8s.io', resource='ingresses')
    """

    group: str
    resource: str

    def __str__(self) -> str:
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @classmethod
    def parse(cls, text: str) -> "GroupResource":
        """Split ``resource[.group]`` at the first dot."""
        resource, _, group = text.partition(".")
        return cls(group, resource)


class ResourceInfo(NamedTuple):
    """What Kubernetes discovery tells of a resource (apimachinery's ``RESTMapping``).

    >>> ingress = ResourceInfo("networking.k8s.io", "v1", "ingresses", "ingress", "Ingress", True)
    >>> ingress.api_version, str(ingress.group_resource)
    ('networking.k8s.io/v1', 'ingresses.networking.k8s.io')
    """

    group: str
    version: str
    resource: str
    singular: str
    kind: str
    namespaced: bool

    @property
    def group_resource(self) -> GroupResource:
        """Group and plural name."""
        return GroupResource(self.group, self.resource)

    @property
    def api_version(self) -> str:
        """``v1``, ``apps/v1``: what objects of it have as ``apiVersion``."""
        return str(GroupVersion(self.group, self.version))


class ListedMetric(NamedTuple):
    """A custom metric as discovery shows it; sorts by resource and name."""

    resource: GroupResource
    metric: str
    namespaced: bool


class PodKey(NamedTuple):
    """Namespace and name of a pod; sorts as the API lists pods."""

    namespace: str
    name: str
