"""How one custom metric is asked for: object by object, a whole namespace, or the whole cluster.

A wider query serves more requests with one answer. It is used only where it is proven that its
answer holds exactly that of each narrow query (`adapter.promql.widening`); otherwise queries are
sent as the rule writes them.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from adapter.errors import AdapterError
from adapter.model.labels import Selector
from adapter.model.resources import GroupResource
from adapter.promql.analysis import plain_selector
from adapter.promql.template import Template
from adapter.promql.widening import is_widening
from adapter.rules.compiled import CompiledRule
from adapter.rules.mapping import ResourceMapping
from adapter.rules.metrics_query import ObjectScope, Subject, render_objects
from adapter.rules.registry import Entry
from adapter.sources.prometheus.objects import ObjectLabels

NAMESPACES = GroupResource("", "namespaces")

MOST_NAMESPACES = 64
"""Namespaces whose queries a plan keeps; where more of them ask, the cluster is asked at once."""

_NAME = "zz-any-object-of-the-proof"
_NAMESPACE = "zz-any-namespace-of-the-proof"


class Queries(NamedTuple):
    """PromQL of a value and, where the rule tells them, of its samples' times."""

    value: str
    timestamp: str | None
    labels: ObjectLabels


class ObjectPlan:
    """The queries of one metric, for one resource and one selector.

    Args:
        entry: What the registry has of the metric.
        mapping: The rule's labels and resources.
        selector: On the labels of the series.

    Raises:
        ConfigError: No label names the resource, or the namespace.
        BadRequest: The selector cannot be put into the query.
    """

    def __init__(self, entry: Entry, mapping: ResourceMapping, selector: Selector) -> None:
        self.entry = entry
        rule = entry.rule
        info = entry.resource
        self.resource_label = mapping.label_for(info.group_resource)
        bound = info.namespaced and rule.rule.resources.namespaced
        self.namespace_label = mapping.label_for(NAMESPACES) if bound else ""
        self._selector = selector
        self._subject = Subject(entry.series, rule.series_matchers)
        self._dated_by_itself = self._is_dated_by_itself(rule)
        self._whole: dict[str, Queries] = {}

    def named(self, namespace: str, names: Sequence[str]) -> Queries:
        """Queries of the objects *names* and no others.

        Raises:
            BadRequest: A name cannot be put into the query.
            AdapterError: The rule's template gives nothing.
        """
        return self._queries(self._scope(namespace, names), namespace)

    def whole(self, namespace: str) -> Queries:
        """Queries of all objects of *namespace*; of all there are when the kind has none."""
        queries = self._whole.get(namespace)
        if queries is None:
            if len(self._whole) >= MOST_NAMESPACES:
                self._whole.clear()
            queries = self._whole[namespace] = self._queries(self._scope(namespace, ()), namespace)
        return queries

    @cached_property
    def cluster(self) -> Queries:
        """Queries of the objects of all namespaces."""
        scope = ObjectScope(self.resource_label, (), self.namespace_label, None)
        return self._queries(scope, "", ObjectLabels(self.resource_label, self.namespace_label, ""))

    @cached_property
    def namespace_proven(self) -> bool:
        """Whether `whole` holds the answers of `named`."""
        return self._proven(
            self._scope(_NAMESPACE, [_NAME]),
            self._scope(_NAMESPACE, ()),
            {self.resource_label: _NAME},
        )

    @cached_property
    def cluster_proven(self) -> bool:
        """Whether `cluster` holds the answers of `named` for every namespace."""
        if not self.namespace_label or self.namespace_label == self.resource_label:
            return False
        return self._proven(
            self._scope(_NAMESPACE, [_NAME]),
            ObjectScope(self.resource_label, (), self.namespace_label, None),
            {self.resource_label: _NAME, self.namespace_label: _NAMESPACE},
        )

    def _scope(self, namespace: str, names: Sequence[str]) -> ObjectScope:
        return ObjectScope(self.resource_label, names, self.namespace_label, namespace)

    def _queries(
        self, scope: ObjectScope, namespace: str, labels: ObjectLabels | None = None
    ) -> Queries:
        rule = self.entry.rule
        value = self._render(rule.query, scope)
        timestamp = None
        if rule.timestamp_query is not None:
            timestamp = self._render(rule.timestamp_query, scope)
        elif self._dated_by_itself:
            timestamp = f"timestamp({value})"
        return Queries(value, timestamp, labels or ObjectLabels(self.resource_label, "", namespace))

    def _render(self, template: Template, scope: ObjectScope) -> str:
        return render_objects(template, self._subject, scope, self._selector)

    def _proven(self, narrow: ObjectScope, wide: ObjectScope, fixed: dict[str, str]) -> bool:
        rule = self.entry.rule
        templates = [rule.query, rule.timestamp_query or rule.query]
        try:
            return all(
                template.straight
                and is_widening(self._render(template, narrow), self._render(template, wide), fixed)
                for template in templates
            )
        except AdapterError:
            return False

    def _is_dated_by_itself(self, rule: CompiledRule) -> bool:
        """Whether the age of samples is needed and the query itself, a selector, can tell it."""
        if not rule.rule.max_age or rule.timestamp_query is not None:
            return False
        value = self._render(rule.query, self._scope(_NAMESPACE, [_NAME]))
        return plain_selector(value)
