"""Attributes of every form of URL: those kube-apiserver authorizes with."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.server.requestinfo import Attributes, attributes_of

CUSTOM = "/apis/custom.metrics.k8s.io/v1beta2"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1"
METRICS = "/apis/metrics.k8s.io/v1"


def wanted(text):
    """``verb namespace resource/subresource name``, with - for what is empty."""
    verb, namespace, resource, name = ("" if part == "-" else part for part in text.split())
    resource, _, subresource = resource.partition("/")
    return verb, namespace, resource, subresource, name


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (f"{CUSTOM}/namespaces/ns/pods/*/hits", "get ns pods/hits *"),
        (f"{CUSTOM}/namespaces/ns/pods/web-0/hits", "get ns pods/hits web-0"),
        (f"{CUSTOM}/namespaces/ns/metrics/hits", "get ns metrics hits"),
        (f"{CUSTOM}/namespaces/ns/deployments.apps/web/hits", "get ns deployments.apps/hits web"),
        (f"{CUSTOM}/namespaces/*/pods/*/hits", "get * pods/hits *"),
        (f"{CUSTOM}/nodes/n1/load", "get - nodes/load n1"),
        (f"{CUSTOM}/nodes/*/load", "get - nodes/load *"),
        (f"{CUSTOM}/persistentvolumes/p/used", "get - persistentvolumes/used p"),
        (f"{CUSTOM}/namespaces/ns/status", "get ns namespaces/status ns"),
        (f"{CUSTOM}/namespaces/ns/finalize", "get ns namespaces/finalize ns"),
        (f"{CUSTOM}/namespaces/ns", "get ns namespaces ns"),
        (f"{CUSTOM}/namespaces", "list - namespaces -"),
        (f"{CUSTOM}/namespaces/ns/pods/p/hits/more/parts", "get ns pods/hits p"),
        (f"{EXTERNAL}/namespaces/ns/queue_length", "list ns queue_length -"),
        (f"{EXTERNAL}/namespaces/ns/status", "get ns namespaces/status ns"),
        (f"{EXTERNAL}/queue_length", "list - queue_length -"),
        (f"{METRICS}/nodes", "list - nodes -"),
        (f"{METRICS}/nodes/n1", "get - nodes n1"),
        (f"{METRICS}/pods", "list - pods -"),
        (f"{METRICS}/namespaces/ns/pods", "list ns pods -"),
        (f"{METRICS}/namespaces/ns/pods/web-0", "get ns pods web-0"),
        (f"{METRICS}/pods/", "list - pods -"),
        (f"/{METRICS}/pods", "list - pods -"),
        (f"{METRICS}//pods", "get - - pods"),
        (f"{METRICS}/namespaces//pods", "list - pods -"),
        (f"{METRICS}/watch/pods", "watch - pods -"),
        (f"{METRICS}/watch/namespaces/ns/pods/p", "watch ns pods p"),
        (f"{METRICS}/watch", "watch - - -"),
        (f"{METRICS}/proxy/nodes/n1/metrics", "proxy - nodes n1"),
    ],
)
def test_resources(target, expected):
    found = attributes_of("GET", target, {})

    assert found.is_resource
    assert found[0:2] + found[4:7] == wanted(expected)
    assert found.path == target


def test_group_and_version():
    found = attributes_of("GET", "/apis/metrics.k8s.io/v1beta1/nodes", {})
    core = attributes_of("GET", "/api/v1/pods", {})

    assert (found.group, found.version) == ("metrics.k8s.io", "v1beta1")
    assert (core.group, core.version, core.resource) == ("", "v1", "pods")


@pytest.mark.parametrize(
    ("method", "collection", "single"),
    [
        ("GET", "list", "get"),
        ("HEAD", "list", "get"),
        ("POST", "create", "create"),
        ("PUT", "update", "update"),
        ("PATCH", "patch", "patch"),
        ("DELETE", "deletecollection", "delete"),
        ("OPTIONS", "", ""),
        ("BREW", "", ""),
    ],
)
def test_verbs(method, collection, single):
    assert attributes_of(method, f"{METRICS}/nodes", {}).verb == collection
    assert attributes_of(method, f"{METRICS}/nodes/n1", {}).verb == single
    assert attributes_of(method, "/version", {}).verb == method.lower()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/api",
        "/api/v1",
        "/apis",
        "/apis/",
        METRICS,
        f"{METRICS}/",
        f"/{METRICS}",
        "/metrics",
        "/readyz/ping",
        "/openapi/v3/apis/metrics.k8s.io/v1",
        "//apis",
        "/apiz/a/b/c/d",
    ],
)
def test_everything_else_is_its_path(path):
    assert attributes_of("GET", path, {}) == Attributes("get", path=path)


@pytest.mark.parametrize(
    ("query", "verb"),
    [
        ({}, "list"),
        ({"watch": "true"}, "watch"),
        ({"watch": "1"}, "watch"),
        ({"watch": ""}, "watch"),
        ({"watch": "nonsense"}, "watch"),
        ({"watch": "0"}, "list"),
        ({"watch": "False"}, "list"),
        ({"watch": "true", "limit": "x"}, "watch"),
    ],
)
def test_watches(query, verb):
    assert attributes_of("GET", f"{METRICS}/pods", query).verb == verb
    assert attributes_of("GET", f"{METRICS}/namespaces/n/pods/p", query).verb == "get"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"fieldSelector": "metadata.name=web-0"}, "web-0"),
        ({"fieldSelector": "metadata.name==web-0,metadata.namespace=ns"}, "web-0"),
        ({"fieldSelector": "metadata.name!=web-0"}, ""),
        ({"fieldSelector": "metadata.namespace=ns"}, ""),
        ({"fieldSelector": "metadata.name=.."}, ""),
        ({"fieldSelector": "metadata.name=a/b"}, ""),
        ({"fieldSelector": "status.phase=Running"}, ""),
        ({"fieldSelector": "=="}, ""),
        ({"fieldSelector": "metadata.name=web-0", "limit": "x"}, ""),
        ({"fieldSelector": "metadata.name=web-0", "timeoutSeconds": "5"}, "web-0"),
    ],
)
def test_a_selected_name_counts_as_the_name(query, name):
    """So that a rule with ``resourceNames`` lets a list of that one object through."""
    found = attributes_of("GET", f"{METRICS}/namespaces/ns/pods", query)

    assert (found.verb, found.name) == ("list", name)


SEGMENT = st.text(string.ascii_letters + "*.-:%", max_size=6)


@given(st.lists(SEGMENT, max_size=8), st.sampled_from(["GET", "POST", "DELETE", "X"]))
def test_any_path_gives_attributes_that_come_from_it(segments, method):
    path = "/" + "/".join(segments)
    found = attributes_of(method, path, {})

    assert found.path == path
    for part in (found.namespace, found.group, found.version, found.resource, found.name):
        assert part in ["", *segments]
    assert found.is_resource or not found.resource
