"""Values of pods, each from a JSON document of its own.

Which pods there are, kube-apiserver tells; which of them are read, whoever asks: a metric is read
in a namespace from the first question on until nobody has asked for a while. Pods that come
meanwhile are read before anybody asks for them.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from adapter.jsonpath.errors import ExtractionError, NothingFound
from adapter.jsonpath.extraction import Reading
from adapter.kube.listers import Synced, check_synced
from adapter.kube.pod_endpoints import PodEndpoint
from adapter.model.labels import Selector
from adapter.model.metrics import MetricValue
from adapter.model.times import format_duration
from adapter.periodic import Clock
from adapter.rules.json_metric import PodsMetric
from adapter.rules.policy import Cause, Refusal
from adapter.sources.json.pool import TargetPool
from adapter.sources.json.targets import Target
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

AT_ONCE = 100
"""Metrics that are looked at between two pauses: one of a few pods takes 15 µs."""

SYNC_SECONDS = 1.0
"""How often pods that came, went or became ready are looked for."""


class PodView(Synced, Protocol):
    """The pods a metric may be read from (`adapter.kube.pod_endpoints`)."""

    @property
    def revision(self) -> int:
        """Grows with each change."""

    def get(self, namespace: str, name: str) -> PodEndpoint | None:
        """The running pod *name* of *namespace*, or None."""

    def selected(self, namespace: str, selector: Selector) -> Sequence[PodEndpoint]:
        """Running pods of *namespace* that *selector* matches."""

    def namespaces(self) -> Sequence[str]:
        """Namespaces that have running pods."""


class _Active:
    """A metric that is read in one namespace."""

    def __init__(self, metric: PodsMetric, namespace: str, asked: float) -> None:
        self.metric = metric
        self.namespace = namespace
        self.asked = asked
        self.targets: dict[str, Target[Reading]] = {}
        self.last_good: dict[str, MetricValue] = {}
        self.revision = -1
        self.failing = False


class _Place(NamedTuple):
    """Where a pod's document is; or why there is none."""

    url: str
    why: str = ""


class PodReader:
    """Implements `adapter.sources.base.PodValues`; `sync` is to be called every `SYNC_SECONDS`.

    Args:
        pool: Fetches documents.
        view_of: The pods a metric may be read from.
        clock: Where time comes from.
        telemetry: Own metrics.
        idle_after: Seconds a metric is read after it was last asked for.
        always: Metrics that are read though nobody asks.
    """

    def __init__(
        self,
        pool: TargetPool[Reading],
        view_of: Callable[[PodsMetric], PodView],
        *,
        clock: Clock,
        telemetry: Telemetry,
        idle_after: float,
        always: Sequence[PodsMetric] = (),
    ) -> None:
        self._pool = pool
        self._view_of = view_of
        self._clock = clock
        self._telemetry = telemetry
        self._idle_after = idle_after
        self._always = always
        self._active: dict[tuple[PodsMetric, str], _Active] = {}

    def __len__(self) -> int:
        """How many metrics are read, one in each namespace."""
        return len(self._active)

    async def values(
        self, metric: PodsMetric, namespace: str, names: Sequence[str]
    ) -> Mapping[str, MetricValue | Refusal]:
        """The value of *metric*, or why there is none, for each pod of *names*.

        Raises:
            SourceError: The pods of the cluster are not known yet.
        """
        view = self._view_of(metric)
        check_synced(view, "pods")
        active = self._active.get((metric, namespace))
        if active is None and not view.selected(namespace, metric.selector):
            # nothing to read; anybody can name any number of namespaces
            active = _Active(metric, namespace, self._clock.monotonic())
        else:
            active = self._activated(metric, namespace)
        wanted = [active.targets[name] for name in names if name in active.targets]
        await self._pool.first_values(wanted, metric)
        return {name: self._value(active, view, name) for name in names}

    async def sync(self) -> None:
        """Follow the pods that came and went, and forget what nobody asks for."""
        now = self._clock.monotonic()
        for metric in self._always:
            for namespace in self._view_of(metric).namespaces():
                if not metric.namespaces or namespace in metric.namespaces:
                    self._activated(metric, namespace)
        for number, (key, active) in enumerate([*self._active.items()]):
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
            if self._active.get(key) is not active:
                continue  # forgotten during a pause
            if now - active.asked > self._idle_after:
                self._end(key)
            else:
                self._follow(active)
                _tell(active)

    def forget(self, metric: PodsMetric) -> None:
        """Read *metric* no more; see the protocol."""
        for key in [key for key in self._active if key[0] is metric]:
            self._end(key)

    def _end(self, key: tuple[PodsMetric, str]) -> None:
        active = self._active.pop(key)
        for name in [*active.targets]:
            self._drop(active, name)

    def _activated(self, metric: PodsMetric, namespace: str) -> _Active:
        now = self._clock.monotonic()
        active = self._active.get((metric, namespace))
        if active is None:
            active = self._active[metric, namespace] = _Active(metric, namespace, now)
            self._follow(active)
        active.asked = now
        return active

    def _follow(self, active: _Active) -> None:
        """Read exactly the pods that are to be read now."""
        metric, now = active.metric, self._clock.time()
        view = self._view_of(metric)
        if view.revision == active.revision and not metric.min_ready_age:
            return
        active.revision = view.revision
        gone = set(active.targets)
        for pod in view.selected(active.namespace, metric.selector):
            url = _place(metric, pod, now).url
            if not url:
                continue
            owner = (pod.namespace, pod.name, pod.uid)
            known = active.targets.get(pod.name)
            if known is not None and (known.owner, known.url) != (owner, url):
                self._drop(active, pod.name)
                known = None
            if known is None:
                active.targets[pod.name] = self._pool.subscribe(owner, url, metric)
            gone.discard(pod.name)
        for name in gone:
            self._drop(active, name)

    def _drop(self, active: _Active, name: str) -> None:
        target = active.targets.pop(name)
        active.last_good.pop(name, None)
        self._pool.unsubscribe(target, active.metric)

    def _value(self, active: _Active, view: PodView, name: str) -> MetricValue | Refusal:
        metric, now = active.metric, self._clock.time()
        target = active.targets.get(name)
        if target is None:
            pod = view.get(active.namespace, name)
            judged: MetricValue | Refusal = _unread(metric, pod, now)
        else:
            judged = _judged(metric, target, now, active.last_good.get(name))
        if isinstance(judged, Refusal):
            self._telemetry.refused_values.labels(judged.cause.value).inc()
            return judged._replace(text=f"{metric.id}: {judged.text}")
        if metric.policy.keeps_last:
            active.last_good[name] = judged
        return judged


