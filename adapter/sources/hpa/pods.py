"""Metrics of pods that HPAs define: each HPA's is about the pods of the workload it scales."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Sequence

from adapter.flight import SingleFlight
from adapter.kube.api import KubeApiError
from adapter.kube.listers import PodLister, check_synced
from adapter.kube.scales import Scales
from adapter.model.labels import Selector
from adapter.model.metrics import MetricValue
from adapter.model.resources import GroupResource, PodKey
from adapter.periodic import Clock
from adapter.rules.annotations import Definition, Source
from adapter.rules.json_metric import PodsMetric
from adapter.rules.policy import Cause, Refusal
from adapter.sources.base import ObjectQuestion, ObjectValues, PodValues
from adapter.sources.hpa.definitions import Definitions
from adapter.sources.hpa.workloads import Bound, Workloads
from adapter.sources.judging import pod_values

PODS = GroupResource("", "pods")

REASON = "FailedGetScale"
"""``reason`` of the Events about workloads whose pods nobody can tell."""


KEPT_SECONDS = 5.0
"""How long it serves which pods the HPAs of one metric scale: short, next to how long a scale
does, and a third of the period in which each of these HPAs asks."""


class PodsOfWorkloads:
    """Gives the metrics of pods that HPAs define.

    Args:
        definitions: Who is told what is wrong.
        pods: Running pods, in memory.
        scales: Which pods a workload has.
        values: What pods say.
        clock: Where time comes from.
    """

    def __init__(
        self,
        definitions: Definitions,
        *,
        pods: PodLister,
        scales: Scales,
        values: PodValues,
        clock: Clock,
    ) -> None:
        self._definitions = definitions
        self._pods = pods
        self._scales = scales
        self._values = values
        self._clock = clock
        self._bound: dict[PodsMetric, PodsMetric] = {}
        self._kept: dict[tuple[str, str, Selector], _KeptWorkloads] = {}
        self._tidy_from = 0
        definitions.when_dropped(self._forget)

    async def object_values(
        self, question: ObjectQuestion, found: Sequence[Definition]
    ) -> ObjectValues:
        """Values of a metric for pods.

        Args:
            question: What is asked; about pods.
            found: The definitions of that metric in that namespace.

        Raises:
            NotFound: As the protocol says.
            SourceError: Pods have not been read yet.
        """
        check_synced(self._pods, "pods")
        workloads = await self._workloads(question, found)
        asked: dict[PodsMetric, list[str]] = {}
        judged: dict[str, MetricValue | Refusal] = {}
        for name in question.names:
            metric = self._metric_of(question.namespace, name, workloads)
            if isinstance(metric, Refusal):
                judged[name] = metric
            else:
                asked.setdefault(metric, []).append(name)
        answers = await asyncio.gather(
            *(
                self._values.values(metric, question.namespace, names)
                for metric, names in asked.items()
            )
        )
        for answer in answers:
            judged |= answer
        return pod_values(question, judged, workloads.failed)

    async def _workloads(self, question: ObjectQuestion, found: Sequence[Definition]) -> Workloads:
        key = question.namespace, question.metric, question.selector
        kept = self._kept.get(key)
        if kept is None or kept.found != found:
            self._tidy()
            kept = self._kept[key] = _KeptWorkloads(found, self._read, self._clock)
        return await kept.get()

    async def _read(self, found: Sequence[Definition]) -> Workloads:
        read = await asyncio.gather(*(self._bind(each) for each in found))
        failed = [each for each in read if isinstance(each, str)]
        return Workloads((each for each in read if isinstance(each, Bound)), failed)

    async def _bind(self, definition: Definition) -> Bound | str:
        """The metric for the pods of its workload; why these are not known otherwise."""
        metric = definition.source
        if not isinstance(metric, PodsMetric):
            return "a metric of pods comes from json-path alone"
        try:
            selector = await self._scales.selector(definition.namespace, *definition.target)
        except KubeApiError as error:
            text = f"the pods of HPA {definition.hpa} are not known: {error}"
            hpa = self._definitions.hpa(definition.namespace, definition.hpa)
            if hpa is not None:
                self._definitions.tell(hpa, REASON, text)
            return text
        return Bound(definition, self._with(metric, selector))

    def _with(self, metric: PodsMetric, selector: Selector) -> PodsMetric:
        """*metric* with *selector*: the same object for as long as both are the same."""
        bound = self._bound.get(metric)
        if bound is None or bound.selector != selector:
            self._forget(metric)
            bound = self._bound[metric] = dataclasses.replace(metric, selector=selector)
        return bound

    def _forget(self, source: Source) -> None:
        bound = self._bound.pop(source, None) if isinstance(source, PodsMetric) else None
        if bound is not None:
            self._values.forget(bound)

    def _tidy(self) -> None:
        """Forget what HPAs do not define any more, each time that there may be twice too much."""
        if len(self._kept) + len(self._bound) < self._tidy_from:
            return
        known = self._definitions.index.sources
        self._kept = {key: each for key, each in self._kept.items() if each.fresh}
        self._bound = {key: each for key, each in self._bound.items() if key in known}
        self._tidy_from = 2 * (len(self._kept) + len(self._bound)) + 100

    def _metric_of(self, namespace: str, name: str, workloads: Workloads) -> PodsMetric | Refusal:
        """What is asked about one pod."""
        pod = self._pods.get(PodKey(namespace, name))
        if pod is None:
            return Refusal(Cause.EMPTY, "the pod does not run")
        mine = workloads.of(pod.labels)
        if not mine:
            if workloads.failed:
                return Refusal(Cause.FAILED, workloads.failed[0])
            return Refusal(Cause.EMPTY, "no HPA that defines the metric scales this pod")
        if len({each.definition.meaning for each in mine}) > 1:
            hpas = " and ".join(sorted({each.definition.hpa for each in mine}))
            text = f"the HPAs {hpas} define the metric differently, and all of them scale this pod"
            return Refusal(Cause.FAILED, text)
        return mine[0].metric


class _KeptWorkloads:
    """The workloads of *found*, read one at a time and kept for `KEPT_SECONDS`."""

    def __init__(
        self,
        found: Sequence[Definition],
        read: Callable[[Sequence[Definition]], Awaitable[Workloads]],
        clock: Clock,
    ) -> None:
        self.found = found
        self._read = read
        self._clock = clock
        self._flight = SingleFlight(self._fetch)
        self._held: Workloads | None = None
        self._until = 0.0

    @property
    def fresh(self) -> Workloads | None:
        return self._held if self._clock.monotonic() < self._until else None

    async def get(self) -> Workloads:
        return self.fresh or await self._flight.run()

    async def _fetch(self) -> Workloads:
        self._held = await self._read(self.found)
        self._until = self._clock.monotonic() + KEPT_SECONDS
        return self._held
