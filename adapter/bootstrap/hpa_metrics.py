"""What HPAs define by annotations, where the flags allow it."""

from collections.abc import Sequence

from adapter.bootstrap.json_metrics import JsonReaders
from adapter.bootstrap.parts import Parts
from adapter.kube.events import EventRecorder
from adapter.kube.hpas import HorizontalPodAutoscalers, watched_hpas
from adapter.kube.mapper import KubeMapper
from adapter.kube.scales import Scales
from adapter.periodic import Periodic
from adapter.server.probes import Check
from adapter.sources.hpa.custom import HpaCustomSource
from adapter.sources.hpa.definitions import REFRESH_SECONDS, Definitions
from adapter.sources.hpa.external import HpaExternalSource
from adapter.sources.hpa.pods import PodsOfWorkloads
from adapter.sources.prometheus.instant import InstantPrometheus

ALL_NAMESPACES = "*"

EVENTS_SECONDS = 2.0
"""How often Events that wait are sent."""

LONGEST_PAUSE = 60.0
"""Between two attempts to send them, while kube-apiserver takes none."""


def annotated_namespaces(flag: Sequence[str]) -> frozenset[str] | None:
    """Namespaces whose HPAs may define metrics: None for all, empty for none."""
    return None if ALL_NAMESPACES in flag else frozenset(flag)


class HpaMetrics:
    """Builds the sources of *namespaces*.

    Args:
        parts: What all share.
        namespaces: Whose HPAs may define metrics; None for all.
        mapper: Finds what HPAs scale and describe.
        readers: Read the documents that are named.

    Attributes:
        custom: Custom metrics of pods and objects.
        external: External metrics.
    """

    def __init__(
        self,
        parts: Parts,
        namespaces: frozenset[str] | None,
        *,
        mapper: KubeMapper,
        readers: JsonReaders,
    ) -> None:
        self._parts = parts
        self._definitions = definitions = self._watched(namespaces)
        scales = Scales(parts.api, mapper, clock=parts.clock)
        queries = InstantPrometheus(parts.backends, clock=parts.clock, telemetry=parts.telemetry)
        parts.stack.push_async_callback(queries.close)
        self.custom = HpaCustomSource(
            definitions,
            pods=PodsOfWorkloads(
                definitions,
                pods=parts.pods,
                scales=scales,
                values=readers.pods,
                clock=parts.clock,
            ),
            scales=scales,
            queries=queries,
            mapper=mapper,
            telemetry=parts.telemetry,
        )
        self.external = HpaExternalSource(
            definitions, documents=readers.urls, queries=queries, telemetry=parts.telemetry
        )

    def checks(self) -> Sequence[Check]:
        """Readiness waits for the HPAs: without them their metrics would not be known."""
        return [Check("hpa-informer-sync", lambda: self._definitions.unread, ("readyz",))]

    def _watched(self, namespaces: frozenset[str] | None) -> Definitions:
        parts = self._parts
        stores = []
        for namespace in [None] if namespaces is None else sorted(namespaces):
            stores.append(store := HorizontalPodAutoscalers())
            parts.watch(watched_hpas(namespace), store)
        recorder = EventRecorder(parts.api, clock=parts.clock, telemetry=parts.telemetry)
        definitions = Definitions(
            stores,
            servers=lambda: {each.name: str(each.client.base) for each in parts.backends.all()},
            recorder=recorder,
            telemetry=parts.telemetry,
        )
        parts.repeat(
            Periodic(
                "hpa-annotations", definitions.refresh, period=REFRESH_SECONDS, clock=parts.clock
            )
        )
        parts.repeat(
            Periodic(
                "events",
                recorder.send,
                period=EVENTS_SECONDS,
                clock=parts.clock,
                max_backoff=LONGEST_PAUSE,
            )
        )
        return definitions
