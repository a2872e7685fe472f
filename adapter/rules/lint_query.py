"""Checks of the queries of a rule: they are rendered for sample objects and read as PromQL."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from adapter.errors import AdapterError, ConfigError
from adapter.model.labels import EVERYTHING, Selector, parse_selector
from adapter.model.restmapper import BUILTIN
from adapter.promql.analysis import check_promql, lost_labels, plain_selector
from adapter.promql.matchers import MatchOp, format_matchers
from adapter.promql.selectors import PromQLError, SeriesSelector
from adapter.promql.template import Template, parse_template
from adapter.rules.check import not_promql
from adapter.rules.findings import Problem, Severity
from adapter.rules.mapping import NAMESPACES, PODS, ResourceMapping
from adapter.rules.metrics_query import ObjectScope, Subject, render_external, render_objects
from adapter.rules.schema import DiscoveryRule
from adapter.rules.sections import QUERY_FIELDS

PLACEHOLDER = "SERIES"
"""Stands for the series a rule finds, where they are not known."""

_NAMESPACE = "default"
_NAME = "sample-0"
_MAX_LABELS = 20
_SELECTORS = (EVERYTHING, parse_selector("queue=a,shard in (b,c)"))
_FIELDS = ("metricsQuery", "timestampQuery")


class Labels(NamedTuple):
    """Labels that a query of a rule is put together from.

    Attributes:
        namespace: Of the namespace; empty where queries are not bound to one.
        objects: Of the objects, those of `namespace` left out.
        unmapped: Objects are in namespaces, for all that is known, but no label names those.
    """

    namespace: str
    objects: Sequence[str]
    unmapped: bool = False


def labels_of(rule: DiscoveryRule) -> Labels:
    """Find the labels of *rule*, as far as they are known without a cluster.

    A template stands for one label, that of pods.
    """
    section = rule.resources
    mapping = ResourceMapping(section, BUILTIN, namespace_label=rule.namespace_label)
    try:
        namespace = mapping.label_for(NAMESPACES)
    except ConfigError:
        namespace = ""
    objects = [label for label in mapping.override_labels if label != namespace]
    if mapping.has_template:
        objects.append(mapping.label_for(PODS))
    if not section.namespaced:
        return Labels("", objects or [namespace] * bool(namespace))
    infos = [mapping.resource_for(label) for label in objects]
    in_namespaces = not objects or any(info is not None and info.namespaced for info in infos)
    return Labels(namespace, objects, unmapped=not namespace and in_namespaces)


def query_problems(
    rule: DiscoveryRule, selector: SeriesSelector | None, *, external: bool
) -> Iterator[Problem]:
    """Find what is wrong with the queries of *rule*; paths are relative to it.

    Args:
        rule: The rule, whose templates can be parsed.
        selector: Of its ``seriesQuery``.
        external: Whether it stands in ``externalRules``.
    """
    try:
        labels = labels_of(rule)
    except ConfigError as error:
        what, _, hint = str(error).partition("; ")
        yield Problem(("resources",), f"resources: {what}", hint)
        return
    yield from _mapping_problems(rule, labels, external=external)
    subject = subject_of(selector)
    for field, source in zip(_FIELDS, (rule.metrics_query, rule.timestamp_query), strict=True):
        template = parse_template(source, QUERY_FIELDS)
        if not source.strip():
            continue
        queries: list[str] = []
        problem = _rendered(template, subject, labels, field, queries, external=external)
        if problem is not None:
            yield problem
        elif not external:
            yield from _lost(template, subject, labels, field)
        if queries and problem is None:
            yield from _forgotten(queries[0], template, selector, field)
    yield from _age_problems(rule, subject, labels, external=external)


def subject_of(selector: SeriesSelector | None, series: str = "") -> Subject:
    """Say what stands for the series in a query; *series* where it is known."""
    name = series or (selector.name if selector else "") or PLACEHOLDER
    return Subject(name, format_matchers(selector.matchers) if selector else "")


def render_sample(
    template: Template, subject: Subject, labels: Labels, selector: Selector, *, external: bool
) -> str:
    """Render *template* for a sample object.

    Raises:
        AdapterError: It gives nothing, or cannot be rendered.
    """
    if external:
        return render_external(
            template, subject, selector, namespace_label=labels.namespace, namespace=_NAMESPACE
        )
    if not labels.objects:
        return render_objects(
            template, subject, ObjectScope(labels.namespace or "namespace", [_NAMESPACE]), selector
        )
    scope = ObjectScope(labels.objects[0], [_NAME], labels.namespace, _NAMESPACE)
    return render_objects(template, subject, scope, selector)


def _mapping_problems(rule: DiscoveryRule, labels: Labels, *, external: bool) -> Iterator[Problem]:
    if external:
        if labels.unmapped:
            text = "resources: no label names the namespace, so every request will fail"
            hint = "write 'namespaced: false', or give the 'namespaceLabel'"
            yield Problem(_resources(rule), text, hint, Severity.WARNING, key=True)
    elif not labels.objects and not labels.namespace:
        if rule.metric:
            return  # said of 'metric' already
        text = "resources: no label names a resource, so no metric is ever listed"
        hint = "such as overrides: {namespace: {resource: namespace}, pod: {resource: pod}}"
        yield Problem(_resources(rule), text, hint, Severity.WARNING, key=True)
    elif labels.unmapped:
        text = "resources: no label names the namespace, so objects in namespaces have no values"
        hint = "add an override such as 'namespace: {resource: namespace}', or 'namespaced: false'"
        yield Problem(_resources(rule), text, hint, Severity.WARNING, key=True)


def _resources(rule: DiscoveryRule) -> tuple[str, ...]:
    return ("resources",) if "resources" in rule.model_fields_set else ()


def _rendered(
    template: Template,
    subject: Subject,
    labels: Labels,
    field: str,
    queries: list[str],
    *,
    external: bool,
) -> Problem | None:
    """Render with and without a selector; append what came out, return what is wrong with it."""
    for selector in _SELECTORS:
        try:
            query = render_sample(template, subject, labels, selector, external=external)
        except AdapterError as error:
            return Problem((field,), f"{field}: {error}", offset=0)
        try:
            check_promql(query)
        except PromQLError as error:
            return not_promql((field,), error, query)
        queries.append(query)
    return None


def _lost(template: Template, subject: Subject, labels: Labels, field: str) -> Iterator[Problem]:
    """Warn of answers that cannot be told apart by the label of their object."""
    for label in (labels.objects or [labels.namespace])[:_MAX_LABELS]:
        one = labels._replace(objects=[label] if labels.objects else [])
        try:
            query = render_sample(template, subject, one, EVERYTHING, external=False)
            lost = bool(label) and lost_labels(query, {label})
        except (AdapterError, PromQLError):
            continue  # works for another label, so this one is not what was meant
        if lost:
            text = f"{field}: the answer has no label {label!r}, so no value finds its object"
            hint = "an aggregation needs 'by (<<.GroupBy>>)'"
            yield Problem((field,), text, hint, Severity.WARNING, offset=0)


def _forgotten(
    query: str, template: Template, selector: SeriesSelector | None, field: str
) -> Iterator[Problem]:
    """Warn of matchers that choose which series are found, but not which are summed up."""
    if selector is None or "SeriesMatchers" in template.fields:
        return
    missing = [
        matcher
        for matcher in selector.matchers
        if matcher.label != "__name__"
        and (matcher.op, matcher.value) != (MatchOp.NOT_EQUAL, "")
        and not re.search(rf"(?<!\w){re.escape(matcher.label)}\s*(=|!)", query)
    ]
    if missing:
        text = f"{field}: does not have {format_matchers(missing)} of 'seriesQuery'"
        hint = "put <<.SeriesMatchers>> between its braces, or values count other series, too"
        yield Problem((field,), text, hint, Severity.WARNING, offset=0)


def _age_problems(
    rule: DiscoveryRule, subject: Subject, labels: Labels, *, external: bool
) -> Iterator[Problem]:
    if not rule.max_age or rule.timestamp_query:
        return
    template = parse_template(rule.metrics_query, QUERY_FIELDS)
    try:
        query = render_sample(template, subject, labels, EVERYTHING, external=external)
    except AdapterError:
        return  # reported already
    if not plain_selector(query):
        text = "maxAge: the age of the samples behind a computed value is not known"
        hint = "add a 'timestampQuery', such as max(timestamp(…)) by (<<.GroupBy>>)"
        yield Problem(("maxAge",), text, hint, fatal=True)
