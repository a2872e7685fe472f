"""The types of ``custom.metrics.k8s.io``, in OpenAPI's words."""

from collections.abc import Mapping

from adapter.apis.base import Schema, Types
from adapter.apis.schema import (
    LABEL_SELECTOR,
    OBJECT_REFERENCE,
    QUANTITY,
    TIME,
    integer,
    kind,
    list_of,
    ref,
    structure,
    text,
)

_NAME = text("Name of the metric.")
_SELECTOR = {
    **ref(LABEL_SELECTOR, "The series it was taken from; null for all."),
    "nullable": True,
}
_WINDOW = integer("Seconds before the timestamp that the value covers; absent for none.")
_DESCRIBED = ref(OBJECT_REFERENCE, "The object the value is about.")
_TIMESTAMP = ref(TIME, "When it was measured.")
_VALUE = ref(QUANTITY, "The value.")


def _of_version(version: str) -> Mapping[str, Schema]:
    items = list_of(TYPES.name(version, "MetricValue"), "Values of a metric for objects.")
    if version == "v1beta1":
        value = kind(
            "The value of a metric for an object.",
            {
                "describedObject": _DESCRIBED,
                "metricName": _NAME,
                "timestamp": _TIMESTAMP,
                "window": _WINDOW,
                "value": _VALUE,
                "selector": _SELECTOR,
            },
            ("describedObject", "metricName", "timestamp", "value", "selector"),
        )
        return {"MetricValue": value, "MetricValueList": items}
    value = kind(
        "The value of a metric for an object.",
        {
            "describedObject": _DESCRIBED,
            "metric": ref(TYPES.name(version, "MetricIdentifier"), "The metric."),
            "timestamp": _TIMESTAMP,
            "windowSeconds": _WINDOW,
            "value": _VALUE,
        },
        ("describedObject", "metric", "timestamp", "value"),
    )
    identifier = structure(
        "A metric, or some of its series.",
        {"name": _NAME, "selector": _SELECTOR},
        ("name", "selector"),
    )
    return {"MetricIdentifier": identifier, "MetricValue": value, "MetricValueList": items}


TYPES = Types("io.k8s.metrics.pkg.apis.custom_metrics", _of_version)
