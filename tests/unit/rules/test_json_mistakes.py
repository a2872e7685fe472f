"""Mistakes in rules with ``json``: each at its place, each with a hint, never with a secret."""

import pytest

from adapter.rules.findings import Severity
from adapter.rules.load import load_rule_texts

PODS = "json: {pods: {selector: app=web}, port: 8080, query: $.a"
URL = "json: {url: https://broker.example/x, query: $.a"


def load(text):
    return load_rule_texts([("r.yaml", text.encode())])


def rule(*lines, section="rules"):
    return f"{section}:\n- " + "\n  ".join(lines) + "\n"


def external(*lines):
    return rule(*lines, section="externalRules")


def pods(more, *lines):
    return rule("metric: m", f"{PODS}, {more}}}", *lines)


def url(more, *lines):
    return external("metric: m", f"{URL}, {more}}}", *lines)


def seen(loaded):
    return [(one.line, one.column, one.text, one.hint) for one in loaded.findings]


def shows(found, expected):
    line, column, text, hint = expected
    return found[:2] == (line, column) and found[2].startswith(text) and hint in found[3]


FORM = [
    pytest.param(
        rule("metric: m", "jsn: {port: 1}"),
        (3, 3, "unknown field 'jsn'", "did you mean 'json'?"),
        id="misspelt-section",
    ),
    pytest.param(
        rule("metric: m", "json: {pods: {}, port: 80}"),
        (3, 9, "field 'query' is missing", ""),
        id="no-query",
    ),
    pytest.param(
        pods("aggregate: summ"),
        (3, 72, "aggregate: must be one of sum, avg, min, max, count, first", "'sum'?"),
        id="no-such-aggregate",
    ),
    pytest.param(
        pods("valueType: quantities"),
        (3, 72, "valueType: must be one of number, quantity", "'quantity'?"),
        id="no-such-type",
    ),
    pytest.param(
        rule("metric: m", "json: {pods: {selector: a=b}, port: 70000, query: $.a}"),
        (3, 39, "port: must be 1 to 65535", ""),
        id="port-too-large",
    ),
    pytest.param(
        rule("metric: m", "json: {pods: {selector: a=b}, port: Web_Port, query: $.a}"),
        (3, 39, "port: 'Web_Port' is neither a number nor a port's name", "containers[].ports[]"),
        id="port-name",
    ),
    pytest.param(
        rule("metric: m", "json: {pods: {selector: a=b}, port: true, query: $.a}"),
        (3, 39, "port: must be a number or the name", ""),
        id="port-true",
    ),
    pytest.param(
        pods("interval: often"),
        (3, 71, 'interval: invalid duration "often"', "such as"),
        id="no-duration",
    ),
    pytest.param(
        pods("auth: {bearerFile: /t, basic: {username: u, passwordFile: /p}}"),
        (3, 67, "auth: give at most one of 'bearerFile' and 'basic'", ""),
        id="two-ways-to-prove",
    ),
    pytest.param(
        rule("metric: m", "query: $.a", "json: {pods: {selector: a=b}, port: 80, query: $.a}"),
        (3, 3, "unknown field 'query'", "it is a field of 'json'"),
        id="not-indented",
    ),
]

