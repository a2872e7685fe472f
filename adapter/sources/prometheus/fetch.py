"""One refresh of a scope: its queries side by side, their answers put together."""

import asyncio
import functools
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from adapter.periodic import Clock
from adapter.promql.response import ResponseError, Sample
from adapter.rules.query import ContainerQueries, NodeQueries, ResourceQueries
from adapter.sources.prometheus.client import PrometheusClient, Vector
from adapter.sources.prometheus.failure import describe_answer
from adapter.sources.prometheus.readings import (
    ContainerKey,
    K,
    Naming,
    Readings,
    container_naming,
    node_naming,
)
from adapter.sources.prometheus.tables import NodeTable, PodTable
from adapter.sources.prometheus.together import ask_together
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)


class _Question(NamedTuple):
    """The queries of one rule, rendered."""

    values: str
    times: str | None
    windows: str | None


class _Answer(NamedTuple):
    """Their answers; None for what was not asked."""

    values: list[Sample]
    times: list[Sample] | None
    windows: list[Sample] | None


class ResourceFetcher:
    """Fetches the usage of a whole scope.

    Args:
        client: Asks Prometheus.
        queries: What to ask.
        clock: Where time comes from.
        max_age: Seconds from which a sample is too old to be used.
        telemetry: Own metrics.
    """

    def __init__(
        self,
        client: PrometheusClient,
        queries: ResourceQueries,
        *,
        clock: Clock,
        max_age: float,
        telemetry: Telemetry,
    ) -> None:
        self._client = client
        self._queries = queries
        self._clock = clock
        self._max_age = max_age
        self._telemetry = telemetry
        self._warned: frozenset[str] = frozenset()

    async def pods(self, namespace: str | None, last: PodTable | None) -> PodTable:
        """Fetch the pods of *namespace*, or of all when None.

        Raises:
            SourceError: A query failed. Half an answer is none.
        """
        rules = [self._queries.cpu_containers, self._queries.memory_containers]
        given = [rule for rule in rules if rule is not None]
        table = PodTable(self._queries.window)
        table.namings = _namings(given, namespace)
        if last is not None:
            renewed = {naming: naming.renewed() for naming in last.namings}
            table.namings = tuple(renewed[naming] for naming in last.namings)
        at = self._clock.time()
        answers = await self._query_all([_of_containers(rule, namespace) for rule in given], at)
        table.divided = namespace is not None or all(
            _tells(answer.values, rule.namespace_label)
            for answer, rule in zip(answers, given, strict=True)
        )
        cpu, memory = await self._read(answers, table.namings, at)
        await self._run(table.build(cpu, memory, last))
        return table

    async def nodes(self, last: NodeTable | None) -> NodeTable:
        """Fetch all nodes.

        Raises:
            SourceError: A query failed.
        """
        rules = [self._queries.cpu_nodes, self._queries.memory_nodes]
        given = [rule for rule in rules if rule is not None]
        table = NodeTable(self._queries.window)
        table.namings = tuple(node_naming(rule) for rule in given)
        at = self._clock.time()
        answers = await self._query_all([_of_nodes(rule) for rule in given], at)
        cpu, memory = await self._read(answers, table.namings, at)
        await self._run(table.build(cpu, memory, last))
        return table

    async def _read(
        self, answers: Sequence[_Answer], namings: Sequence[Naming[K]], at: float
    ) -> list[Readings[K]]:
        all_readings = []
        for answer, naming in zip(answers, namings, strict=True):
            readings = Readings(naming, at=at, max_age=self._max_age)
            await self._run(readings.read(answer.values, answer.times, answer.windows))
            for reason, count in readings.dropped.items():
                self._telemetry.dropped_samples.labels(reason).inc(count)
            all_readings.append(readings)
        return all_readings

    async def _query_all(self, questions: Sequence[_Question], at: float) -> list[_Answer]:
        """Send all queries at once."""
        ask = functools.partial(self._client.query_vector, at=at)
        queries = [query for question in questions for query in question if query]
        vectors = await ask_together(ask, queries)
        self._note_warnings(vectors)
        given = iter(vectors)
        return [
            _Answer(
                next(given).samples,
                next(given).samples if question.times else None,
                next(given).samples if question.windows else None,
            )
            for question in questions
        ]

    async def _run(self, steps: Iterator[None]) -> None:
        """Run *steps*, letting others run in between.

        Raises:
            SourceError: A value in an answer is no number.
        """
        try:
            for _ in steps:
                await asyncio.sleep(0)
        except ResponseError as error:
            raise describe_answer(error) from error

    def _note_warnings(self, vectors: Iterable[Vector]) -> None:
        """Log what Prometheus warns about, when that changes."""
        warnings = frozenset(text for vector in vectors for text in vector.warnings)
        if warnings and warnings != self._warned:
            log.warning("prometheus warns: %s", "; ".join(sorted(warnings)))
        self._warned = warnings


def _of_containers(rule: ContainerQueries, namespace: str | None) -> _Question:
    return _Question(
        rule.render(rule.values, namespace),
        rule.timestamps and rule.render(rule.timestamps, namespace),
        rule.windows and rule.render(rule.windows, namespace),
    )


def _of_nodes(rule: NodeQueries) -> _Question:
    return _Question(
        rule.render(rule.values),
        rule.timestamps and rule.render(rule.timestamps),
        rule.windows and rule.render(rule.windows),
    )


def _namings(
    rules: Sequence[ContainerQueries], namespace: str | None
) -> tuple[Naming[ContainerKey], ...]:
    """One for each rule; rules with the same labels, as most have, share it."""
    by_labels: dict[tuple[str, str, str], Naming[ContainerKey]] = {}
    namings = []
    for rule in rules:
        labels = rule.namespace_label, rule.pod_label, rule.container_label
        namings.append(by_labels.setdefault(labels, container_naming(rule, namespace)))
    return tuple(namings)


def _tells(rows: Sequence[Sample], label: str) -> bool:
    """Whether *rows*, if there are any, carry *label*."""
    name = f'"{label}":'.encode()  # cannot be part of a value, where quotes are escaped
    return not rows or any(name in bytes(row.metric) for row in rows)
