"""Annotations on HPAs: what kube-metrics-adapter documents, and what goes wrong with them."""

import json
import re
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from unit.annotating import (
    EVENTS,
    EVENTS_SPEC,
    HTTP_EXAMPLE,
    HTTP_SPEC,
    LEGACY,
    LEGACY_EXAMPLE,
    LEGACY_SPEC,
    OBJECT_EXAMPLE,
    OBJECT_SPEC,
    POD_EXAMPLE,
    PODS_SPEC,
    PROMETHEUS_EXAMPLE,
    QUERY,
    RPS,
    SERVERS,
    TYPOS,
    UNIQUE,
    hpa,
    without,
)

from adapter.jsonpath.extraction import Aggregate
from adapter.kube.hpas import watched_hpas
from adapter.model.autoscaling import MetricSpec, SourceType
from adapter.rules.annotations import Mistake, read_annotations
from adapter.rules.annotations_keys import (
    MOST_ANNOTATIONS,
    MOST_METRICS,
    Key,
    concerns_us,
    parse_key,
)
from adapter.rules.annotations_metrics import (
    ORDER,
    PER_REPLICA,
    PODS_OPTIONS,
    PROMETHEUS_OPTIONS,
    URL_OPTIONS,
    PrometheusMetric,
)
from adapter.rules.json_metric import PodsMetric, URLMetric
from adapter.rules.json_section import Scheme

POD_MINIMUM = without(POD_EXAMPLE, "/scheme", "/aggregator", "/interval", "/min-pod-ready-age")
POD_MINIMUM = without(POD_MINIMUM, "/path")


def read(annotations, *metrics, servers=SERVERS):
    return read_annotations(hpa(annotations, *metrics), servers)


def only(annotations, *metrics):
    found = read(annotations, *metrics)
    assert found.mistakes == ()
    (definition,) = found.definitions
    return definition


def test_the_documented_pod_collector():
    definition = only(POD_EXAMPLE, PODS_SPEC)

    metric = definition.source
    assert isinstance(metric, PodsMetric)
    assert (definition.type, definition.metric) == (SourceType.PODS, "requests-per-second")
    assert (metric.id, metric.order) == ("HorizontalPodAutoscaler shop/myapp-hpa", ORDER)
    assert metric.namespaces == {"shop"}
    assert (metric.scheme, metric.port, metric.path) == (Scheme.HTTPS, 9090, "/metrics")
    assert (metric.interval, metric.min_ready_age, metric.policy.max_age) == (60, 30, 150)
    assert metric.extraction.aggregate is Aggregate.MAX
    assert metric.extraction.read({"http_server": {"rps": 0.5}}).value == 0.5


def test_defaults_are_those_of_kube_metrics_adapter():
    metric = only(POD_MINIMUM, PODS_SPEC).source

    assert (metric.scheme, metric.path, metric.min_ready_age) == (Scheme.HTTP, "/", 0)
    assert (metric.interval, metric.extraction.aggregate) == (60, None)
    assert (metric.access.timeout, metric.access.connect_timeout) == (15, 15)


@pytest.mark.parametrize(
    ("path", "raw_query", "whole"),
    [
        ("/metrics", "foo=bar&baz=bop", "/metrics?foo=bar&baz=bop"),
        ("metrics", "", "/metrics"),
        ("/a b", "q=a b", "/a%20b?q=a%20b"),
        ("/a?b#c", "", "/a%3Fb%23c"),
        ("/x", "a=b\r\nHost: evil", "/x?a=b%0D%0AHost:%20evil"),
        ("//elsewhere/x", "", "//elsewhere/x"),
    ],
    ids=["documented", "no slash", "blanks", "marks", "lines", "two slashes"],
)
def test_path_and_query_of_a_pod(path, raw_query, whole):
    more = {f"{RPS}/path": path, f"{RPS}/raw-query": raw_query}

    assert only({**POD_MINIMUM, **more}, PODS_SPEC).source.path == whole


def test_timeouts_of_a_pod():
    more = {f"{RPS}/request-timeout": "2s", f"{RPS}/connect-timeout": "500ms"}

    access = only({**POD_MINIMUM, **more}, PODS_SPEC).source.access
    assert (access.timeout, access.connect_timeout) == (2, 0.5)


def test_a_script_in_place_of_a_path():
    script = "ceil($['active processes'] / $['total processes'] * 100)"
    more = {f"{RPS}/json-eval": script}

    metric = only({**without(POD_EXAMPLE, "/json-key"), **more}, PODS_SPEC).source
    document = {"active processes": 1, "total processes": 3}
    assert metric.extraction.read(document).value == 34


def test_the_documented_http_collector():
    definition = only(HTTP_EXAMPLE, HTTP_SPEC)

    metric = definition.source
    assert isinstance(metric, URLMetric)
    assert (definition.type, definition.labels) == (SourceType.EXTERNAL, {"type": "json-path"})
    assert metric.url == "http://metric-source.app-namespace:8080/metrics"
    assert (metric.allowed_namespaces, metric.interval) == ({"shop"}, 60)
    (series,) = metric.extraction.read({"some-metric": {"value": [3, 7]}})
    assert (series.labels, series.outcome.value) == ({}, 7)


