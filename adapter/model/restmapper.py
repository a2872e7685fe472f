"""Which resource a word means, as apimachinery's ``RESTMapper`` answers it (``pkg/api/meta``)."""

from collections.abc import Iterable, Mapping

from adapter.model.resources import ResourceInfo


class RESTMapper:
    """The resources of a cluster; immutable.

    Args:
        resources: In order of preference: core first, then the groups as Kubernetes serves them,
            of each its preferred version first (client-go ``restmapper/discovery.go``).
    """

    def __init__(self, resources: Iterable[ResourceInfo]) -> None:
        self._resources = tuple(resources)
        self._by_name: dict[str, list[ResourceInfo]] = {}
        for info in self._resources:
            for name in {info.resource, info.singular, info.kind.lower()}:
                self._by_name.setdefault(name, []).append(info)

    @property
    def resources(self) -> tuple[ResourceInfo, ...]:
        """All of them, in order of preference; one for each version of a resource."""
        return self._resources

    def resolve(self, resource: str, group: str = "") -> ResourceInfo | None:
        """The most preferred resource of that name, or None.

        Args:
            resource: Plural, singular or kind, in any case.
            group: Its group. Empty: any group. A group that has no such resource is taken for the
                beginning of one (``networking`` for ``networking.k8s.io``).

        >>> CORE.resolve("Pod")
        ResourceInfo(group='', version='v1', resource='pods', singular='pod', kind='Pod', \
namespaced=True)
        >>> CORE.resolve("pods", "apps") is None
        True
        """
        candidates = self._by_name.get(resource.lower(), [])
        if group:
            named = [info for info in candidates if info.group == group]
            candidates = named or [info for info in candidates if info.group.startswith(group)]
        return candidates[0] if candidates else None


def _builtin(
    group: str, version: str, kinds: Mapping[str, str], *, namespaced: bool
) -> list[ResourceInfo]:
    return [
        ResourceInfo(group, version, resource, kind.lower(), kind, namespaced)
        for resource, kind in kinds.items()
    ]


_CORE = [
    *_builtin(
        "",
        "v1",
        {
            "configmaps": "ConfigMap",
            "endpoints": "Endpoints",
            "events": "Event",
            "limitranges": "LimitRange",
            "persistentvolumeclaims": "PersistentVolumeClaim",
            "pods": "Pod",
            "podtemplates": "PodTemplate",
            "replicationcontrollers": "ReplicationController",
            "resourcequotas": "ResourceQuota",
            "secrets": "Secret",
            "serviceaccounts": "ServiceAccount",
            "services": "Service",
        },
        namespaced=True,
    ),
    *_builtin(
        "",
        "v1",
        {
            "namespaces": "Namespace",
            "nodes": "Node",
            "persistentvolumes": "PersistentVolume",
        },
        namespaced=False,
    ),
]

CORE = RESTMapper(_CORE)
"""The core group, which every cluster has."""

BUILTIN = RESTMapper(
    [
        *_CORE,
        *_builtin(
            "apps",
            "v1",
            {
                "controllerrevisions": "ControllerRevision",
                "daemonsets": "DaemonSet",
                "deployments": "Deployment",
                "replicasets": "ReplicaSet",
                "statefulsets": "StatefulSet",
            },
            namespaced=True,
        ),
        *_builtin(
            "autoscaling",
            "v2",
            {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
            namespaced=True,
        ),
        *_builtin("batch", "v1", {"cronjobs": "CronJob", "jobs": "Job"}, namespaced=True),
        *_builtin(
            "networking.k8s.io",
            "v1",
            {"ingresses": "Ingress", "networkpolicies": "NetworkPolicy"},
            namespaced=True,
        ),
        *_builtin("networking.k8s.io", "v1", {"ingressclasses": "IngressClass"}, namespaced=False),
        *_builtin("policy", "v1", {"poddisruptionbudgets": "PodDisruptionBudget"}, namespaced=True),
        *_builtin("storage.k8s.io", "v1", {"storageclasses": "StorageClass"}, namespaced=False),
        *_builtin("coordination.k8s.io", "v1", {"leases": "Lease"}, namespaced=True),
        *_builtin("discovery.k8s.io", "v1", {"endpointslices": "EndpointSlice"}, namespaced=True),
    ]
)
"""What metrics are usually about in a cluster without extensions: for checks without a cluster."""
