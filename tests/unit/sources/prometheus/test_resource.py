"""Values of pods and nodes: what is served, what is left out, and why."""

import pytest

from adapter.model.metrics import ContainerMetrics, NodeMetrics, Origin, PodMetrics
from adapter.model.resources import PodKey

NOW = 1_000_000.0
WEB = PodKey("shop", "web")


def add_container(prometheus, pod, container, cpu, memory, *, namespace="shop", time=None):
    labels = {"namespace": namespace, "pod": pod, "container": container}
    if cpu is not None:
        prometheus.add("cpu", cpu, time, **labels)
    if memory is not None:
        prometheus.add("memory", memory, time, **labels)


async def one(source, key=WEB):
    (pod,) = await source.pods([key], key.namespace)
    return pod


def containers(pod):
    return [(c.name, c.cpu, c.memory) for c in pod.containers]


async def test_pods_are_answered_in_the_order_asked(source, prometheus):
    add_container(prometheus, "pod1", "c2", 1110, 3110)
    add_container(prometheus, "pod1", "c1", 1100, 3100)
    add_container(prometheus, "pod3", "c1", 1300, 3300)
    add_container(prometheus, "pod27", "c1", 2200, 4200, namespace="other")
    keys = [PodKey("other", "pod27"), PodKey("shop", "gone"), PodKey("shop", "pod1")]

    pod27, gone, pod1 = await source.pods(keys, None)

    assert gone is None
    assert pod27.containers == (ContainerMetrics("c1", 2200.0, 4200),)
    assert pod1 == PodMetrics(
        namespace="shop",
        name="pod1",
        timestamp=NOW,
        window=60.0,
        containers=(ContainerMetrics("c1", 1100.0, 3100), ContainerMetrics("c2", 1110.0, 3110)),
        origin=Origin.PROMETHEUS,
    )


async def test_nodes(timed_source, prometheus):
    """The earlier of the two times is reported."""
    prometheus.add("node_cpu", 1.1, NOW - 10, node="node1")
    prometheus.add("node_memory", 2100, NOW - 9, node="node1")
    prometheus.add("node_cpu", 1.2, NOW - 6, node="node2")
    prometheus.add("node_memory", 2200.5, NOW - 8, node="node2")

    answer = await timed_source.nodes(["node2", "node3", "node1"])

    times = {"window": 60.0, "origin": Origin.PROMETHEUS}
    assert answer == [
        NodeMetrics(name="node2", timestamp=NOW - 8, cpu=1.2, memory=2200, **times),
        None,
        NodeMetrics(name="node1", timestamp=NOW - 10, cpu=1.1, memory=2100, **times),
    ]


@pytest.mark.parametrize(
    ("cpu", "memory", "served"),
    [
        pytest.param("NaN", 3100, (0.0, 3100), id="cpu-nan"),
        pytest.param(-1100, "NaN", (0.0, 0), id="negative-and-nan"),
        pytest.param("-Inf", -3110, (0.0, 0), id="minus-infinity"),
        pytest.param(0, 0, (0.0, 0), id="zero-is-a-value"),
        pytest.param("0.0004", "2728711509.333", (0.0004, 2728711509), id="fractions"),
    ],
)
async def test_odd_values_of_pods_and_nodes_count_as_zero(source, prometheus, cpu, memory, served):
    add_container(prometheus, "web", "app", cpu, memory)
    prometheus.add("node_cpu", cpu, node="a")
    prometheus.add("node_memory", memory, node="a")

    pod = await one(source)
    (node,) = await source.nodes(["a"])

    assert containers(pod) == [("app", *served)]
    assert (node.cpu, node.memory) == served


async def test_infinite_values_are_no_values(source, prometheus, telemetry):
    """prometheus-adapter serves -9223372036854775808m; we leave the pod to a fallback."""
    add_container(prometheus, "web", "app", "+Inf", 1)
    prometheus.add("node_cpu", 1, node="a")
    prometheus.add("node_memory", "+Inf", node="a")

    assert await one(source) is None
    assert await source.nodes(["a"]) == [None]
    assert source.why_no_node("a") == "prometheus has cpu but no memory"
    dropped = 'viaduct_prometheus_dropped_samples_total{reason="infinite"} 2.0'
    assert dropped in telemetry.expose().decode()


