"""Series as the protobuf of ``external.metrics.k8s.io``, byte for byte as Go writes it.

Field numbers: k8s.io/metrics ``pkg/apis/external_metrics/v1beta1/generated.proto``.
"""

from collections.abc import Iterator, Sequence

from adapter.apis.protobuf import mapping, message, text
from adapter.apis.values import ITEMS_PER_CHUNK, measured_fields
from adapter.model.metrics import ExternalMetricValue


def encode_series(metric: str, series: Sequence[ExternalMetricValue]) -> Iterator[bytes]:
    """The items of an ``ExternalMetricValueList``, in pieces, in the order of *series*."""
    name = text(1, metric)
    for begin in range(0, len(series), ITEMS_PER_CHUNK):
        some = series[begin : begin + ITEMS_PER_CHUNK]
        yield b"".join([_item(name, each) for each in some])


def _item(name: bytes, series: ExternalMetricValue) -> bytes:
    labels = mapping(2, series.labels or {})
    return message(
        2, name + labels + measured_fields(series.timestamp, series.window, series.value)
    )
