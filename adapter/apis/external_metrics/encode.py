"""Series as the JSON of ``external.metrics.k8s.io``, byte for byte as Go writes it."""

from collections.abc import Iterator, Sequence

from adapter.apis.gojson import encode_json, quote
from adapter.apis.lists import encode_list
from adapter.apis.values import ITEMS_PER_CHUNK, measured
from adapter.model.metrics import ExternalMetricValue

_measured = measured("window")


def encode_series(
    api_version: str, metric: str, series: Sequence[ExternalMetricValue]
) -> Iterator[bytes]:
    """An ``ExternalMetricValueList`` in pieces, in the order of *series*."""
    start = f'{{"metricName":{quote(metric)},"metricLabels":'
    chunks = (
        [_item(start, each) for each in series[begin : begin + ITEMS_PER_CHUNK]]
        for begin in range(0, len(series), ITEMS_PER_CHUNK)
    )
    return encode_list("ExternalMetricValueList", api_version, chunks)


def _item(start: str, series: ExternalMetricValue) -> bytes:
    # null, not {}, is a value that never had labels: the answer of a query for a scalar
    labels = encode_json(None if series.labels is None else dict(series.labels)).decode()
    measured_text = _measured(series.timestamp, series.window, series.value)
    return f"{start}{labels},{measured_text}}}".encode()
