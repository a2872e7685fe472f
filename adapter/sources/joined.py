"""Several sources of one API as one: of two that know a metric, the one whose rule comes first.

The rule files say what comes first, whatever a rule reads from. So each source tells the place of
its rule (``order``), and none needs to know the others.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

from adapter.errors import NotFound
from adapter.model.labels import Selector
from adapter.model.resources import GroupResource, ListedMetric
from adapter.sources.base import (
    NO_RULE,
    CustomMetricsSource,
    ExternalMetricsSource,
    ExternalValues,
    ObjectQuestion,
    ObjectValues,
)


class OrderedCustomSource(CustomMetricsSource, Protocol):
    """A source of custom metrics among others."""

    def order(self, resource: GroupResource, metric: str) -> int | None:
        """Place of the rule that serves *metric* for *resource*; None where there is none."""


class OrderedExternalSource(ExternalMetricsSource, Protocol):
    """A source of external metrics among others."""

    def order(self, metric: str) -> int | None:
        """Place of the rule that serves *metric*; None where there is none."""


S = TypeVar("S")
T = TypeVar("T")
M = TypeVar("M", ListedMetric, str)


class JoinedCustomSource:
    """Implements `adapter.sources.base.CustomMetricsSource`.

    Args:
        sources: At least one. Of metrics that none knows each says why.
    """

    def __init__(self, sources: Sequence[OrderedCustomSource]) -> None:
        self._sources = sources
        self._listing: _Listing[ListedMetric] = _Listing()

    def listed(self) -> tuple[ListedMetric, ...]:
        """What all list."""
        return self._listing.of([each.listed() for each in self._sources])

    async def object_values(self, question: ObjectQuestion) -> ObjectValues:
        """Values of a metric for objects; see the protocol."""
        resource, metric = question.resource.group_resource, question.metric
        asked = _asked(self._sources, lambda each: each.order(resource, metric))
        return await _answer(asked, lambda each: each.object_values(question))


class JoinedExternalSource:
    """Implements `adapter.sources.base.ExternalMetricsSource`.

    Args:
        sources: At least one. Of metrics that none knows each says why.
    """

    def __init__(self, sources: Sequence[OrderedExternalSource]) -> None:
        self._sources = sources
        self._listing: _Listing[str] = _Listing()

    def listed(self) -> tuple[str, ...]:
        """What all list."""
        return self._listing.of([each.listed() for each in self._sources])

    async def series(self, metric: str, namespace: str, selector: Selector) -> ExternalValues:
        """All series of *metric*; see the protocol."""
        asked = _asked(self._sources, lambda each: each.order(metric))
        return await _answer(asked, lambda each: each.series(metric, namespace, selector))


def _asked(sources: Sequence[S], order: Callable[[S], int | None]) -> Sequence[S]:
    """The source with the lowest order; all where none has one, as each may say why not."""
    ranked = [(place, source) for source in sources if (place := order(source)) is not None]
    return [min(ranked, key=lambda pair: pair[0])[1]] if ranked else sources


async def _answer(sources: Sequence[S], ask: Callable[[S], Awaitable[T]]) -> T:
    """The answer of the first of *sources* that has one; else one error with the reasons of all.

    Raises:
        NotFound: None has one.
        AdapterError: One failed.
    """
    refusals: list[NotFound] = []
    for source in sources:
        try:
            return await ask(source)
        except NotFound as refusal:
            refusals.append(refusal)
    first = refusals[0]
    if len(refusals) == 1:
        raise first
    what, _, _ = str(first).partition(": ")
    reasons = [str(each).partition(": ")[2] or str(each) for each in refusals]
    told = [reason for reason in reasons if reason != NO_RULE] or [NO_RULE]
    raise NotFound(f"{what}: {'; '.join(told)}", details=first.details)


class _Listing(Generic[M]):
    """The lists of several sources as one, sorted; the same tuple until one of them changes."""

    def __init__(self) -> None:
        self._parts: list[tuple[M, ...]] = []
        self._merged: tuple[M, ...] = ()

    def of(self, parts: list[tuple[M, ...]]) -> tuple[M, ...]:
        known = self._parts
        same = len(parts) == len(known) and all(map(lambda a, b: a is b, parts, known))
        if not same:
            self._parts = parts
            self._merged = _merged(parts)
        return self._merged


def _merged(parts: Sequence[tuple[M, ...]]) -> tuple[M, ...]:
    if len(parts) == 1:
        return parts[0]
    return tuple(sorted({each for part in parts for each in part}))
