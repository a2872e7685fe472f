"""``custom.metrics.k8s.io`` from Prometheus: the metric's rule, its plan, and what values mean."""

from collections.abc import Iterator
from typing import NamedTuple

from adapter.errors import ConfigError
from adapter.model.labels import Selector
from adapter.model.metrics import MetricValue
from adapter.model.resources import GroupResource, ListedMetric
from adapter.periodic import Clock
from adapter.rules.policy import Refusal, ValuePolicy
from adapter.rules.registry import Entry
from adapter.sources.base import ObjectQuestion, ObjectValues, no_metric
from adapter.sources.judging import described, object_values
from adapter.sources.prometheus.asking import ObjectAsker, Wanted
from adapter.sources.prometheus.demand import Demand
from adapter.sources.prometheus.discovery import Discovery
from adapter.sources.prometheus.objects import ObjectKey, ObjectTable
from adapter.sources.prometheus.plan import ObjectPlan
from adapter.telemetry import Telemetry

MOST_PLANS = 2048
"""Plans held at most; selectors come from clients, so there may be any number of them."""

MOST_LAST_GOOD = 10_000
"""Last good values of one plan above which those that are too old to be used are forgotten."""

_PlanKey = tuple[Entry, Selector]


class _Plan(NamedTuple):
    queries: ObjectPlan
    demand: Demand
    policy: ValuePolicy
    last_good: dict[ObjectKey, MetricValue]


class PrometheusCustomSource:
    """Implements `adapter.sources.base.CustomMetricsSource`.

    Args:
        discovery: Which metrics there are.
        asker: Asks for objects.
        clock: Where time comes from.
        telemetry: Own metrics.
    """

    def __init__(
        self, discovery: Discovery, asker: ObjectAsker, *, clock: Clock, telemetry: Telemetry
    ) -> None:
        self._discovery = discovery
        self._asker = asker
        self._clock = clock
        self._telemetry = telemetry
        self._plans: dict[_PlanKey, _Plan] = {}

    def listed(self) -> tuple[ListedMetric, ...]:
        """What discovery lists."""
        return self._discovery.registry.listed_custom()

    def order(self, resource: GroupResource, metric: str) -> int | None:
        """Place of the rule that serves *metric* for *resource*."""
        entry = self._discovery.registry.custom.get((resource, metric))
        return None if entry is None else entry.rule.order

    async def object_values(self, question: ObjectQuestion) -> ObjectValues:
        """Values of a metric for objects; see the protocol."""
        resource = question.resource.group_resource
        entry = self._discovery.registry.custom.get((resource, question.metric))
        if entry is None:
            self._discovery.request_relist()
            why = self._discovery.why_unknown(question.metric, resource)
            raise no_metric(question.metric, str(resource), why)
        plan = self._plan(entry, question)
        wanted = Wanted(question.namespace, question.names, question.by_name)
        table = await self._asker.table(plan.queries, plan.demand, wanted)
        return self._values(plan, question, table)

    def _plan(self, entry: Entry, question: ObjectQuestion) -> _Plan:
        key = entry, question.selector
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= MOST_PLANS:  # the oldest half; what is needed comes again
                self._plans = dict(list(self._plans.items())[MOST_PLANS // 2 :])
            try:
                queries = ObjectPlan(entry, self._discovery.mapping(entry.rule), question.selector)
            except ConfigError as error:
                raise no_metric(question.metric, described(question), str(error)) from error
            policy = ValuePolicy.of(entry.rule.rule)
            plan = self._plans[key] = _Plan(queries, Demand(self._clock), policy, {})
        return plan

    def _values(self, plan: _Plan, question: ObjectQuestion, table: ObjectTable) -> ObjectValues:
        now = self._clock.time()
        values: dict[str, MetricValue] = {}
        refusals: dict[str, Refusal] = {}
        for name in question.names:
            key = (question.namespace, name)
            judged = _judge(plan, table, key, now)
            if isinstance(judged, Refusal):
                refusals[name] = judged
                self._telemetry.refused_values.labels(judged.cause.value).inc()
            else:
                values[name] = judged
        if not values and table.unlabelled and not table.rows:
            why = (
                f"the query's answer has no label {table.missing_label!r} to tell objects by; let "
                "metricsQuery keep it: by (<<.GroupBy>>)"
            )
            raise no_metric(question.metric, described(question), why)
        return object_values(question, values, refusals, _notes(question, table))


def _judge(plan: _Plan, table: ObjectTable, key: ObjectKey, now: float) -> MetricValue | Refusal:
    row = table.rows.get(key)
    last = plan.last_good.get(key)
    if row is None:
        return plan.policy.empty(now, last)
    judged = plan.policy.value(row.value, row.timestamp, now, last)
    if plan.policy.keeps_last and isinstance(judged, MetricValue):
        _keep(plan, key, judged, now)
    return judged


def _keep(plan: _Plan, key: ObjectKey, value: MetricValue, now: float) -> None:
    if len(plan.last_good) >= MOST_LAST_GOOD:
        oldest = now - plan.policy.last_good_seconds
        for old in [key for key, kept in plan.last_good.items() if kept.timestamp < oldest]:
            del plan.last_good[old]
    plan.last_good[key] = value


def _notes(question: ObjectQuestion, table: ObjectTable) -> Iterator[str]:
    """What the person who asked should know, though there is an answer."""
    yield from table.warnings
    doubled = [name for name in question.names if (question.namespace, name) in table.duplicates]
    if doubled:
        yield (
            f"several series describe {doubled[0]}, of which one is served: let metricsQuery "
            "aggregate by (<<.GroupBy>>)"
        )
