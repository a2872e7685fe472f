"""The mistakes people make in rule files: each at its place, each with a hint."""

import pytest

from adapter.rules.findings import Severity
from adapter.rules.load import load_rule_texts
from adapter.rules.yamltext import MAX_BYTES

MAPPED = "resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}"
QUERY = "metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def load(text):
    content = text if isinstance(text, bytes) else text.encode()
    return load_rule_texts([("r.yaml", content)])


def rule(*lines):
    return "rules:\n- " + "\n  ".join(lines) + "\n"


def external(*lines):
    return "externalRules:\n- " + "\n  ".join(lines) + "\n"


ERRORS = [
    pytest.param(
        rule("seriesQuery: up", MAPPED, "metricQuery: up"),
        (4, 3, "unknown field 'metricQuery'", "did you mean 'metricsQuery'?"),
        id="misspelt-field",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, " " + QUERY),
        (4, 4, "not YAML: ", "neighbours"),
        id="wrong-indentation",
    ),
    pytest.param(
        "rules:\n- seriesQuery: up\nmetricsQuery: up\n",
        (3, 1, "unknown field 'metricsQuery'", "indented"),
        id="not-indented",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED) + "\tmetricsQuery: up\n",
        (4, 1, "not YAML: a tab", "spaces"),
        id="tab",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, "name: {matches: '^(.*_total$'}", QUERY),
        (4, 19, "matches: not a regular expression: missing )", "bracket"),
        id="bad-regex",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, "seriesFilters: [{is: 'a(?!b)'}]", QUERY),
        (4, 24, "is: not a regular expression: ", "RE2"),
        id="look-ahead",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, "name: {matches: '^(.*)$', as: $1_rate}", QUERY),
        (4, 33, "as: 'matches' has no group '1_rate'", "${1}_rate"),
        id="capture-group-that-does-not-exist",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, "metricsQuery: sum(<<.Serie>>)"),
        (4, 23, "metricsQuery: unknown field .Serie", "did you mean .Series?"),
        id="unknown-template-field",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, "metricsQuery: 'sum(<<.Series)'"),
        (4, 22, "metricsQuery: << is not closed", "end it with >>"),
        id="unbalanced",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, "metricsQuery: |", "  rate(<<.Series>>)"),
        (5, 5, "metricsQuery: not PromQL: ", "rendered: rate(up)"),
        id="not-promql",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, QUERY, "window: 5 minutes"),
        (5, 11, 'window: invalid duration "5 minutes"', "such as 5m"),
        id="unknown-unit",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, QUERY, "seriesFilters: [{is: a, isNot: b}]"),
        (5, 19, "seriesFilters[0]: needs exactly one of", "two entries"),
        id="two-exclusive-fields",
    ),
    pytest.param(
        "rules: []\n---\nrules: []\n",
        (2, 1, "a second document", "'---'"),
        id="two-documents",
    ),
    pytest.param(
        rule("seriesQuery: up", "resources:", "- template: x", QUERY),
        (4, 3, "resources: must be a mapping, not a list", "dash"),
        id="list-for-map",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, "metricsQuery: {<<.Series>>{<<.LabelMatchers>>}}"),
        (4, 29, "not YAML: ", "single quotes"),
        id="unquoted",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, "<<: .Series"),
        (4, 7, "not YAML: ", "single quotes"),
        id="merge-key",
    ),
    pytest.param(
        b"rules:\n- metricsQuery: '\xe9'\n", (2, 18, "not UTF-8: byte 0xe9", "UTF-8"), id="latin-1"
    ),
    pytest.param(BOMB, (6, 4, "not YAML: too large once", "write the values out"), id="alias-bomb"),
    pytest.param(
        "a: &a [*a]\n",
        (1, 4, "not YAML: an alias of what it stands in", "out"),
        id="alias-of-itself",
    ),
    pytest.param(b"#" * (5 * MAX_BYTES), (1, 1, "too large: a rule file", "--config"), id="5-MB"),
    pytest.param("[" * 100_000, (1, 65, "not YAML: more than 64 levels", "ten"), id="nesting"),
    pytest.param(
        "backends:\n- {name: a, url: 'http://x'}\n- {name: a, url: 'http://y'}\n",
        (3, 10, "name: there is a backend 'a' already", "another name"),
        id="backend-twice",
    ),
    pytest.param(
        "backends: [{name: default, url: 'http://x'}]\n",
        (1, 19, "name: 'default' is the backend of the command line", "another name"),
        id="backend-named-default",
    ),
    pytest.param(
        "backends: [{name: a, url: 'prom:9090'}]\n",
        (1, 27, "url: must begin with http://", "such as"),
        id="url-without-scheme",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, QUERY, "backend: eu"),
        (5, 12, "backend: there is no backend 'eu'", "add it to 'backends'"),
        id="unknown-backend",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, QUERY, "maxAge: 1m"),
        (5, 11, "maxAge: the age", "timestampQuery"),
        id="age-of-a-computed-value",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, QUERY, "sourceNamespace: infra"),
        (5, 3, "sourceNamespace: is for 'externalRules' only", "own namespace"),
        id="source-namespace",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, QUERY, "allowedNamespaces: [a]"),
        (5, 3, "allowedNamespaces: is for 'externalRules' only", "own namespace"),
        id="allowed-namespaces",
    ),
    pytest.param(
        rule("metric: jobs", MAPPED, "metricsQuery: sum(jobs)", "name: {as: x}"),
        (5, 3, "name: is for series that are discovered", "remove"),
        id="metric-and-name",
    ),
    pytest.param(
        rule("metric: jobs", MAPPED, "seriesQuery: '{a=\"b\"}'", QUERY),
        (5, 24, "metricsQuery: <<.Series>> is empty", "'seriesQuery'"),
        id="metric-without-series",
    ),
    pytest.param(
        rule("metric: a/b", MAPPED, "metricsQuery: a"),
        (2, 11, "metric: 'a/b' cannot stand in a path", "letters"),
        id="metric-with-a-slash",
    ),
    pytest.param(
        rule("metric: jobs", "metricsQuery: jobs"),
        (2, 11, "metric: needs 'resources.overrides'", "such as"),
        id="metric-of-nothing",
    ),
    pytest.param(
        rule("seriesQuery: sum(up)", MAPPED, QUERY),
        (2, 16, "seriesQuery: not a series selector: ", "such as"),
        id="no-selector",
    ),
    pytest.param(
        rule(MAPPED, QUERY), (2, 3, "seriesQuery is empty", "'metric'"), id="no-series-query"
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED), (2, 3, "metricsQuery is empty", "such as"), id="no-query"
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, QUERY, "onEmpty: zer"),
        (5, 12, "onEmpty: must be one of error, zero, lastGood, not 'zer'", "'zero'?"),
        id="no-such-choice",
    ),
    pytest.param(
        rule("seriesQuery: up", "seriesQuery: down", MAPPED, QUERY),
        (3, 3, "key 'seriesQuery' is given twice", "remove"),
        id="key-twice",
    ),
    pytest.param(
        "rules:\n- 1: 2\n", (2, 3, "field 1 is no text", "quote it"), id="key-that-is-no-text"
    ),
]