def _judged(
    metric: PodsMetric, target: Target[Reading], now: float, last: MetricValue | None
) -> MetricValue | Refusal:
    taken = target.taken(metric)
    if taken is None:
        why = str(target.error) if target.error else "its document was not read yet"
        return metric.policy.last_good(now, last) or Refusal(Cause.FAILED, why)
    outcome = taken.outcome
    if isinstance(outcome, NothingFound):
        return metric.policy.empty(now, last, Refusal(Cause.FAILED, str(outcome)))
    if isinstance(outcome, ExtractionError):
        return metric.policy.last_good(now, last) or Refusal(Cause.FAILED, str(outcome))
    judged = metric.policy.value(outcome.value, timestamp(outcome, taken.at), now, last)
    if isinstance(judged, Refusal) and target.error is not None:
        return judged._replace(text=f"{judged.text}; {target.error}")
    return judged


def timestamp(reading: Reading, at: float) -> float:
    """When a reading is of, in Unix seconds: what the document says, but never after its fetch."""
    return at if reading.timestamp is None else min(reading.timestamp, at)


def _unread(metric: PodsMetric, pod: PodEndpoint | None, now: float) -> Refusal:
    if pod is None:
        return Refusal(Cause.EMPTY, f"it is no running pod of {_scope(metric)}")
    why = _place(metric, pod, now).why
    return Refusal(Cause.EMPTY, why or "its document was not read yet")


def _scope(metric: PodsMetric) -> str:
    selector = f"with {metric.selector}" if str(metric.selector) else "with any labels"
    places = f" in {', '.join(sorted(metric.namespaces))}" if metric.namespaces else ""
    return f"the rule's, {selector}{places}"


def _place(metric: PodsMetric, pod: PodEndpoint, now: float) -> _Place:
    """Where the document of *pod* is, or why it is not read."""
    why = _unfit(metric, pod, now)
    if why:
        return _Place("", why)
    port = metric.port if isinstance(metric.port, int) else pod.ports.get(metric.port)
    if port is None:
        return _Place("", f"it has no port named {metric.port!r}")
    host = f"[{pod.ip}]" if ":" in pod.ip else pod.ip
    return _Place(f"{metric.scheme.value}://{host}:{port}{metric.path}")


def _unfit(metric: PodsMetric, pod: PodEndpoint, now: float) -> str:
    if not metric.selector.matches(pod.labels):
        return f"its labels are not {metric.selector}"
    if pod.terminating:
        return "it is being deleted"
    if not pod.ip:
        return "it has no address yet"
    return "" if metric.include_not_ready else _unready(metric, pod, now)


def _unready(metric: PodsMetric, pod: PodEndpoint, now: float) -> str:
    if not pod.ready:
        return "it is not ready"
    young = metric.min_ready_age and now - (pod.ready_since or now) < metric.min_ready_age
    return (
        f"it has been ready for less than {format_duration(metric.min_ready_age)}" if young else ""
    )


def _tell(active: _Active) -> None:
    """Log a change for better or worse, not each pod's failure."""
    failing = [name for name, target in active.targets.items() if target.error is not None]
    if bool(failing) == active.failing:
        return
    active.failing = bool(failing)
    metric = active.metric
    if failing:
        target = active.targets[failing[0]]
        text = "%s: %s of pods in %s cannot be read, such as %s: %s"
        log.warning(text, metric.id, metric.metric, active.namespace, failing[0], target.error)
    else:
        log.info("%s: %s of pods in %s is read", metric.id, metric.metric, active.namespace)
