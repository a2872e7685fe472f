"""``custom.metrics.k8s.io``: what can be asked, and how it is answered.

Whatever the form of the path, it names a resource, an object or ``*``, and a metric. The objects
that ``*`` and a label selector mean come from a lister; then the source is asked once.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from adapter.apis.base import Answer, APIGroup, APIRequest, APIResource, Operation, Route
from adapter.apis.custom_metrics import protobuf
from adapter.apis.custom_metrics.encode import GROUP, ValueListEncoder
from adapter.apis.custom_metrics.options import ObjectOptions
from adapter.apis.custom_metrics.schema import TYPES
from adapter.apis.failures import UNABLE_TO_FETCH, UNABLE_TO_LIST, internal_error
from adapter.apis.listing import Listing
from adapter.apis.options import join_warnings
from adapter.apis.protobuf import list_document
from adapter.errors import BadRequest, NotFound, SourceError
from adapter.kube.api import KubeApiError
from adapter.model.labels import Selector
from adapter.model.metrics import MetricValue
from adapter.model.resources import GroupResource, GroupVersion, ListedMetric, ResourceInfo
from adapter.periodic import Clock
from adapter.sources.base import (
    CustomMetricsSource,
    ObjectQuestion,
    ObjectValues,
    no_metric,
)
from adapter.telemetry import Telemetry

VERSIONS = ("v1beta2", "v1beta1")

_ALL = "*"
_KIND = "MetricValueList"
_NAMESPACES = "namespaces"
_SHOWN_SELECTOR = 200
"""Characters of a selector that a message repeats."""

_MISREAD = frozenset({"proxy", "watch"})
_MISREAD_IN_NAMESPACE = frozenset({"status", "finalize"})
"""Resources that cannot be asked for by these names alone: whoever authorizes a request takes them
for a verb, or for a part of the namespace (apiserver ``pkg/endpoints/request/requestinfo.go``), and
so allows something else than would be served."""

_EXAMPLE = "proxy.example.com"

_NOTHING_LISTED = APIResource("metrics", _KIND, namespaced=True, verbs=("get",))
"""Names a path there is, and no metric that could be asked for."""


class ResourceResolver(Protocol):
    """Knows the resources of the cluster."""

    async def resolve(self, resource: str, group: str = "") -> ResourceInfo | None:
        """The resource of that plural, singular or kind; None when the cluster has none.

        Raises:
            KubeApiError: kube-apiserver does not tell.
        """


class ObjectNames(Protocol):
    """Knows the objects of the cluster."""

    async def names(
        self, info: ResourceInfo, namespace: str, selector: Selector
    ) -> tuple[str, ...]:
        """Names of the objects *selector* selects, sorted; *namespace* is "" for cluster-scoped.

        Raises:
            KubeApiError: kube-apiserver does not tell.
            SourceError: They have not been read yet.
        """


def custom_metrics_group(
    *,
    source: CustomMetricsSource,
    objects: ObjectNames,
    mapper: ResourceResolver,
    clock: Clock,
    telemetry: Telemetry,
) -> APIGroup:
    """The group ``custom.metrics.k8s.io``.

    Args:
        source: Where values come from.
        objects: Which objects a label selector means.
        mapper: What the resource of a path is.
        clock: What the age of values is told by.
        telemetry: Where answers are counted.
    """
    handlers = _Handlers(
        source=source, objects=objects, mapper=mapper, clock=clock, telemetry=telemetry
    )
    return APIGroup(
        name=GROUP,
        versions=VERSIONS,
        resources=Listing(GROUP, source.listed, _resource, _NOTHING_LISTED).resources,
        routes=_routes(handlers),
        protobuf=True,
        types=TYPES,
    )


def _routes(handlers: "_Handlers") -> tuple[Route, ...]:
    of_object = Operation(
        "A metric of an object, or of those a label selector chooses.",
        _KIND,
        _KIND,
        ("fieldSelector", "labelSelector", "metricLabelSelector", "pretty"),
    )
    of_namespace = Operation(
        "A metric of a namespace.", _KIND, _KIND, ("metricLabelSelector", "pretty")
    )
    path = "/{resource}/{name}/{metric}"
    in_namespace = "/namespaces/{namespace}"
    return (
        # in order of precedence: the last would take the second for a resource "namespaces"
        Route(
            f"{in_namespace}/metrics/{{metric}}", handlers.namespace, "metrics", "get", of_namespace
        ),
        Route(f"{in_namespace}/{{name}}", handlers.incomplete, _ALL, "get"),
        Route(f"{in_namespace}{path}", handlers.object, _ALL, "get", of_object),
        Route(path, handlers.object, _ALL, "get", of_object),
    )


class _Target(NamedTuple):
    """What a path names; *namespace* is "" at the root, *name* may be ``*``."""

    resource: str
    namespace: str
    name: str
    metric: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Handlers:
    source: CustomMetricsSource
    objects: ObjectNames
    mapper: ResourceResolver
    clock: Clock
    telemetry: Telemetry

    async def object(self, request: APIRequest) -> Answer:
        """Serve ``[/namespaces/{namespace}]/{resource}/{name}/{metric}``."""
        path = request.path
        namespace = path.get("namespace", "")
        target = _Target(path["resource"], namespace, path["name"], path["metric"])
        if target.resource in (_MISREAD_IN_NAMESPACE if namespace else _MISREAD):
            why = f"a path takes that for something else: name its group, as in {_EXAMPLE}"
            raise no_metric(target.metric, target.resource, why)
        return await self._answer(request, target)

    async def namespace(self, request: APIRequest) -> Answer:
        """Serve ``/namespaces/{namespace}/metrics/{metric}``: the namespace is the object."""
        path = request.path
        target = _Target(_NAMESPACES, "", path["namespace"], path["metric"])
        return await self._answer(request, target)

    async def incomplete(self, _: APIRequest) -> Answer:
        """Refuse ``/namespaces/{namespace}/{name}``, which names no metric, as the peer does."""
        raise BadRequest("invalid request path", details=False)

    async def _answer(self, request: APIRequest, target: _Target) -> Answer:
        asked = GroupResource.parse(target.resource)
        options = ObjectOptions.parse(request.query, asked._replace(group=GROUP), target.name)
        info = await self._resolve(asked, target)
        question = ObjectQuestion(
            resource=info,
            # HPAs ask for metrics of cluster-scoped objects below their own namespace, too
            namespace=target.namespace if info.namespaced else "",
            names=await self._names(info, target, options.objects),
            metric=target.metric,
            selector=options.series,
            by_name=target.name != _ALL,
        )
        in_protobuf = request.protobuf
        encoder = (protobuf.ValueListEncoder if in_protobuf else ValueListEncoder)(
            request.version,
            question,  # whose selector it may refuse
        )
        found = await self._ask(question)
        self._observe(found.values.values())
        chunks = encoder.encode(found.values)
        if in_protobuf:
            version = str(GroupVersion(GROUP, request.version))
            chunks = await list_document(_KIND, version, chunks)
        return Answer(chunks, join_warnings(options.warning, found.warning))

    async def _resolve(self, asked: GroupResource, target: _Target) -> ResourceInfo:
        try:
            info = await self.mapper.resolve(asked.resource, asked.group)
        except (KubeApiError, SourceError) as error:
            raise internal_error(UNABLE_TO_LIST, error) from error
        if info is None:
            raise no_metric(target.metric, str(asked), f"the cluster has no resource {asked}")
        if info.namespaced and not target.namespace:
            path = f"/namespaces/NAMESPACE/{info.group_resource}/NAME/{target.metric}"
            raise _not_there(info, target, f"they are in namespaces, ask for {path}")
        if target.namespace and not info.namespaced:
            _check_one_object(info, target)
        return info

    async def _names(
        self, info: ResourceInfo, target: _Target, selector: Selector
    ) -> tuple[str, ...]:
        if info.namespaced and not _is_name(target.namespace):
            raise _not_there(info, target, "no namespace can have that name")
        if target.name != _ALL:
            if not _is_name(target.name):
                raise _not_there(info, target, "no object can have that name")
            return (target.name,)
        namespace = target.namespace if info.namespaced else ""
        try:
            names = await self.objects.names(info, namespace, selector)
        except (KubeApiError, SourceError) as error:
            raise internal_error(UNABLE_TO_LIST, error) from error
        if not names:
            raise _not_there(info, target, _nothing_selected(info, namespace, selector))
        return names

    async def _ask(self, question: ObjectQuestion) -> ObjectValues:
        """The values there are, in the order of the names; exactly one for a named object."""
        try:
            answer = await self.source.object_values(question)
        except SourceError as error:
            raise internal_error(UNABLE_TO_FETCH, error) from error
        given = answer.values
        values = {name: given[name] for name in question.names if name in given}
        if values:
            return ObjectValues(values, answer.warning)
        of = question.resource.group_resource
        if question.by_name:
            what = f"{of} {question.names[0]}"
            raise no_metric(question.metric, what, answer.warning or "it has no sample")
        why = f"none of the {of} asked for ({len(question.names)}) has a sample of the metric"
        return ObjectValues(values, answer.warning or f"{why} {question.metric}")

    def _observe(self, values: Iterable[MetricValue]) -> None:
        now = self.clock.time()
        for timestamp, count in Counter([value.timestamp for value in values]).items():
            self.telemetry.value_age.observe(GROUP, now - timestamp, count)


def _check_one_object(info: ResourceInfo, target: _Target) -> None:
    """Check what is asked below a namespace about objects that are in none.

    HPAs ask so for the one object they name, and whoever may ask for it there was allowed by
    somebody who rules that namespace only: that must not open the objects of the whole cluster.
    Of namespaces HPAs ask on the way of their own, and only for the one they are in.

    Raises:
        NotFound: It is not to be served there.
    """
    if str(info.group_resource) == _NAMESPACES and target.name != target.namespace:
        path = f"/namespaces/{target.name}/metrics/{target.metric}"
    elif target.name == _ALL:
        path = f"/{info.group_resource}/{_ALL}/{target.metric}"
    else:
        return
    raise _not_there(info, target, f"they are not in a namespace, ask for {path}")


def _resource(listed: ListedMetric) -> APIResource:
    name = f"{listed.resource}/{listed.metric}"
    return APIResource(name, _KIND, namespaced=listed.namespaced, verbs=("get",))


def _is_name(text: str) -> bool:
    """Whether an object can be called so (apimachinery ``pkg/api/validation/path``); never all."""
    return text not in {".", "..", _ALL} and "/" not in text and "%" not in text


def _not_there(info: ResourceInfo, target: _Target, why: str) -> NotFound:
    what = str(info.group_resource)
    return no_metric(target.metric, what if target.name == _ALL else f"{what} {target.name}", why)


def _nothing_selected(info: ResourceInfo, namespace: str, selector: Selector) -> str:
    what = str(info.group_resource)
    if what == "pods":
        what = "pods that run"  # others are not looked at
    where = f" in namespace {namespace}" if namespace else ""
    if selector.empty:
        return f"there are no {what}{where}"
    text = str(selector)
    if len(text) > _SHOWN_SELECTOR:
        text = f"{text[:_SHOWN_SELECTOR]}…"
    return f"the label selector {text} selects no {what}{where}"
