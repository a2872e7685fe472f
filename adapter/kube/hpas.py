"""HPAs whose annotations may define metrics: what is decoded of them, and where they are kept."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from adapter.kube.watched import ListMeta, Watched
from adapter.model.autoscaling import HorizontalPodAutoscaler, MetricSpec, ObjectName, SourceType
from adapter.rules.annotations_keys import concerns_us

__all__ = [
    "HPA_API_VERSION",
    "HPA_KIND",
    "HorizontalPodAutoscaler",
    "HorizontalPodAutoscalers",
    "MetricSpec",
    "ObjectName",
    "SourceType",
    "watched_hpas",
]

HPA_API_VERSION = "autoscaling/v2"
HPA_KIND = "HorizontalPodAutoscaler"


class HorizontalPodAutoscalers:
    """HPAs by namespace and name, kept current by one informer.

    Attributes:
        has_synced: Whether a first list was completed.
        problem: Why they cannot be read from kube-apiserver now, or None.
        revision: Grows when an HPA was added, removed or changed in what can define metrics; the
            number of its replicas is not of that.
    """

    def __init__(self) -> None:
        self.has_synced = False
        self.problem: str | None = None
        self.revision = 0
        self._hpas: dict[tuple[str, str], HorizontalPodAutoscaler] = {}
        self._staged: dict[tuple[str, str], HorizontalPodAutoscaler] = {}

    def __len__(self) -> int:
        return len(self._hpas)

    def __iter__(self) -> Iterator[HorizontalPodAutoscaler]:
        return iter(self._hpas.values())

    def get(self, namespace: str, name: str) -> HorizontalPodAutoscaler | None:
        """The HPA *name* of *namespace*, or None."""
        return self._hpas.get((namespace, name))

    def stage(self, hpas: Iterable[HorizontalPodAutoscaler]) -> None:
        """Set *hpas* aside for `replace`, a page at a time."""
        for hpa in hpas:
            self._staged[hpa.namespace, hpa.name] = hpa

    def unstage(self) -> None:
        """Forget what was set aside."""
        self._staged = {}

    def replace(self, hpas: Iterable[HorizontalPodAutoscaler] = ()) -> None:
        """Hold exactly what is staged and *hpas* from now on; the store has synced then."""
        self.stage(hpas)
        before, self._hpas = self._hpas, self._staged
        self.unstage()
        if _defining(before) != _defining(self._hpas):
            self.revision += 1
        self.has_synced = True

    def upsert(self, hpa: HorizontalPodAutoscaler) -> None:
        """Add *hpa*, or take what changed of it."""
        key = hpa.namespace, hpa.name
        before = self._hpas.get(key)
        self._hpas[key] = hpa
        if before is None or _defines(before) != _defines(hpa):
            self.revision += 1

    def remove(self, hpa: HorizontalPodAutoscaler) -> None:
        """Forget *hpa*; nothing happens when it is not known."""
        if self._hpas.pop((hpa.namespace, hpa.name), None) is not None:
            self.revision += 1


def watched_hpas(namespace: str | None) -> Watched[HorizontalPodAutoscaler]:
    """HPAs of *namespace*, None for all."""
    # the informers of several namespaces must not share a name or a gauge
    within = "" if namespace is None else f"/{namespace}"
    place = "" if namespace is None else f"namespaces/{namespace}/"
    return Watched(
        resource=f"horizontalpodautoscalers{within}",
        path=f"/apis/{HPA_API_VERSION}/{place}horizontalpodautoscalers",
        page=_PAGE,
        one=_ONE,
        convert=_hpa,
    )


def _defines(hpa: HorizontalPodAutoscaler) -> tuple[Any, ...]:
    return hpa.uid, hpa.annotations, hpa.target, hpa.metrics


def _defining(
    hpas: Mapping[tuple[str, str], HorizontalPodAutoscaler],
) -> Mapping[tuple[str, str], tuple[Any, ...]]:
    return {key: _defines(hpa) for key, hpa in hpas.items()}


class _Metadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    # a bookmark has nothing but a resource version
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    annotations: dict[str, str] | None = None


class _Reference(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    api_version: str = ""
    kind: str = ""
    name: str = ""

    def named(self) -> ObjectName:
        return ObjectName(self.api_version, self.kind, self.name)


class _Selector(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    match_labels: dict[str, str] | None = None
    match_expressions: list[msgspec.Raw] | None = None


class _Identifier(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    selector: _Selector | None = None


class _Source(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    metric: _Identifier = _Identifier()
    described_object: _Reference | None = None


class _Metric(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    type: str = ""
    pods: _Source | None = None
    object: _Source | None = None
    external: _Source | None = None


class _Spec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    scale_target_ref: _Reference = _Reference()
    metrics: list[_Metric] | None = None


class _Status(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    current_replicas: int | None = None


class _Hpa(msgspec.Struct, frozen=True, gc=False):
    metadata: _Metadata
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _HpaList(msgspec.Struct, frozen=True, gc=False):
    metadata: ListMeta
    items: list[_Hpa] | None = None


_PAGE = msgspec.json.Decoder(_HpaList)
_ONE = msgspec.json.Decoder(_Hpa)


def _hpa(wire: _Hpa) -> HorizontalPodAutoscaler:
    meta = wire.metadata
    return HorizontalPodAutoscaler(
        namespace=sys.intern(meta.namespace),
        name=meta.name,
        uid=meta.uid,
        annotations={
            key: value for key, value in (meta.annotations or {}).items() if concerns_us(key)
        },
        target=wire.spec.scale_target_ref.named(),
        metrics=_specs(wire.spec.metrics or ()),
        current_replicas=wire.status.current_replicas or 0,
    )


def _specs(metrics: Sequence[_Metric]) -> tuple[MetricSpec, ...]:
    return tuple(
        _spec(kind, source)
        for metric in metrics
        for kind, source in (
            (SourceType.PODS, metric.pods),
            (SourceType.OBJECT, metric.object),
            (SourceType.EXTERNAL, metric.external),
        )
        if source is not None and metric.type == kind
    )


def _spec(kind: SourceType, source: _Source) -> MetricSpec:
    selector = source.metric.selector or _Selector()
    described = source.described_object
    return MetricSpec(
        type=kind,
        name=source.metric.name,
        match_labels=selector.match_labels or {},
        has_expressions=bool(selector.match_expressions),
        described=None if described is None else described.named(),
    )