WARNINGS = [
    pytest.param("", (1, 1, "the file is empty", "externalRules"), id="empty-file"),
    pytest.param("# nothing\n", (1, 1, "the file is empty", "externalRules"), id="only-comments"),
    pytest.param(
        rule("seriesQuery: up", MAPPED, "metricsQuery: sum(<<.Series>>{<<.LabelMatchers>>})"),
        (4, 17, "metricsQuery: the answer has no label 'pod'", "by (<<.GroupBy>>)"),
        id="join-label-dropped",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, QUERY)
        + rule("seriesQuery: up", MAPPED, QUERY).removeprefix("rules:\n"),
        (5, 3, "this rule is the same as the one at r.yaml:2", "remove"),
        id="duplicate-rule",
    ),
    pytest.param(
        rule("seriesQuery: up", MAPPED, QUERY)
        + rule("seriesQuery: a", MAPPED, QUERY, "name: {as: up}").removeprefix("rules:\n"),
        (8, 14, "the metric 'up' is given by the rule at r.yaml:2 already", "rename"),
        id="name-that-collides",
    ),
    pytest.param(
        rule('seriesQuery: \'up{code="5",pod!=""}\'', MAPPED, QUERY),
        (4, 18, "metricsQuery: does not have code=\"5\" of 'seriesQuery'", "SeriesMatchers"),
        id="matchers-not-repeated",
    ),
    pytest.param(
        rule("seriesQuery: up", QUERY),
        (2, 3, "resources: no label names a", "such as"),
        id="unmapped",
    ),
    pytest.param(
        rule("seriesQuery: up", "resources: {overrides: {pod: {resource: pod}}}", QUERY),
        (3, 3, "resources: no label names the namespace", "namespaced"),
        id="no-namespace",
    ),
    pytest.param(
        external("seriesQuery: up", "metricsQuery: up"),
        (2, 3, "resources: no label names the namespace", "namespaced: false"),
        id="external-without-namespace",
    ),
]


