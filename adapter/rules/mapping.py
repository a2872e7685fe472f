"""Labels and the Kubernetes resources they name (prometheus-adapter's ``resources``)."""

import re
from collections.abc import Mapping

from adapter.errors import ConfigError
from adapter.model.resources import GroupResource
from adapter.promql.matchers import LABEL_NAME
from adapter.promql.template import parse_template
from adapter.rules.schema import MAPPING_FIELDS, ResourceSection

NAMESPACES = GroupResource("", "namespaces")
PODS = GroupResource("", "pods")
NODES = GroupResource("", "nodes")

_CORE: Mapping[str, GroupResource] = {
    "namespace": NAMESPACES,
    "namespaces": NAMESPACES,
    "node": NODES,
    "nodes": NODES,
    "pod": PODS,
    "pods": PODS,
}
_SINGULAR: Mapping[GroupResource, str] = {NAMESPACES: "namespace", NODES: "node", PODS: "pod"}


class ResourceMapping:
    """The ``resources`` section of one rule, as far as namespaces, pods and nodes go."""

    def __init__(self, section: ResourceSection) -> None:
        self._template = parse_template(section.template, MAPPING_FIELDS)
        self._labels: dict[GroupResource, str] = {}
        for label, override in section.overrides.items():
            known = _CORE.get(override.resource.lower()) if not override.group else None
            if known is not None:
                self._labels.setdefault(known, label)

    def label_for(self, resource: GroupResource) -> str:
        """Label that names *resource*: the first override for it, else by the template.

        Args:
            resource: One of `NAMESPACES`, `PODS`, `NODES`.

        Raises:
            ConfigError: Neither gives a label.
        """
        label = self._labels.get(resource)
        if label is None:
            label = self._template.render(
                {"Resource": _SINGULAR[resource], "Group": re.sub("[.-]", "_", resource.group)}
            )
        if not label:
            singular = _SINGULAR[resource]
            example = f"'{singular}: {{resource: {singular}}}'"
            raise ConfigError([f"no label names {resource}; add an override such as {example}"])
        if not LABEL_NAME.match(label):
            raise ConfigError([f"the template gives {label!r} for {resource}: no label name"])
        return label