@pytest.mark.parametrize("collector", ["json", "http"])
def test_the_http_collector_by_its_older_names(collector):
    prefix = f"metric-config.external.http.{collector}"
    annotations = {
        f"{prefix}/json-key": "$.metric.value",
        f"{prefix}/endpoint": "http://metric-source.source-namespace.svc.cluster.local:8000/m",
    }
    spec = MetricSpec(SourceType.EXTERNAL, "http", {"identifier": "unique-metric-name"})

    definition = only(annotations, spec)
    assert isinstance(definition.source, URLMetric)
    assert definition.labels == {"identifier": "unique-metric-name"}


def test_the_documented_prometheus_collector():
    definition = only(PROMETHEUS_EXAMPLE, EVENTS_SPEC)

    metric = definition.source
    assert isinstance(metric, PrometheusMetric)
    assert definition.labels == {"type": "prometheus"}
    assert (metric.query, metric.backend, metric.keep_seconds) == (QUERY, "team-a", 60)


def test_the_documented_object_metric():
    definition = only(OBJECT_EXAMPLE, OBJECT_SPEC)

    assert definition.described == ("v1", "Pod", "dummy-pod")
    assert (definition.per_replica, definition.source.query) == (True, QUERY)
    assert (definition.source.backend, definition.source.keep_seconds) == ("default", None)


def test_the_older_way_to_name_queries():
    second = MetricSpec(SourceType.EXTERNAL, "prometheus-query", {"query-name": "other"})
    more = {f"{LEGACY}/other": "sum(up)"}

    found = read({**LEGACY_EXAMPLE, **more}, LEGACY_SPEC, second)
    assert found.mistakes == ()
    assert [each.source.query for each in found.definitions] == [QUERY, "sum(up)"]
    assert [each.labels["query-name"] for each in found.definitions] == [
        "processed-events-per-second",
        "other",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "http://prometheus.my-namespace.svc/",
        "http://prometheus.my-namespace.svc:80",
        "HTTP://Prometheus.my-namespace.svc",
    ],
    ids=["slash", "port", "capitals"],
)
def test_a_server_by_an_url_that_means_the_same(url):
    annotations = {**PROMETHEUS_EXAMPLE, f"{EVENTS}/prometheus-server": url}

    assert only(annotations, EVENTS_SPEC).source.backend == "team-a"


@pytest.mark.parametrize(
    "url",
    ["https://prometheus.my-namespace.svc", "http://u:hunter2@prometheus.my-namespace.svc", "::"],
    ids=["scheme", "credentials", "no URL"],
)
def test_a_server_by_an_url_that_nobody_configured(url):
    annotations = {**PROMETHEUS_EXAMPLE, f"{EVENTS}/prometheus-server": url}

    found = read(annotations, EVENTS_SPEC)
    assert found.definitions == ()
    (mistake,) = found.mistakes
    assert "may not be asked" in mistake.text
    assert "hunter2" not in str(mistake)


def test_a_server_by_its_alias_in_the_selector():
    spec = MetricSpec(
        SourceType.EXTERNAL,
        "processed-events-per-second",
        {"type": "prometheus", "prometheus-server-alias": "team-a"},
    )

    assert only({f"{EVENTS}/query": "1"}, spec).source.backend == "team-a"
    # an annotation goes before the label
    more = {f"{EVENTS}/query": "1", f"{EVENTS}/prometheus-server-alias": "default"}
    assert only(more, spec).source.backend == "default"


def test_no_server_at_all():
    (mistake,) = read({f"{EVENTS}/query": "1"}, EVENTS_SPEC, servers={}).mistakes

    assert "no default server is configured; let --prometheus-url be set" in str(mistake)


def test_a_metric_with_dots():
    prefix = "metric-config.external.queue.example.com.prometheus"
    spec = MetricSpec(SourceType.EXTERNAL, "queue.example.com", {"type": "prometheus"})

    assert only({f"{prefix}/query": "1"}, spec).metric == "queue.example.com"


def test_any_other_type_is_external_where_there_is_such_a_metric():
    annotations = {key.replace("external", "ext"): each for key, each in HTTP_EXAMPLE.items()}

    assert isinstance(only(annotations, HTTP_SPEC).source, URLMetric)


@pytest.mark.parametrize(("annotations", "metrics", "told"), TYPOS.values(), ids=TYPOS)
def test_typos(annotations, metrics, told):
    texts = [str(mistake) for mistake in read(annotations, *metrics).mistakes]

    assert any(told in text for text in texts), texts
    assert len(texts) == 1


@pytest.mark.parametrize(
    "name", sorted(TYPOS.keys() - {"no slash"}), ids=sorted(TYPOS.keys() - {"no slash"})
)
def test_what_is_mistyped_is_not_guessed(name):
    annotations, metrics, _ = TYPOS[name]

    assert read(annotations, *metrics).definitions == ()


