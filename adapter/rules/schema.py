"""The rule file, one class a section; field names are those of the file in snake case.

The schema is prometheus-adapter's (``pkg/config/config.go``), strict, plus optional fields of our
own. A section or field that is null counts as absent, as in Go. ``config/README.md`` has a
heading for each field; a test keeps the two together.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from adapter.rules.backends import Backend
from adapter.rules.json_section import JsonSection
from adapter.rules.sections import LabelName, LabelTemplate, Query, Seconds, Section


class SeriesFilter(Section):
    """A condition on the name of a series; exactly one of the two."""

    is_: str = ""
    """Keep series whose name matches this regular expression, anywhere in it. Empty: not used."""

    is_not: str = ""
    """Keep series whose name does not match this regular expression. Empty: not used."""

    model_config = ConfigDict(
        alias_generator=lambda name: to_camel(name.rstrip("_")),
        json_schema_extra={"minProperties": 1, "maxProperties": 1},
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> "SeriesFilter":
        if bool(self.is_) == bool(self.is_not):
            raise PydanticCustomError("filter", "needs exactly one of 'is' and 'isNot'")
        return self


class ResourceOverride(Section):
    """A Kubernetes resource."""

    group: str = ""
    """API group, or its beginning. Empty: the first that has the resource, core before all."""

    resource: str
    """Name of the resource, singular or plural."""


class ResourceSection(Section):
    """Which labels name which Kubernetes resources."""

    template: LabelTemplate = ""
    """Label name as a template over ``.Resource`` (singular) and ``.Group``, such as
    ``kube_<<.Resource>>``. Empty: only `overrides` count."""

    overrides: Annotated[dict[LabelName, ResourceOverride], Field(default_factory=dict)]
    """Label name to resource; wins over `template`. Empty: only the template counts."""

    namespaced: bool = True
    """Whether the series carry the namespace. When false, no matcher for it is put into queries:
    an external metric is the same for every namespace, a custom one is told by the object's name
    alone."""


class NameSection(Section):
    """How the metric is called in the API."""

    matches: str = ""
    """Regular expression on the name of the series; also filters them. Empty: any name."""

    as_: str = ""
    """Name in the API, with ``$1`` or ``${1}`` for groups of `matches`. Empty: the first group, or
    the whole name where there is no group."""

    model_config = ConfigDict(alias_generator=lambda name: to_camel(name.rstrip("_")))


class OnEmpty(StrEnum):
    """What an object without a sample has."""

    ERROR = "error"
    ZERO = "zero"
    LAST_GOOD = "lastGood"


class OnNaN(StrEnum):
    """What an object has whose value is NaN or infinite."""

    ERROR = "error"
    ZERO = "zero"
    DROP = "drop"
    LAST_GOOD = "lastGood"


class DiscoveryRule(Section):
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

    metric: str = ""
    """Name in the API of a metric that is served without discovery, whether or not a series of it
    exists now. Its resources are those of `resources.overrides`. Empty: series are discovered."""

    backend: str = ""
    """Name of the entry of `backends` that is asked. Empty: the one of the command line."""

    timestamp_query: Query = ""
    """PromQL template over the same objects whose value is the time of the newest sample behind the
    value, in Unix seconds. Empty: the time of evaluation is reported, which hides that a sample is
    up to 5 minutes old."""

    window: Seconds = 0.0
    """Span of time the value covers, reported with it. Zero: not reported."""

    max_age: Seconds = 0.0
    """Age from which a sample is refused instead of served. Needs `timestamp_query`, a
    `metrics_query` that is a plain selector, or `json`. Zero: no limit; with `json` 2.5 times its
    interval, at least 60 s."""

    cache_ttl: Annotated[Seconds | None, Field(alias="cacheTTL")] = None
    """How long one answer of the backend serves further requests. Zero: only requests at the same
    time share one. Absent: 5 s."""

    on_empty: Annotated[OnEmpty, Field(strict=False)] = OnEmpty.ERROR
    """What an object without a sample has."""

    on_nan: Annotated[OnNaN, Field(alias="onNaN", strict=False)] = OnNaN.ERROR
    """What an object has whose value is NaN or infinite."""

    namespace_label: LabelName = ""
    """Label that names the namespace; short for an override of `resources`. Empty: as `resources`
    says."""

    source_namespace: str = ""
    """Only for ``externalRules``: the namespace whose series are read, whichever namespace asks.
    Empty: that which asks."""

    allowed_namespaces: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Only for ``externalRules``: namespaces that may ask. Empty: all."""

    # pydantic's models have a method `json`
    json_: Annotated[JsonSection | None, Field(alias="json")] = None
    """Where the number is read from a JSON document, without Prometheus. Needs `metric`; what is
    about series, their labels and queries must be absent. Absent: Prometheus is asked."""


class TimestampQuery(Section):
    """Queries whose values are the time of the newest sample used, in Unix seconds."""

    container_query: Query = ""
    """PromQL template, for containers. Empty: the time of evaluation is reported."""

    node_query: Query = ""
    """PromQL template, for nodes. Empty: the time of evaluation is reported."""


class WindowQuery(Section):
    """Queries whose values are the span the cpu values cover, in seconds."""

    container_query: Query = ""
    """PromQL template, for containers. Empty: `window` is reported."""

    node_query: Query = ""
    """PromQL template, for nodes. Empty: `window` is reported."""


class ResourceRule(Section):
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


class ResourceRules(Section):
    """What ``metrics.k8s.io`` answers from Prometheus."""

    cpu: ResourceRule
    """Use of cpu in cores."""

    memory: ResourceRule
    """Working set in bytes."""

    window: Seconds = 0.0
    """Span of time the cpu values cover, as a Prometheus duration, reported with each value; in
    seconds once loaded. Default ``0s``."""

    window_query: WindowQuery = WindowQuery()
    """The span that each cpu value truly covers. Empty, and where a query gives no number: `window`
    is reported."""


class RuleFile(Section):
    """A whole rule file."""

    backends: Annotated[tuple[Backend, ...], Field(strict=False)] = ()
    """Further Prometheus servers, for rules that name one. Empty: that of the command line only."""

    rules: Annotated[tuple[DiscoveryRule, ...], Field(strict=False)] = ()
    """Rules of ``custom.metrics.k8s.io``. Empty: the group is not served."""

    external_rules: Annotated[tuple[DiscoveryRule, ...], Field(strict=False)] = ()
    """Rules of ``external.metrics.k8s.io``. Empty: the group is not served."""

    resource_rules: ResourceRules | None = None
    """Rules of ``metrics.k8s.io``. Absent: Prometheus is not asked for it."""
