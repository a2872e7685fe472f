"""An instant vector → one row for each Kubernetes object, however the query was put. Pure."""

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from adapter.promql.response import Sample

STEP = 1000
"""Rows read between two pauses; 1 to 3 ms."""

ObjectKey = tuple[str, str]
"""Namespace ("" for none) and name."""


class ObjectLabels(NamedTuple):
    """How a row tells which object it describes.

    Attributes:
        name: Label with the object's name.
        namespace: Label with its namespace; "" when all rows are of *fixed*.
        fixed: That namespace.
    """

    name: str
    namespace: str
    fixed: str

    def key_of(self, labels: Mapping[str, str]) -> ObjectKey | None:
        """The object; None when a label is missing."""
        name = labels.get(self.name)
        namespace = labels.get(self.namespace) if self.namespace else self.fixed
        return (namespace, name) if name and namespace is not None else None


class Row(NamedTuple):
    """The value of an object and the time of its sample; NaN and ±Inf are possible.

    *timestamp* is None where a ``timestampQuery`` does not tell it.
    """

    value: float
    timestamp: float | None


@dataclass(slots=True)
class ObjectTable:
    """What an answer says of objects.

    Attributes:
        rows: By object.
        duplicates: Objects that several rows describe, and the labels that tell those apart. Of
            such rows the one whose labels sort first counts, so that the answer is the same each
            time.
        unlabelled: Rows that describe no object, for want of a label.
        missing_label: That label.
        warnings: What the backend warned of.
    """

    rows: dict[ObjectKey, Row] = field(default_factory=dict)
    duplicates: dict[ObjectKey, int] = field(default_factory=dict)
    unlabelled: int = 0
    missing_label: str = ""
    warnings: tuple[str, ...] = ()

    def merge(self, other: "ObjectTable") -> None:
        """Take the rows of *other*, which are of other objects."""
        self.rows |= other.rows
        self.duplicates |= other.duplicates
        self.unlabelled += other.unlabelled
        self.missing_label = self.missing_label or other.missing_label
        self.warnings += tuple(text for text in other.warnings if text not in self.warnings)

    def read(
        self, values: Sequence[Sample], times: Sequence[Sample] | None, labels: ObjectLabels
    ) -> Iterator[None]:
        """Read an answer; pauses now and then.

        Args:
            values: Of the query.
            times: Of its ``timestampQuery``; None when the time of evaluation is the sample's.
            labels: How rows tell objects.

        Raises:
            ResponseError: A row is not as expected.
        """
        seen: dict[ObjectKey, bytes] = {}
        clock = None if times is None else (yield from _times(times, labels))
        for number, sample in enumerate(values, 1):
            if not number % STEP:
                yield
            key = labels.key_of(sample.labels)
            if key is None:
                self.unlabelled += 1
                self.missing_label = _missing(sample.labels, labels)
                continue
            metric = bytes(sample.metric)
            before = seen.get(key)
            if before is not None:
                self.duplicates[key] = self.duplicates.get(key, 1) + 1
                if before <= metric:
                    continue
            seen[key] = metric
            timestamp = sample.timestamp if clock is None else clock.get(key)
            self.rows[key] = Row(sample.number, timestamp)


def _times(
    times: Sequence[Sample], labels: ObjectLabels
) -> Generator[None, None, dict[ObjectKey, float]]:
    found: dict[ObjectKey, float] = {}
    for number, sample in enumerate(times, 1):
        if not number % STEP:
            yield
        key = labels.key_of(sample.labels)
        if key is not None and not math.isnan(sample.number):
            # of several the earliest: no value is called younger than it is
            found[key] = min(sample.number, found.get(key, sample.number))
    return found


def _missing(given: Mapping[str, str], labels: ObjectLabels) -> str:
    return labels.name if not given.get(labels.name) else labels.namespace
