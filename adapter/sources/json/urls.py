"""Series of external metrics, each metric from one JSON document."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence

from adapter.errors import SourceError
from adapter.jsonpath.errors import ExtractionError, NothingFound
from adapter.jsonpath.extraction import Reading, SeriesReading
from adapter.model.labels import Selector
from adapter.model.metrics import ExternalMetricValue
from adapter.periodic import Clock
from adapter.rules.json_metric import URLMetric
from adapter.rules.policy import Cause, Refusal, ValuePolicy
from adapter.rules.schema import OnEmpty
from adapter.sources.base import ExternalValues, no_metric
from adapter.sources.json.pods import timestamp
from adapter.sources.json.pool import TargetPool
from adapter.sources.json.targets import Taken, Target
from adapter.sources.judging import Series, SeriesJudge, shown
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)


class _Active:
    """A metric that is read."""

    def __init__(self, target: Target[list[SeriesReading]]) -> None:
        self.target = target
        self.asked = 0.0
        self.failing = False


class URLReader:
    """Implements `adapter.sources.base.URLSeries`; `sync` is to be called every second.

    Args:
        pool: Fetches documents.
        clock: Where time comes from.
        telemetry: Own metrics.
        idle_after: Seconds a metric is read after it was last asked for.
        always: Metrics that are read though nobody asks.
    """

    def __init__(
        self,
        pool: TargetPool[list[SeriesReading]],
        *,
        clock: Clock,
        telemetry: Telemetry,
        idle_after: float,
        always: Sequence[URLMetric] = (),
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._telemetry = telemetry
        self._idle_after = idle_after
        self._always = always
        self._active: dict[URLMetric, _Active] = {}
        self._judge = SeriesJudge()

    async def series(self, metric: URLMetric, selector: Selector, namespace: str) -> ExternalValues:
        """All series of *metric* that *selector* selects; see the protocol."""
        target = self._activated(metric).target
        await self._pool.first_values([target], metric)
        now = self._clock.time()
        taken = target.taken(metric)
        outcome = self._judged(metric, selector, target, taken, now)
        if isinstance(outcome, Refusal):
            self._telemetry.refused_values.labels(outcome.cause.value).inc()
            why = f"{metric.id}: {outcome.text}"
            raise no_metric(metric.metric, f"namespace {namespace}", why)
        return outcome

    async def sync(self) -> None:
        """Forget what nobody asks for."""
        now = self._clock.monotonic()
        for metric in self._always:
            self._activated(metric)
        for metric, active in [*self._active.items()]:
            if now - active.asked > self._idle_after:
                self.forget(metric)
            else:
                _tell(metric, active)

    def forget(self, metric: URLMetric) -> None:
        """Read *metric* no more; see the protocol."""
        active = self._active.pop(metric, None)
        if active is not None:
            self._pool.unsubscribe(active.target, metric)

    def _activated(self, metric: URLMetric) -> _Active:
        active = self._active.get(metric)
        if active is None:
            target = self._pool.subscribe("", metric.url, metric)
            active = self._active[metric] = _Active(target)
        active.asked = self._clock.monotonic()
        return active

    def _judged(
        self,
        metric: URLMetric,
        selector: Selector,
        target: Target[list[SeriesReading]],
        taken: Taken[list[SeriesReading]] | None,
        now: float,
    ) -> ExternalValues | Refusal:
        if taken is None:
            return self._last_good(metric, selector, _why(target), now, fetched=False)
        outcome, policy = taken.outcome, metric.policy
        if isinstance(outcome, ExtractionError):
            if isinstance(outcome, NothingFound) and policy.on_empty is OnEmpty.ZERO:
                return ExternalValues([ExternalMetricValue({}, 0.0, taken.at)], str(outcome))
            return self._last_good(metric, selector, str(outcome), now)
        selected = [each for each in outcome if selector.matches(each.labels)]
        series, broken = _series(policy, selected, taken.at)
        if broken:
            return self._last_good(metric, selector, broken, now)
        judged = self._judge.values(policy, (metric, selector), series, now)
        if isinstance(judged, Refusal):
            failure = f"; {target.error}" if target.error else ""
            return judged._replace(text=judged.text + failure)
        return ExternalValues(judged, _note(outcome, selected, selector))

    def _last_good(
        self, metric: URLMetric, selector: Selector, why: str, now: float, *, fetched: bool = True
    ) -> ExternalValues | Refusal:
        """What *metric* gave before, where its rule lets that serve; a broken value is no zero.

        Raises:
            SourceError: It may not serve, and the document was not *fetched* at all.
        """
        values = self._judge.last_good(metric.policy, (metric, selector), now)
        if values:
            return ExternalValues(values, f"the last good value: {why}")
        if not fetched:
            raise SourceError(f"{metric.id}: {why}")
        return Refusal(Cause.FAILED, why)


def _series(
    policy: ValuePolicy, readings: Sequence[SeriesReading], at: float
) -> tuple[list[Series], str]:
    """Series to be judged; or why one of them has no value, which is told of all of them."""
    series = []
    for each in readings:
        outcome = each.outcome
        if isinstance(outcome, NothingFound) and policy.on_empty is OnEmpty.ZERO:
            outcome = Reading(0.0, None)
        if isinstance(outcome, ExtractionError):
            return [], f"{shown(each.labels)}{outcome}"
        series.append(Series(each.labels, outcome.value, timestamp(outcome, at), None))
    return list(_identified(series)), ""


def _identified(series: Sequence[Series]) -> Iterator[Series]:
    """Tell apart series with equal labels: an HPA adds up all of them."""
    seen: Counter[frozenset[tuple[str, str]]] = Counter()
    for each in series:
        labels = frozenset((each.labels or {}).items())
        yield each._replace(identity=(labels, seen[labels]))
        seen[labels] += 1


def _why(target: Target[list[SeriesReading]]) -> str:
    return str(target.error) if target.error else "its document was not read yet"


def _note(outcome: object, selected: Sequence[SeriesReading], selector: Selector) -> str | None:
    if selected:
        return None
    if not outcome:
        return "the document has no items"
    return f"no item of the document has labels that {selector} selects"


def _tell(metric: URLMetric, active: _Active) -> None:
    error = active.target.error
    if (error is not None) == active.failing:
        return
    active.failing = error is not None
    if error is not None:
        log.warning("%s: %s cannot be read: %s", metric.id, metric.metric, error)
    else:
        log.info("%s: %s is read", metric.id, metric.metric)
