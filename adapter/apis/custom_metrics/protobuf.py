"""Values of objects as the protobuf of ``custom.metrics.k8s.io``, byte for byte as Go writes it.

Field numbers: k8s.io/metrics ``pkg/apis/custom_metrics/*/generated.proto``, k8s.io/api
``core/v1/generated.proto`` (``ObjectReference``), apimachinery ``pkg/apis/meta/v1/generated.proto``
(``LabelSelector``).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from adapter.apis.custom_metrics.encode import label_selector
from adapter.apis.protobuf import mapping, message, text
from adapter.apis.values import ITEMS_PER_CHUNK, measured_fields
from adapter.model.metrics import MetricValue
from adapter.sources.base import ObjectQuestion

_REFERENCE_END = text(6, "") + text(7, "")
"""resourceVersion and fieldPath, which are never set."""


class ValueListEncoder:
    """Encodes answers to *question* as the items of a ``MetricValueList``.

    Args:
        version: The version of the group that was asked.
        question: What was asked.

    Raises:
        BadRequest: The selector cannot be shown to the client.
    """

    def __init__(self, version: str, question: ObjectQuestion) -> None:
        info = question.resource
        self._kind = text(1, info.kind) + text(2, question.namespace)
        self._rest = text(4, "") + text(5, info.api_version) + _REFERENCE_END
        selector = label_selector(question.selector)
        described = b"" if selector is None else _selector(selector)
        if version == "v1beta1":
            self._before = text(2, question.metric)
            self._after = b"" if selector is None else message(6, described)
        else:
            identifier = text(1, question.metric)
            if selector is not None:
                identifier += message(2, described)
            self._before = message(2, identifier)
            self._after = b""

    def encode(self, values: Mapping[str, MetricValue]) -> Iterator[bytes]:
        """The items, in pieces, in the order of *values*."""
        left = iter(values.items())
        while some := list(islice(left, ITEMS_PER_CHUNK)):
            yield b"".join([self._item(name, value) for name, value in some])

    def _item(self, name: str, value: MetricValue) -> bytes:
        reference = message(1, self._kind + text(3, name) + self._rest)
        measured = measured_fields(value.timestamp, value.window, value.value)
        return message(2, reference + self._before + measured + self._after)


def _selector(selector: Mapping[str, Any]) -> bytes:
    """A ``LabelSelector``, from the form `label_selector` gives."""
    expressions: Sequence[Mapping[str, Any]] = selector.get("matchExpressions", ())
    return mapping(1, selector.get("matchLabels", {})) + b"".join(
        message(2, _expression(expression)) for expression in expressions
    )


def _expression(expression: Mapping[str, Any]) -> bytes:
    values = b"".join(text(3, value) for value in expression.get("values", ()))
    return text(1, expression["key"]) + text(2, expression["operator"]) + values
