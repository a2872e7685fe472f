"""Which resources the cluster serves now, read from its discovery.

Two requests tell everything, and an ``ETag`` makes them cheap while nothing changes. Servers from
before Kubernetes 1.27 are asked for each group version.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import msgspec

from adapter.flight import SingleFlight
from adapter.kube.api import JSON, KubeApi, KubeApiError
from adapter.kube.discovery import (
    DISCOVERY_ACCEPT,
    METRICS_GROUPS,
    Index,
    Versions,
    parse_resource_list,
)
from adapter.model.resources import GroupVersion, ResourceInfo
from adapter.model.restmapper import CORE, RESTMapper
from adapter.periodic import Clock
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

MISS_SECONDS = 10.0
"""Seconds between two looks for a resource that is not known, so that requests for resources that
do not exist cost kube-apiserver nothing."""

MOST_AT_ONCE = 8
"""Requests at a time to a server without aggregated discovery."""


class KubeMapper:
    """Keeps a `RESTMapper` current; `refresh` is to be called from time to time.

    Args:
        api: Where to ask.
        clock: Where time comes from.
        telemetry: Refreshes and resources are counted there.
    """

    def __init__(self, api: KubeApi, *, clock: Clock, telemetry: Telemetry) -> None:
        self.mapper: RESTMapper = CORE
        """What is known; the core group until discovery was read once. Replaced, never changed."""
        self.revision = 0
        """Grows with each change of `mapper`."""
        self.has_synced = False
        """Whether discovery was read."""
        self._api = api
        self._clock = clock
        self._telemetry = telemetry
        self._documents = {path: _Document(api, path) for path in ("/api", "/apis")}
        self._known: Mapping[GroupVersion, Sequence[ResourceInfo]] = {}
        self._stale: frozenset[GroupVersion] = frozenset()
        self._flight = SingleFlight(self._refresh)
        self._asked_at: float | None = None
        self._failure: KubeApiError | None = None

    async def refresh(self) -> None:
        """Read discovery again; callers that come meanwhile wait for the same reading.

        A group version whose server is away stays as it was.

        Raises:
            KubeApiError: kube-apiserver did not answer; all is as it was.
        """
        await self._flight.run()

    async def resolve(self, resource: str, group: str = "") -> ResourceInfo | None:
        """Look a resource up as `RESTMapper.resolve` does, in discovery too when it is not known.

        Raises:
            KubeApiError: It is not known, and kube-apiserver did not tell whether there is one.
        """
        found = self.mapper.resolve(resource, group)
        if found is None and self._may_look():
            await self.refresh()
            found = self.mapper.resolve(resource, group)
        if found is None and self._failure is not None:
            raise KubeApiError(str(self._failure), self._failure.http_status)
        return found

    def _may_look(self) -> bool:
        if self._flight.under_way or self._asked_at is None:
            return True
        return self._clock.monotonic() - self._asked_at >= MISS_SECONDS

    async def _refresh(self) -> None:
        self._asked_at = self._clock.monotonic()
        try:
            found: dict[GroupVersion, Sequence[ResourceInfo] | None] = {}
            for document in self._documents.values():
                found |= await document.read()
        except KubeApiError as error:
            self._failure = error
            self._telemetry.kube_discovery_refreshes.labels("failed").inc()
            raise
        self._failure = None
        self._take(found)

    def _take(self, found: Versions) -> None:
        self._report(found)
        known = {
            served: self._known.get(served, ()) if resources is None else tuple(resources)
            for served, resources in found.items()
        }
        self._known = known
        self.has_synced = True
        resources = tuple(info for each in known.values() for info in each)
        # the order counts: it decides which of two resources of a name is meant
        changed = resources != self.mapper.resources
        self._telemetry.kube_discovery_refreshes.labels("changed" if changed else "unchanged").inc()
        self._telemetry.kube_discovery_resources.set(len(resources))
        if changed:
            self.mapper = RESTMapper(resources)
            self.revision += 1

    def _report(self, found: Versions) -> None:
        """Log whose server went away or came back; not of metrics: that may be this process.

        While it starts nobody answers for it, so that each restart would look like a failure.
        """
        stale = frozenset(
            served
            for served, resources in found.items()
            if resources is None and served.group not in METRICS_GROUPS
        )
        for served in sorted(stale - self._stale):
            log.warning("discovery of %s fails: its resources stay as they were", served)
        for served in sorted((self._stale - stale) & found.keys()):
            log.info("discovery of %s works again", served)
        self._stale = stale
        self._telemetry.kube_discovery_stale_versions.set(len(stale))


class _Document:
    """``/api`` or ``/apis``, as last read."""

    def __init__(self, api: KubeApi, path: str) -> None:
        self._api = api
        self._path = path
        self._etag = ""
        self._versions: Versions = {}

    async def read(self) -> Versions:
        """What it says now.

        Raises:
            KubeApiError: No answer, or one that is no discovery document.
        """
        document = await self._api.get_changed(self._path, DISCOVERY_ACCEPT, self._etag)
        if document is None:
            return self._versions
        try:
            index = Index(document.body)
        except msgspec.DecodeError as error:
            raise _broken(self._path, error) from None
        if not index.aggregated:
            return await self._read_each(index.versions)
        self._versions = index.versions
        self._etag = document.etag
        return index.versions

    async def _read_each(self, versions: Versions) -> Versions:
        limit = asyncio.Semaphore(MOST_AT_ONCE)

        async def read(served: GroupVersion) -> Sequence[ResourceInfo] | None:
            async with limit:
                return await self._read_one(served)

        async with asyncio.TaskGroup() as group:
            tasks = {served: group.create_task(read(served)) for served in versions}
        return {served: task.result() for served, task in tasks.items()}

    async def _read_one(self, served: GroupVersion) -> Sequence[ResourceInfo] | None:
        """Resources of one group version; None when its server is away."""
        path = f"{self._path}/{served}"
        try:
            return parse_resource_list(served, await self._api.get(path, accept=JSON))
        except KubeApiError as error:
            log.debug("%s", error)
        except msgspec.DecodeError as error:
            log.debug("%s", _broken(path, error))
        return None


def _broken(path: str, error: msgspec.DecodeError) -> KubeApiError:
    return KubeApiError(f"GET {path}: kube-apiserver's discovery document is broken: {error}")
