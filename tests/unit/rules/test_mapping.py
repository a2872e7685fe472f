"""Which label names which resource."""

import pytest

from adapter.errors import ConfigError
from adapter.rules.mapping import NAMESPACES, NODES, PODS, ResourceMapping
from adapter.rules.schema import ResourceSection


def mapping(template="", **overrides):
    section = {
        "template": template,
        "overrides": {label: {"resource": name} for label, name in overrides.items()},
    }
    return ResourceMapping(ResourceSection.model_validate(section))


@pytest.mark.parametrize("name", ["pod", "pods"])
def test_singular_and_plural_are_the_same(name):
    assert mapping(p=name).label_for(PODS) == "p"


def test_the_template_takes_the_singular():
    with_template = mapping("kube_<<.Resource>><<.Group>>")

    labels = [with_template.label_for(resource) for resource in (NAMESPACES, PODS, NODES)]

    assert labels == ["kube_namespace", "kube_pod", "kube_node"]


def test_overrides_win_over_the_template():
    both = mapping("kube_<<.Resource>>", instance="node")

    assert both.label_for(NODES) == "instance"
    assert both.label_for(PODS) == "kube_pod"


def test_the_first_of_two_labels_counts():
    assert mapping(a="node", b="nodes").label_for(NODES) == "a"


def test_a_resource_of_another_group_is_not_the_core_one():
    section = {"overrides": {"n": {"resource": "node", "group": "example.com"}}}

    with pytest.raises(ConfigError, match="no label names nodes; add an override"):
        ResourceMapping(ResourceSection.model_validate(section)).label_for(NODES)


def test_a_template_that_gives_no_label_name_is_refused():
    with pytest.raises(ConfigError, match="'a-node' for nodes: no label name"):
        mapping("a-<<.Resource>>").label_for(NODES)
