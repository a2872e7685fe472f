"""The types of ``external.metrics.k8s.io``, in OpenAPI's words."""

from collections.abc import Mapping

from adapter.apis.base import Schema, Types
from adapter.apis.schema import QUANTITY, TIME, integer, kind, list_of, mapping, ref, text


def _of_version(version: str) -> Mapping[str, Schema]:
    return {
        "ExternalMetricValue": kind(
            "One series of a metric.",
            {
                "metricName": text("Name of the metric."),
                "metricLabels": {
                    **mapping({"type": "string"}, "Labels of the series; null where it has none."),
                    "nullable": True,
                },
                "timestamp": ref(TIME, "When the value was measured."),
                "window": integer(
                    "Seconds before the timestamp that the value covers; absent for none."
                ),
                "value": ref(QUANTITY, "The value."),
            },
            ("metricName", "metricLabels", "timestamp", "value"),
        ),
        "ExternalMetricValueList": list_of(
            TYPES.name(version, "ExternalMetricValue"), "The series of a metric."
        ),
    }


TYPES = Types("io.k8s.metrics.pkg.apis.external_metrics", _of_version)