@pytest.mark.parametrize(
    ("cpu", "memory", "why"),
    [
        (0.1, None, 'prometheus has cpu but no memory of container "proxy"'),
        (None, 100, 'prometheus has memory but no cpu of container "proxy"'),
    ],
    ids=["no-memory", "no-cpu"],
)
async def test_a_pod_with_half_a_container_is_left_out(source, prometheus, cpu, memory, why):
    """Differs on purpose: prometheus-adapter invents a 0 for the missing half."""
    add_container(prometheus, "web", "app", 0.5, 1000)
    add_container(prometheus, "web", "proxy", cpu, memory)

    assert await one(source) is None
    assert source.why_no_pod(WEB, "node1") == why


async def test_sandboxes_and_cgroups_are_no_containers(source, prometheus):
    add_container(prometheus, "web", "", 9, 9)
    add_container(prometheus, "web", "POD", 9, 9)
    add_container(prometheus, "web", "app", 1, 1)

    assert containers(await one(source)) == [("app", 1.0, 1)]


async def test_without_a_container_label_a_pod_is_one_container(make_source, prometheus):
    rules = """
resourceRules:
  cpu: {containerQuery: 'cpu{<<.LabelMatchers>>}', resources: &r {template: <<.Resource>>}}
  memory: {containerQuery: 'memory{<<.LabelMatchers>>}', resources: *r}
"""
    source = make_source(rules)
    prometheus.add("cpu", 1, namespace="shop", pod="web")
    prometheus.add("memory", 2, namespace="shop", pod="web")

    pod = await one(source)

    assert containers(pod) == [("", 1.0, 2)]
    assert pod.window == 0.0
    assert await source.nodes(["a"]) == [None]
    assert source.why_no_node("a") == "the rule file has no nodeQuery"


async def test_the_earliest_time_of_a_pod_is_reported(timed_source, prometheus):
    add_container(prometheus, "web", "app", 1, 1, time=NOW - 3)
    add_container(prometheus, "web", "proxy", 1, None, time=NOW - 12.5)
    add_container(prometheus, "web", "proxy", None, 1, time=NOW - 5)

    assert (await one(timed_source)).timestamp == NOW - 12.5


async def test_the_window_of_the_earliest_container_is_reported(window_source, prometheus):
    labels = {"namespace": "shop", "pod": "web"}
    for name, time, window in (("app", NOW - 3, 10.0), ("proxy", NOW - 12, 25.5)):
        add_container(prometheus, "web", name, 1, 1, time=time)
        prometheus.add("window", window, container=name, **labels)

    assert (await one(window_source)).window == 25.5


@pytest.mark.parametrize(
    ("one_span", "other_span", "served"),
    [(15, 45, True), (60, 100, True), (15, 46, False), (15, 90, False), (15, "NaN", True)],
)
async def test_containers_over_different_spans_are_no_pod(
    window_source, prometheus, one_span, other_span, served
):
    """When Prometheus comes back: one container's value spans the outage, the other's does not."""
    for name, span in (("app", one_span), ("proxy", other_span)):
        add_container(prometheus, "web", name, 1, 1, time=NOW)
        prometheus.add("window", span, namespace="shop", pod="web", container=name)

    assert (await one(window_source) is not None) == served
    if not served:
        assert window_source.why_no_pod(WEB, None) == (
            f"the values of its containers cover different spans, {one_span} s to {other_span} s"
        )


@pytest.mark.parametrize("told", [None, "NaN", "+Inf", 0, -3.5])
async def test_without_a_sensible_window_the_rules_is_reported(window_source, prometheus, told):
    add_container(prometheus, "web", "app", 1, 1, time=NOW)
    prometheus.add("window", told, namespace="shop", pod="web", container="app")
    prometheus.add("node_cpu", 1, NOW, node="a")
    prometheus.add("node_memory", 1, NOW, node="a")
    prometheus.add("node_window", told, node="a")

    assert (await one(window_source)).window == 60.0
    assert (await window_source.nodes(["a"]))[0].window == 60.0


async def test_the_window_of_a_node_is_reported(window_source, prometheus):
    prometheus.add("node_cpu", 1, NOW, node="a")
    prometheus.add("node_memory", 1, NOW, node="a")
    prometheus.add("node_window", 12.25, node="a")

    assert (await window_source.nodes(["a"]))[0].window == 12.25


