"""Which source serves ``metrics.k8s.io`` now, and why.

First version: the preferred source (Prometheus) is asked; where it fails, or has no usable sample
of an object, the fallback (the kubelet scraper) answers. A sample older than two scrape periods is
replaced by a newer one of the fallback. Changes are logged once, counted, and told to the client in
a ``Warning`` header while the fallback serves.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from adapter.errors import SourceError
from adapter.model.metrics import NodeMetrics, Origin, PodMetrics
from adapter.model.resources import PodKey
from adapter.periodic import Clock
from adapter.sources.base import ResourceMetricsSource
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

Usage = TypeVar("Usage", PodMetrics, NodeMetrics)


class FailoverSource:
    """`ResourceMetricsSource` over a preferred one and a fallback.

    Args:
        preferred: Asked first.
        fallback: Answers from memory; fails only where it knows nothing at all.
        resolution: Seconds between samples; two of them is the age from which a newer sample of
            the fallback is taken instead.
        clock: Where time comes from.
        telemetry: Own metrics.
    """

    def __init__(
        self,
        preferred: ResourceMetricsSource,
        fallback: ResourceMetricsSource,
        *,
        resolution: float,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._preferred = preferred
        self._fallback = fallback
        self._stale_seconds = 2.0 * resolution
        self._clock = clock
        self._telemetry = telemetry
        self._causes: dict[str, str] = {}
        self._show()

    async def pods(
        self, keys: Sequence[PodKey], namespace: str | None
    ) -> Sequence[PodMetrics | None]:
        first = await self._ask("pods", lambda: self._preferred.pods(keys, namespace))
        if first is None:
            return await self._alone("pods", self._fallback.pods(keys, namespace))
        return await self._filled(
            first, lambda gaps: self._fallback.pods([keys[gap] for gap in gaps], namespace)
        )

    async def nodes(self, names: Sequence[str]) -> Sequence[NodeMetrics | None]:
        first = await self._ask("nodes", lambda: self._preferred.nodes(names))
        if first is None:
            return await self._alone("nodes", self._fallback.nodes(names))
        return await self._filled(
            first, lambda gaps: self._fallback.nodes([names[gap] for gap in gaps])
        )

    def why_no_pod(self, key: PodKey, node: str | None) -> str:
        return f"{self._preferred.why_no_pod(key, node)}; {self._fallback.why_no_pod(key, node)}"

    def why_no_node(self, name: str) -> str:
        return f"{self._preferred.why_no_node(name)}; {self._fallback.why_no_node(name)}"

    def warning(self) -> str | None:
        """What clients should know while the fallback serves; None otherwise."""
        cause = next(iter(self._causes.values()), None)
        return None if cause is None else f"metrics come from the kubelets themselves: {cause}"

    async def _ask(
        self, resource: str, question: Callable[[], Awaitable[Sequence[Usage | None]]]
    ) -> Sequence[Usage | None] | None:
        """Ask the preferred source; None when it fails."""
        try:
            answer = await question()
        except SourceError as error:
            self._change(resource, str(error))
            return None
        self._change(resource, None)
        return answer

    async def _alone(
        self, resource: str, answer: Awaitable[Sequence[Usage | None]]
    ) -> Sequence[Usage | None]:
        """*answer* of the fallback; an error says what is wrong with both."""
        try:
            return await answer
        except SourceError as error:
            raise SourceError(f"{self._causes.get(resource)}; {error}") from error

    async def _filled(
        self,
        first: Sequence[Usage | None],
        ask: Callable[[Sequence[int]], Awaitable[Sequence[Usage | None]]],
    ) -> Sequence[Usage | None]:
        """*first* with what the fallback has for its gaps."""
        gaps = self._gaps(first)
        if not gaps:
            return first
        try:
            return _fill(first, gaps, await ask(gaps))
        except SourceError:
            return first

    def _change(self, resource: str, cause: str | None) -> None:
        before = self._origin
        if cause is None:
            self._causes.pop(resource, None)
        else:
            self._causes[resource] = cause
        if self._origin is before:
            return
        if cause is None:
            log.info("metrics.k8s.io: served from prometheus again")
        else:
            log.warning("metrics.k8s.io: served from the kubelets: %s", cause)
        self._telemetry.failovers.labels(self._origin.value).inc()
        self._show()

    @property
    def _origin(self) -> Origin:
        return Origin.KUBELET if self._causes else Origin.PROMETHEUS

    def _show(self) -> None:
        for origin in Origin:
            self._telemetry.serving_origin.labels(origin.value).set(origin is self._origin)

    def _gaps(self, answer: Sequence[Usage | None]) -> list[int]:
        """Places without a sample, or with one that is too old to be preferred."""
        oldest = self._clock.time() - self._stale_seconds
        return [
            place for place, usage in enumerate(answer) if usage is None or usage.timestamp < oldest
        ]


def _fill(
    first: Sequence[Usage | None], gaps: Sequence[int], second: Sequence[Usage | None]
) -> Sequence[Usage | None]:
    """Put the fallback's samples into the gaps where they are newer than what is there."""
    filled = list(first)
    for place, usage in zip(gaps, second, strict=True):
        there = filled[place]
        if usage is not None and (there is None or usage.timestamp > there.timestamp):
            filled[place] = usage
    return filled
