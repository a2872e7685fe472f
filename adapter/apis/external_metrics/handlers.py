"""``external.metrics.k8s.io``: a metric, a namespace and a selector, answered with its series.

The namespace is that of whoever asks, an HPA for example; what it may see the source decides.
"""

from collections import Counter

from adapter.apis.base import Answer, APIGroup, APIRequest, APIResource, Operation, Route
from adapter.apis.external_metrics import protobuf
from adapter.apis.external_metrics.encode import encode_series
from adapter.apis.external_metrics.schema import TYPES
from adapter.apis.failures import UNABLE_TO_FETCH, internal_error
from adapter.apis.listing import Listing
from adapter.apis.options import join_warnings, refuse_watch, unknown_parameters
from adapter.apis.protobuf import list_document
from adapter.errors import SourceError
from adapter.model.fields import parse_field_selector
from adapter.model.labels import parse_selector
from adapter.model.resources import GroupResource, GroupVersion
from adapter.periodic import Clock
from adapter.sources.base import ExternalMetricsSource, ExternalValues
from adapter.telemetry import Telemetry

GROUP = "external.metrics.k8s.io"
VERSIONS = ("v1beta1",)

_KIND = "ExternalMetricValueList"


def external_metrics_group(
    *, source: ExternalMetricsSource, clock: Clock, telemetry: Telemetry
) -> APIGroup:
    """The group ``external.metrics.k8s.io``.

    Args:
        source: Where values come from.
        clock: What the age of values is told by.
        telemetry: Where answers are counted.
    """

    async def list_series(request: APIRequest) -> Answer:
        metric, namespace = request.path["metric"], request.path["namespace"]
        query = request.query
        refuse_watch(query, GroupResource(GROUP, metric))
        # series have no fields: a selector is checked and does nothing, as in the peer
        parse_field_selector(query.get("fieldSelector", ""))
        selector = parse_selector(query.get("labelSelector", ""))
        try:
            found = await source.series(metric, namespace, selector)
        except SourceError as error:
            raise internal_error(UNABLE_TO_FETCH, error) from error
        _observe(found, clock.time(), telemetry)
        warning = join_warnings(
            unknown_parameters(query, ("labelSelector", "fieldSelector")),
            found.warning or (None if found.values else f"no series of {metric} is selected"),
        )
        version = str(GroupVersion(GROUP, request.version))
        if request.protobuf:
            chunks = await list_document(
                _KIND, version, protobuf.encode_series(metric, found.values)
            )
        else:
            chunks = encode_series(version, metric, found.values)
        return Answer(chunks, warning)

    operation = Operation(
        "The series of a metric.", _KIND, _KIND, ("labelSelector", "fieldSelector", "pretty")
    )
    return APIGroup(
        name=GROUP,
        versions=VERSIONS,
        resources=Listing(GROUP, source.listed, _resource, _resource("externalmetrics")).resources,
        routes=(Route("/namespaces/{namespace}/{metric}", list_series, "*", "list", operation),),
        protobuf=True,
        types=TYPES,
    )


def _resource(metric: str) -> APIResource:
    # namespaced even where the namespace does not matter: every path has one
    return APIResource(metric, _KIND, namespaced=True, verbs=("get",))


def _observe(found: ExternalValues, now: float, telemetry: Telemetry) -> None:
    for timestamp, count in Counter([each.timestamp for each in found.values]).items():
        telemetry.value_age.observe(GROUP, now - timestamp, count)
