"""Labels and the Kubernetes resources they name (prometheus-adapter's ``resources``)."""

import functools
import re
from typing import Any

import re2

from adapter.errors import ConfigError
from adapter.model.resources import GroupResource, ResourceInfo
from adapter.model.restmapper import CORE, RESTMapper
from adapter.promql.matchers import LABEL_NAME
from adapter.promql.template import TemplateError, parse_template
from adapter.rules.schema import ResourceSection
from adapter.rules.sections import MAPPING_FIELDS

NAMESPACES = GroupResource("", "namespaces")
PODS = GroupResource("", "pods")
NODES = GroupResource("", "nodes")

_REMEMBERED_LABELS = 10_000
"""Labels of which is kept what the template makes of them when read as a pattern."""


class ResourceMapping:
    """The ``resources`` section of one rule, with what the cluster serves.

    Args:
        section: The section.
        mapper: The resources there are.
        namespace_label: The rule's ``namespaceLabel``: as an override for namespaces that wins over
            all others. Empty: there is none.
    """

    def __init__(
        self, section: ResourceSection, mapper: RESTMapper = CORE, *, namespace_label: str = ""
    ) -> None:
        self._template = _label_template(section.template, mapper)
        self._resources: dict[str, ResourceInfo | None] = {}
        self._labels: dict[GroupResource, str] = {}
        unresolved = []
        wanted = {label: (item.resource, item.group) for label, item in section.overrides.items()}
        if namespace_label:
            wanted = {namespace_label: ("namespaces", ""), **wanted}
            wanted[namespace_label] = ("namespaces", "")
        for label, (resource, group) in wanted.items():
            info = mapper.resolve(resource, group)
            self._resources[label] = info
            if info is None:
                unresolved.append(f"{label}: {GroupResource(group, resource)}")
            else:
                self._labels.setdefault(info.group_resource, label)
        self._unresolved = tuple(unresolved)

    @property
    def override_labels(self) -> tuple[str, ...]:
        """Labels that are mapped one by one, the namespace's own first, then as in the file."""
        return tuple(self._resources)

    @property
    def has_template(self) -> bool:
        """Whether labels without an override may name a resource, too."""
        return bool(self._template.source)

    @property
    def unresolved(self) -> tuple[str, ...]:
        """Overrides whose resource the cluster does not serve (yet), as ``label: resource``."""
        return self._unresolved

    def label_for(self, resource: GroupResource) -> str:
        """Label that names *resource*: the first override for it, else by the template.

        Raises:
            ConfigError: Neither gives a label.
        """
        return self._labels.get(resource) or self._template.label_for(resource)

    def resource_for(self, label: str) -> ResourceInfo | None:
        """Resource that *label* names: by its override, else by the template; None for most.

        An override whose resource is unknown hides what the template would make of its label.
        """
        if label in self._resources:
            return self._resources[label]
        return self._template.resource_for(label)


class _LabelTemplate:
    """A ``resources.template`` and its inverse, for the resources of one cluster."""

    def __init__(self, source: str, mapper: RESTMapper) -> None:
        self.source = source
        self._template = parse_template(source, MAPPING_FIELDS)
        self._mapper = mapper
        self._matched: dict[str, ResourceInfo | None] = {}

    def label_for(self, resource: GroupResource) -> str:
        """Render the template for *resource*; `ConfigError` when that gives no label name."""
        known = self._by_resource.get(resource)
        if known is None:
            problem = f"no label names {resource}: kubernetes serves no such resource"
            raise ConfigError([problem])
        label = self._render(known.singular, known.group)
        if not label:
            group = f"group: {known.group}, " if known.group else ""
            example = f"'{known.singular}: {{{group}resource: {known.singular}}}'"
            raise ConfigError([f"no label names {resource}; add an override such as {example}"])
        if not LABEL_NAME.match(label):
            raise ConfigError([f"the template gives {label!r} for {resource}: no label name"])
        return label

    def resource_for(self, label: str) -> ResourceInfo | None:
        """Resource the template gives *label* for, or that it gives when read as a pattern."""
        if not self.source:
            return None
        info = self._by_label.get(label)
        if info is not None or label in self._matched:
            return info or self._matched[label]
        info = self._match(label)
        if len(self._matched) < _REMEMBERED_LABELS:
            self._matched[label] = info
        return info

    @functools.cached_property
    def _by_resource(self) -> dict[GroupResource, ResourceInfo]:
        # reversed: the preferred version of a resource is written last and stays
        return {info.group_resource: info for info in reversed(self._mapper.resources)}

    @functools.cached_property
    def _by_label(self) -> dict[str, ResourceInfo]:
        """The exact inverse: groups with dots are found again, unlike with the pattern."""
        labels: dict[str, ResourceInfo] = {}
        for info in self._mapper.resources:
            for name in (info.singular, info.resource, info.kind.lower()):
                labels.setdefault(self._render(name, info.group), info)
        return labels

    def _match(self, label: str) -> ResourceInfo | None:
        """The peer's way: the template is a pattern, groups may be shortened to their beginning."""
        found = self._pattern and self._pattern.search(label)
        if not found:
            return None
        parts = found.groupdict()
        return self._mapper.resolve(parts.get("resource") or "", parts.get("group") or "")

    @functools.cached_property
    def _pattern(self) -> Any:
        """The template as a pattern, whose literal text is not escaped; None if it is not one."""
        options = re2.Options()
        options.log_errors = False
        text = self._fill("(?P<resource>.+?)", "(?P<group>.+?)")
        try:
            return re2.compile(f"^{text}$", options) if text else None
        except re2.error:  # a name that is mentioned twice, for one: the inverse has to do
            return None

    def _render(self, name: str, group: str) -> str:
        return self._fill(name, re.sub("[.-]", "_", group))

    def _fill(self, resource: str, group: str) -> str:
        """Render; "" where a function of the template refuses the words it is given."""
        try:
            return self._template.render({"Resource": resource, "Group": group})
        except TemplateError:
            return ""


@functools.lru_cache(maxsize=16)
def _label_template(source: str, mapper: RESTMapper) -> _LabelTemplate:
    """Hundreds of rules share a few templates, and each inverse is made once."""
    return _LabelTemplate(source, mapper)
