"""Single queries as somebody wrote them, such as those in annotations of HPAs."""

import asyncio
from collections.abc import Sequence

from adapter.model.metrics import ExternalMetricValue
from adapter.periodic import Clock
from adapter.promql.response import ResponseError
from adapter.sources.prometheus.backends import Backends
from adapter.sources.prometheus.cache import KEEP_SECONDS, AnswerCache
from adapter.sources.prometheus.failure import describe_answer
from adapter.telemetry import Telemetry

STEP = 1000
"""Series made between two pauses: nobody knows how many an author's query gives."""

_Series = tuple[ExternalMetricValue, ...]


class InstantPrometheus:
    """Implements `adapter.sources.base.InstantQuery`.

    Args:
        backends: Who is asked.
        clock: Where time comes from.
        telemetry: Own metrics.
    """

    def __init__(self, backends: Backends, *, clock: Clock, telemetry: Telemetry) -> None:
        self._backends = backends
        self._clock = clock
        self._cache: AnswerCache[tuple[str, str, float], _Series] = AnswerCache(clock, telemetry)

    async def close(self) -> None:
        """End all queries."""
        await self._cache.close()

    async def ask(
        self, backend: str, query: str, keep_seconds: float | None = None
    ) -> Sequence[ExternalMetricValue]:
        """The result of *query* now; see the protocol."""
        keep = KEEP_SECONDS if keep_seconds is None else keep_seconds
        key = (backend, query, keep)
        return await self._cache.get(key, lambda: self._fetch(backend, query), keep)

    async def _fetch(self, backend: str, query: str) -> _Series:
        server = self._backends.get(backend)
        answer = await server.query(query, at=self._clock.time(), scalar=True)
        series: list[ExternalMetricValue] = []
        try:
            for start in range(0, len(answer.samples), STEP):
                series += [
                    ExternalMetricValue(sample.labels, sample.number, sample.timestamp)
                    for sample in answer.samples[start : start + STEP]
                ]
                await asyncio.sleep(0)
        except ResponseError as error:
            raise describe_answer(error) from error
        return tuple(series)
