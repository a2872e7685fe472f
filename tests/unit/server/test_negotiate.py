"""Which representation a client gets."""

import time

import pytest

from adapter.apis.base import RESOURCE_TRANSFORMS, Transform
from adapter.errors import NotAcceptable
from adapter.server.negotiate import (
    Accepted,
    MediaType,
    accepts_gzip,
    negotiate,
    wants_pretty,
)

PROTOBUF = "application/vnd.kubernetes.protobuf"
TABLE = Transform("Table", "meta.k8s.io", "v1")
AS_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param("", Accepted(), id="none"),
        pytest.param("*/*", Accepted(), id="any"),
        pytest.param("application/*", Accepted(), id="any-application"),
        pytest.param("application/json", Accepted(), id="json"),
        pytest.param("APPLICATION/JSON ; charset=utf-8", Accepted(), id="case-and-params"),
        pytest.param("application/yaml", Accepted(MediaType.YAML), id="yaml"),
        pytest.param(f"{PROTOBUF}, */*", Accepted(), id="controllers"),
        pytest.param(f"{PROTOBUF},application/json", Accepted(), id="typed-clients"),
        pytest.param("application/yaml,application/json", Accepted(MediaType.YAML), id="in-order"),
        pytest.param("*/*,application/yaml", Accepted(MediaType.YAML), id="specific-first"),
        pytest.param("application/yaml;q=0.5,application/json;q=0.9", Accepted(), id="quality"),
        pytest.param("application/yaml;q=0,*/*", Accepted(), id="refused-by-quality"),
        pytest.param("application/yaml;q=x,*/*", Accepted(), id="quality-no-number"),
        pytest.param(AS_TABLE, Accepted(transform=TABLE), id="table"),
        pytest.param(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            Accepted(),
            id="browser",
        ),
        pytest.param(
            f"application/json;as=Table;v=v2;g=meta.k8s.io,{AS_TABLE}",
            Accepted(transform=TABLE),
            id="unknown-version-is-passed-over",
        ),
        pytest.param(
            "application/json;as=Widget;v=v1;g=meta.k8s.io,application/json",
            Accepted(),
            id="unknown-kind-is-passed-over",
        ),
        pytest.param("application/json;pretty=1", Accepted(pretty=True), id="pretty"),
    ],
)
def test_the_first_clause_that_can_be_satisfied_wins(accept, expected):
    assert negotiate(accept, RESOURCE_TRANSFORMS) == expected


@pytest.mark.parametrize(
    "accept",
    ["text/csv", PROTOBUF, "application/json;as=Widget;v=v1;g=x", "application/json;q=0", ";"],
)
def test_what_cannot_be_produced_is_refused_with_what_can(accept):
    with pytest.raises(NotAcceptable, match=r"ons: application/json, application/yaml$"):
        negotiate(accept, RESOURCE_TRANSFORMS)


AS_PARTIAL = f"{PROTOBUF};as=PartialObjectMetadata;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param("", Accepted(), id="none"),
        pytest.param("*/*", Accepted(), id="any-is-json"),
        pytest.param(PROTOBUF, Accepted(MediaType.PROTOBUF), id="alone"),
        pytest.param(f"{PROTOBUF}, */*", Accepted(MediaType.PROTOBUF), id="controllers"),
        pytest.param(f"application/json,{PROTOBUF}", Accepted(), id="second"),
        pytest.param(
            f"{PROTOBUF};as=Table;v=v1;g=meta.k8s.io,{AS_TABLE}",
            Accepted(transform=TABLE),
            id="no-table",
        ),
        pytest.param(
            f"{PROTOBUF};as=Table;v=v1;g=meta.k8s.io,{PROTOBUF}",
            Accepted(MediaType.PROTOBUF),
            id="no-table-but-the-object",
        ),
        pytest.param(
            AS_PARTIAL,
            Accepted(MediaType.PROTOBUF, Transform("PartialObjectMetadata", "meta.k8s.io", "v1")),
            id="metadata",
        ),
    ],
)
def test_protobuf_is_chosen_where_it_is_offered(accept, expected):
    assert negotiate(accept, RESOURCE_TRANSFORMS, tuple(MediaType)) == expected


def test_a_kind_that_is_not_offered_is_not_given():
    assert negotiate(f"{AS_TABLE},application/json").transform is None


@pytest.mark.parametrize(
    ("query", "agent", "pretty"),
    [
        pytest.param({}, "kubectl/v1.36", False, id="kubectl"),
        pytest.param({}, "curl/8.0", True, id="curl"),
        pytest.param({}, "Wget/1.21", True, id="wget"),
        pytest.param({}, "Mozilla/5.0 (X11)", True, id="browser"),
        pytest.param({"pretty": "true"}, "", True, id="asked"),
        pytest.param({"pretty": "1"}, "", True, id="asked-1"),
        pytest.param({"pretty": "false"}, "curl/8.0", False, id="refused"),
        pytest.param({"pretty": "maybe"}, "curl/8.0", False, id="no-boolean"),
        pytest.param({"pretty": ""}, "curl/8.0", True, id="empty"),
    ],
)
def test_people_get_indented_json(query, agent, pretty):
    assert wants_pretty(query, agent) is pretty


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("identity", False),
        ("", False),
    ],
)
def test_gzip_is_used_when_it_is_accepted(header, accepted):
    assert accepts_gzip(header) is accepted


def test_a_lone_star_is_anything_as_in_go():
    assert negotiate("*") == Accepted()
    assert negotiate("text/html, *;q=0.1") == Accepted()


def test_a_header_of_any_length_costs_little():
    """It is read before anybody knows who asks."""
    padding = ",".join(f"a/{number}" for number in range(10_000))
    begun = time.process_time()
    for _ in range(100):
        assert negotiate(f"{MediaType.YAML},{padding}").media_type is MediaType.YAML
        with pytest.raises(NotAcceptable):
            negotiate(padding)
    assert time.process_time() - begun < 1.0