def seen(loaded):
    return [(found.line, found.column, found.text, found.hint) for found in loaded.findings]


def shows(found, expected):
    line, column, text, hint = expected
    return found[:2] == (line, column) and found[2].startswith(text) and hint in found[3]


@pytest.mark.parametrize(("text", "expected"), ERRORS)
def test_errors(text, expected):
    loaded = load(text)

    assert any(shows(found, expected) for found in seen(loaded)), seen(loaded)
    assert loaded.errors


@pytest.mark.parametrize(("text", "expected"), WARNINGS)
def test_warnings(text, expected):
    loaded = load(text)

    assert [shows(found, expected) for found in seen(loaded)] == [True], seen(loaded)
    assert [found.severity for found in loaded.findings] == [Severity.WARNING]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(rule("seriesQuery: up{pod!=''}", MAPPED, QUERY), id="label-that-exists"),
        pytest.param(
            rule("seriesQuery: up{a='b'}", MAPPED, QUERY.replace("<<.Label", 'a!="",<<.Label')),
            id="label-is-used",
        ),
        pytest.param(
            rule(
                "seriesQuery: up{a='b'}",
                MAPPED,
                QUERY.replace("<<.Label", "<<.SeriesMatchers>>,<<.Label"),
            ),
            id="all-matchers",
        ),
        pytest.param(
            rule("seriesQuery: up", "resources: {overrides: {node: {resource: node}}}", QUERY),
            id="nodes-need-no-namespace",
        ),
        pytest.param(
            rule(
                "seriesQuery: up",
                MAPPED,
                "metricsQuery: <<.Series>>{<<.LabelMatchers>>}",
                "maxAge: 1m",
            ),
            id="age-of-a-selector",
        ),
        pytest.param(
            rule("metric: a", MAPPED, QUERY, "seriesQuery: a", "onEmpty: zero"), id="metric"
        ),
        pytest.param(
            rule("seriesQuery: a", MAPPED, QUERY)
            + rule(
                "seriesQuery: b",
                "resources: {overrides: {node: {resource: node}}}",
                QUERY,
                "name: {as: a}",
            ).removeprefix("rules:\n"),
            id="one-name-for-different-resources",
        ),
        pytest.param(
            external(
                "seriesQuery: up", "namespaceLabel: ns", "metricsQuery: up{<<.LabelMatchers>>}"
            ),
            id="namespace-label",
        ),
        pytest.param("---\nrules: []\n---\n", id="empty-second-document"),
        pytest.param(b"\xef\xbb\xbfrules: []\r\n", id="byte-order-mark"),
    ],
)
def test_what_is_right_is_not_reported(text):
    assert seen(load(text)) == []


PEER_STARTS = [
    pytest.param(rule(MAPPED, QUERY), id="no-series-query"),
    pytest.param(rule("seriesQuery: up", MAPPED), id="no-query"),
    pytest.param(rule("seriesQuery: 'sum('", MAPPED, QUERY), id="no-selector"),
    pytest.param(rule("seriesQuery: up", MAPPED, "metricsQuery: 'sum('"), id="no-promql"),
    pytest.param(rule("seriesQuery: up", MAPPED, QUERY, "name: {as: $2}"), id="no-such-group"),
    pytest.param("rules: []\n---\nrules: []\n", id="two-documents"),
    pytest.param(
        f"resourceRules:\n  cpu: &r {{nodeQuery: 'sum(', {MAPPED.replace('pod', 'node')}}}\n"
        "  memory: *r\n",
        id="resource-rules",
    ),
]


@pytest.mark.parametrize("text", PEER_STARTS)
def test_what_the_peer_starts_with_does_not_stop_the_server(text):
    """The peer then fails at each relist, for all rules; here it costs the one rule."""
    loaded = load(text)

    loaded.check()
    assert loaded.errors


def test_everything_is_found_in_one_run():
    """Wrong YAML in one rule hides no mistake in another, and good rules are still checked."""
    text = (
        rule("seriesQuery: a", MAPPED, "metricQuery: x")
        + "- seriesQuery: 'b\n"
        + "- seriesQuery: c\n  resources: {template: x}\n"
        + "- seriesQuery: d\n\tmetricsQuery: x\n"
        + f"- seriesQuery: e\n  {MAPPED}\n  metricsQuery: sum(<<.Series>>)\n"
        + f"- seriesQuery: f\n  {MAPPED}\n  metricsQuery: 'sum('\n"
    )

    lines = [found.line for found in load(text).findings]

    assert lines == [4, 5, 7, 9, 12, 15]
