"""Instant vectors → the newest usable value of each object.

Pure; what may take long is a generator, so that the caller can let others run. Scrubbing is
prometheus-adapter's (``pkg/resourceprovider``): NaN and negative values count as 0. Differently
from it, +Inf is no value.
"""

import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Generic, TypeVar

import msgspec

from adapter.model.resources import PodKey
from adapter.promql.response import Sample, decode_labels
from adapter.rules.query import ContainerQueries, NodeQueries

STEP = 1000
"""Rows handled between two pauses; 1 to 3 ms."""

SANDBOX = "POD"
"""Name cAdvisor gives to a pod's sandbox, which is no container of the pod."""

K = TypeVar("K", bound=Hashable)
ContainerKey = tuple[PodKey, str]
"""A pod and the name of a container."""

_NAME = b'{"__name__":"'


class Reading(msgspec.Struct, gc=False):
    """The value of one object, its sample's time in Unix seconds, and the seconds it covers.

    *window* is None where no query tells it.
    """

    value: float
    timestamp: float
    window: float | None = None


class Naming(Generic[K]):
    """Names the objects of rows, and remembers by the rows' labels: they rarely change.

    What was not met since the last `renewed` is forgotten then.

    Args:
        key_of: Names the object of a row from its labels; None when it is none of ours.
    """

    def __init__(self, key_of: Callable[[Mapping[str, str]], K | None]) -> None:
        self._key_of = key_of
        self._before: Mapping[bytes, K | None] = {}
        self._known: dict[bytes, K | None] = {}

    def renewed(self) -> "Naming[K]":
        """Begin a refresh: the same names, of which those not met again are forgotten."""
        naming = Naming(self._key_of)
        naming._before = self._known
        return naming

    def key(self, labels: bytes) -> K | None:
        """Name the object of a row by its *labels*, as JSON.

        Raises:
            ResponseError: They are not text by name.
        """
        try:
            return self._known[labels]
        except KeyError:
            pass
        try:
            key = self._before[labels]
        except KeyError:
            key = self._key_of(decode_labels(labels))
        self._known[labels] = key
        return key


class Readings(Generic[K]):
    """The newest usable value of each object in the answers to one rule's queries.

    *values* is by object; *stale* has the age in seconds of samples beyond the limit; *dropped*
    counts rows that were not used, by reason.

    Args:
        naming: Names the objects of rows.
        at: When the queries were evaluated, in Unix seconds.
        max_age: Seconds from which a sample is too old.
    """

    def __init__(self, naming: Naming[K], *, at: float, max_age: float) -> None:
        self.values: dict[K, Reading] = {}
        self.stale: dict[K, float] = {}
        self.dropped = {"infinite": 0, "stale": 0, "no_timestamp": 0}
        self.max_age = max_age
        self._naming = naming
        self._at = at

    def read(
        self,
        rows: list[Sample],
        times: list[Sample] | None,
        windows: list[Sample] | None = None,
    ) -> Iterator[None]:
        """Take in *rows* with the answers of the queries for *times* and *windows*; uses them up.

        Of several rows for one object the one with the newest sample counts, then the first.

        Raises:
            ResponseError: A value is no number, or labels are not text.
        """
        taken, covered = _Beside(self._naming), _Beside(self._naming)
        yield from taken.read(times or [])
        yield from covered.read(windows or [])
        for chunk in _chunks(rows):
            for row in chunk:
                labels = bytes(row.metric)
                key = self._naming.key(labels)
                if key is None:
                    continue
                yield from taken.index(labels)
                yield from covered.index(labels)
                timestamp = row.timestamp if times is None else taken.of(labels, key)
                if timestamp is None:
                    self.dropped["no_timestamp"] += 1
                else:
                    self._add(key, row.number, timestamp, covered.of(labels, key))
            yield

    def _add(self, key: K, value: float, timestamp: float, window: float | None) -> None:
        if value == math.inf:
            self.dropped["infinite"] += 1
            return
        age = self._at - timestamp
        if age > self.max_age:
            self.dropped["stale"] += 1
            self.stale[key] = min(age, self.stale.get(key, age))
            return
        known = self.values.get(key)
        if known is None or timestamp > known.timestamp:
            # In this order max() turns NaN into 0, too.
            span = window if window is not None and window > 0 else None
            self.values[key] = Reading(max(0.0, value), timestamp, span)


def _chunks(rows: list[Sample]) -> Iterator[list[Sample]]:
    """Take *rows* apart from the front: to free hundreds of thousands at once takes 0.1 s."""
    rows.reverse()
    while rows:
        yield rows[: -STEP - 1 : -1]
        del rows[-STEP:]


class _Beside(Generic[K]):
    """What else is known of rows: by all their labels, or by object where the labels differ."""

    def __init__(self, naming: Naming[K]) -> None:
        self._naming = naming
        self._by_labels: dict[bytes, float] = {}
        self._by_object: dict[K, float] = {}
        self._indexed = False

    def read(self, rows: list[Sample]) -> Iterator[None]:
        for chunk in _chunks(rows):
            for row in chunk:
                number = row.number
                if math.isfinite(number):
                    self._by_labels[bytes(row.metric)] = number
            yield

    def of(self, labels: bytes, key: K) -> float | None:
        """The number beside the row with *labels*, which is about *key*."""
        number = self._same_labels(labels)
        return self._by_object.get(key) if number is None else number

    def index(self, labels: bytes) -> Iterator[None]:
        """Sort by object, once, when nothing is known by just these *labels*."""
        if self._indexed or not self._by_labels or self._same_labels(labels) is not None:
            return
        self._indexed = True
        for count, (known, number) in enumerate(self._by_labels.items()):
            if count % STEP == 0:
                yield
            key = self._naming.key(known)
            if key is not None:
                # The least, of a time the earliest: never make data look newer than it is.
                self._by_object[key] = min(number, self._by_object.get(key, number))

    def _same_labels(self, labels: bytes) -> float | None:
        number = self._by_labels.get(labels)
        if number is None and labels.startswith(_NAME):
            # Functions drop the name that a plain selector keeps.
            number = self._by_labels.get(b"{" + labels.partition(b",")[2])
        return number


def container_naming(queries: ContainerQueries, namespace: str | None) -> Naming[ContainerKey]:
    """Name containers by the labels of *queries*, in answers about *namespace* or all."""

    def key_of(metric: Mapping[str, str]) -> ContainerKey | None:
        found = metric.get(queries.namespace_label, namespace)
        pod = metric.get(queries.pod_label)
        if not found or not pod or (namespace is not None and found != namespace):
            return None
        container = ""
        if queries.container_label:
            container = metric.get(queries.container_label, "")
            if container in {"", SANDBOX}:
                return None
        return PodKey(found, pod), container

    return Naming(key_of)


def node_naming(queries: NodeQueries) -> Naming[str]:
    """Name nodes by the label of *queries*."""
    return Naming(lambda metric: metric.get(queries.node_label) or None)