ERRORS = [
    pytest.param(
        rule(f"{PODS}}}"),
        (2, 3, "json: needs 'metric', the name in the API", "metric: queue_length"),
        id="no-metric",
    ),
    pytest.param(
        rule("metric: a b", f"{PODS}}}"),
        (2, 11, "metric: 'a b' cannot stand in a path", "- and ."),
        id="name-for-no-path",
    ),
    *(
        pytest.param(
            pods("always: true", f"{field}: {value}"),
            (4, 3, f"{field}: is for rules that ask Prometheus", hint),
            id=field,
        )
        for field, value, hint in (
            ("seriesQuery", "up", "remove it"),
            ("seriesFilters", "[{is: a}]", "remove it"),
            ("resources", "{template: <<.Resource>>}", "belongs to pods"),
            ("name", "{as: x}", "'metric' is its name"),
            ("metricsQuery", "up", "'json.query'"),
            ("timestampQuery", "time()", "'json.timestamp'"),
            ("backend", "default", "'json' says what is asked"),
            ("cacheTTL", "0s", "'json.interval'"),
            ("namespaceLabel", "ns", "'allowedNamespaces'"),
        )
    ),
    pytest.param(
        pods("always: true", "sourceNamespace: a"),
        (4, 3, "sourceNamespace: is for 'externalRules' only", "own namespace"),
        id="source-namespace-of-pods",
    ),
    pytest.param(
        url("always: true", "sourceNamespace: a"),
        (4, 3, "sourceNamespace: is for rules that ask Prometheus", "'allowedNamespaces'"),
        id="source-namespace",
    ),
    pytest.param(
        pods("always: true", "allowedNamespaces: [a]"),
        (4, 3, "allowedNamespaces: is for 'externalRules' only", "own namespace"),
        id="allowed-namespaces-of-pods",
    ),
    pytest.param(
        url("always: true", "allowedNamespaces: [a, team-*]"),
        (4, 26, "allowedNamespaces[1]: 'team-*' is no name of a namespace", "no patterns"),
        id="allowed-namespaces",
    ),
    pytest.param(
        rule("metric: m", "json: {query: $.a}"),
        (3, 3, "json: needs 'pods'", "'externalRules'"),
        id="no-pods",
    ),
    pytest.param(
        rule("metric: m", "json: {pods: {selector: a=b}, query: $.a}"),
        (3, 3, "json: needs 'port'", "port: 8080"),
        id="no-port",
    ),
    pytest.param(
        rule("metric: m", f"{URL}}}"),
        (3, 10, "url: is for 'externalRules' only", "'pods'"),
        id="url-in-rules",
    ),
    pytest.param(
        pods("each: $.b"), (3, 61, "each: is for 'externalRules' only", "one value"), id="each"
    ),
    pytest.param(
        pods("labels: {a: $.b}"),
        (3, 61, "labels: is for 'externalRules' only", "no labels"),
        id="labels-of-pods",
    ),
    pytest.param(
        rule("metric: m", "json: {pods: {selector: 'app in web'}, port: 80, query: $.a}"),
        (3, 27, "selector: not a label selector: ", "app=web"),
        id="no-selector",
    ),
    pytest.param(
        rule("metric: m", "json: {pods: {namespaces: [a, B_c]}, port: 80, query: $.a}"),
        (3, 33, "namespaces[1]: 'B_c' is no name of a namespace", "lower-case"),
        id="no-namespace",
    ),
    pytest.param(
        pods("path: stats"), (3, 67, "path: must begin with /", "/stats"), id="relative-path"
    ),
    pytest.param(
        pods("path: '/a b'"),
        (3, 70, "path: has a space or a control character", "%20"),
        id="space-in-path",
    ),
    pytest.param(
        pods("path: '/a#b'"), (3, 70, "path: has a fragment", "%23"), id="fragment-in-path"
    ),
    pytest.param(
        rule(
            "metric: m",
            "json: {pods: {selector: a=b, includeNotReady: true, minReadyAge: 5s}, port: 80, "
            "query: $.a}",
        ),
        (3, 55, "minReadyAge: leaves out the pods", "one of them"),
        id="age-of-what-is-not-ready",
    ),
    pytest.param(
        external("metric: m", "json: {query: $.a}"),
        (3, 3, "json: needs 'url'", "'rules'"),
        id="no-url",
    ),
    pytest.param(
        external("metric: m", "json: {pods: {selector: a=b}, query: $.a}"),
        (3, 10, "pods: is for 'rules' only", "'url'"),
        id="pods-in-external-rules",
    ),
    pytest.param(url("port: 80"), (3, 53, "port: is for 'rules' only", "'url'"), id="port"),
    pytest.param(
        external("metric: m", "json: {url: 'ftp://broker/x', query: $.a}"),
        (3, 15, "url: must begin with http:// or https://", "such as"),
        id="scheme",
    ),
    pytest.param(
        external("metric: m", "json: {url: 'https://broker:0/x', query: $.a}"),
        (3, 15, "url: must begin with http:// or https://", "such as"),
        id="port-of-url",
    ),
    pytest.param(
        external("metric: m", "json: {url: 'https://me:hunter2@broker/x', query: $.a}"),
        (3, 15, "url: must not hold user and password", "'auth.basic'"),
        id="credentials",
    ),
    pytest.param(
        external("metric: m", 'json: {url: "https://broker/\\tx", query: $.a}'),
        (3, 15, "url: has a space or a control character", "%20"),
        id="tab-in-url",
    ),
    pytest.param(
        external("metric: m", "json: {url: 'https://broker/x#a', query: $.a}"),
        (3, 32, "url: has a fragment", "%23"),
        id="fragment-in-url",
    ),
    pytest.param(
        rule("metric: m", "json: {pods: {selector: a=b}, port: 80, query: '$.a['}"),
        (3, 54, "query: not a JSONPath: a [ is not closed", "such as $.queue.length"),
        id="bad-expression",
    ),
    pytest.param(
        rule("metric: m", "json: {pods: {selector: a=b}, port: 80, query: '{.a}'}"),
        (3, 51, "query: not a JSONPath: kubectl's braces", "write $.a"),
        id="braces",
    ),
    pytest.param(
        rule("metric: m", "json: {pods: {selector: a=b}, port: 80, query: ' '}"),
        (3, 50, "query: is empty", "a JSONPath such as"),
        id="empty-expression",
    ),
    pytest.param(url("each: '$.b['"), (3, 63, "each: not a JSONPath: ", "such as"), id="bad-items"),
    pytest.param(
        url("timestamp: '$.b['"), (3, 68, "timestamp: not a JSONPath: ", "such as"), id="bad-time"
    ),
    pytest.param(
        url("labels: {region: '$.b['}"),
        (3, 74, "labels.region: not a JSONPath: ", "such as"),
        id="bad-value-of-a-label",
    ),
    pytest.param(
        url("labels: {_region: $.b}"),
        (3, 62, "labels: '_region' is no name of a label", "selectors of HPAs"),
        id="bad-label",
    ),
    pytest.param(
        pods("interval: 100ms"), (3, 71, "interval: must be 1s or more", "15s"), id="too-often"
    ),
    pytest.param(
        pods("timeout: 0s"), (3, 70, "timeout: must be positive", "5s"), id="no-time-at-all"
    ),
    pytest.param(
        pods("headers: [{name: 'a b', value: c}]"),
        (3, 78, "name: 'a b' is no name of a header", "dashes"),
        id="no-header",
    ),
    pytest.param(
        pods("headers: [{name: host, value: c}]"),
        (3, 78, "name: host is set for each request", "remove"),
        id="header-of-the-connection",
    ),
    pytest.param(
        pods("headers: [{name: a, value: c}, {name: A, value: d}]"),
        (3, 99, "name: A is given twice", "remove"),
        id="header-twice",
    ),
    pytest.param(
        pods("auth: {bearerFile: /t}, headers: [{name: Authorization, valueFile: /f}]"),
        (3, 102, "name: Authorization is given by 'auth', too", "remove"),
        id="authorization-twice",
    ),
    pytest.param(
        url("tls: {serverName: 'https://a'}"),
        (3, 71, "serverName: 'https://a' is neither a host's name nor an address", "such as web."),
        id="server-name",
    ),
    pytest.param(
        url("tls: {serverName: '127.1'}"),
        (3, 71, "serverName: '127.1' is neither a host's name nor an address", "such as web."),
        id="server-name-that-is-half-an-address",
    ),
    pytest.param(
        pods('headers: [{name: a, value: "hunter2\\r\\nb: c"}]'),
        (3, 78, "value: that of a has a line end", "one line"),
        id="header-with-two-lines",
    ),
]

