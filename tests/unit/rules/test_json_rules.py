"""Rules with ``json``, made ready: what is asked, what is read, how old it may be."""

import dataclasses

import pytest

from adapter.errors import ConfigError
from adapter.jsonpath.extraction import Aggregate, Reading
from adapter.jsonpath.numbers import ValueType
from adapter.model.labels import parse_selector
from adapter.rules.json_metric import Access
from adapter.rules.json_rules import compile_pods_metric, compile_url_metric
from adapter.rules.json_section import Scheme
from adapter.rules.load import load_rule_texts
from adapter.rules.mending import mended_rules
from adapter.rules.preview import preview
from adapter.rules.schema import OnEmpty, OnNaN

SMALLEST = "rules: [{metric: m, json: {pods: {selector: a=b}, port: 80, query: $.a}}]"
SMALLEST_URL = "externalRules: [{metric: m, json: {url: 'https://b.example/x', query: $.a}}]"


def load(text):
    return load_rule_texts([("r.yaml", text.encode())])


def first(text):
    loaded = load(text)
    assert loaded.findings == ()
    rule_file = loaded.rule_file
    return (*rule_file.rules, *rule_file.external_rules)[0]


def texts(loaded):
    return [(found.line, found.text) for found in loaded.findings]


def test_a_metric_of_pods_has_what_its_rule_says():
    rule = first("""
rules:
- metric: requests-per.second
  window: 1m
  onEmpty: zero
  onNaN: drop
  json:
    pods: {selector: "app=web,tier!=x", namespaces: [a, b], includeNotReady: true}
    port: "8080"
    path: /stats?format=json
    scheme: https
    query: $.workers[*].load
    aggregate: avg
    valueType: quantity
    timestamp: $.time
    interval: 1m
    timeout: 2500ms
    always: true
    headers: [{name: X-Team, value: shop}]
    auth: {basic: {username: me, passwordFile: /secrets/password}}
    tls: {caFile: /ca.crt, serverName: web.shop}
""")

    metric = compile_pods_metric(rule, "rules[3]", 3)

    assert (metric.id, metric.order, metric.metric) == ("rules[3]", 3, "requests-per.second")
    assert (metric.interval, metric.always) == (60.0, True)
    assert (metric.selector, metric.namespaces) == (parse_selector("app=web,tier!=x"), {"a", "b"})
    assert (metric.include_not_ready, metric.min_ready_age) == (True, 0.0)
    assert (metric.scheme, metric.port, metric.path) == (Scheme.HTTPS, 8080, "/stats?format=json")
    assert (metric.policy.on_empty, metric.policy.on_nan) == (OnEmpty.ZERO, OnNaN.DROP)
    assert (metric.policy.window, metric.policy.max_age) == (60.0, 150.0)
    assert (metric.extraction.aggregate, metric.extraction.value_type) == (
        Aggregate.AVG,
        ValueType.QUANTITY,
    )
    document = {"workers": [{"load": "500m"}, {"load": 1}], "time": 1700000000}
    assert metric.extraction.read(document) == Reading(0.75, 1700000000.0)
    access = metric.access
    assert (access.timeout, access.connect_timeout, access.where) == (2.5, 2.5, "rules[3].json")
    assert [(header.name, header.value) for header in access.headers] == [("X-Team", "shop")]
    assert access.auth.basic.password_file == "/secrets/password"
    assert (access.tls.ca_file, access.tls.server_name) == ("/ca.crt", "web.shop")


def test_what_a_rule_does_not_say():
    metric = compile_pods_metric(first(SMALLEST), "rules[0]", 0)

    assert (metric.scheme, metric.port, metric.path) == (Scheme.HTTP, 80, "/")
    assert (metric.interval, metric.access.timeout, metric.always) == (15.0, 5.0, False)
    assert (metric.namespaces, metric.include_not_ready) == (frozenset(), False)
    assert (metric.policy.on_empty, metric.policy.on_nan) == (OnEmpty.ERROR, OnNaN.ERROR)
    assert metric.access == Access(connect_timeout=5.0)


