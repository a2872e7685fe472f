"""Keeps what was encoded of each object until its sample or its labels are replaced."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from adapter.model.metrics import NodeMetrics, PodMetrics

ITEMS_PER_CHUNK = 512
"""Items joined at once: about 200 KiB of pods, 3 ms when all of them are new."""

MAX_LABEL_TEXTS = 4096
"""Label sets whose encoding is kept."""

Key = TypeVar("Key", bound=Hashable)
Metrics = TypeVar("Metrics", bound=PodMetrics | NodeMetrics)


class ObjectMeta(Protocol):
    """What is copied from an object to its metrics."""

    @property
    def name(self) -> str:
        """Name of the object."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels; a lister replaces the mapping when they change."""


class Encoded(Protocol):
    """An encoded object, and the values it was made from."""

    @property
    def metrics(self) -> PodMetrics | NodeMetrics:
        """The sample."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The object's labels."""


Made = TypeVar("Made", bound=Encoded)


class Fragments(ABC, Generic[Key, Metrics, Made]):
    """What is made of each object, kept by its key.

    Samples and labels are compared by identity: sources and listers hand out the same object until
    they have a newer one. Entries of objects that are gone are dropped by `forget` (see there).
    """

    def __init__(self) -> None:
        self._fragments: dict[Key, Made] = {}
        self._label_texts: dict[int, tuple[Mapping[str, str], bytes]] = {}
        self._forget_at = 1024

    def __len__(self) -> int:
        return len(self._fragments)

    @abstractmethod
    def _encode(
        self, key: Key, labels: Mapping[str, str], metrics: Metrics, kept: Made | None
    ) -> Made:
        """Encode one object; *kept* is an older encoding of it with the same labels."""

    @abstractmethod
    def _encode_labels(self, labels: Mapping[str, str]) -> bytes:
        """Encode labels."""

    def fragment(self, key: Key, labels: Mapping[str, str], metrics: Metrics) -> Made:
        """Encode one object, or find it encoded."""
        kept = self._fragments.get(key)
        if kept is not None and kept.labels is not labels:
            kept = None
        if kept is not None and kept.metrics is metrics:
            return kept
        made = self._fragments[key] = self._encode(key, labels, metrics, kept)
        return made

    def chunks(
        self,
        keys: Sequence[Key],
        objects: Sequence[ObjectMeta],
        metrics: Sequence[Metrics | None],
    ) -> Iterator[list[Made]]:
        """Encode a list, at most `ITEMS_PER_CHUNK` at a time; no chunk is empty.

        The three sequences are parallel; objects without metrics are left out.
        """
        find, encode = self._fragments.get, self.fragment
        for start in range(0, len(keys), ITEMS_PER_CHUNK):
            part = slice(start, start + ITEMS_PER_CHUNK)
            chunk = []
            for key, meta, sample in zip(keys[part], objects[part], metrics[part], strict=True):
                if sample is None:
                    continue
                # a hit is found here, not in `fragment`: the call would double its cost
                found = find(key)
                if found is None or found.metrics is not sample or found.labels is not meta.labels:
                    found = encode(key, meta.labels, sample)
                chunk.append(found)
            if chunk:
                yield chunk

    def forget(self, exists: Callable[[Key], bool]) -> None:
        """Drop entries of objects that are gone, once enough of them may have gathered.

        The cache is looked through when it has doubled since the last time, so the cost per
        request is constant on average and it never holds more than twice what exists.
        """
        if len(self._fragments) < self._forget_at:
            return
        self._fragments = {key: kept for key, kept in self._fragments.items() if exists(key)}
        self._forget_at = max(1024, 2 * len(self._fragments))

    def _labels(self, labels: Mapping[str, str]) -> bytes:
        # the lister hands out one mapping for all pods of a workload
        known = self._label_texts.get(id(labels))
        if known is not None:
            return known[1]
        if len(self._label_texts) >= MAX_LABEL_TEXTS:
            self._label_texts.clear()
        encoded = self._encode_labels(labels)
        self._label_texts[id(labels)] = labels, encoded  # held, so that its id stays its own
        return encoded