async def test_stale_samples_are_not_served(timed_source, prometheus):
    add_container(prometheus, "web", "app", 1, 1, time=NOW - 61)
    prometheus.add("node_cpu", 1, NOW - 90, node="a")
    prometheus.add("node_memory", 1, NOW - 90, node="a")

    assert await one(timed_source) is None
    assert timed_source.why_no_pod(WEB, None) == (
        "the newest sample in prometheus is 61 s old (limit 60 s)"
    )
    assert await timed_source.nodes(["a"]) == [None]
    assert timed_source.why_no_node("a") == (
        "the newest sample in prometheus is 90 s old (limit 60 s)"
    )


async def test_a_container_that_ended_does_not_hold_back_its_pod(timed_source, prometheus):
    """Prometheus keeps an init container's last sample for minutes after its end."""
    add_container(prometheus, "web", "init", 1, 1, time=NOW - 100)
    add_container(prometheus, "web", "app", 2, 2, time=NOW - 5)

    assert containers(await one(timed_source)) == [("app", 2.0, 2)]


async def test_half_a_container_because_the_other_half_is_stale(timed_source, prometheus):
    add_container(prometheus, "web", "app", 1, None, time=NOW - 70)
    add_container(prometheus, "web", "app", None, 1, time=NOW - 5)

    assert await one(timed_source) is None
    assert timed_source.why_no_pod(WEB, None) == (
        'prometheus has memory but no cpu of container "app": '
        "the newest sample in prometheus is 70 s old (limit 60 s)"
    )


async def test_a_value_without_a_time_is_not_used(timed_source, prometheus):
    add_container(prometheus, "web", "app", 1, 1, time=NOW)
    prometheus.times["cpu"] = []

    assert await one(timed_source) is None


async def test_of_several_series_the_newest_counts(timed_source, prometheus):
    """A StatefulSet's pod that moved: the old node's series is still there."""
    for node, value, time in (("old", 5, NOW - 40), ("new", 1, NOW - 5), ("older", 7, NOW - 50)):
        labels = {"namespace": "shop", "pod": "web", "container": "app", "node": node}
        prometheus.add("cpu", value, time, **labels)
        prometheus.add("memory", value, time, __name__="memory", **labels)

    pod = await one(timed_source)

    assert containers(pod) == [("app", 1.0, 1)]
    assert pod.timestamp == NOW - 5


async def test_of_equally_old_series_the_first_counts(source, prometheus):
    add_container(prometheus, "web", "app", 1, 10)
    add_container(prometheus, "web", "app", 2, 20)

    assert containers(await one(source)) == [("app", 1.0, 10)]


async def test_times_with_fewer_labels_than_values_are_used_too(timed_source, prometheus):
    labels = {"namespace": "shop", "pod": "web", "container": "app"}
    for metric in ("cpu", "memory"):
        prometheus.series[metric] = [({**labels, "instance": "i"}, 1)]
        prometheus.times[metric] = [(labels, NOW - 7)]

    assert (await one(timed_source)).timestamp == NOW - 7


async def test_unchanged_objects_stay_the_same_objects(timed_source, prometheus, clock):
    """Encoders keep what they made of an object as long as it is the same."""
    add_container(prometheus, "web", "app", 1, 1, time=NOW)
    add_container(prometheus, "db", "app", 1, 1, time=NOW)
    prometheus.add("node_cpu", 1, NOW, node="a")
    prometheus.add("node_memory", 1, NOW, node="a")
    keys = [WEB, PodKey("shop", "db")]
    web, db = await timed_source.pods(keys, None)
    (node,) = await timed_source.nodes(["a"])

    clock.advance(6)
    prometheus.series["cpu"][1] = (prometheus.series["cpu"][1][0], 2)
    web_later, db_later = await timed_source.pods(keys, None)

    assert web_later is web
    assert db_later.containers[0].cpu == 2.0
    assert db_later is not db
    assert (await timed_source.nodes(["a"]))[0] is node


async def test_says_when_prometheus_never_heard_of_it(source):
    assert await one(source) is None
    assert source.why_no_pod(WEB, None) == "prometheus has no sample of it"
    assert source.why_no_pod(PodKey("other", "x"), None) == "prometheus has no sample of it"
    assert source.why_no_node("a") == "prometheus has no sample of it"
