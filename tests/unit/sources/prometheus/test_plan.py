"""The queries of a custom metric, and how widely it may be asked for."""

import pytest
import yaml
from unit.sources.prometheus.defaultrules import default_rules

from adapter.errors import ConfigError
from adapter.model.labels import EVERYTHING, parse_selector
from adapter.model.resources import ResourceInfo
from adapter.model.restmapper import RESTMapper
from adapter.rules.compiled import compile_rule
from adapter.rules.mapping import ResourceMapping
from adapter.rules.registry import Entry
from adapter.rules.schema import DiscoveryRule, RuleFile
from adapter.sources.prometheus.plan import ObjectPlan


def info(group, resource, singular, *, namespaced=True):
    return ResourceInfo(group, "v1", resource, singular, singular.title(), namespaced)


MAPPER = RESTMapper(
    [
        info("", "namespaces", "namespace", namespaced=False),
        info("", "nodes", "node", namespaced=False),
        info("", "persistentvolumes", "persistentvolume", namespaced=False),
        info("", "pods", "pod"),
        info("", "services", "service"),
        info("extensions", "deployments", "deployment"),
        info("extensions", "ingresses", "ingress"),
    ]
)
DEFAULT_RULES = RuleFile.model_validate(yaml.safe_load(default_rules("kube_"))).rules


def plan_of(rule, series, resource, selector=EVERYTHING):
    compiled = compile_rule(rule, "rules[0]")
    mapping = ResourceMapping(rule.resources, MAPPER, namespace_label=rule.namespace_label)
    name, _, group = resource.partition(".")
    return ObjectPlan(Entry(compiled, series, MAPPER.resolve(name, group)), mapping, selector)


def default_plan(series, resource, selector=""):
    """By the first of the default rules that takes *series*."""
    rule = next(
        rule
        for rule in DEFAULT_RULES
        if series.startswith("container_") == ("container_" in rule.series_query[:24])
        and compile_rule(rule, "x").namer.name_for(series)
    )
    return plan_of(rule, series, resource, parse_selector(selector))


PODS = ["somepod1", "somepod2"]
KUBE = 'kube_namespace="somens"'


@pytest.mark.parametrize(
    ("series", "resource", "namespace", "names", "selector", "promql"),
    [
        (
            "container_some_usage",
            "pods",
            "somens",
            PODS,
            "",
            (
                'sum(container_some_usage{namespace="somens",pod=~"somepod1|somepod2",'
                'container!="POD"}) by (pod)'
            ),
        ),
        (
            "container_some_count_total",
            "pods",
            "somens",
            PODS,
            "",
            (
                'sum(rate(container_some_count_total{namespace="somens",pod=~"somepod1|somepod2",'
                'container!="POD"}[1m])) by (pod)'
            ),
        ),
        (
            "container_some_time_seconds_total",
            "pods",
            "somens",
            PODS,
            "",
            (
                'sum(rate(container_some_time_seconds_total{namespace="somens",'
                'pod=~"somepod1|somepod2",container!="POD"}[1m])) by (pod)'
            ),
        ),
        (
            "ingress_hits_total",
            "service",
            "somens",
            ["somesvc"],
            "",
            f'sum(rate(ingress_hits_total{{{KUBE},kube_service="somesvc"}}[1m])) by (kube_service)',
        ),
        (
            "ingress_hits_total",
            "service",
            "somens",
            ["somesvc"],
            "param1=value1",
            (
                f'sum(rate(ingress_hits_total{{param1="value1",{KUBE},kube_service="somesvc"}}'
                "[1m])) by (kube_service)"
            ),
        ),
        (
            "ingress_hits_total",
            "ingress.extensions",
            "somens",
            ["someingress"],
            "",
            (
                f'sum(rate(ingress_hits_total{{{KUBE},kube_ingress="someingress"}}[1m])) '
                "by (kube_ingress)"
            ),
        ),
        (
            "ingress_hits_total",
            "pod",
            "somens",
            ["somepod"],
            "",
            f'sum(rate(ingress_hits_total{{{KUBE},kube_pod="somepod"}}[1m])) by (kube_pod)',
        ),
        (
            "service_proxy_packets",
            "service",
            "somens",
            ["somesvc"],
            "",
            f'sum(service_proxy_packets{{{KUBE},kube_service="somesvc"}}) by (kube_service)',
        ),
        (
            "work_queue_wait_seconds_total",
            "deployment.extensions",
            "somens",
            ["somedep"],
            "",
            (
                f'sum(rate(work_queue_wait_seconds_total{{{KUBE},kube_deployment="somedep"}}[1m])) '
                "by (kube_deployment)"
            ),
        ),
        (
            "node_gigawatts",
            "node",
            "",
            ["somenode"],
            "",
            'sum(node_gigawatts{kube_node="somenode"}) by (kube_node)',
        ),
        (
            "volume_claims_total",
            "persistentvolume",
            "",
            ["somepv"],
            "",
            (
                'sum(rate(volume_claims_total{kube_persistentvolume="somepv"}[1m])) '
                "by (kube_persistentvolume)"
            ),
        ),
        (
            "node_fan_seconds_total",
            "node",
            "",
            ["somenode"],
            "",
            'sum(rate(node_fan_seconds_total{kube_node="somenode"}[1m])) by (kube_node)',
        ),
    ],
)
def test_the_queries_of_the_peers_registry_test(
    series, resource, namespace, names, selector, promql
):
    plan = default_plan(series, resource, selector)
    assert plan.named(namespace, names).value == promql


