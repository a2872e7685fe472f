"""One refresh of a scope: its queries side by side, their answers put together."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from adapter.errors import SourceError
from adapter.periodic import Clock
from adapter.promql.response import ResponseError, Sample
from adapter.rules.query import ContainerQueries, NodeQueries, ResourceQueries
from adapter.sources.prometheus.client import PrometheusClient, Vector
from adapter.sources.prometheus.failure import describe_answer
from adapter.sources.prometheus.vectors import (
    NodeTable,
    ObjectKey,
    PodTable,
    Readings,
    container_key,
    node_key,
)
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)


class _Question(NamedTuple):
    """The queries of one rule, rendered, and how its answers name objects."""

    values: str
    times: str | None
    key_of: Callable[[Mapping[str, str]], ObjectKey | None]


class _Answer(NamedTuple):
    values: list[Sample]
    times: list[Sample] | None


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
        questions = [_of_containers(rule, namespace) for rule in rules if rule is not None]
        answers, (cpu, memory) = await self._ask(questions)
        table = PodTable(self._queries.window)
        table.divided = namespace is not None or all(
            _tells(answer.values, rule.namespace_label)
            for answer, rule in zip(answers, filter(None, rules), strict=True)
        )
        await self._run(table.build(cpu, memory, last))
        return table

    async def nodes(self, last: NodeTable | None) -> NodeTable:
        """Fetch all nodes.

        Raises:
            SourceError: A query failed.
        """
        rules = [self._queries.cpu_nodes, self._queries.memory_nodes]
        _, (cpu, memory) = await self._ask([_of_nodes(rule) for rule in rules if rule is not None])
        table = NodeTable(self._queries.window)
        await self._run(table.build(cpu, memory, last))
        return table

    async def _ask(self, questions: Sequence[_Question]) -> tuple[list[_Answer], list[Readings]]:
        at = self._clock.time()
        answers = await self._query_all(questions, at)
        all_readings = []
        for question, answer in zip(questions, answers, strict=True):
            readings = Readings(question.key_of, at=at, max_age=self._max_age)
            await self._run(readings.read(answer.values, answer.times))
            for reason, count in readings.dropped.items():
                self._telemetry.dropped_samples.labels(reason).inc(count)
            all_readings.append(readings)
        return answers, all_readings

    async def _query_all(self, questions: Sequence[_Question], at: float) -> list[_Answer]:
        """Send all queries at once; the first failure ends the others."""
        failure: SourceError | None = None
        tasks: list[tuple[asyncio.Task[Vector], asyncio.Task[Vector] | None]] = []
        try:
            async with asyncio.TaskGroup() as group:
                for question in questions:
                    values = group.create_task(self._client.query_vector(question.values, at=at))
                    times = None
                    if question.times is not None:
                        times = group.create_task(self._client.query_vector(question.times, at=at))
                    tasks.append((values, times))
        except* SourceError as failures:
            failure = next(_leaves(failures))
        if failure is not None:
            raise failure
        vectors = [(values.result(), times.result() if times else None) for values, times in tasks]
        self._note_warnings(vector for pair in vectors for vector in pair if vector is not None)
        return [_Answer(values.samples, times and times.samples) for values, times in vectors]

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
    times = None if rule.timestamps is None else rule.render(rule.timestamps, namespace)
    return _Question(rule.render(rule.values, namespace), times, container_key(rule, namespace))


def _of_nodes(rule: NodeQueries) -> _Question:
    times = None if rule.timestamps is None else rule.render(rule.timestamps)
    return _Question(rule.render(rule.values), times, node_key(rule))


def _tells(rows: Sequence[Sample], label: str) -> bool:
    """Whether *rows*, if there are any, carry *label*."""
    return not rows or any(label in row.metric for row in rows)


def _leaves(group: BaseExceptionGroup[SourceError]) -> Iterator[SourceError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
