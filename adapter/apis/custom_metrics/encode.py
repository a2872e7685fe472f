"""Values of objects as the JSON of ``custom.metrics.k8s.io``, byte for byte as Go writes it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from adapter.apis.gojson import encode_json, quote, quote_all
from adapter.apis.lists import encode_list
from adapter.apis.values import ITEMS_PER_CHUNK, measured
from adapter.errors import BadRequest
from adapter.model.labels import Operator, Requirement, Selector
from adapter.model.metrics import MetricValue
from adapter.model.resources import GroupVersion
from adapter.sources.base import ObjectQuestion

GROUP = "custom.metrics.k8s.io"

_EXPRESSIONS = {
    Operator.IN: "In",
    Operator.NOT_IN: "NotIn",
    Operator.NOT_EQUALS: "NotIn",
    Operator.EXISTS: "Exists",
    Operator.DOES_NOT_EXIST: "DoesNotExist",
}


class _Version(NamedTuple):
    """How the items of a version differ; *metric* and *selector* are JSON."""

    measured: Callable[[float, float | None, float], str]
    before: str
    after: str


_VERSIONS = {
    "v1beta1": _Version(measured("window"), '"metricName":{metric},', ',"selector":{selector}'),
    "v1beta2": _Version(
        measured("windowSeconds"), '"metric":{{"name":{metric},"selector":{selector}}},', ""
    ),
}


class ValueListEncoder:
    """Encodes answers to *question* as a ``MetricValueList``.

    Args:
        version: The version of the group that was asked.
        question: What was asked.

    Raises:
        BadRequest: The selector cannot be shown to the client.
    """

    def __init__(self, version: str, question: ObjectQuestion) -> None:
        self._api_version = str(GroupVersion(GROUP, version))
        form = _VERSIONS[version]
        info = question.resource
        namespace = f'"namespace":{quote(question.namespace)},' if question.namespace else ""
        names = {
            "metric": quote(question.metric),
            "selector": _json(label_selector(question.selector)),
        }
        self._start = f'{{"describedObject":{{"kind":{quote(info.kind)},{namespace}"name":'
        self._between = f',"apiVersion":{quote(info.api_version)}}},{form.before.format(**names)}'
        self._end = form.after.format(**names) + "}"
        self._measured = form.measured

    def encode(self, values: Mapping[str, MetricValue]) -> Iterator[bytes]:
        """The list, in pieces, in the order of *values*, which are by name."""
        names, found = list(values), list(values.values())
        parts = [
            slice(start, start + ITEMS_PER_CHUNK) for start in range(0, len(names), ITEMS_PER_CHUNK)
        ]
        chunks = ([self._items(names[part], found[part]).encode()] for part in parts)
        return encode_list("MetricValueList", self._api_version, chunks)

    def _items(self, names: Sequence[str], values: Sequence[MetricValue]) -> str:
        start, between, end, measured = self._start, self._between, self._end, self._measured
        return ",".join(
            [
                f"{start}{name}{between}{measured(value.timestamp, value.window, value.value)}{end}"
                for name, value in zip(quote_all(names), values, strict=True)
            ]
        )


def label_selector(selector: Selector) -> dict[str, Any] | None:
    """*selector* as a ``metav1.LabelSelector``; None when it selects everything.

    As apimachinery's ``ParseToLabelSelector`` (``pkg/apis/meta/v1/helpers.go``), and for what that
    refuses or loses the same in other words: ``!=`` is ``NotIn`` one value, and a second ``=`` on
    the same label, which then selects nothing, is an ``In``.

    Raises:
        BadRequest: It compares numbers, which a ``LabelSelector`` cannot say.
    """
    match_labels: dict[str, str] = {}
    expressions: list[dict[str, Any]] = []
    for requirement in selector.requirements:
        key, operator, values = requirement.key, requirement.operator, requirement.values
        if operator in {Operator.EQUALS, Operator.DOUBLE_EQUALS}:
            if match_labels.setdefault(key, values[0]) == values[0]:
                continue
            operator = Operator.IN
        expressions.append(_expression(Requirement(key, operator, values)))
    parts = {"matchLabels": match_labels, "matchExpressions": expressions}
    return {name: part for name, part in parts.items() if part} or None


def _expression(requirement: Requirement) -> dict[str, Any]:
    operator = _EXPRESSIONS.get(requirement.operator)
    if operator is None:
        raise BadRequest(
            f'"{requirement.operator}" isn\'t supported in label selectors', details=False
        )
    expression: dict[str, Any] = {"key": requirement.key, "operator": operator}
    if requirement.values:
        expression["values"] = requirement.values
    return expression


def _json(selector: Mapping[str, Any] | None) -> str:
    """JSON of a ``LabelSelector``: its two fields in Kubernetes' order, all else sorted."""
    if selector is None:
        return "null"
    fields = [f'"{name}":{encode_json(part).decode()}' for name, part in selector.items()]
    return f"{{{','.join(fields)}}}"