def test_an_external_metric_has_a_series_for_each_item():
    rule = first("""
externalRules:
- metric: queue.ready
  allowedNamespaces: [shop]
  maxAge: 5m
  json:
    url: https://broker.example/queues?all=1
    each: $.queues[*]
    labels: {queue: $.name}
    query: $.ready
    timestamp: $.at
""")

    metric = compile_url_metric(rule, "externalRules[0]", 0)
    document = {
        "queues": [
            {"name": "orders", "ready": 42, "at": "2026-01-05T10:00:00Z"},
            {"name": "returns", "ready": "3", "at": 1767607201},
        ]
    }
    found = {one.labels["queue"]: one.outcome for one in metric.extraction.read(document)}

    assert (metric.url, metric.allowed_namespaces) == (
        "https://broker.example/queues?all=1",
        {"shop"},
    )
    assert metric.policy.max_age == 300.0
    assert found == {"orders": Reading(42.0, 1767607200.0), "returns": Reading(3.0, 1767607201.0)}


@pytest.mark.parametrize(
    ("interval", "max_age", "expected"),
    [
        pytest.param("15s", None, 60.0, id="at-least-a-minute"),
        pytest.param("24s", None, 60.0, id="a-minute"),
        pytest.param("2m", None, 300.0, id="two-and-a-half-intervals"),
        pytest.param("2m", "3m", 180.0, id="as-given"),
        pytest.param("15s", "20s", 20.0, id="less-than-a-minute"),
        pytest.param("15s", "0s", 60.0, id="never-without"),
    ],
)
@pytest.mark.parametrize(
    ("text", "ready"),
    [
        pytest.param(SMALLEST, compile_pods_metric, id="pods"),
        pytest.param(SMALLEST_URL, compile_url_metric, id="url"),
    ],
)
def test_there_is_always_a_bound_of_the_age(text, ready, interval, max_age, expected):
    text = text.replace("query", f"interval: {interval}, query")
    if max_age:
        text = text.replace("metric: m", f"metric: m, maxAge: {max_age}")
    rule_file = load(text).rule_file
    (rule,) = (*rule_file.rules, *rule_file.external_rules)

    assert ready(rule, "r", 0).policy.max_age == expected


def test_access_can_be_shared_and_shows_no_secret():
    text = SMALLEST.replace("query", "headers: [{name: X-A, value: b}], query")

    metrics = [compile_pods_metric(first(text), f"rules[{n}]", n) for n in range(2)]

    assert len({metric.access for metric in metrics}) == 1
    assert metrics[0] != metrics[1]
    assert dataclasses.replace(metrics[0].access, timeout=1.0) != metrics[1].access


@pytest.mark.parametrize(
    ("text", "external", "message"),
    [
        pytest.param(
            "rules: [{metric: m, json: {query: $.a}}]", False, "needs 'pods'", id="no-pods"
        ),
        pytest.param(SMALLEST.replace("$.a", "'$.['"), False, "query: not a JSONPath", id="query"),
        pytest.param(SMALLEST, True, "pods: is for 'rules' only", id="wrong-section"),
        pytest.param(SMALLEST_URL, False, "url: is for 'externalRules' only", id="of-pods"),
        pytest.param("rules: [{metric: m}]", False, "has no 'json'", id="another-rule"),
    ],
)
def test_what_cannot_work_is_refused(text, external, message):
    rule_file = load(text).rule_file
    (rule,) = (*rule_file.rules, *rule_file.external_rules)

    with pytest.raises(ConfigError, match=message) as caught:
        (compile_url_metric if external else compile_pods_metric)(rule, "rules[0]", 0)
    assert all(problem.startswith("rules[0]: ") for problem in caught.value.problems)


OVERLAPS = [
    pytest.param(
        SMALLEST.replace("]", ", {metric: m, json: {pods: {namespaces: [x]}, port: 1, query: $}}]"),
        [(1, "the metric 'm' is given by the rule at r.yaml:1 already, which wins")],
        "'metric'; the first is for all pods",
        id="two-of-pods",
    ),
    pytest.param(
        SMALLEST.replace(
            "]",
            ", {metric: m, metricsQuery: 'm{<<.LabelMatchers>>}', resources: {overrides: "
            "{namespace: {resource: namespace}, pod: {resource: pods}}}}]",
        ),
        [(1, "the metric 'm' is given by the rule at r.yaml:1 already, which wins")],
        "rename one of them: 'metric'",
        id="prometheus-for-pods",
    ),
    pytest.param(
        SMALLEST.replace(
            "]",
            ", {metric: m, metricsQuery: 'm{<<.LabelMatchers>>}', resources: {overrides: "
            "{node: {resource: nodes}}}}]",
        ),
        [],
        "",
        id="prometheus-for-nodes",
    ),
    pytest.param(
        SMALLEST_URL.replace(
            "]", ", {metric: m, metricsQuery: 'm', resources: {namespaced: false}}]"
        ),
        [(1, "the metric 'm' is given by the rule at r.yaml:1 already, which wins")],
        "rename one of them: 'metric'",
        id="external",
    ),
    pytest.param(
        SMALLEST.replace(
            "]", ", {metric: m, json: {pods: {selector: a=b}, port: 80, query: $.a}}]"
        ),
        [(1, "this rule is the same as the one at r.yaml:1")],
        "remove one",
        id="the-same-twice",
    ),
]


