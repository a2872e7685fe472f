"""Which queries answer a request for objects: the widest proven one that is worth its while."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import NamedTuple

from adapter.errors import AdapterError, SourceError, SourceTimeout
from adapter.periodic import Clock
from adapter.promql.response import ResponseError
from adapter.sources.prometheus.backends import Backend, Backends
from adapter.sources.prometheus.cache import AnswerCache, keep_seconds
from adapter.sources.prometheus.demand import TOO_LARGE, Demand
from adapter.sources.prometheus.failure import QueryRefused, describe_answer
from adapter.sources.prometheus.objects import ObjectTable
from adapter.sources.prometheus.plan import ObjectPlan, Queries
from adapter.sources.prometheus.together import ask_together
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

NAMES_IN_A_QUERY = 500
"""Objects named in one query, where several queries are known to give the same."""

LONGEST_QUERY = 1024 * 1024
"""Characters of the longest query sent; Prometheus takes forms of 10 MB at most."""

WAITED_SECONDS = 1.0
"""A timeout that comes sooner is an earlier one, which is repeated for a while."""


class Wanted(NamedTuple):
    """The objects of one request."""

    namespace: str
    names: Sequence[str]
    by_name: bool


class _Wide(NamedTuple):
    """A query for more objects than are wanted, for others who ask.

    It may fail where narrow ones do not: more samples are read, and an object nobody asked for may
    be the one whose series clash.
    """

    reach: str
    queries: Queries
    refuse: Callable[[], None]


class ObjectAsker:
    """Asks for the objects of plans.

    Args:
        backends: Who is asked.
        clock: Where time comes from.
        telemetry: Own metrics.
    """

    def __init__(self, backends: Backends, *, clock: Clock, telemetry: Telemetry) -> None:
        self._backends = backends
        self._clock = clock
        self._telemetry = telemetry
        self._cache: AnswerCache[tuple[str, Queries], ObjectTable] = AnswerCache(clock, telemetry)

    async def close(self) -> None:
        """End all queries."""
        await self._cache.close()

    async def table(self, plan: ObjectPlan, demand: Demand, wanted: Wanted) -> ObjectTable:
        """Ask for at least the objects *wanted*.

        Raises:
            BadRequest: A name cannot be put into the query.
            SourceError: The backend failed.
        """
        demand.note(wanted.namespace, wanted.names[0] if wanted.by_name else None)
        for wide in _wider(plan, demand, wanted):
            started = self._clock.monotonic()
            try:
                table = await self._ask(plan, wide.queries, wide.reach)
            except QueryRefused as error:
                _give_up(plan, wide, error)
            except SourceTimeout as error:
                waited = self._clock.monotonic() - started >= WAITED_SECONDS
                table = await self._named(plan, wanted)
                # its width was at fault then, not a server that hangs: when that comes back it
                # must not get the queries of all who ask
                if waited:
                    _give_up(plan, wide, error)
                return table
            else:
                if len(table.rows) > TOO_LARGE:
                    wide.refuse()
                return table
        return await self._named(plan, wanted)

    async def _named(self, plan: ObjectPlan, wanted: Wanted) -> ObjectTable:
        namespace, names, _ = wanted
        if len(names) <= NAMES_IN_A_QUERY or not plan.namespace_proven:
            return await self._ask(plan, plan.named(namespace, names), "named")
        parts = [
            names[start : start + NAMES_IN_A_QUERY]
            for start in range(0, len(names), NAMES_IN_A_QUERY)
        ]
        tables = await ask_together(
            lambda part: self._ask(plan, plan.named(namespace, part), "named"), parts
        )
        whole = ObjectTable()
        for table in tables:
            whole.merge(table)
        return whole

    async def _ask(self, plan: ObjectPlan, queries: Queries, reach: str) -> ObjectTable:
        if len(queries.value) > LONGEST_QUERY:
            raise AdapterError(
                f"the query would be {len(queries.value)} characters long: ask for fewer objects, "
                "or let the rule group by <<.GroupBy>> so that they need not be named"
            )
        rule = plan.entry.rule.rule
        self._telemetry.object_queries.labels(reach).inc()
        fetch: Callable[[], Awaitable[ObjectTable]] = functools.partial(
            self._fetch, self._backends.get(rule.backend), queries
        )
        return await self._cache.get((rule.backend, queries), fetch, keep_seconds(rule))

    async def _fetch(self, backend: Backend, queries: Queries) -> ObjectTable:
        asked = [text for text in (queries.value, queries.timestamp) if text is not None]
        ask = functools.partial(backend.query, at=self._clock.time())
        vectors = await ask_together(ask, asked)
        table = ObjectTable(warnings=tuple(text for each in vectors for text in each.warnings))
        times = vectors[1].samples if queries.timestamp is not None else None
        try:
            for _ in table.read(vectors[0].samples, times, queries.labels):
                await asyncio.sleep(0)
        except ResponseError as error:
            raise describe_answer(error) from error
        self._telemetry.duplicate_objects.inc(len(table.duplicates))
        return table


def _wider(plan: ObjectPlan, demand: Demand, wanted: Wanted) -> Iterator[_Wide]:
    """Queries that give the same as naming the objects, and are worth while; the widest first."""
    if demand.wants_cluster() and plan.cluster_proven:
        yield _Wide("cluster", plan.cluster, demand.refuse_cluster)
    namespace = wanted.namespace
    if demand.wants_namespace(namespace, by_name=wanted.by_name) and plan.namespace_proven:
        yield _Wide("namespace", plan.whole(namespace), demand.refuse_namespace)


def _give_up(plan: ObjectPlan, wide: _Wide, error: SourceError) -> None:
    log.info("%s: asking for objects by name for a while: %s", plan.entry.rule.id, error)
    wide.refuse()
