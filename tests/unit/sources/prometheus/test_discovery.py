"""Which metrics discovery lists, and what it asks for that."""

import re

from unit.sources.prometheus.defaultrules import default_rules
from unit.sources.prometheus.seriesindex import SeriesIndex, listed, series

from adapter.model.resources import ResourceInfo

WIDGETS = ResourceInfo("example.com", "v1", "widgets", "widget", "Widget", namespaced=False)


async def test_the_series_of_the_peers_provider_test(discover, clock):
    index = SeriesIndex(
        series("container_some_usage", "pod", "namespace", "container"),
        series("ingress_hits_total", "ingress", "service", "pod", "namespace"),
        series("ingress_hits_total", "ingress", "service", "pod", "namespace"),
        series("service_proxy_packets", "service", "namespace"),
        series("work_queue_wait_seconds_total", "deployment", "namespace"),
    )
    discovery = discover(default_rules(), default=index)
    assert discovery.registry.listed_custom() == ()

    await discovery.relist()

    assert listed(discovery) == {
        "services/ingress_hits",
        "ingresses.extensions/ingress_hits",
        "pods/ingress_hits",
        "namespaces/ingress_hits (cluster)",
        "services/service_proxy_packets",
        "namespaces/service_proxy_packets (cluster)",
        "deployments.extensions/work_queue_wait",
        "namespaces/work_queue_wait (cluster)",
        "namespaces/some_usage (cluster)",
        "pods/some_usage",
    }
    assert index.starts == {clock.time() - 600.0}


async def test_the_series_of_the_peers_registry_test(discover):
    labels = ("kube_namespace",)
    discovery = discover(
        default_rules("kube_"),
        *(
            series(f"container_some_{what}", "pod", "namespace", "container")
            for what in ("usage", "count_total", "time_seconds_total")
        ),
        series("ingress_hits_total", "kube_ingress", "kube_service", "kube_pod", *labels),
        series("service_proxy_packets", "kube_service", *labels),
        series("work_queue_wait_seconds_total", "kube_deployment", *labels),
    )

    await discovery.relist()

    pairs = {"some_count", "some_time", "some_usage"}
    assert listed(discovery) == {
        *(f"pods/{name}" for name in pairs),
        *(f"namespaces/{name} (cluster)" for name in pairs),
        "services/ingress_hits",
        "ingresses.extensions/ingress_hits",
        "pods/ingress_hits",
        "namespaces/ingress_hits (cluster)",
        "services/service_proxy_packets",
        "namespaces/service_proxy_packets (cluster)",
        "deployments.extensions/work_queue_wait",
        "namespaces/work_queue_wait (cluster)",
    }


ROOT_RULES = """
rules:
- seriesQuery: '{kube_node!=""}'
  resources: {template: kube_<<.Resource>>}
  seriesFilters: [{isNot: "_total$"}]
  metricsQuery: x
- seriesQuery: '{kube_node!=""}'
  resources: {template: kube_<<.Resource>>}
  name: {matches: "^(.*?)(_seconds)?_total$", as: "$1"}
  metricsQuery: x
- seriesQuery: '{kube_persistentvolume!=""}'
  resources: {template: kube_<<.Resource>>}
  name: {matches: "^(.*)_total$"}
  metricsQuery: x
"""


async def test_cluster_scoped_resources(discover):
    """The rest of the peer's registry test: its rules for nodes and volumes."""
    discovery = discover(
        ROOT_RULES,
        series("node_gigawatts", "kube_node"),
        series("volume_claims_total", "kube_persistentvolume"),
        series("node_fan_seconds_total", "kube_node"),
    )

    await discovery.relist()

    assert listed(discovery) == {
        "nodes/node_gigawatts (cluster)",
        "persistentvolumes/volume_claims (cluster)",
        "nodes/node_fan (cluster)",
    }


SHARED = """
rules:
- seriesQuery: 'requests_total{namespace!="",pod!=""}'
  resources: {overrides: &labels {namespace: {resource: namespace}, pod: {resource: pod}}}
  metricsQuery: x
- seriesQuery: 'requests_total{namespace!="",pod!=""}'
  resources: {overrides: *labels}
  name: {as: again}
  metricsQuery: x
- seriesQuery: '{job="a"}'
  resources: {overrides: *labels}
  metricsQuery: x
externalRules:
- seriesQuery: 'requests_total{namespace!="",pod!=""}'
  metricsQuery: x
- seriesQuery: '{job="a"}'
  name: {as: "ext_$0"}
  metricsQuery: x
"""


async def test_each_question_is_asked_once(discover):
    index = SeriesIndex(
        series("requests_total", "namespace", "pod"), {**series("queue", "pod"), "job": "a"}
    )
    discovery = discover(SHARED, default=index)

    await discovery.relist()

    assert sorted(index.asked) == [
        ("__name__", 'requests_total{namespace!="",pod!=""}'),
        ("__name__", '{job="a",namespace!=""}'),
        ("__name__", '{job="a",pod!=""}'),
        ("__name__", '{job="a"}'),
    ]
    assert listed(discovery) == {
        "namespaces/requests_total (cluster)",
        "pods/requests_total",
        "namespaces/again (cluster)",
        "pods/again",
        "pods/queue",
    }
    assert discovery.registry.listed_external() == ("ext_queue", "requests_total")


