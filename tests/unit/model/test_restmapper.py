"""Which resource a word means."""

import pytest

from adapter.model.resources import ResourceInfo
from adapter.model.restmapper import BUILTIN, CORE, RESTMapper


def info(resource, group, *, kind, version="v1", namespaced=True):
    return ResourceInfo(group, version, resource, kind.lower(), kind, namespaced)


MAPPER = RESTMapper(
    [
        *BUILTIN.resources,
        info("pods", "metrics.k8s.io", kind="PodMetrics", version="v1beta1"),
        info("services", "serving.knative.dev", kind="Service"),
        info("widgets", "a.example.com", kind="Widget", version="v2"),
        info("widgets", "a.example.com", kind="Widget", version="v1"),
        info("gadgets", "a.example.com", kind="Gadget", version="v1"),
        info("widgets", "b.example.com", kind="Widget"),
    ]
)


@pytest.mark.parametrize(
    ("resource", "group", "found"),
    [
        pytest.param("pods", "", "v1 pods", id="plural"),
        pytest.param("pod", "", "v1 pods", id="singular"),
        pytest.param("PersistentVolumeClaim", "", "v1 persistentvolumeclaims", id="kind"),
        pytest.param("podmetrics", "", "metrics.k8s.io/v1beta1 pods", id="lower-cased-kind"),
        pytest.param("deployment", "", "apps/v1 deployments", id="any-group"),
        pytest.param("ingress", "", "networking.k8s.io/v1 ingresses", id="ies"),
        pytest.param("service", "", "v1 services", id="core-first"),
        pytest.param("service", "serving.knative.dev", "serving.knative.dev/v1 services", id="own"),
        pytest.param("pods", "metrics.k8s.io", "metrics.k8s.io/v1beta1 pods", id="exact-group"),
        pytest.param("ingresses", "networking", "networking.k8s.io/v1 ingresses", id="prefix"),
        pytest.param("widget", "", "a.example.com/v2 widgets", id="group-order"),
        pytest.param("widget", "b", "b.example.com/v1 widgets", id="prefix-of-the-second"),
        pytest.param("widgets", "a.example.com", "a.example.com/v2 widgets", id="preferred"),
        pytest.param("gadget", "a.example.com", "a.example.com/v1 gadgets", id="other-version"),
    ],
)
def test_resolve(resource, group, found):
    resolved = MAPPER.resolve(resource, group)

    assert f"{resolved.api_version} {resolved.resource}" == found


@pytest.mark.parametrize(
    ("resource", "group"),
    [("gizmo", ""), ("", ""), ("pods", "apps"), ("pods", "etrics"), ("pods.metrics.k8s.io", "")],
)
def test_what_is_not_served_is_none(resource, group):
    assert MAPPER.resolve(resource, group) is None


def test_an_exact_group_wins_over_one_that_begins_with_it():
    mapper = RESTMapper([info("x", "g.example", kind="X"), info("x", "g", kind="X")])

    assert mapper.resolve("x", "g").group == "g"


def test_resources_are_kept_in_order():
    assert MAPPER.resources[: len(CORE.resources)] == CORE.resources
    assert MAPPER.resources[-1].group == "b.example.com"


def test_the_core_group_is_known_without_asking():
    known = {item.resource: item.namespaced for item in CORE.resources}

    assert known["pods"]
    assert known["services"]
    assert not known["namespaces"]
    assert not known["nodes"]
    assert not known["persistentvolumes"]
