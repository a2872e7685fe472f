"""List and watch: keeps a lister equal to what kube-apiserver holds.

The conversation is that of client-go's reflector: list in pages, watch from the list's resource
version with bookmarks, go on from the last version seen when the server ends a watch or the
connection breaks, list again when that version is gone. The old objects serve until a new list is
complete.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Iterable
from typing import Generic, Protocol, TypeVar

import msgspec

from adapter.kube.api import KubeApi, KubeApiError, KubeGone
from adapter.kube.watched import Watched
from adapter.periodic import Clock
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

PAGE_SIZE = 500
"""Objects a page of a list; 500 pods decode in 5 ms."""

WATCH_SECONDS = (300, 600)
"""A watch ends after a time in this range, so that replicas spread over kube-apiservers."""

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Seconds to wait after a first failure, and at most; doubled in between, with jitter."""

SHORT_WATCH = 1.0
"""A watch that ends sooner (seconds) without any event counts as a failure."""

HEALTHY_SECONDS = 10.0
"""How long a watch must stay open to forget the failures before it; less would let a server that
breaks each watch after an event be listed twice a second."""

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class ObjectStore(Protocol[T_contra]):
    """Where an informer puts objects; the listers are such stores."""

    has_synced: bool
    problem: str | None

    def stage(self, objects: Iterable[T_contra], /) -> None:
        """Set a part of a list aside."""

    def unstage(self) -> None:
        """Forget what was set aside."""

    def replace(self) -> None:
        """Hold exactly what was set aside."""

    def upsert(self, item: T_contra, /) -> None:
        """Add or change one object."""

    def remove(self, item: T_contra, /) -> None:
        """Forget one object."""

    def __len__(self) -> int: ...


class _Event(msgspec.Struct, gc=False):
    type: str
    object: msgspec.Raw


class _ErrorStatus(msgspec.Struct, gc=False):
    code: int = 0
    message: str = ""


class _Relist(Exception):
    """The watch cannot go on from its resource version.

    Args:
        reason: Why, for the log.
        expected: True for what happens in normal operation (410).
    """

    def __init__(self, reason: str, *, expected: bool = False) -> None:
        super().__init__(reason)
        self.expected = expected


class Informer(Generic[T]):
    """Keeps one store current until cancelled.

    Args:
        api: Where to ask.
        watched: What to list and watch.
        store: Where the objects go.
        clock: Where time comes from.
        telemetry: Objects held and lists made are counted there.
    """

    def __init__(
        self,
        api: KubeApi,
        watched: Watched[T],
        store: ObjectStore[T],
        *,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self.name = f"{watched.resource}-informer"
        self._api = api
        self._watched = watched
        self._store = store
        self._clock = clock
        objects = telemetry.informer_objects.labels(resource=watched.resource)
        objects.set_function(lambda: len(store))
        self._relists = telemetry.informer_relists.labels(resource=watched.resource)
        self._version = ""
        self._failures = 0
        self._gone = False
        self._last_error: str | None = None
        self._connected = False

    @property
    def has_synced(self) -> bool:
        """Whether a first list was completed."""
        return self._store.has_synced

    def check(self) -> str | None:
        """Answer a probe: None when all is well, else why the store may be behind."""
        return None if self._connected else self._last_error

    async def run(self) -> None:
        """List and watch until cancelled; never ends on an error of kube-apiserver."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except _Relist as reason:
                self._version = ""
                if reason.expected and not self._gone:
                    # also after an outage: a restarted kube-apiserver knows no older version
                    log.info("%s: listing again: %s", self.name, reason)
                    # a second one without a good watch between them is a failure
                    self._gone = True
                else:
                    await self._failed(str(reason))
            except KubeApiError as error:
                await self._failed(str(error))

    async def _list(self) -> None:
        """Take a complete list into the store."""
        self._relists.inc()
        try:
            version = await self._pages(PAGE_SIZE)
        except KubeGone:
            # the continue token expired between two pages; if it does so again, ask for one page
            try:
                version = await self._pages(PAGE_SIZE)
            except KubeGone:
                version = await self._pages(None)
        self._store.replace()
        self._version = version
        log.info("%s: listed %d objects", self.name, len(self._store))

    async def _pages(self, limit: int | None) -> str:
        """Stage all pages of a new list; its resource version."""
        self._store.unstage()
        params = dict(self._watched.params)
        if limit is not None:
            params["limit"] = str(limit)
        while True:
            path, accept = self._watched.path, self._watched.list_accept
            body = await self._api.get(path, params, accept)
            try:
                items, meta = self._watched.decode_list(body)
            except msgspec.DecodeError as error:
                raise KubeApiError(
                    f"GET {path}: kube-apiserver's list is broken: {error}"
                ) from None
            self._store.stage(items)
            if not meta.continue_:
                return meta.resource_version
            params["continue"] = meta.continue_

    async def _watch(self) -> None:
        """Apply events until the watch ends."""
        params = {
            **self._watched.params,
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(random.randint(*WATCH_SECONDS)),  # noqa: S311 - spreads load
        }
        started = self._clock.monotonic()
        any_event = False
        try:
            async with (
                self._api.watch(self._watched.path, params, self._watched.watch_accept) as lines,
                self._recovering(),
            ):
                self._connected = True
                async for line in lines:
                    self._apply(line)
                    any_event = True
        except KubeGone as error:
            raise _Relist(str(error), expected=True) from None
        finally:
            self._connected = False
        if not any_event and self._clock.monotonic() - started < SHORT_WATCH:
            raise KubeApiError(f"watch of {self._watched.path} ended at once without an event")
        self._works()

    @contextlib.asynccontextmanager
    async def _recovering(self) -> AsyncIterator[None]:
        """Forget the failures before a watch, the block, when that has lasted long enough.

        Not at an event: the first bookmark comes after a minute, and until then the store would
        seem behind, and a second outage be waited out as if it were the old one.
        """
        if not self._ailing:
            yield
            return
        timer = asyncio.create_task(self._works_after(HEALTHY_SECONDS), name=f"{self.name}-health")
        try:
            yield
        finally:
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)

    async def _works_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._works()

    def _apply(self, line: bytes) -> None:
        """Apply one event.

        Raises:
            _Relist: The event says so, or cannot be understood.
        """
        try:
            event = _EVENT.decode(line)
            if event.type == "ERROR":
                status = _STATUS.decode(event.object)
                raise _Relist(f"{status.code} {status.message}", expected=status.code == 410)
            item, version = self._watched.decode(event.object)
        except msgspec.DecodeError as error:
            raise _Relist(f"an event of the watch is broken: {error}") from None
        if event.type in {"ADDED", "MODIFIED"}:
            self._store.upsert(item)
        elif event.type == "DELETED":
            self._store.remove(item)
        if version:
            self._version = version

    async def _failed(self, reason: str) -> None:
        """Log a change for the worse and wait, longer each time."""
        if self._last_error is None:
            log.warning("%s: %s", self.name, reason)
        self._last_error = self._store.problem = reason
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures, 16))
        self._failures += 1
        await self._clock.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret

    def _works(self) -> None:
        """Log a change for the better."""
        if self._last_error is not None:
            log.info("%s works again after %d failures", self.name, self._failures)
        self._last_error = self._store.problem = None
        self._failures = 0
        self._gone = False

    @property
    def _ailing(self) -> bool:
        """Whether anything was not as it should be since the last good watch."""
        return self._gone or self._failures > 0


_EVENT = msgspec.json.Decoder(_Event)
_STATUS = msgspec.json.Decoder(_ErrorStatus)
