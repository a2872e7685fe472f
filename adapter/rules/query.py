"""Resource rules → PromQL, one query for a whole scope: a namespace, the cluster, the nodes.

prometheus-adapter names every pod it was asked for in a regular expression. We ask for the scope
and pick from the answer, so that the size of a query and the load on Prometheus do not grow with
the number of pods. Templates see the same variables; where the peer gives names, we give matchers
and patterns that fit every name.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adapter.promql.matchers import Matcher, MatchOp, format_matchers
from adapter.promql.template import Template, Value, parse_template
from adapter.rules.mapping import NAMESPACES, NODES, PODS, ResourceMapping
from adapter.rules.schema import ResourceRule, ResourceRules, WindowQuery
from adapter.rules.sections import QUERY_FIELDS

NO_WINDOWS = WindowQuery()

ANY_VALUE = ".+"
"""What ``.LabelValuesByName`` holds for a label whose value is not fixed by the scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerQueries:
    """Queries of one rule over containers, and the labels that identify one in the answer."""

    namespace_label: str
    pod_label: str
    container_label: str
    values: Template
    timestamps: Template | None
    windows: Template | None

    def render(self, template: Template, namespace: str | None) -> str:
        """Render *template* for the pods of *namespace*, or of all namespaces when None."""
        scope = (
            Matcher(self.namespace_label, MatchOp.NOT_EQUAL, "")
            if namespace is None
            else Matcher(self.namespace_label, MatchOp.EQUAL, namespace)
        )
        group_by = [self.pod_label, self.container_label]
        if namespace is None:
            group_by.insert(0, self.namespace_label)
        return _render(
            template,
            [scope, Matcher(self.pod_label, MatchOp.NOT_EQUAL, "")],
            [label for label in group_by if label],
            {
                self.namespace_label: ANY_VALUE if namespace is None else namespace,
                self.pod_label: ANY_VALUE,
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeQueries:
    """Queries of one rule over nodes, and the label that identifies one in the answer."""

    node_label: str
    values: Template
    timestamps: Template | None
    windows: Template | None

    def render(self, template: Template) -> str:
        """Render *template* for all nodes."""
        label = self.node_label
        return _render(
            template, [Matcher(label, MatchOp.NOT_EQUAL, "")], [label], {label: ANY_VALUE}
        )


@dataclass(frozen=True, slots=True)
class ResourceQueries:
    """The queries of ``resourceRules``; None where a kind of object is not asked for."""

    cpu_containers: ContainerQueries | None
    memory_containers: ContainerQueries | None
    cpu_nodes: NodeQueries | None
    memory_nodes: NodeQueries | None
    window: float

    @classmethod
    def from_rules(cls, rules: ResourceRules) -> "ResourceQueries":
        """Prepare the queries of *rules*.

        Raises:
            ConfigError: A label that is needed is mapped to no resource.
        """
        return cls(
            container_queries(rules.cpu, rules.window_query),
            container_queries(rules.memory),
            node_queries(rules.cpu, rules.window_query),
            node_queries(rules.memory),
            rules.window,
        )


def container_queries(
    rule: ResourceRule, windows: WindowQuery = NO_WINDOWS
) -> ContainerQueries | None:
    """Prepare the queries of *rule* over containers, and of *windows*; None when it has none.

    Raises:
        ConfigError: The namespace's or the pod's label is not known.
    """
    if not rule.container_query:
        return None
    mapping = ResourceMapping(rule.resources)
    return ContainerQueries(
        namespace_label=mapping.label_for(NAMESPACES),
        pod_label=mapping.label_for(PODS),
        container_label=rule.container_label,
        values=parse_template(rule.container_query, QUERY_FIELDS),
        timestamps=_optional(rule.timestamp_query.container_query),
        windows=_optional(windows.container_query),
    )


def node_queries(rule: ResourceRule, windows: WindowQuery = NO_WINDOWS) -> NodeQueries | None:
    """Prepare the queries of *rule* over nodes, and of *windows*; None when it has none.

    Raises:
        ConfigError: The node's label is not known.
    """
    if not rule.node_query:
        return None
    return NodeQueries(
        node_label=ResourceMapping(rule.resources).label_for(NODES),
        values=parse_template(rule.node_query, QUERY_FIELDS),
        timestamps=_optional(rule.timestamp_query.node_query),
        windows=_optional(windows.node_query),
    )


def _optional(source: str) -> Template | None:
    return parse_template(source, QUERY_FIELDS) if source else None


def _render(
    template: Template,
    matchers: Sequence[Matcher],
    group_by: Sequence[str],
    values_by_name: dict[str, str],
) -> str:
    values: dict[str, Value] = {
        "Series": "",
        "SeriesMatchers": "",
        "LabelMatchers": format_matchers(matchers),
        "LabelValuesByName": values_by_name,
        "GroupBy": ",".join(group_by),
        "GroupBySlice": group_by,
    }
    return template.render(values)
