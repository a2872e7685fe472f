"""``custom.metrics.k8s.io`` from Prometheus: the metric's rule, its plan, and what values mean."""

from typing import NamedTuple

from adapter.errors import ConfigError
from adapter.model.labels import Selector
from adapter.model.metrics import MetricValue
from adapter.model.resources import ListedMetric
from adapter.periodic import Clock
from adapter.rules.policy import Cause, Refusal, ValuePolicy
from adapter.rules.registry import Entry
from adapter.sources.base import ObjectQuestion, ObjectValues, no_metric
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
                raise no_metric(question.metric, _what(question), str(error)) from error
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
        if not values:
            self._check_some(question, table, refusals)
        return ObjectValues(values, _warning(question, table, refusals))

    def _check_some(
        self, question: ObjectQuestion, table: ObjectTable, refusals: dict[str, Refusal]
    ) -> None:
        """Raise where nothing was found and there is more to say than "there is nothing"."""
        if table.unlabelled and not table.rows:
            why = (
                f"the query's answer has no label {table.missing_label!r} to tell objects by; let "
                "metricsQuery keep it: by (<<.GroupBy>>)"
            )
            raise no_metric(question.metric, _what(question), why)
        if question.by_name:
            (refusal,) = refusals.values()
            raise no_metric(question.metric, _what(question), refusal.text)
        odd = _odd(refusals)
        if odd:
            name, refusal = next(iter(odd.items()))
            why = f"none of {len(question.names)} has a value; of {name}: {refusal.text}"
            raise no_metric(question.metric, _what(question), why)


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


def _odd(refusals: dict[str, Refusal]) -> dict[str, Refusal]:
    """Those for which there was a sample."""
    return {name: each for name, each in refusals.items() if each.cause is not Cause.EMPTY}


def _what(question: ObjectQuestion) -> str:
    resource = str(question.resource.group_resource)
    return f"{resource} {question.names[0]}" if question.by_name else resource


def _warning(
    question: ObjectQuestion, table: ObjectTable, refusals: dict[str, Refusal]
) -> str | None:
    """What the person who asked should know, though there is an answer."""
    texts = list(table.warnings)
    odd = _odd(refusals)
    if odd:
        name, refusal = next(iter(odd.items()))
        texts.append(
            f"{len(odd)} of {len(question.names)} left out, such as {name}: {refusal.text}"
        )
    if refusals and len(refusals) == len(question.names):
        texts.append(f"no series of {question.metric} is about any of the objects asked for")
    doubled = [name for name in question.names if (question.namespace, name) in table.duplicates]
    if doubled:
        texts.append(
            f"several series describe {doubled[0]}, of which one is served: let metricsQuery "
            "aggregate by (<<.GroupBy>>)"
        )
    return "; ".join(texts) or None
