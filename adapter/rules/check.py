"""Checks across fields that need queries to be rendered: labels and PromQL."""

from collections.abc import Iterator
from typing import NamedTuple

from adapter.errors import ConfigError
from adapter.promql.template import Template, TemplateError
from adapter.rules.query import (
    NO_WINDOWS,
    ContainerQueries,
    NodeQueries,
    container_queries,
    node_queries,
)
from adapter.rules.schema import ResourceRule, ResourceRules, WindowQuery


class Problem(NamedTuple):
    """What is wrong with the value at *path*, keys as they stand in the file."""

    path: tuple[int | str, ...]
    text: str


def check_resource_rules(rules: ResourceRules) -> Iterator[Problem]:
    """Find what makes *rules* unusable though each field is well-formed."""
    for field in ("container_query", "node_query"):
        name = "containerQuery" if field == "container_query" else "nodeQuery"
        given = [rule for rule in ("cpu", "memory") if getattr(getattr(rules, rule), field)]
        if len(given) == 1:
            other = "memory" if given == ["cpu"] else "cpu"
            text = f"has no {name!r} but {given[0]} has; without both nothing can be answered"
            yield Problem(("resourceRules", other), text)
    if not rules.cpu.container_query and not rules.cpu.node_query:
        yield Problem(("resourceRules", "cpu"), "needs a 'containerQuery' or a 'nodeQuery'")
    yield from _check_rule(rules.cpu, ("resourceRules", "cpu"), rules.window_query)
    yield from _check_rule(rules.memory, ("resourceRules", "memory"), NO_WINDOWS)


def _check_rule(
    rule: ResourceRule, path: tuple[str, ...], windows: WindowQuery
) -> Iterator[Problem]:
    for prepare, name in ((container_queries, "containerQuery"), (node_queries, "nodeQuery")):
        try:
            queries = prepare(rule, windows)
        except ConfigError as error:
            yield Problem((*path, "resources"), str(error))
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
    import promql_parser  # noqa: PLC0415 - a Rust library only loading a rule file needs

    try:
        if isinstance(queries, NodeQueries):
            query = queries.render(template)
        else:
            query = queries.render(template, "default")
    except TemplateError as error:
        yield Problem(path, str(error))
        return
    try:
        promql_parser.parse(query)
    except ValueError as error:
        yield Problem(path, f"not PromQL: {error}; rendered: {query}")
