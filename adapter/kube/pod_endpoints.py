"""Where running pods answer requests: addresses, readiness and named ports.

Unlike the listers' pods these are read whole, since an address is in the status and a port in the
specification; what is kept of each is a few fields. One store belongs to one informer, because
`PodEndpoints.has_synced` says that its informer's first list is complete; `PodEndpointsOfMany` is
the view over the stores of several namespaces.
"""

import sys
from collections.abc import Mapping, Sequence
from itertools import chain

import msgspec

from adapter.kube.labelled import Labelled
from adapter.kube.podstore import PodStore
from adapter.kube.watched import ListMeta, Watched
from adapter.model.labels import Selector
from adapter.model.times import parse_rfc3339


class PodEndpoint(msgspec.Struct, frozen=True, gc=False):
    """How one running pod is reached, and whether it should be.

    Attributes:
        labels: May be shared between pods.
        uid: Tells it from another of its name, before or after it.
        ip: ``status.podIP``, IPv4 or IPv6 without brackets; "" while the pod has none.
        ready: Whether its condition ``Ready`` is ``True``.
        ready_since: Unix seconds when it became ready; None unless *ready*, or not told.
        terminating: Whether its deletion was asked for.
        ports: Numbers of its named TCP ports, of containers and of sidecar init containers.
    """

    namespace: str
    name: str
    labels: dict[str, str] = {}
    uid: str = ""
    ip: str = ""
    ready: bool = False
    ready_since: float | None = None
    terminating: bool = False
    ports: Mapping[str, int] = {}


class PodEndpoints(PodStore[PodEndpoint]):
    """Running pods by namespace and name; see `adapter.kube.podstore.PodStore`."""

    def __init__(self) -> None:
        super().__init__()
        self._sorted: dict[str, Labelled[PodEndpoint]] = {}

    def get(self, namespace: str, name: str) -> PodEndpoint | None:
        """The running pod *name* of *namespace*, or None."""
        return self._find(namespace, name)

    def selected(self, namespace: str, selector: Selector) -> Sequence[PodEndpoint]:
        """Pods of *namespace* that *selector* matches; not to be changed."""
        return self._in_namespace(namespace).selected(selector)

    def namespaces(self) -> Sequence[str]:
        """Namespaces that have running pods, sorted."""
        return sorted(self._by_namespace)

    def _in_namespace(self, namespace: str) -> Labelled[PodEndpoint]:
        if namespace not in self._by_namespace:
            return _NO_PODS
        cached = self._sorted.get(namespace)
        if cached is None:
            cached = self._sorted[namespace] = Labelled(self._sorted_in(namespace))
        return cached

    def _kept(self, pod: PodEndpoint, namespace: str, labels: dict[str, str]) -> PodEndpoint:
        return msgspec.structs.replace(pod, namespace=namespace, labels=labels)

    def _changed(self, namespace: str | None) -> None:
        super()._changed(namespace)
        if namespace is None:
            self._sorted.clear()
        else:
            self._sorted.pop(namespace, None)


class PodEndpointsOfMany:
    """The pods of several stores, each of which holds other namespaces than the rest.

    Args:
        stores: One for each informer.
    """

    def __init__(self, stores: Sequence[PodEndpoints]) -> None:
        self._stores = tuple(stores)

    def __len__(self) -> int:
        return sum(map(len, self._stores))

    @property
    def has_synced(self) -> bool:
        """Whether every store has a complete first list."""
        return all(store.has_synced for store in self._stores)

    @property
    def problem(self) -> str | None:
        """Why the pods of a store cannot be read now, or None."""
        return next((store.problem for store in self._stores if store.problem), None)

    @property
    def revision(self) -> int:
        """Grows with each change of any store."""
        return sum(store.revision for store in self._stores)

    def get(self, namespace: str, name: str) -> PodEndpoint | None:
        """The running pod *name* of *namespace*, or None."""
        found = (store.get(namespace, name) for store in self._stores)
        return next((pod for pod in found if pod is not None), None)

    def selected(self, namespace: str, selector: Selector) -> Sequence[PodEndpoint]:
        """Pods of *namespace* that *selector* matches; not to be changed."""
        found = (store.selected(namespace, selector) for store in self._stores)
        return next((pods for pods in found if pods), ())

    def namespaces(self) -> Sequence[str]:
        """Namespaces that have running pods, sorted."""
        return sorted({each for store in self._stores for each in store.namespaces()})


def watched_pods(namespace: str | None, selector: str = "") -> Watched[PodEndpoint]:
    """Running pods of *namespace* (None for all) that the label selector *selector* matches.

    A pod that leaves the phase ``Running`` is deleted for whoever watches with a field selector.
    """
    params = {"fieldSelector": "status.phase=Running"}
    # a name for each, and none the listers' pods have: informers of one name would share a gauge
    resource = "pod-endpoints" if namespace is None else f"pod-endpoints/{namespace}"
    if selector:
        params["labelSelector"] = selector
        resource = f"{resource}?{selector}"
    return Watched(
        resource=resource,
        path="/api/v1/pods" if namespace is None else f"/api/v1/namespaces/{namespace}/pods",
        params=params,
        page=_PAGE,
        one=_ONE,
        convert=_endpoint,
    )


class _Metadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    # a bookmark has nothing but a resource version
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None
    deletion_timestamp: str | None = None


class _Port(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    container_port: int = 0
    name: str = ""
    protocol: str = "TCP"


class _Container(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    ports: tuple[_Port, ...] | None = None
    restart_policy: str | None = None


class _Spec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    containers: tuple[_Container, ...] | None = None
    init_containers: tuple[_Container, ...] | None = None


class _Condition(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    type: str = ""
    status: str = ""
    last_transition_time: str | None = None


class _Status(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    pod_ip: str = msgspec.field(default="", name="podIP")
    conditions: tuple[_Condition, ...] | None = None


class _Pod(msgspec.Struct, frozen=True, gc=False):
    metadata: _Metadata
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _PodList(msgspec.Struct, frozen=True, gc=False):
    metadata: ListMeta
    items: list[_Pod] | None = None


_NO_PODS: Labelled[PodEndpoint] = Labelled(())
_PAGE = msgspec.json.Decoder(_PodList)
_ONE = msgspec.json.Decoder(_Pod)


def _endpoint(wire: _Pod) -> PodEndpoint:
    meta, status = wire.metadata, wire.status
    conditions = (each for each in status.conditions or () if each.type == "Ready")
    condition = next(conditions, _Condition())
    ready = condition.status == "True"
    return PodEndpoint(
        namespace=meta.namespace,
        name=meta.name,
        labels=meta.labels or {},
        uid=meta.uid,
        ip=status.pod_ip,
        ready=ready,
        ready_since=_seconds(condition.last_transition_time) if ready else None,
        terminating=meta.deletion_timestamp is not None,
        ports=_named_ports(wire.spec),
    )


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parse_rfc3339(text)
    except ValueError:
        return None


def _named_ports(spec: _Spec) -> dict[str, int]:
    # an init container that always restarts is a sidecar: it runs as long as the pod
    sidecars = [each for each in spec.init_containers or () if each.restart_policy == "Always"]
    found: dict[str, int] = {}
    for container in chain(spec.containers or (), sidecars):
        for port in container.ports or ():
            if port.name and port.protocol == "TCP":
                found.setdefault(sys.intern(port.name), port.container_port)
    return found
