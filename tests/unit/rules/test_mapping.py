"""Which label names which resource, and the other way round."""

import pytest

from adapter.errors import ConfigError
from adapter.model.resources import GroupResource, ResourceInfo
from adapter.model.restmapper import BUILTIN, CORE, RESTMapper
from adapter.rules.mapping import NAMESPACES, NODES, PODS, ResourceMapping
from adapter.rules.schema import ResourceSection

INGRESSES = GroupResource("networking.k8s.io", "ingresses")
DEPLOYMENTS = GroupResource("apps", "deployments")
WIDGET = ResourceInfo("a-b.example.com", "v1", "widgets", "widget", "Widget", namespaced=False)
CLUSTER = RESTMapper([*BUILTIN.resources, WIDGET])


def mapping(template="", mapper=CLUSTER, *, namespace_label="", overrides=None):
    """A mapping whose *overrides* are ``resource`` or ``resource.group`` by label."""
    section = {"template": template, "overrides": {}}
    for label, text in (overrides or {}).items():
        group, resource = GroupResource.parse(text)
        section["overrides"][label] = {"resource": resource, "group": group}
    validated = ResourceSection.model_validate(section)
    return ResourceMapping(validated, mapper, namespace_label=namespace_label)


def named(found):
    return found and str(found.group_resource)


@pytest.mark.parametrize("name", ["pod", "pods"])
def test_singular_and_plural_are_the_same(name):
    assert mapping(overrides={"p": name}).label_for(PODS) == "p"


@pytest.mark.parametrize("group", ["networking.k8s.io", "networking", ""])
def test_an_override_may_shorten_its_group_or_leave_it_out(group):
    written = f"ingress.{group}" if group else "ingress"
    with_override = mapping(overrides={"ing": written})

    assert with_override.label_for(INGRESSES) == "ing"
    assert named(with_override.resource_for("ing")) == "ingresses.networking.k8s.io"


@pytest.mark.parametrize(
    ("resource", "label"),
    [
        (NAMESPACES, "kube_namespace_"),
        (INGRESSES, "kube_ingress_networking_k8s_io"),
        (WIDGET.group_resource, "kube_widget_a_b_example_com"),
    ],
    ids=str,
)
def test_the_template_takes_the_singular_and_the_group(resource, label):
    """Dots and dashes of groups become underscores, and are found again (the peer loses them)."""
    with_template = mapping("kube_<<.Resource>>_<<.Group>>")

    assert with_template.label_for(resource) == label
    assert with_template.resource_for(label).group_resource == resource


def test_overrides_win_over_the_template():
    both = mapping("kube_<<.Resource>>", overrides={"instance": "node"})

    assert both.label_for(NODES) == "instance"
    assert both.label_for(PODS) == "kube_pod"
    assert named(both.resource_for("instance")) == "nodes"
    assert named(both.resource_for("kube_node")) == "nodes"


def test_an_override_hides_what_the_template_makes_of_its_label():
    job = mapping("<<.Resource>>", overrides={"job": "services"})

    assert named(job.resource_for("job")) == "services"
    assert named(mapping("<<.Resource>>").resource_for("job")) == "jobs.batch"


def test_the_first_of_two_labels_counts():
    assert mapping(overrides={"a": "node", "b": "nodes"}).label_for(NODES) == "a"


@pytest.mark.parametrize(
    ("template", "label", "found"),
    [
        pytest.param("<<.Resource>>", "pod", "pods", id="singular"),
        pytest.param("<<.Resource>>", "pods", "pods", id="plural"),
        pytest.param("<<.Resource>>", "Pod", "pods", id="upper-case"),
        pytest.param("<<.Resource>>", "replicaset", "replicasets.apps", id="any-group"),
        pytest.param("<<.Resource>>", "exported_pod", None, id="anchored-at-the-start"),
        pytest.param("<<.Resource>>", "pod_name", None, id="anchored-at-the-end"),
        pytest.param("kube_<<.Resource>>", "kube_service", "services", id="prefix"),
        pytest.param("kube_<<.Resource>>", "service", None, id="without-the-prefix"),
        pytest.param("<<.Group>>_<<.Resource>>", "apps_deployment", "deployments.apps", id="group"),
        pytest.param("<<.Group>>_<<.Resource>>", "_pod", "pods", id="core-group"),
        pytest.param("<<.Group>>_<<.Resource>>", "batch_pod", None, id="not-in-that-group"),
        pytest.param(
            "<<.Group>>_<<.Resource>>",
            "networking_ingress",
            "ingresses.networking.k8s.io",
            id="shortened-group",
        ),
        pytest.param("(exported_)?<<.Resource>>", "exported_pod", "pods", id="pattern"),
        pytest.param("<<.Resource>>_<<.Resource>>", "pod_pod", "pods", id="mentioned-twice"),
        pytest.param("<<.Resource>>(", "pod(", "pods", id="no-pattern"),
        pytest.param("<<.Resource>>(", "pod", None, id="no-pattern-no-match"),
        pytest.param("", "pod", None, id="no-template"),
    ],
)
def test_resource_for(template, label, found):
    with_template = mapping(template)

    assert named(with_template.resource_for(label)) == found
    assert named(with_template.resource_for(label)) == found, "the same when asked again"


