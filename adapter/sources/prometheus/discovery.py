"""Discovery: which series there are for the rules, without ever loading a label set.

Asked for are the names of series that have a label, for each label that names a resource. A rule
that fails keeps what it found before and does not concern the others. See
`adapter.rules.registry` for what becomes of it.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Sequence

from adapter.errors import SourceError
from adapter.model.resources import GroupResource
from adapter.periodic import Clock
from adapter.rules.compiled import CompiledRule
from adapter.rules.mapping import ResourceMapping
from adapter.rules.registry import Conflict, SeriesRegistry
from adapter.sources.prometheus.changes import ChangeLog
from adapter.sources.prometheus.questions import AskedBackends, Questions
from adapter.sources.prometheus.rulestate import MapperView, RuleHealth, RuleState, RuleStatus
from adapter.sources.prometheus.unknown import Delisted, why_unknown
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

SPREAD_SECONDS = 0.1
"""Longest pause before a question, so that replicas and hundreds of rules do not burst."""

FIRST_REQUEST_SECONDS = 5.0
"""Least time between two rounds when one is asked for because a metric was not known; doubles with
each that finds nothing new, up to the interval: a misspelt name is asked for for ever."""


class Discovery:
    """What the rules find, and how they fare.

    Args:
        custom: The rules of ``rules``, in their order.
        external: Those of ``externalRules``.
        backends: Whom to ask.
        mapper: The resources of the cluster.
        clock: Where time comes from.
        telemetry: Own metrics.
        interval: Seconds between two rounds; `relist` is to be called so often.
        max_age: Seconds; series that ended before need not count.
        grace: Seconds for which a metric stays listed when its series are gone.
        concurrency: Questions under way at once.
        spread: Seconds, the longest pause before a question; none in the first round, for which
            clients wait.
    """

    def __init__(
        self,
        custom: Sequence[CompiledRule],
        external: Sequence[CompiledRule],
        backends: AskedBackends,
        mapper: MapperView,
        *,
        clock: Clock,
        telemetry: Telemetry,
        interval: float,
        max_age: float,
        grace: float,
        concurrency: int = 4,
        spread: float = SPREAD_SECONDS,
    ) -> None:
        self._custom = [RuleState(rule, external=False, grace=grace) for rule in custom]
        self._external = [RuleState(rule, external=True, grace=grace) for rule in external]
        self._states = [*self._custom, *self._external]
        self._by_rule = {state.rule: state for state in self._states}
        self._backends = backends
        self._mapper = mapper
        self._clock = clock
        self._telemetry = telemetry
        self._interval = interval
        self._max_age = max_age
        self._concurrency = concurrency
        self._lock = asyncio.Lock()
        self._rounds = 0
        self._spread = self._most_spread = spread
        self._requested: asyncio.Task[None] | None = None
        self._request_pause = min(FIRST_REQUEST_SECONDS, interval)
        self._next_request = 0.0
        self._delisted = Delisted()
        self._changes = ChangeLog()
        self._registry = SeriesRegistry()
        self._revision = -1
        self._rebuild()
        self._publish()

    @property
    def registry(self) -> SeriesRegistry:
        """What is known now; with the resources the cluster has now."""
        if self._revision != self._mapper.revision:
            self._rebuild()
            if any(state.misses_labels(self._mapper) for state in self._custom):
                self._request_pause = min(FIRST_REQUEST_SECONDS, self._interval)
                self.request_relist()
        return self._registry

    @property
    def has_run(self) -> bool:
        """Whether a round has ended, or there is nothing to ask."""
        return self._rounds > 0 or not any(state.asks for state in self._states)

    @property
    def status(self) -> Sequence[RuleStatus]:
        """How each rule fares, in the order of the file."""
        conflicts: dict[str, list[Conflict]] = {}
        for conflict in self.registry.conflicts:
            conflicts.setdefault(conflict.hidden, []).append(conflict)
        return [
            state.status(self._mapper, conflicts.get(state.rule.id, ())) for state in self._states
        ]

    def mapping(self, rule: CompiledRule) -> ResourceMapping:
        """The ``resources`` of *rule* with the resources the cluster has now.

        Args:
            rule: One of those given.
        """
        return self._by_rule[rule].mapping(self._mapper)

    def why_unknown(self, metric: str, resource: GroupResource | None) -> str:
        """Why `registry` does not have a metric: a clause for ``Status.message``.

        Args:
            metric: Its name in the API.
            resource: Its resource; None for an external metric.
        """
        since = self._delisted.since((resource, metric))
        return why_unknown(
            (resource, metric),
            self.registry,
            self._external if resource is None else self._custom,
            gone_for=None if since is None else self._clock.monotonic() - since,
            unresolved=lambda state: state.mapping(self._mapper).unresolved,
        )

    def request_relist(self) -> None:
        """Ask for a round soon, because a metric was not known; does not wait, has a limit."""
        if self._requested is not None or self._clock.monotonic() < self._next_request:
            return
        self._requested = asyncio.create_task(self._relist_requested(), name="discovery-requested")

    async def relist(self) -> None:
        """Ask for all rules; when a round is under way, wait for that one instead.

        Failures are kept in `status`: none is raised.
        """
        await self._join(self._spread if self._rounds else 0.0)

    async def close(self) -> None:
        """End a round that was asked for."""
        if self._requested is not None:
            self._requested.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._requested

    async def _relist_requested(self) -> None:
        before = self._registry
        try:
            await self._join(0.0)
        finally:
            self._requested = None
        if self._registry is before:
            self._request_pause = min(2 * self._request_pause, self._interval)
            self._next_request = self._clock.monotonic() + self._request_pause

    async def _join(self, spread: float) -> None:
        """Make a round, or wait for the one that is under way."""
        rounds = self._rounds
        async with self._lock:
            if self._rounds == rounds:
                await self._relist(spread)

    async def _relist(self, spread: float) -> None:
        started = self._clock.monotonic()

        async def pause() -> None:
            if spread:
                await self._clock.sleep(spread * random.random())  # noqa: S311 - not for secrets

        questions = Questions(
            self._backends,
            start=self._clock.time() - self._max_age,
            concurrency=self._concurrency,
            pause=pause,
        )
        asking = [state for state in self._states if state.asks]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._list(state, questions)) for state in asking]
        self._rounds += 1
        # a tenth of the interval at most is spent on pauses
        most = self._interval / 10 * self._concurrency / max(1, questions.asked)
        self._spread = min(self._most_spread, most)
        if any(task.result() for task in tasks) or self._revision != self._mapper.revision:
            self._rebuild()
            self._request_pause = min(FIRST_REQUEST_SECONDS, self._interval)
        now = self._clock.monotonic()
        self._next_request = now + self._request_pause
        self._telemetry.discovery_seconds.observe(now - started)
        self._tell()
        self._publish()

    async def _list(self, state: RuleState, questions: Questions) -> bool:
        """List the series of one rule; True when they are others than before."""
        try:
            found = await state.ask(questions, self._mapper)
        except SourceError as error:
            state.failed(error)
            return False
        return state.take(found, now=self._clock.monotonic(), at=self._clock.time())

    def _rebuild(self) -> None:
        last = self._registry
        self._revision = self._mapper.revision
        self._registry = SeriesRegistry(
            (state.finding(self._mapper) for state in self._custom),
            (state.finding(self._mapper) for state in self._external),
            last,
        )
        appeared, gone = self._delisted.update(last, self._registry, self._clock.monotonic())
        if appeared or gone:
            log.info("discovery: %d metrics appeared, %d are gone", appeared, gone)

    def _tell(self) -> None:
        errors = {state.rule.id: state.error for state in self._states if state.error is not None}
        self._changes.tell_failing(errors)
        self._changes.tell_conflicts(self._registry.conflicts)
        if self._mapper.revision:  # what Kubernetes has not been asked yet, it may well serve
            self._changes.tell_unresolved(
                f"{state.rule.id}: {text}"
                for state in self._custom
                for text in state.mapping(self._mapper).unresolved
            )

    def _publish(self) -> None:
        telemetry = self._telemetry
        for health in RuleHealth:
            count = sum(state.health is health for state in self._states)
            telemetry.discovery_rules.labels(health.value).set(count)
        telemetry.discovery_metrics.labels("custom").set(len(self._registry.listed_custom()))
        telemetry.discovery_metrics.labels("external").set(len(self._registry.listed_external()))
        telemetry.discovery_conflicts.set(len(self._registry.conflicts))
        telemetry.discovery_success.clear()
        for state in self._states:
            if state.last_success is not None:
                telemetry.discovery_success.labels(state.rule.id).set(state.last_success)
