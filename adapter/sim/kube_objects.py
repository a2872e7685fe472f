"""Objects of the stand-in kube-apiserver: versions, history, watches and field selectors."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal, NamedTuple

from adapter.errors import AdapterError, BadRequest

Object = Mapping[str, Any]
"""An API object as in JSON, without kind and apiVersion; never changed once stored."""

_FIRST_REVISION = 1000
_HISTORY = 50_000
"""Events kept for watches that resume."""


class Expired(AdapterError):
    """The resourceVersion asked for is no longer in the history."""

    code = HTTPStatus.GONE
    reason = "Expired"


class Event(NamedTuple):
    """A change of an object, or a bookmark; *previous* is what the object was before."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    revision: int
    resource: str
    object: Object
    previous: Object | None = None


class ObjectStore:
    """Everything the stand-in holds, by resource, namespace and name, in order of names."""

    def __init__(self) -> None:
        self.revision = _FIRST_REVISION
        self._objects: dict[str, dict[tuple[str, str], Object]] = {}
        self._sorted: dict[str, list[tuple[str, str]]] = {}
        self._history: deque[Event] = deque(maxlen=_HISTORY)
        self._oldest = _FIRST_REVISION
        self._watches: set[tuple[str, asyncio.Queue[Event | None]]] = set()

    def put(self, resource: str, new: Mapping[str, Any]) -> Object:
        """Add *new* or replace the object of its name; gives it a new resourceVersion."""
        key = _key(new)
        objects = self._objects.setdefault(resource, {})
        previous = objects.get(key)
        stored = self._versioned(new)
        objects[key] = stored
        if previous is None:
            self._sorted.pop(resource, None)
        kind: Literal["ADDED", "MODIFIED"] = "ADDED" if previous is None else "MODIFIED"
        self._publish(Event(kind, self.revision, resource, stored, previous))
        return stored

    def delete(self, resource: str, namespace: str, name: str) -> None:
        """Remove an object; `KeyError` if there is none."""
        previous = self._objects[resource].pop((namespace, name))
        self._sorted.pop(resource, None)
        gone = self._versioned(previous)
        self._publish(Event("DELETED", self.revision, resource, gone, previous))

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        """One object, or None."""
        return self._objects.get(resource, {}).get((namespace, name))

    def list(self, resource: str, namespace: str | None = None) -> Sequence[Object]:
        """All objects of *resource*, or those of one namespace, by namespace and name."""
        objects = self._objects.get(resource, {})
        keys = self._sorted.get(resource)
        if keys is None:
            keys = self._sorted[resource] = sorted(objects)
        return [objects[key] for key in keys if namespace is None or key[0] == namespace]

    @contextlib.contextmanager
    def watch(self, resource: str, since: int) -> Iterator[asyncio.Queue[Event | None]]:
        """Events of *resource* after revision *since*, as they happen; None ends the watch.

        Raises:
            Expired: Events after *since* were forgotten.
        """
        if since < self._oldest:
            raise Expired(f"too old resource version: {since} ({self._oldest})", details=False)
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        for event in self._history:
            if event.revision > since and event.resource == resource:
                queue.put_nowait(event)
        entry = (resource, queue)
        self._watches.add(entry)
        try:
            yield queue
        finally:
            self._watches.discard(entry)

    def check_revision(self, revision: int) -> None:
        """Raise `Expired` if the state at *revision* is forgotten."""
        if revision < self._oldest:
            raise Expired(
                "The provided continue parameter is too old to display a consistent list result. "
                "You can start a new list without the continue parameter.",
                details=False,
            )

    def expire_history(self) -> None:
        """Forget all events and end all watches: whoever resumes meets 410 Gone."""
        self.revision += 1
        self._oldest = self.revision
        self._history.clear()
        self.end_watches()

    def end_watches(self) -> None:
        """End all watches, as kube-apiserver does after their time and when it stops."""
        for _, queue in self._watches:
            queue.put_nowait(None)

    def bookmark(self) -> None:
        """Tell all watches the newest revision."""
        metadata = {"resourceVersion": str(self.revision), "creationTimestamp": None}
        for resource, queue in self._watches:
            queue.put_nowait(Event("BOOKMARK", self.revision, resource, {"metadata": metadata}))

    @property
    def watches(self) -> int:
        """How many watches are open."""
        return len(self._watches)

    def _versioned(self, new: Mapping[str, Any]) -> Object:
        self.revision += 1
        metadata = {**new["metadata"], "resourceVersion": str(self.revision)}
        return {**new, "metadata": metadata}

    def _publish(self, event: Event) -> None:
        if len(self._history) == _HISTORY:
            self._oldest = self._history[0].revision
        self._history.append(event)
        for resource, queue in self._watches:
            if resource == event.resource:
                queue.put_nowait(event)


def parse_fields(text: str, supported: Sequence[str]) -> Callable[[Object], bool]:
    """Understand a field selector: ``=``, ``==`` and ``!=``, joined by commas.

    Args:
        text: The selector; empty matches everything.
        supported: Paths that may be asked for, such as ``status.phase``.

    Raises:
        BadRequest: The text is malformed or asks for another field.

    >>> matches = parse_fields("status.phase!=Running", ["status.phase"])
    >>> matches({"status": {"phase": "Pending"}}), matches({"status": {"phase": "Running"}})
    (True, False)
    """
    terms: list[tuple[tuple[str, ...], bool, str]] = []
    for term in filter(None, text.split(",")):
        path, operator, value = term.partition("=")
        if not operator:
            raise BadRequest(f"invalid selector: '{text}'; can't understand '{term}'")
        wanted = not path.endswith("!")
        path = path.rstrip("!")
        if path not in supported:
            raise BadRequest(f"field label not supported: {path}")
        terms.append((tuple(path.split(".")), wanted, value.removeprefix("=")))
    return lambda candidate: all(
        (_field(candidate, path) == value) is wanted for path, wanted, value in terms
    )


def _field(candidate: Any, path: Sequence[str]) -> str:
    for part in path:
        candidate = candidate.get(part, {})
    return candidate if isinstance(candidate, str) else ""


def _key(candidate: Object) -> tuple[str, str]:
    metadata = candidate["metadata"]
    return metadata.get("namespace", ""), metadata["name"]