def test_wider_queries():
    plan = default_plan("ingress_hits_total", "pods")
    whole, cluster = plan.whole("somens"), plan.cluster
    assert (plan.namespace_proven, plan.cluster_proven) == (True, True)
    assert whole.value == (
        'sum(rate(ingress_hits_total{kube_namespace="somens",kube_pod!=""}[1m])) by (kube_pod)'
    )
    assert cluster.value == (
        'sum(rate(ingress_hits_total{kube_namespace!="",kube_pod!=""}[1m])) '
        "by (kube_pod,kube_namespace)"
    )
    assert (whole.labels.key_of({"kube_pod": "a"}), whole.labels.namespace) == (
        ("somens", "a"),
        "",
    )
    assert cluster.labels.key_of({"kube_pod": "a", "kube_namespace": "b"}) == ("b", "a")


OVERRIDES = {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}}


def rule(query="sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)", **more):
    fields = {"seriesQuery": "depth", "resources": {"overrides": OVERRIDES}, "metricsQuery": query}
    return DiscoveryRule.model_validate(fields | more)


@pytest.mark.parametrize(
    ("query", "namespace", "cluster"),
    [
        ("<<.Series>>{<<.LabelMatchers>>}", True, True),
        ("sum(<<.Series>>{<<.LabelMatchers>>}) by (pod)", True, False),
        ("sum(<<.Series>>{<<.LabelMatchers>>})", False, False),
        ("sum(<<.Series>>) by (<<.GroupBy>>)", False, False),
        ('<<.Series>>{pod="<<index .LabelValuesByName "pod">>"}', False, False),
        ("topk(1, sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>))", False, False),
        ("<<.Series>>{<<.LabelMatchers>>} / scalar(count(up))", True, True),
        ("<<.Series>>{<<.LabelMatchers>>} / scalar(<<.Series>>{<<.LabelMatchers>>})", False, False),
        ('<<if eq (index .LabelValuesByName "pod") "a">>0<<else>>1<<end>>', False, False),
    ],
)
def test_only_what_is_proven_is_widened(query, namespace, cluster):
    plan = plan_of(rule(query), "depth", "pods")
    assert (plan.namespace_proven, plan.cluster_proven) == (namespace, cluster)


def test_times_must_be_provable_as_well():
    plan = plan_of(rule(timestampQuery="max(timestamp(depth))"), "depth", "pods")
    assert not plan.namespace_proven
    plan = plan_of(
        rule(timestampQuery="max(timestamp(depth{<<.LabelMatchers>>})) by (<<.GroupBy>>)"),
        "depth",
        "pods",
    )
    assert plan.namespace_proven
    assert plan.named("n", ["a"]).timestamp == (
        'max(timestamp(depth{namespace="n",pod="a"})) by (pod)'
    )


def test_a_selector_tells_the_age_of_its_samples_itself():
    plan = plan_of(rule("<<.Series>>{<<.LabelMatchers>>}", maxAge="1m"), "depth", "pods")
    assert plan.named("n", ["a"]).timestamp == 'timestamp(depth{namespace="n",pod="a"})'
    assert plan.namespace_proven
    assert (
        plan_of(rule("<<.Series>>{<<.LabelMatchers>>}"), "depth", "pods")
        .named("n", ["a"])
        .timestamp
        is None
    )


def test_without_a_namespace():
    resources = {"overrides": OVERRIDES, "namespaced": False}
    plan = plan_of(rule(resources=resources), "depth", "pods")
    assert plan.named("n", ["a"]).value == 'sum(depth{pod="a"}) by (pod)'
    assert (plan.namespace_proven, plan.cluster_proven) == (True, False)


def test_a_label_of_the_namespace():
    resources = {"overrides": {"pod": {"resource": "pod"}}}
    plan = plan_of(rule(resources=resources, namespaceLabel="exported_namespace"), "depth", "pods")
    assert plan.named("n", ["a"]).value == ('sum(depth{exported_namespace="n",pod="a"}) by (pod)')


def test_a_namespace_that_no_label_names():
    with pytest.raises(ConfigError, match="no label names namespaces"):
        plan_of(rule(resources={"overrides": {"pod": {"resource": "pod"}}}), "depth", "pods")


def test_metrics_of_namespaces_themselves():
    plan = plan_of(rule(), "depth", "namespaces")
    assert plan.named("", ["shop"]).value == 'sum(depth{namespace="shop"}) by (namespace)'
    assert (plan.namespace_proven, plan.cluster_proven) == (True, False)
