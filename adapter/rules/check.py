"""Checks across fields that need queries to be rendered: labels and PromQL."""

from collections.abc import Iterator

from adapter.errors import ConfigError
from adapter.promql.analysis import check_promql
from adapter.promql.syntax import PromQLError
from adapter.promql.template import Template, TemplateError
from adapter.rules.findings import Path, Problem
from adapter.rules.query import (
    NO_WINDOWS,
    ContainerQueries,
    NodeQueries,
    container_queries,
    node_queries,
)
from adapter.rules.schema import ResourceRule, ResourceRules, WindowQuery


def check_resource_rules(rules: ResourceRules) -> Iterator[Problem]:
    """Find what makes *rules* unusable though each field is well-formed."""
    for field in ("container_query", "node_query"):
        name = "containerQuery" if field == "container_query" else "nodeQuery"
        given = [rule for rule in ("cpu", "memory") if getattr(getattr(rules, rule), field)]
        if len(given) == 1:
            other = "memory" if given == ["cpu"] else "cpu"
            text = f"{other}: has no {name!r} but {given[0]} has"
            hint = "without both nothing can be answered"
            yield Problem(("resourceRules", other), text, hint, fatal=True)
    if not rules.cpu.container_query and not rules.cpu.node_query:
        text = "cpu: needs a 'containerQuery' or a 'nodeQuery'"
        yield Problem(("resourceRules", "cpu"), text, fatal=True)
    yield from _check_rule(rules.cpu, ("resourceRules", "cpu"), rules.window_query)
    yield from _check_rule(rules.memory, ("resourceRules", "memory"), NO_WINDOWS)


def _check_rule(
    rule: ResourceRule, path: tuple[str, ...], windows: WindowQuery
) -> Iterator[Problem]:
    for prepare, name in ((container_queries, "containerQuery"), (node_queries, "nodeQuery")):
        try:
            queries = prepare(rule, windows)
        except ConfigError as error:
            what, _, hint = str(error).partition("; ")
            yield Problem((*path, "resources"), f"resources: {what}", hint, fatal=True)
            continue
        if queries is None:
            continue
        yield from _check_query(queries, queries.values, (*path, name))
        if queries.timestamps is not None:
            yield from _check_query(queries, queries.timestamps, (*path, "timestampQuery", name))
        if queries.windows is not None:
            place = ("resourceRules", "windowQuery", name)
            yield from _check_query(queries, queries.windows, place)


def _check_query(
    queries: ContainerQueries | NodeQueries, template: Template, path: tuple[str, ...]
) -> Iterator[Problem]:
    try:
        if isinstance(queries, NodeQueries):
            query = queries.render(template)
        else:
            query = queries.render(template, "default")
    except TemplateError as error:
        yield Problem(path, f"{path[-1]}: {error}", offset=error.position)
        return
    try:
        check_promql(query)
    except PromQLError as error:
        yield not_promql(path, error, query)


def not_promql(path: Path, error: Exception, query: str) -> Problem:
    """Say that what was rendered is not PromQL.

    Never fatal: the server asked may know more than the parser here (MetricsQL, newer functions).
    """
    rendered = " ".join(query.split())
    return Problem(path, f"{path[-1]}: not PromQL: {error}", f"rendered: {rendered}", offset=0)
