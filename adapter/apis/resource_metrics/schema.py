"""The types of ``metrics.k8s.io``, in OpenAPI's words."""

from collections.abc import Mapping

from adapter.apis.base import Schema, Types
from adapter.apis.schema import (
    DURATION,
    OBJECT_META,
    QUANTITY,
    TIME,
    array,
    kind,
    list_of,
    mapping,
    ref,
    structure,
    text,
)

_USAGE = mapping({"$ref": QUANTITY}, "What is used, by resource: cpu in cores, memory in bytes.")
_SAMPLE = {
    "metadata": ref(OBJECT_META, "The object that was measured."),
    "timestamp": ref(TIME, "End of the interval in which cpu was measured."),
    "window": ref(DURATION, "Length of that interval."),
}


def _of_version(version: str) -> Mapping[str, Schema]:
    return {
        "NodeMetrics": kind(
            "What a node uses.",
            {**_SAMPLE, "usage": _USAGE},
            ("timestamp", "window", "usage"),
        ),
        "NodeMetricsList": list_of(TYPES.name(version, "NodeMetrics"), "What nodes use."),
        "PodMetrics": kind(
            "What a pod's containers use.",
            {
                **_SAMPLE,
                "containers": array(
                    {"$ref": TYPES.name(version, "ContainerMetrics")},
                    "The containers, sorted by name.",
                ),
            },
            ("timestamp", "window", "containers"),
        ),
        "PodMetricsList": list_of(TYPES.name(version, "PodMetrics"), "What pods use."),
        "ContainerMetrics": structure(
            "What a container uses.",
            {"name": text("Name of the container."), "usage": _USAGE},
            ("name", "usage"),
        ),
    }


TYPES = Types("io.k8s.metrics.pkg.apis.metrics", _of_version)