def test_of_two_resources_with_one_label_the_preferred_one_is_meant():
    other = ResourceInfo("zoo.example.com", "v1", "services", "service", "Service", namespaced=True)
    labels = mapping("<<.Resource>>", RESTMapper([*CORE.resources, other]))
    turned = mapping("<<.Resource>>", RESTMapper([other, *CORE.resources]))

    assert named(labels.resource_for("service")) == "services"
    assert named(turned.resource_for("service")) == "services.zoo.example.com"


def test_of_two_versions_the_preferred_one_is_meant():
    versions = [WIDGET._replace(version=version) for version in ("v2", "v1")]
    labels = mapping("<<.Resource>>", RESTMapper(versions))

    assert labels.resource_for("widget").version == "v2"
    assert labels.label_for(WIDGET.group_resource) == "widget"


def test_the_namespace_label_wins_over_all_overrides():
    labels = mapping(
        "kube_<<.Resource>>",
        overrides={"ns": "namespace", "tenant": "pod", "node": "node"},
        namespace_label="tenant",
    )

    assert labels.label_for(NAMESPACES) == "tenant"
    assert named(labels.resource_for("tenant")) == "namespaces"
    assert named(labels.resource_for("ns")) == "namespaces"
    assert labels.label_for(PODS) == "kube_pod"
    assert labels.override_labels == ("tenant", "ns", "node")


def test_what_a_mapping_has():
    plain, full = mapping(), mapping("<<.Resource>>", overrides={"b": "pod", "a": "node"})

    assert (plain.has_template, plain.override_labels, plain.unresolved) == (False, (), ())
    assert (full.has_template, full.override_labels) == (True, ("b", "a"))


def test_an_unknown_resource_is_reported_and_heals_when_it_is_served():
    section = {"w": "widget.a-b.example.com", "pod": "pod", "widget": "gizmo"}
    before = mapping("<<.Resource>>", BUILTIN, overrides=section)
    after = mapping("<<.Resource>>", overrides=section)

    assert before.unresolved == ("w: widget.a-b.example.com", "widget: gizmo")
    assert before.resource_for("w") is None
    assert before.label_for(PODS) == "pod"
    assert after.unresolved == ("widget: gizmo",)
    assert after.resource_for("w") == WIDGET
    assert after.resource_for("widget") is None, "its override says something else"


def test_a_resource_of_another_group_is_not_the_core_one():
    with pytest.raises(ConfigError, match="no label names nodes; add an override such as"):
        mapping(overrides={"n": "node.example.com"}).label_for(NODES)


@pytest.mark.parametrize(
    ("resource", "text"),
    [
        (NODES, "no label names nodes; add an override such as 'node: {resource: node}'"),
        (
            DEPLOYMENTS,
            (
                "no label names deployments.apps; add an override such as "
                "'deployment: {group: apps, resource: deployment}'"
            ),
        ),
        (
            GroupResource("example.com", "gizmos"),
            "no label names gizmos.example.com: kubernetes serves no such resource",
        ),
    ],
    ids=str,
)
def test_a_resource_without_a_label_is_an_error_that_says_what_to_add(resource, text):
    with pytest.raises(ConfigError) as caught:
        mapping().label_for(resource)

    assert str(caught.value) == text


@pytest.mark.parametrize("template", ["a-<<.Resource>>", "1<<.Resource>>", "(a)?<<.Resource>>"])
def test_a_template_that_gives_no_label_name_is_refused(template):
    with pytest.raises(ConfigError, match="for nodes: no label name"):
        mapping(template).label_for(NODES)


def test_a_function_that_refuses_its_arguments_gives_no_label():
    labels = mapping("<<index .Resource 3>>_<<.Resource>>", RESTMapper(CORE.resources))

    assert labels.resource_for("pod") is None
    with pytest.raises(ConfigError, match="no label names pods"):
        labels.label_for(PODS)