@pytest.mark.parametrize(("text", "expected", "hint"), OVERLAPS)
def test_the_first_rule_of_a_name_wins(text, expected, hint):
    loaded = load(text)

    assert texts(loaded) == expected
    assert all(hint in found.hint for found in loaded.findings)
    loaded.check()


@pytest.mark.parametrize(
    ("text", "query"),
    [
        pytest.param(
            SMALLEST.replace("query: $.a", "path: /s, query: $.queue.length"),
            "GET http://<pod>:80/s → $.queue.length",
            id="pods",
        ),
        pytest.param(
            SMALLEST.replace("80, query", "stats, aggregate: max, scheme: https, query").replace(
                "$.a", "'$.a[*]', tls: {serverName: a}"
            ),
            "GET https://<pod>:stats/ → max($.a[*])",
            id="aggregate",
        ),
        pytest.param(
            SMALLEST_URL.replace("$.a", "$.b, each: '$.a[*]', labels: {c: $.d, e: $.f}"),
            "GET https://b.example/x → each $.a[*] → $.b {c: $.d, e: $.f}",
            id="each",
        ),
        pytest.param(
            SMALLEST_URL.replace("/x", "/x?token=hunter2&all&b="),
            "GET https://b.example/x?token=…&…&b=… → $.a",
            id="query-of-the-url",
        ),
        pytest.param(
            SMALLEST.replace("query", "path: '/x?sig=hunter2', query"),
            "GET http://<pod>:80/x?sig=… → $.a",
            id="query-of-the-path",
        ),
    ],
)
def test_what_would_be_fetched_is_shown(text, query):
    (served,) = preview(load(text), None)

    assert (served.name, served.series, served.query) == ("m", "", query)
    assert served.resources == (("pods",) if served.rule == "rules[0]" else ())


def test_of_two_rules_with_one_name_the_second_is_hidden():
    text = SMALLEST.replace("]", ", {metric: m, json: {pods: {selector: c=d}, port: 1, query: $}}]")

    one, two = preview(load(text), [])

    assert (one.hidden_by, two.hidden_by) == ("", "rules[0]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "rules: [{metric: m, jsn: {pods: {selector: a=b}, port: 80, query: $.a}}]",
            ["unknown field 'jsn'"],
            id="misspelt-section",
        ),
        pytest.param(
            "rules: [{metric: m, json: [a]}]", ["json: must be a mapping, not a list"], id="list"
        ),
        pytest.param(
            SMALLEST.replace("port: 80", "prt: 80"), ["unknown field 'prt'"], id="misspelt-field"
        ),
        pytest.param(
            SMALLEST.replace("port: 80", "port: 0").replace("$.a", "'$.['"),
            ["port: must be 1 to 65535", "query: not a JSONPath: "],
            id="all-at-once",
        ),
        pytest.param(
            SMALLEST.replace("metric: m", "metric: m, window: often, seriesQuery: up"),
            ["window: invalid duration", "seriesQuery: is for rules that ask Prometheus"],
            id="fields-beside-it",
        ),
        pytest.param(
            "rules: [{metric: m, resorces: {}, metricsQuery: up}]",
            ["unknown field 'resorces'"],
            id="nothing-of-metric-where-its-partner-may-be-lost",
        ),
    ],
)
def test_all_mistakes_are_told_but_none_that_follow(text, expected):
    found = [found.text for found in load(text).findings]

    assert [one[: len(text)] for one, text in zip(found, expected, strict=True)] == expected


def test_what_is_missing_cannot_be_mended():
    entry = {"rules": [{"metric": "m", "json": {"port": 80}}]}

    assert list(mended_rules(entry, [("rules", 0, "json", "query")])) == []
