"""What a metric takes out of a document: one value, or a series for each item."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from adapter.jsonpath.errors import ExtractionError, NothingFound
from adapter.jsonpath.evaluation import Script
from adapter.jsonpath.explanation import kind_of
from adapter.jsonpath.expressions import Path
from adapter.jsonpath.numbers import ValueType, to_number, to_time
from adapter.jsonpath.work import Work

MOST_SERIES = 1000
"""Series of one document."""

_LONGEST_LABEL = 256
"""Characters of a label's value; a selector's values have 63 at most."""


class Aggregate(StrEnum):
    """What becomes of several values."""

    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    COUNT = "count"
    FIRST = "first"


class Reading(NamedTuple):
    """A value and the time the document gives for it, in Unix seconds; None where it gives none.

    The value may be NaN or infinite.
    """

    value: float
    timestamp: float | None


class SeriesReading(NamedTuple):
    """One series, or why it has no value."""

    labels: Mapping[str, str]
    outcome: Reading | ExtractionError


@dataclass(frozen=True, slots=True)
class Extraction:
    """How one value is taken out of a document.

    Attributes:
        query: Finds it.
        aggregate: What becomes of several values; None: several are an error.
        value_type: What they are.
        timestamp: Finds the time it is of; None: the document is not asked.
    """

    query: Path | Script
    aggregate: Aggregate | None = field(default=None, kw_only=True)
    value_type: ValueType = field(default=ValueType.NUMBER, kw_only=True)
    timestamp: Path | None = field(default=None, kw_only=True)

    def read(self, document: object, work: Work | None = None) -> Reading:
        """Take the value out of *document*.

        Args:
            document: As `read_document` gives it.
            work: What it may cost; shared among evaluations that belong together.

        Raises:
            NothingFound: There is no value, or null.
            ExtractionError: There is one, but no number; or several; or no time.
        """
        work = work or Work()
        return Reading(self._value(document, work), self._time(document, work))

    def _value(self, document: object, work: Work) -> float:
        found = self._find(document, work)
        if found == [None]:
            raise NothingFound(f"{self.query.text} is null")
        if self.aggregate is None:
            return self._only(found)
        values = found[0] if len(found) == 1 and isinstance(found[0], list) else found
        if self.aggregate is Aggregate.COUNT:
            return float(len(values))
        if not values:
            if self.aggregate is Aggregate.SUM:
                return 0.0
            raise NothingFound(f"{self.query.text} is an empty array")
        if self.aggregate is Aggregate.FIRST:
            return self._number(values[0], ": the first value")
        work.spend(len(values))
        return _aggregate(
            self.aggregate,
            [
                self._number(value, f": value {index} of {len(values)}")
                for index, value in enumerate(values, 1)
            ],
        )

    def _find(self, document: object, work: Work) -> list[object]:
        """At least one value; or an empty array, where that has a sum and a count."""
        if isinstance(self.query, Script):
            return self.query.evaluate(document, work)
        finding = self.query.look(document, work)
        if finding.values:
            return finding.values
        if self.aggregate in {Aggregate.SUM, Aggregate.COUNT} and finding.vacant:
            return [[]]
        raise NothingFound(finding.explain())

    def _only(self, found: Sequence[object]) -> float:
        if len(found) > 1:
            raise ExtractionError(
                f"{self.query.text} finds {len(found)} values: set aggregate "
                f"({', '.join(Aggregate)}), or name one of them"
            )
        (value,) = found
        if isinstance(value, list):
            raise ExtractionError(
                f"{self.query.text} is {kind_of(value)}: set aggregate ({', '.join(Aggregate)}), "
                f"or take one as in {self.query.text}[0]"
            )
        return self._number(value)

    def _number(self, value: object, which: str = "") -> float:
        try:
            return to_number(value, self.value_type)
        except ExtractionError as error:
            raise ExtractionError(f"{self.query.text}{which} {error}") from None

    def _time(self, document: object, work: Work) -> float | None:
        if self.timestamp is None:
            return None
        finding = self.timestamp.look(document, work)
        found = finding.values
        if not found:
            raise ExtractionError(f"timestamp {finding.explain()}")
        if len(found) > 1:
            raise ExtractionError(f"timestamp {self.timestamp.text} finds {len(found)} values")
        try:
            return to_time(found[0])
        except ExtractionError as error:
            raise ExtractionError(f"timestamp {self.timestamp.text} {error}") from None


def _aggregate(aggregate: Aggregate, numbers: Sequence[float]) -> float:
    """One number of many; NaN if one of them is, whatever their order."""
    if any(math.isnan(number) for number in numbers):
        return math.nan
    if aggregate is Aggregate.MIN:
        return min(numbers)
    if aggregate is Aggregate.MAX:
        return max(numbers)
    total = sum(numbers)
    return total / len(numbers) if aggregate is Aggregate.AVG else total


@dataclass(frozen=True, slots=True)
class SeriesExtraction:
    """How one or more series are taken out of a document.

    Attributes:
        value: How the value of each is; within an item, ``$`` is the item.
        each: Finds the items; None: the document is the only one.
        labels: Name to what finds the value, within the item.
    """

    value: Extraction
    each: Path | None = field(default=None, kw_only=True)
    labels: Mapping[str, Path] = field(default_factory=dict, kw_only=True)

    def read(self, document: object) -> list[SeriesReading]:
        """Take the series out of *document*, in its order.

        What is wrong with one item costs that item: its outcome says what. Series with the same
        labels are left as they are; who asks for them gets them all.

        Raises:
            NothingFound: There are no items.
            ExtractionError: There are too many, or looking for them takes too much work.
        """
        work = Work()
        if self.each is None:
            return [self._series(document, work, "")]
        finding = self.each.look(document, work)
        items = finding.values
        if not items:
            raise NothingFound(finding.explain())
        if len(items) > MOST_SERIES:
            raise ExtractionError(
                f"{self.each.text} finds {len(items)} items; {MOST_SERIES} are allowed"
            )
        if len(items) == 1 and isinstance(items[0], list):
            raise ExtractionError(
                f"{self.each.text} is {kind_of(items[0])}: its items are {self.each.text}[*]"
            )
        return [
            self._series(item, work, f"item {index} of {self.each.text}: ")
            for index, item in enumerate(items, 1)
        ]

    def _series(self, item: object, work: Work, where: str) -> SeriesReading:
        labels: dict[str, str] = {}
        try:
            for name, path in self.labels.items():
                labels[name] = _label(name, path, item, work)
            return SeriesReading(labels, self.value.read(item, work))
        except NothingFound as error:
            return SeriesReading(labels, NothingFound(f"{where}{error}"))
        except ExtractionError as error:
            return SeriesReading(labels, ExtractionError(f"{where}{error}"))


def _label(name: str, path: Path, item: object, work: Work) -> str:
    finding = path.look(item, work)
    if not finding.values:
        raise ExtractionError(f"label {name}: {finding.explain()}")
    if len(finding.values) > 1:
        raise ExtractionError(f"label {name}: {path.text} finds {len(finding.values)} values")
    (value,) = finding.values
    if value is None or isinstance(value, dict | list):
        raise ExtractionError(f"label {name}: {path.text} is {kind_of(value)}, no text")
    text = value if isinstance(value, str) else json.dumps(value)
    if len(text) > _LONGEST_LABEL:
        raise ExtractionError(
            f"label {name}: {path.text} is longer than {_LONGEST_LABEL} characters"
        )
    if not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ExtractionError(f"label {name}: {path.text} is half a character (a lone surrogate)")
    return text
