"""HorizontalPodAutoscalers, as far as annotations on them can define metrics."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec


class SourceType(StrEnum):
    """``type`` of a metric of an HPA, where values of ours can serve it."""

    PODS = "Pods"
    OBJECT = "Object"
    EXTERNAL = "External"


class ObjectName(NamedTuple):
    """An object of the HPA's namespace, as ``scaleTargetRef`` and ``describedObject`` name it."""

    api_version: str
    kind: str
    name: str


class MetricSpec(msgspec.Struct, frozen=True):
    """A metric of an HPA's ``spec.metrics``.

    Attributes:
        type: Where its values come from.
        name: Its name.
        match_labels: ``selector.matchLabels``.
        has_expressions: Whether its selector has ``matchExpressions``.
        described: For `SourceType.OBJECT`, what it is about.
    """

    type: SourceType
    name: str
    match_labels: Mapping[str, str] = {}
    has_expressions: bool = False
    described: ObjectName | None = None


class HorizontalPodAutoscaler(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an HPA.

    Attributes:
        annotations: Only those that are meant for us, or nearly.
        target: What it scales.
        metrics: Those of a type that `SourceType` has.
        current_replicas: ``status.currentReplicas``; 0 where that is not told.
    """

    namespace: str
    name: str
    uid: str = ""
    annotations: Mapping[str, str] = {}
    target: ObjectName
    metrics: tuple[MetricSpec, ...] = ()
    current_replicas: int = 0
