"""The query of a custom or external metric: prometheus-adapter's variables, order and format."""

import pytest

from adapter.errors import AdapterError, BadRequest
from adapter.model.labels import parse_selector
from adapter.promql.template import parse_template
from adapter.rules.metrics_query import ObjectScope, Subject, render_external, render_objects
from adapter.rules.sections import QUERY_FIELDS

FOO = Subject("foo", 'job="web"')


def objects(template, *names, namespace=None, selector="", subject=FOO):
    scope = ObjectScope("resource", names, "namespaces" if namespace is not None else "", namespace)
    parsed = parse_template(template, QUERY_FIELDS)
    return render_objects(parsed, subject, scope, parse_selector(selector))


def external(template, namespace="", selector="", group_by=()):
    return render_external(
        parse_template(template, QUERY_FIELDS),
        FOO,
        parse_selector(selector),
        namespace_label="namespaces" if namespace else "",
        namespace=namespace,
        group_by=group_by,
    )


RESOURCE = '<<index .LabelValuesByName "resource">>'
BOTH = f'<<index .LabelValuesByName "namespaces">> {RESOURCE}'


@pytest.mark.parametrize(
    ("template", "names", "more", "expected"),
    [
        ("series <<.Series>>", ["bar"], {}, "series foo"),
        ("<<.LabelMatchers>>", ["bar", "baz"], {}, 'resource=~"bar|baz"'),
        ("<<.LabelMatchers>>", ["bar"], {}, 'resource="bar"'),
        (
            "<<.LabelMatchers>>",
            ["bar"],
            {"selector": "metric1=value1"},
            'metric1="value1",resource="bar"',
        ),
        (RESOURCE, ["bar"], {}, "bar"),
        (RESOURCE, ["bar", "baz"], {}, "bar|baz"),
        (BOTH, ["bar", "baz"], {"namespace": "default"}, "default bar|baz"),
        ("<<.GroupBy>>", ["bar"], {}, "resource"),
        ("<<.GroupBySlice>>", ["bar"], {}, "[resource]"),
        (
            "<<.LabelMatchers>>",
            ["bar"],
            {"namespace": "default", "selector": "z=1,a=2"},
            'a="2",z="1",namespaces="default",resource="bar"',
        ),
        ("<<.SeriesMatchers>>", ["bar"], {}, 'job="web"'),
    ],
)
def test_objects(template, names, more, expected):
    assert objects(template, *names, **more) == expected


def test_all_objects_of_all_namespaces():
    parsed = parse_template("{<<.LabelMatchers>>} <<.GroupBy>>", QUERY_FIELDS)
    scope = ObjectScope("pod", (), "namespace", None)
    text = render_objects(parsed, FOO, scope, parse_selector(""))
    assert text == '{namespace!="",pod!=""} pod,namespace'


@pytest.mark.parametrize(
    ("template", "more", "expected"),
    [
        ("series <<.Series>>", {}, "series foo"),
        ("<<.GroupBy>>", {"group_by": ["foo"]}, "foo"),
        ("<<.GroupBySlice>>", {"group_by": ["foo", "bar"]}, "[foo bar]"),
        (
            '<<index .LabelValuesByName "namespaces">> <<.GroupBySlice>>',
            {"namespace": "default", "group_by": ["foo", "bar"]},
            "default [foo bar]",
        ),
        (
            '<<index .LabelValuesByName "namespaces">> <<.GroupBySlice>>',
            {"group_by": ["foo", "bar"]},
            " [foo bar]",
        ),
        ("<<.LabelMatchers>>", {"selector": "foo=bar"}, 'foo="bar"'),
        (
            "<<.LabelMatchers>>",
            {"selector": "foo=bar", "namespace": "default"},
            'foo="bar",namespaces="default"',
        ),
        (
            "<<.LabelMatchers>>",
            {"selector": "foo=bar,qux in (bar,baz)"},
            'foo="bar",qux=~"bar|baz"',
        ),
        ("<<.LabelValuesByName>>", {"selector": "foo=bar"}, "map[foo:bar]"),
        ("<<.LabelValuesByName>>", {"selector": "foo in (bar,baz)"}, "map[foo:bar|baz]"),
        ("x<<.GroupBy>>", {}, "x"),
    ],
)
def test_external(template, more, expected):
    assert external(template, **more) == expected


@pytest.mark.parametrize(
    ("selector", "matchers"),
    [
        ("l=v", 'l="v"'),
        ("l==v", 'l="v"'),
        ("l!=v", 'l!="v"'),
        ("l in (v)", 'l=~"v"'),
        ("l in (b,a)", 'l=~"a|b"'),
        ("l notin (v)", 'l!~"v"'),
        ("l notin (b,a)", 'l!~"a|b"'),
        ("l", 'l!=""'),
        ("!l", 'l=""'),
    ],
)
def test_operators(selector, matchers):
    assert external("<<.LabelMatchers>>", selector=selector) == matchers


@pytest.mark.parametrize("selector", ["l>1", "l<1", "app.kubernetes.io/name=x", "my-label=x"])
def test_selectors_that_promql_cannot_express(selector):
    with pytest.raises(BadRequest, match="cannot select metrics by"):
        external("<<.LabelMatchers>>", selector=selector)


def test_names_are_no_patterns():
    assert objects("<<.LabelMatchers>>", "a.b", "c") == r'resource=~"a\\.b|c"'


@pytest.mark.parametrize("name", ['a"b', "a\\", "a\nb", "a}b", "a`b"])
def test_names_that_could_end_a_string_are_refused_where_the_template_quotes(name):
    with pytest.raises(BadRequest, match=r"cannot be put into the query"):
        objects(f'foo{{resource="{RESOURCE}"}}', name)
    assert objects("<<.LabelMatchers>>", name).startswith('resource="a')


def test_an_empty_query():
    with pytest.raises(AdapterError, match="the rule's query is empty"):
        external(" ")
