"""Checks of one rule that need more than one field: what cannot work, and what is hardly meant."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from adapter.promql.selectors import PromQLError, SeriesSelector, parse_series_selector
from adapter.promql.template import parse_template
from adapter.rules.backends import DEFAULT_BACKEND, Backend
from adapter.rules.findings import Problem
from adapter.rules.json_lint import json_problems
from adapter.rules.lint_query import query_problems
from adapter.rules.naming import naming_problems, usable_name
from adapter.rules.schema import DiscoveryRule
from adapter.rules.sections import QUERY_FIELDS
from adapter.rules.urls import read_url


def rule_problems(
    rule: DiscoveryRule, backends: Collection[str], *, external: bool
) -> Iterator[Problem]:
    """Find what is wrong with *rule*; paths are relative to it.

    Args:
        rule: A rule that is well-formed.
        backends: Names a rule may give as its backend.
        external: Whether it stands in ``externalRules``.
    """
    if not external:
        yield from _only_for_external(rule)
    if rule.json_ is not None:
        yield from json_problems(rule, external=external)
        return
    yield from naming_problems(rule)
    yield from _backend_problems(rule, backends)
    if rule.metric:
        yield from _metric_problems(rule, external=external)
    selector: SeriesSelector | None = None
    try:
        selector = parse_series_selector(rule.series_query) if rule.series_query else None
    except PromQLError as error:
        text = f"seriesQuery: not a series selector: {error}"
        hint = 'such as http_requests_total{namespace!=""}'
        yield Problem(("seriesQuery",), text, hint, offset=0)
    if not rule.series_query and not rule.metric:
        text = "seriesQuery is empty: no series are found"
        hint = "give a selector, or a 'metric' that needs no discovery"
        yield Problem((), text, hint)
    if not rule.metrics_query.strip():
        hint = "such as 'sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'"
        yield Problem((), "metricsQuery is empty: there is no value", hint)
        return
    yield from query_problems(rule, selector, external=external)


def _backend_problems(rule: DiscoveryRule, backends: Collection[str]) -> Iterator[Problem]:
    if not rule.backend or rule.backend == DEFAULT_BACKEND or rule.backend in backends:
        return
    close = get_close_matches(rule.backend[:60], [*backends, DEFAULT_BACKEND], n=1)
    hint = f"did you mean {close[0]!r}?" if close else "add it to 'backends'"
    text = f"backend: there is no backend {rule.backend!r}"
    yield Problem(("backend",), text, hint, fatal=True)


def _metric_problems(rule: DiscoveryRule, *, external: bool) -> Iterator[Problem]:
    if not usable_name(rule.metric):
        text = f"metric: {rule.metric!r} cannot stand in a path"
        yield Problem(("metric",), text, "use letters, digits, _ and :", fatal=True)
    for field, given in (("seriesFilters", rule.series_filters), ("name", _has_name(rule))):
        if given:
            text = f"{field}: is for series that are discovered, but 'metric' names the metric"
            hint = f"remove {field!r} or 'metric'"
            yield Problem((field,), text, hint, fatal=True, key=True)
    if not external and not rule.resources.overrides:
        text = "metric: needs 'resources.overrides', which say what objects it belongs to"
        hint = "such as overrides: {namespace: {resource: namespace}, pod: {resource: pod}}"
        yield Problem(("metric",), text, hint, fatal=True)
    if not _series_name(rule):
        for field, source in (
            ("metricsQuery", rule.metrics_query),
            ("timestampQuery", rule.timestamp_query),
        ):
            if "Series" in parse_template(source, QUERY_FIELDS).fields:
                text = (
                    f"{field}: <<.Series>> is empty, because no series is discovered for 'metric'"
                )
                hint = "write the series' name, or give it as 'seriesQuery'"
                offset = max(source.find(".Series"), 0)
                yield Problem((field,), text, hint, fatal=True, offset=offset)


def _has_name(rule: DiscoveryRule) -> bool:
    return bool(rule.name.matches or rule.name.as_)


def _series_name(rule: DiscoveryRule) -> str:
    """Name of the one series ``seriesQuery`` is about; also where it cannot be parsed."""
    try:
        return parse_series_selector(rule.series_query).name if rule.series_query else ""
    except PromQLError:
        return rule.series_query


def _only_for_external(rule: DiscoveryRule) -> Iterator[Problem]:
    for field, given in (
        ("sourceNamespace", rule.source_namespace),
        ("allowedNamespaces", rule.allowed_namespaces),
    ):
        if given:
            text = f"{field}: is for 'externalRules' only"
            hint = "an object of a custom metric has its own namespace"
            yield Problem((field,), text, hint, fatal=True, key=True)


def url_problems(backend: Backend) -> Iterator[Problem]:
    """Find what is wrong with the addresses of *backend*, which are never repeated."""
    complete, credentials = read_url(backend.url)
    if not complete:
        text = "url: must begin with http:// or https:// and name a host"
        yield Problem(("url",), text, "such as http://prometheus:9090", fatal=True)
    elif credentials:
        text = "url: must not hold user and password"
        yield Problem(
            ("url",), text, "give them as 'auth.basic', the password in a file", fatal=True
        )
    if backend.timeout <= 0:
        yield Problem(("timeout",), "timeout: must be positive", "such as 10s", fatal=True)
