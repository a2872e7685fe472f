"""The rule file, one class a section; field names are those of the file in snake case.

The schema is prometheus-adapter's (``pkg/config/config.go``), strict, plus optional fields of our
own. A section or field that is null counts as absent, as in Go. ``config/README.md`` has a
heading for each field; a test keeps the two together.
"""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from adapter.model.times import parse_prometheus_duration
from adapter.promql.matchers import LABEL_NAME
from adapter.promql.template import TemplateError, parse_template

MAPPING_FIELDS = frozenset({"Group", "Resource"})
"""What ``resources.template`` may refer to."""

QUERY_FIELDS = frozenset(
    {"GroupBy", "GroupBySlice", "LabelMatchers", "LabelValuesByName", "Series"}
)
"""What a query may refer to."""


def _check_query(text: str) -> str:
    return _check_template(text, QUERY_FIELDS)


def _check_template(text: str, fields: frozenset[str]) -> str:
    try:
        parse_template(text, fields)
    except TemplateError as error:
        context = {"text": str(error), "offset": error.position}
        raise PydanticCustomError("template", "{text}", context) from None
    return text


def _check_mapping(text: str) -> str:
    _check_template(text, MAPPING_FIELDS)
    if text and "Resource" not in parse_template(text, MAPPING_FIELDS).fields:
        raise PydanticCustomError("template", "must mention <<.Resource>>")
    return text


def _check_label(text: str) -> str:
    if text and not LABEL_NAME.match(text):
        raise PydanticCustomError("label", "{text} is no label name", {"text": repr(text)})
    return text


def _parse_duration(value: object) -> float:
    if not isinstance(value, str):
        raise PydanticCustomError("duration", "must be a duration such as 1m or 1h30m")
    try:
        return parse_prometheus_duration(value)
    except ValueError as error:
        raise PydanticCustomError("duration", "{text}", {"text": str(error)}) from None


Query = Annotated[str, AfterValidator(_check_query)]
LabelName = Annotated[str, AfterValidator(_check_label)]


class _Section(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        use_attribute_docstrings=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None}


class SeriesFilter(_Section):
    """A condition on the name of a series; exactly one of the two."""

    is_: str = ""
    """Keep series whose name matches this regular expression, anywhere in it. Empty: not used."""

    is_not: str = ""
    """Keep series whose name does not match this regular expression. Empty: not used."""

    model_config = ConfigDict(alias_generator=lambda name: to_camel(name.rstrip("_")))

    @model_validator(mode="after")
    def _exactly_one(self) -> "SeriesFilter":
        if bool(self.is_) == bool(self.is_not):
            raise PydanticCustomError("filter", "needs exactly one of 'is' and 'isNot'")
        return self


class ResourceOverride(_Section):
    """A Kubernetes resource."""

    group: str = ""
    """API group. Empty: the core group."""

    resource: str
    """Name of the resource, singular or plural."""


class ResourceSection(_Section):
    """Which labels name which Kubernetes resources."""

    template: Annotated[str, AfterValidator(_check_mapping)] = ""
    """Label name as a template over ``.Resource`` (singular) and ``.Group``, such as
    ``kube_<<.Resource>>``. Empty: only `overrides` count."""

    overrides: dict[LabelName, ResourceOverride] = {}
    """Label name to resource; wins over `template`. Empty: only the template counts."""

    namespaced: bool = True
    """Whether an external metric belongs to the namespace it is asked in. Only for
    ``externalRules``."""


class NameSection(_Section):
    """How the metric is called in the API."""

    matches: str = ""
    """Regular expression on the name of the series; also filters them. Empty: any name."""

    as_: str = ""
    """Name in the API, with ``$1`` or ``${1}`` for groups of `matches`. Empty: the first group, or
    the whole name where there is no group."""

    model_config = ConfigDict(alias_generator=lambda name: to_camel(name.rstrip("_")))


class DiscoveryRule(_Section):
    """Which series become metrics, and how they are queried."""

    series_query: str = ""
    """Series selector, such as ``http_requests_total{namespace!=""}``."""

    series_filters: Annotated[tuple[SeriesFilter, ...], Field(strict=False)] = ()
    """Conditions on the series' names, all of which must hold. Empty: no condition."""

    resources: ResourceSection = ResourceSection()
    """Which labels name which Kubernetes resources."""

    name: NameSection = NameSection()
    """How the metric is called in the API. Empty: like the series."""

    metrics_query: Query = ""
    """PromQL template of the value."""


class TimestampQuery(_Section):
    """Queries whose values are the time of the newest sample used, in Unix seconds."""

    container_query: Query = ""
    """PromQL template, for containers. Empty: the time of evaluation is reported."""

    node_query: Query = ""
    """PromQL template, for nodes. Empty: the time of evaluation is reported."""


class WindowQuery(_Section):
    """Queries whose values are the span the cpu values cover, in seconds."""

    container_query: Query = ""
    """PromQL template, for containers. Empty: `window` is reported."""

    node_query: Query = ""
    """PromQL template, for nodes. Empty: `window` is reported."""


class ResourceRule(_Section):
    """How cpu (in cores) or memory (in bytes) is queried."""

    container_query: Query = ""
    """PromQL template of a container's value. Empty, for cpu and memory both: pods are not
    answered from Prometheus."""

    node_query: Query = ""
    """PromQL template of a node's value. Empty, for cpu and memory both: nodes are not answered
    from Prometheus."""

    timestamp_query: TimestampQuery = TimestampQuery()
    """When the samples behind the values were taken. Empty: the time of evaluation is reported,
    which hides that a sample is up to 5 minutes old."""

    resources: ResourceSection = ResourceSection()
    """Which labels name the namespace, the pod and the node."""

    container_label: LabelName = ""
    """Label that names the container. Empty: a pod is one container without a name."""


class ResourceRules(_Section):
    """What ``metrics.k8s.io`` answers from Prometheus."""

    cpu: ResourceRule
    """Use of cpu in cores."""

    memory: ResourceRule
    """Working set in bytes."""

    window: Annotated[float, BeforeValidator(_parse_duration)] = 0.0
    """Span of time the cpu values cover, as a Prometheus duration, reported with each value; in
    seconds once loaded. Default ``0s``."""

    window_query: WindowQuery = WindowQuery()
    """The span that each cpu value truly covers. Empty, and where a query gives no number: `window`
    is reported."""


class RuleFile(_Section):
    """A whole rule file."""

    rules: Annotated[tuple[DiscoveryRule, ...], Field(strict=False)] = ()
    """Rules of ``custom.metrics.k8s.io``. Empty: the group is not served."""

    external_rules: Annotated[tuple[DiscoveryRule, ...], Field(strict=False)] = ()
    """Rules of ``external.metrics.k8s.io``. Empty: the group is not served."""

    resource_rules: ResourceRules | None = None
    """Rules of ``metrics.k8s.io``. Absent: Prometheus is not asked for it."""