WARNINGS = [
    pytest.param(
        rule("metric: m", "json: {pods: {}, port: 80, query: $.a}"),
        (3, 10, "pods: every pod of the cluster is asked", "'selector'"),
        id="all-pods",
    ),
    pytest.param(
        pods("timeout: 20s"),
        (3, 70, "timeout: is longer than 'interval'", "a third"),
        id="longer-than-the-interval",
    ),
    pytest.param(
        pods("interval: 1m", "maxAge: 30s"),
        (4, 11, "maxAge: is shorter than 'json.interval'", "twice"),
        id="younger-than-the-interval",
    ),
    pytest.param(
        pods("always: true", "maxAge: 0s"),
        (4, 11, "maxAge: a number from JSON is never served without", "60s"),
        id="no-limit-of-age",
    ),
    pytest.param(
        pods("headers: [{name: Authorization, value: 'Bearer hunter2'}]"),
        (3, 78, "value: that of Authorization seems to be a secret", "'valueFile'"),
        id="secret-in-clear",
    ),
    pytest.param(
        external("metric: m", "json: {url: 'https://broker/x?a=1&api_key=hunter2', query: $.a}"),
        (3, 15, "url: its query seems to hold a secret", "'valueFile'"),
        id="secret-in-url",
    ),
    pytest.param(
        url("tls: {insecureSkipVerify: true}"),
        (3, 79, "insecureSkipVerify: any certificate", "'caFile'"),
        id="any-certificate",
    ),
    pytest.param(
        pods("tls: {caFile: /ca}"),
        (3, 61, "tls: does nothing, as the scheme is http", "scheme: https"),
        id="tls-without-tls",
    ),
    pytest.param(
        pods("scheme: https"),
        (3, 69, "scheme: the pods' certificates must carry their addresses", "serverName'"),
        id="certificates-of-addresses",
    ),
]


@pytest.mark.parametrize(("text", "expected"), [*FORM, *ERRORS])
def test_errors(text, expected):
    """One finding each: what follows from a mistake is not told."""
    loaded = load(text)

    assert [shows(found, expected) for found in seen(loaded)] == [True], seen(loaded)
    assert [found.severity for found in loaded.findings] == [Severity.ERROR]
    assert loaded.findings[0].fatal
    assert "hunter2" not in str(loaded.findings)


@pytest.mark.parametrize(("text", "expected"), WARNINGS)
def test_warnings(text, expected):
    loaded = load(text)

    assert [shows(found, expected) for found in seen(loaded)] == [True], seen(loaded)
    assert [found.severity for found in loaded.findings] == [Severity.WARNING]
    assert "hunter2" not in str(loaded.findings)
    loaded.check()