def test_an_option_too_many_is_told_and_the_metric_served():
    found = read({**POD_EXAMPLE, f"{RPS}/agregator": "sum"}, PODS_SPEC)

    assert [each.metric for each in found.definitions] == ["requests-per-second"]
    (mistake,) = found.mistakes
    assert str(mistake).endswith("no option 'agregator' here; did you mean 'aggregator'?")


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ("http://user:hunter2@broker/stats", "the URL holds a user or password"),
        ("broker:8080/hunter2", "is no URL that can be fetched"),
        ("file:///hunter2", "is no URL that can be fetched"),
        ("http://broker/hunter2 x", "is no URL that can be fetched"),
        ("http://broker:0/hunter2", "is no URL that can be fetched"),
    ],
    ids=["credentials", "no scheme", "file", "blank", "port"],
)
def test_an_endpoint_that_is_none_is_not_shown(endpoint, told):
    found = read({**HTTP_EXAMPLE, f"{UNIQUE}/endpoint": endpoint}, HTTP_SPEC)

    assert found.definitions == ()
    (mistake,) = found.mistakes
    assert told in mistake.text
    assert "hunter2" not in str(mistake)


def test_one_mistake_costs_one_metric():
    annotations = {**POD_EXAMPLE, **HTTP_EXAMPLE, f"{RPS}/port": "99999"}

    found = read(annotations, PODS_SPEC, HTTP_SPEC)
    assert [each.metric for each in found.definitions] == ["unique-metric-name"]
    assert [each.metric for each in found.mistakes] == ["requests-per-second"]


@pytest.mark.parametrize(
    ("key", "ours"),
    [
        ("metric-config.pods.a.json-path/port", True),
        ("metric-config", True),
        ("metrics-config.pods.a.json-path/port", True),
        ("metric-conf.pods.a.json-path/port", True),
        ("metric-configs/x", True),
        ("metrics.k8s.io/resource-metrics-path", False),
        ("kubectl.kubernetes.io/last-applied-configuration", False),
        ("prometheus.io/scrape", False),
        ("description", False),
    ],
)
def test_only_annotations_meant_for_us_are_looked_at(key, ours):
    assert concerns_us(key) is ours


@given(
    st.sampled_from(["pods", "object", "external"]),
    st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True), min_size=1, max_size=4),
    st.sampled_from(["json-path", "prometheus"]),
    st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,20}", fullmatch=True),
)
def test_a_key_that_was_put_together_comes_apart_again(kind, words, collector, option):
    metric = ".".join(words)
    prefix = f"metric-config.{kind}.{metric}.{collector}"

    assert parse_key(f"{prefix}/{option}") == Key(prefix, kind, metric, collector, option)


@given(st.text(max_size=60), st.text(max_size=20))
def test_nothing_written_into_an_annotation_breaks_the_reader(key, value):
    found = read({f"metric-config{key}": value, f"{RPS}/port": value}, PODS_SPEC)

    assert found.definitions == ()
    assert found.mistakes
    assert all(isinstance(each, Mistake) for each in found.mistakes)


PAGE = (Path(__file__).parents[3] / "config/coming-from-kube-metrics-adapter.md").read_text("utf-8")


def test_the_example_of_the_page():
    (text,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    example = yaml.safe_load(text)

    read_from_it, _ = watched_hpas(None).decode(json.dumps(example).encode())
    found = read_annotations(read_from_it, SERVERS)
    assert found.mistakes == ()
    assert [each.metric for each in found.definitions] == [
        "processed-events",
        "queue-length",
        "requests-per-second",
    ]


def test_the_page_names_every_option():
    table = PAGE.partition("## Differences")[0]
    options = PODS_OPTIONS | URL_OPTIONS | PROMETHEUS_OPTIONS | {PER_REPLICA}

    assert {each for each in options if f"`{each}`" not in table} == set()


def test_an_hpa_too_large_to_be_meant_is_not_read():
    many = {f"{RPS}/x{number}": "y" for number in range(MOST_ANNOTATIONS)}
    started = time.process_time()
    read_annotations(hpa(many, *[PODS_SPEC] * MOST_METRICS), SERVERS)
    assert time.process_time() - started < 1

    for annotations, metrics in (
        ({**many, f"{RPS}/port": "80"}, 1),
        (POD_EXAMPLE, MOST_METRICS + 1),
    ):
        read = read_annotations(hpa(annotations, *[PODS_SPEC] * metrics), SERVERS)
        assert read.definitions == ()
        (mistake,) = read.mistakes
        assert "more than 100 metrics or 300 annotations" in str(mistake)


@pytest.mark.parametrize("option", ["request-timeout", "connect-timeout"])
def test_no_fetch_may_hang_for_hours(option):
    read = read_annotations(hpa({**POD_EXAMPLE, f"{RPS}/{option}": "1h"}, PODS_SPEC), SERVERS)
    assert read.definitions == ()
    assert [str(each) for each in read.mistakes] == [
        f"{RPS}/{option}: '1h' is too long; at most 60s"
    ]
