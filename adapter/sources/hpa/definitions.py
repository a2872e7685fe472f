"""What all HPAs define, read again when they change; what is wrong becomes an Event on the HPA."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from adapter.kube.events import ObjectReference
from adapter.kube.hpas import HPA_API_VERSION, HPA_KIND, HorizontalPodAutoscalers
from adapter.kube.listers import why_unsynced
from adapter.model.autoscaling import HorizontalPodAutoscaler
from adapter.rules.annotations import (
    Annotated,
    Definition,
    Source,
    owner_of,
    read_annotations,
)
from adapter.sources.hpa.index import Index
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

REASON = "FailedParseMetricAnnotation"
"""``reason`` of the Events about annotations."""

REFRESH_SECONDS = 2.0
"""How often `Definitions.refresh` should run: so late is an Event at most."""

AT_ONCE = 10
"""HPAs read between two pauses: one takes a millisecond or two."""

Servers = Mapping[str, str]


class Warns(Protocol):
    """Who tells people (`adapter.kube.events.EventRecorder`)."""

    def warn(self, regarding: ObjectReference, reason: str, message: str) -> None:
        """Say that something is wrong with an object; repetitions cost nothing."""


class _Read(NamedTuple):
    """An HPA as it was read, and what came of it."""

    hpa: HorizontalPodAutoscaler
    servers: Servers
    annotated: Annotated


class Definitions:
    """The metrics that HPAs define.

    `refresh` is to be called every `REFRESH_SECONDS`; questions do not wait for it.

    Args:
        stores: HPAs, one store for each informer.
        servers: Gives the URLs of the Prometheus servers that may be asked, by name.
        recorder: Who tells the authors of HPAs.
        telemetry: Own metrics.
    """

    def __init__(
        self,
        stores: Sequence[HorizontalPodAutoscalers],
        *,
        servers: Callable[[], Servers],
        recorder: Warns,
        telemetry: Telemetry,
    ) -> None:
        self._stores = tuple(stores)
        self._servers = servers
        self._recorder = recorder
        self._telemetry = telemetry
        self._read: dict[tuple[str, str], _Read] = {}
        self._index = Index()
        self._known: tuple[int, Servers] | None = None
        self._told: frozenset[tuple[str, str]] = frozenset()
        self._when_dropped: list[Callable[[Source], None]] = []

    @property
    def index(self) -> Index:
        """The metrics as of now; many changes at once wait for `refresh`."""
        if self._revision() != self._known:
            servers = self._servers()
            unread = self._unread(servers)
            if len(unread) <= AT_ONCE:
                self._read_all(unread, servers)
                self._settle()
        return self._index

    @property
    def problem(self) -> str | None:
        """Why HPAs are not known, where no list of theirs was read yet; None where they are."""
        for store in self._stores:
            if why := why_unsynced(store, "HPAs"):
                return why
        return None if self._known is not None else "the annotations of HPAs are being read"

    @property
    def unread(self) -> str | None:
        """Why it is too early to answer; None once every list was read or refused.

        A namespace whose HPAs may not be read must not keep all others from being served.
        """
        unread = [store for store in self._stores if not store.has_synced]
        for store in unread:
            if store.problem is None:
                return why_unsynced(store, "HPAs")
        return None if unread else self.problem

    async def refresh(self) -> None:
        """Take in what changed, and tell the authors what is wrong."""
        servers = self._servers()
        while unread := self._unread(servers):
            for start in range(0, len(unread), AT_ONCE):
                self._read_all(unread[start : start + AT_ONCE], servers)
                await asyncio.sleep(0)
        self._settle()
        told = set()
        for (namespace, name), mistakes in self._index.mistakes.items():
            hpa = self.hpa(namespace, name)
            for mistake in mistakes:
                if hpa is not None:
                    self.tell(hpa, REASON, str(mistake))
                    told.add((owner_of(hpa), str(mistake)))
        self._log(frozenset(told))
        self._telemetry.annotation_problems.set(len(told))

    def when_dropped(self, forget: Callable[[Source], None]) -> None:
        """Have *forget* called with each source that no HPA defines any more."""
        self._when_dropped.append(forget)

    def hpa(self, namespace: str, name: str) -> HorizontalPodAutoscaler | None:
        """The HPA *name* of *namespace* as it is now, or None."""
        for store in self._stores:
            if (hpa := store.get(namespace, name)) is not None:
                return hpa
        return None

    def tell(self, hpa: HorizontalPodAutoscaler, reason: str, message: str) -> None:
        """Send an Event on *hpa*; repetitions cost nothing."""
        about = ObjectReference(HPA_API_VERSION, HPA_KIND, hpa.namespace, hpa.name, hpa.uid)
        self._recorder.warn(about, reason, message)

    def _revision(self) -> tuple[int, Servers]:
        return sum(store.revision for store in self._stores), self._servers()

    def _unread(self, servers: Servers) -> list[HorizontalPodAutoscaler]:
        """HPAs that are not as they were when they were read."""
        found = []
        for hpa in self._annotated():
            last = self._read.get((hpa.namespace, hpa.name))
            same = last is not None and (last.hpa is hpa or _defining(last.hpa) == _defining(hpa))
            if last is None or not same or last.servers != servers:
                found.append(hpa)
        return found

    def _read_all(self, hpas: Iterable[HorizontalPodAutoscaler], servers: Servers) -> None:
        for hpa in hpas:
            key = hpa.namespace, hpa.name
            annotated = read_annotations(hpa, servers)
            last = self._read.get(key)
            if last is not None:
                kept = tuple(_kept(last.annotated.definitions, annotated.definitions))
                annotated = annotated._replace(definitions=kept)
            self._read[key] = _Read(hpa, servers, annotated)

    def _settle(self) -> None:
        """Make an index of what was read; nothing happens where that is as it was."""
        known = self._revision()
        if known == self._known:
            return
        self._known = known
        there = {(hpa.namespace, hpa.name) for hpa in self._annotated()}
        self._read = {key: read for key, read in self._read.items() if key in there}
        definitions = [each for read in self._read.values() for each in read.annotated.definitions]
        mistakes = {key: read.annotated.mistakes for key, read in self._read.items()}
        before, self._index = self._index, Index(definitions, mistakes)
        for source in before.sources - self._index.sources:
            for forget in self._when_dropped:
                forget(source)

    def _annotated(self) -> Iterator[HorizontalPodAutoscaler]:
        for store in self._stores:
            for hpa in store:
                if hpa.annotations:
                    yield hpa

    def _log(self, told: frozenset[tuple[str, str]]) -> None:
        for owner, text in sorted(told - self._told):
            log.warning("%s: %s", owner, text)
        self._told = told


def _defining(hpa: HorizontalPodAutoscaler) -> tuple[object, ...]:
    return hpa.annotations, hpa.metrics, hpa.target


def _kept(last: Iterable[Definition], new: Iterable[Definition]) -> Iterator[Definition]:
    """The *new* ones; of one that is as it was the last: its fetched values hang on its source."""
    known = list(last)
    for each in new:
        yield next((before for before in known if before == each), each)