async def test_a_template_asks_only_for_labels_that_name_resources(discover):
    index = SeriesIndex(series("hits", "namespace", "pod", "le", "instance", "code"))
    text = "rules: [{seriesQuery: hits, resources: {template: <<.Resource>>}, metricsQuery: x}]"

    await discover(text, default=index).relist()

    assert sorted(index.asked) == [
        ("__name__", 'hits{namespace!=""}'),
        ("__name__", 'hits{pod!=""}'),
        ("labels", "hits"),
    ]


async def test_rules_ask_the_backend_they_name(discover):
    near, far = SeriesIndex(series("near", "pod")), SeriesIndex(series("far", "pod"))
    text = """
rules:
- {seriesQuery: '{pod!=""}', resources: &r {overrides: {pod: {resource: pod}}}, metricsQuery: x}
- {seriesQuery: '{pod!=""}', resources: *r, metricsQuery: x, backend: far}
"""
    discovery = discover(text, default=near, far=far)

    await discovery.relist()

    assert listed(discovery) == {"pods/near", "pods/far"}
    assert near.asked == far.asked == [("__name__", '{pod!=""}')]


async def test_a_rule_with_a_metric_needs_no_discovery(discover):
    text = """
rules:
- metric: lag
  seriesQuery: 'consumer_lag{group="a"}'
  resources:
    overrides: {ns: {resource: namespace}, deployment: {group: extensions, resource: deployment}}
  metricsQuery: x
- metric: both
  namespaceLabel: ns
  resources: {overrides: {pod: {resource: pod}}}
  metricsQuery: x
externalRules:
- {metric: depth, metricsQuery: sum(depth)}
- {metric: deep, seriesQuery: 'depth{x="y"}', metricsQuery: x}
"""
    index = SeriesIndex()
    discovery = discover(text, default=index)

    found = {
        "namespaces/lag (cluster)",
        "deployments.extensions/lag",
        "namespaces/both (cluster)",
        "pods/both",
    }
    assert listed(discovery) == found
    assert discovery.registry.listed_external() == ("deep", "depth")
    assert discovery.has_run
    assert {entry.series for entry in discovery.registry.custom.values()} == {"consumer_lag", ""}
    await discovery.relist()
    assert listed(discovery) == found
    assert index.asked == []


async def test_external_rules_need_no_resource(discover):
    text = "externalRules: [{seriesQuery: 'queue{}', metricsQuery: x, name: {as: depth}}]"
    index = SeriesIndex(series("queue"))
    discovery = discover(text, default=index)
    assert discovery.registry.listed_external() == ()
    assert index.asked == []

    await discovery.relist()

    first = discovery.registry.listed_external()
    assert first == ("depth",)
    assert discovery.registry.listed_external() is first
    assert len(index.asked) == 1  # lists are answered from memory


async def test_resources_that_are_served_later_heal_the_rule_without_asking(discover, view):
    text = """
rules:
- seriesQuery: size
  resources: {overrides: {w: {group: example.com, resource: widget}, pod: {resource: pod}}}
  metricsQuery: x
"""
    index = SeriesIndex(series("size", "w", "pod"))
    discovery = discover(text, default=index)
    await discovery.relist()
    asked = len(index.asked)
    assert listed(discovery) == {"pods/size"}
    assert discovery.status[0].unresolved == ("w: widget.example.com",)

    view.serve(WIDGETS)

    assert listed(discovery) == {"pods/size", "widgets.example.com/size (cluster)"}
    assert discovery.status[0].unresolved == ()
    assert len(index.asked) == asked
    mapping = discovery.mapping(next(iter(discovery.registry.custom.values())).rule)
    assert mapping.label_for(WIDGETS.group_resource) == "w"


async def test_with_a_template_they_are_asked_for_at_once(discover, view, clock):
    text = "rules: [{seriesQuery: size, resources: {template: <<.Resource>>}, metricsQuery: x}]"
    discovery = discover(text, series("size", "widget", "pod"))
    await discovery.relist()
    view.serve(WIDGETS)
    clock.advance(5)

    assert listed(discovery) == {"pods/size"}
    await discovery._requested

    assert listed(discovery) == {"pods/size", "widgets.example.com/size (cluster)"}


async def test_conflicts_are_told_once_and_the_first_rule_wins(discover, caplog):
    discovery = discover(
        SHARED.replace("name: {as: again}", "name: {}"),
        series("requests_total", "pod", "namespace"),
    )

    for _ in range(3):
        await discovery.relist()

    both = re.compile(r"rules\[0\] and rules\[1\] both give pods/requests_total")
    assert len(both.findall(caplog.text)) == 1
    entries = discovery.registry.custom.values()
    assert {entry.rule.id for entry in entries} == {"rules[0]"}
    assert [len(status.conflicts) for status in discovery.status] == [0, 2, 0, 0, 0]
