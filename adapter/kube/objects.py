"""Names of the objects a selector means: of any kind that Kubernetes serves.

Running pods and nodes are in memory. Other kinds are listed, whole namespaces at a time and only
their metadata, and a list is kept for a moment: the HPAs of a namespace ask for the same objects
with selectors of their own, which are evaluated here.
"""

import re
from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from adapter.flight import SingleFlight
from adapter.kube.api import KubeApi, KubeApiError, KubeGone
from adapter.kube.listers import NodeLister, PodLister, check_synced
from adapter.kube.watched import ListMeta
from adapter.model.labels import Selector
from adapter.model.resources import GroupResource, ResourceInfo
from adapter.periodic import Clock
from adapter.telemetry import Telemetry

PAGE_SIZE = 500
"""Objects a page of a list."""

KEPT_SECONDS = 10.0
"""How long a list serves, from its start: less than the 15 s between two syncs of an HPA."""

FAILED_SECONDS = 2.0
"""How long a failure is answered again without a request."""

MOST_LISTS = 256
"""Lists that are kept at a time; beyond it the one that was not used for longest goes."""

_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_PODS = GroupResource("", "pods")
_NODES = GroupResource("", "nodes")


class _Metadata(msgspec.Struct, frozen=True, gc=False):
    name: str
    labels: dict[str, str] | None = None


class _Object(msgspec.Struct, frozen=True, gc=False):
    metadata: _Metadata


class _Page(msgspec.Struct, frozen=True, gc=False):
    metadata: ListMeta = ListMeta()
    items: list[_Object] | None = None


_PAGE = msgspec.json.Decoder(_Page)


class ObjectLister:
    """Finds objects by label selector.

    Args:
        api: Where to ask.
        pods: Running pods, in memory.
        nodes: Nodes, in memory.
        clock: Where time comes from.
        telemetry: Lists are counted there.
    """

    def __init__(
        self,
        api: KubeApi,
        pods: PodLister,
        nodes: NodeLister,
        *,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._api = api
        self._pods = pods
        self._nodes = nodes
        self._clock = clock
        self._telemetry = telemetry
        self._lists: OrderedDict[tuple[ResourceInfo, str], _KeptList] = OrderedDict()
        telemetry.object_list_objects.set_function(
            lambda: sum(len(kept.held) for kept in self._lists.values())
        )

    async def names(
        self, info: ResourceInfo, namespace: str, selector: Selector
    ) -> tuple[str, ...]:
        """Names of the objects of kind *info* that *selector* matches, sorted.

        Args:
            info: What to list. Of pods, only running ones count.
            namespace: Where. Empty: everywhere; a kind without namespaces is everywhere.
            selector: On the labels of the objects.

        Raises:
            SourceError: Pods or nodes were not read yet.
            KubeApiError: kube-apiserver refused the list or did not answer.
        """
        namespace = namespace if info.namespaced else ""
        if info.group_resource == _PODS:
            check_synced(self._pods, "pods")
            pods = self._pods.list(namespace or None, selector)
            return tuple(sorted({pod.name for pod in pods}))
        if info.group_resource == _NODES:
            check_synced(self._nodes, "nodes")
            return tuple(node.name for node in self._nodes.list(selector))
        if namespace and not _NAMESPACE.fullmatch(namespace):
            return ()  # what is no name cannot exist, and must not become part of a path
        found = await self._list(info, namespace).objects()
        return tuple(name for name, labels in found if selector.matches(labels))

    def _list(self, info: ResourceInfo, namespace: str) -> "_KeptList":
        key = (info, namespace)
        kept = self._lists.get(key)
        if kept is None:
            self._forget_old()
            kept = self._lists[key] = _KeptList(
                self._api, info, namespace, clock=self._clock, telemetry=self._telemetry
            )
        self._lists.move_to_end(key)
        return kept

    def _forget_old(self) -> None:
        for key, kept in [*self._lists.items()]:
            if kept.idle:
                del self._lists[key]
        while len(self._lists) >= MOST_LISTS:
            self._lists.popitem(last=False)


_Objects = Sequence[tuple[str, dict[str, str]]]
"""Name and labels of each object, by name."""


class _KeptList:
    """The objects of one kind in one namespace."""

    def __init__(
        self,
        api: KubeApi,
        info: ResourceInfo,
        namespace: str,
        *,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._api = api
        self._info = info
        self._path = _path(info, namespace)
        self._clock = clock
        self._telemetry = telemetry
        self._flight = SingleFlight(self._fetch)
        self.held: _Objects = ()
        self._error: KubeApiError | None = None
        self._until = 0.0

    @property
    def idle(self) -> bool:
        """Whether it is too old to serve, and nobody waits for a new one."""
        return not self._flight.under_way and self._clock.monotonic() >= self._until

    async def objects(self) -> _Objects:
        """The objects, kept or new ones; `KubeApiError` when kube-apiserver does not tell."""
        if self._clock.monotonic() >= self._until:
            return await self._flight.run()
        self._telemetry.object_lists.labels("kept").inc()
        if self._error is not None:
            raise KubeApiError(str(self._error), self._error.http_status)
        return self.held

    async def _fetch(self) -> _Objects:
        started = self._clock.monotonic()
        try:
            objects = await self._read()
        except KubeApiError as error:
            self._telemetry.object_lists.labels("failed").inc()
            self.held = ()
            self._error = KubeApiError(_explained(error, self._info), error.http_status)
            self._until = self._clock.monotonic() + FAILED_SECONDS
            raise self._error from error
        self._telemetry.object_lists.labels("listed").inc()
        self.held = objects
        self._error = None
        self._until = started + KEPT_SECONDS
        return objects

    async def _read(self) -> _Objects:
        try:
            return await self._pages(PAGE_SIZE)
        except KubeGone:
            # the continue token expired between two pages
            return await self._pages(None)

    async def _pages(self, limit: int | None) -> _Objects:
        found: list[tuple[str, dict[str, str]]] = []
        params = {} if limit is None else {"limit": str(limit)}
        while True:
            body = await self._api.get(self._path, params, _METADATA)
            try:
                page = _PAGE.decode(body)
            except msgspec.DecodeError as error:
                raise KubeApiError(
                    f"GET {self._path}: kube-apiserver's list is broken: {error}"
                ) from None
            found += [(each.metadata.name, each.metadata.labels or {}) for each in page.items or ()]
            if not page.metadata.continue_:
                return sorted(found, key=lambda item: item[0])
            params["continue"] = page.metadata.continue_


def _path(info: ResourceInfo, namespace: str) -> str:
    root = "apis" if info.group else "api"
    place = f"namespaces/{namespace}/" if namespace else ""
    return f"/{root}/{info.api_version}/{place}{info.resource}"


def _explained(error: KubeApiError, info: ResourceInfo) -> str:
    """Say what to do where the cause is known."""
    resource = info.group_resource
    match error.http_status:
        case 403:
            return f"the service account may not list {resource}: add it to the ClusterRole"
        case 404:
            return f"kube-apiserver does not serve {resource} any more"
        case _:
            return str(error)
