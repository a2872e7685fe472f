"""What people write in rules with ``json`` and mean otherwise: the hint says what they mean."""

import pytest

from adapter.rules.findings import Severity
from adapter.rules.load import load_rule_texts


def rule(*lines, section="rules"):
    return f"{section}:\n- " + "\n  ".join(lines) + "\n"


def pods(more, query="$.a"):
    return rule(
        "metric: m", f"json: {{pods: {{selector: a=b}}, port: 80, query: '{query}', {more}}}"
    )


def url(query, more):
    json = f"json: {{url: https://b/x, query: '{query}', {more}}}"
    return rule("metric: m", json, section="externalRules")


REFUSED = [
    pytest.param(
        pods("scheme: HTTPS"),
        (3, 65, "scheme: must be one of http, https", "did you mean 'https'?"),
        id="capital-letters",
    ),
    pytest.param(
        rule("name: queue-length", "json: {pods: {selector: a=b}, port: 80, query: $.a}"),
        (2, 9, "name: must be a mapping, not a text", "'metric'"),
        id="name-for-metric",
    ),
    pytest.param(
        rule("metric: m", "namespaces: [a]", "json: {pods: {selector: a=b}, port: 80, query: $.a}"),
        (3, 3, "unknown field 'namespaces'", "it is a field of 'pods'"),
        id="field-of-a-section",
    ),
    pytest.param(
        rule("metric: m", "json: {url: 'https://b:80443', query: $.a}", section="externalRules"),
        (3, 15, "url: must begin with http:// or https://", "a port is 1 to 65535"),
        id="port-of-url",
    ),
]

DOUBTFUL = [
    pytest.param(
        pods("interval: 3s"),
        (3, 67, "interval: is shorter than 'timeout', by default 5s", "timeout: 1s"),
        id="default-longer-than-the-interval",
    ),
    pytest.param(
        pods("always: true", query="$.b[*].c"),
        (3, 50, "query: may find several values, which are an error", "'aggregate'"),
        id="several-values",
    ),
    pytest.param(
        url("$.b[*].c", "each: '$.b[*]', aggregate: sum"),
        (3, 35, "query: begins as 'each' does, but is read within an item", "write $.c"),
        id="query-from-the-document",
    ),
    pytest.param(
        url("$.c", "each: '$.b[*]', labels: {q: '$.b[*].name'}"),
        (3, 70, "labels.q: begins as 'each' does, but is read within an item", "write $.name"),
        id="label-from-the-document",
    ),
]

AS_MEANT = [
    pytest.param(pods("aggregate: max", query="$.b[*].c"), id="aggregate"),
    pytest.param(pods("always: true", query="$.b[?@.name == 1].c"), id="filter-that-finds-one"),
    pytest.param(pods("always: true", query="$..c"), id="descent-that-finds-one"),
    pytest.param(pods("always: true", query="$.b[-1:].c"), id="slice-that-finds-one"),
    pytest.param(url("$.c", "each: $"), id="each-is-the-document"),
    pytest.param(url("$.bc", "each: $.b"), id="longer-key"),
]


def seen(loaded):
    return [(one.line, one.column, one.text, one.hint) for one in loaded.findings]


def load(text):
    return load_rule_texts([("r.yaml", text.encode())])


@pytest.mark.parametrize(("text", "expected"), REFUSED + DOUBTFUL)
def test_the_hint_says_what_is_meant(text, expected):
    line, column, told, hint = expected
    ((*place, what, how),) = seen(load(text))
    assert (place, what[: len(told)]) == ([line, column], told)
    assert hint in how


@pytest.mark.parametrize(("text", "_"), DOUBTFUL)
def test_what_may_work_is_a_warning(text, _):
    loaded = load(text)
    assert [one.severity for one in loaded.findings] == [Severity.WARNING]
    loaded.check()


@pytest.mark.parametrize("text", AS_MEANT)
def test_what_is_meant_is_not_told(text):
    assert seen(load(text)) == []
