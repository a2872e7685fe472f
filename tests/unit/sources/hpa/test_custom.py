"""Custom metrics of HPAs: whose pods, which object, and by how many replicas it is divided."""

import pytest
from unit.annotating import (
    OBJECT,
    OBJECT_EXAMPLE,
    OBJECT_SPEC,
    POD_EXAMPLE,
    PODS_SPEC,
    QUERY,
    RPS,
    TARGET,
)

from adapter.errors import NotFound, SourceError
from adapter.kube.listers import PodMeta
from adapter.kube.scales import KEPT_SECONDS
from adapter.model.autoscaling import MetricSpec, ObjectName, SourceType
from adapter.model.labels import EVERYTHING, parse_selector
from adapter.model.metrics import MetricValue
from adapter.model.resources import GroupResource, ListedMetric, ResourceInfo
from adapter.rules.annotations_metrics import ORDER
from adapter.sources.base import ObjectQuestion

PODS = ResourceInfo("", "v1", "pods", "pod", "Pod", namespaced=True)
INGRESSES = ResourceInfo(
    "networking.k8s.io", "v1", "ingresses", "ingress", "Ingress", namespaced=True
)
INGRESS_SPEC = MetricSpec(
    SourceType.OBJECT,
    OBJECT_SPEC.name,
    described=ObjectName("networking.k8s.io/v1", "Ingress", "front"),
)
OTHER = TARGET._replace(name="other")


def question(*names, metric=PODS_SPEC.name, resource=PODS, selector=EVERYTHING, by_name=False):
    return ObjectQuestion(resource, "shop", names, metric, selector, by_name)


async def ask(world, *names, **more):
    await world.sync()
    return await world.custom.object_values(question(*names, **more))


async def refused(world, *names, **more):
    with pytest.raises(NotFound) as raised:
        await ask(world, *names, **more)
    return str(raised.value)


async def test_pods_that_no_hpa_names_any_more_are_not_read(world):
    world.add_hpa(POD_EXAMPLE, PODS_SPEC)
    world.add_workload("myapp", "a")
    await ask(world, "a")

    selector = {"app": "myapp", "new": "yes"}
    world.cluster.autoscaling.add_workload(
        "deployments.apps", "shop", "myapp", selector=selector, replicas=1
    )
    world.pods.upsert(PodMeta("shop", "a", selector))
    world.clock.advance(KEPT_SECONDS + 1.0)
    await ask(world, "a")
    assert world.values.forgotten == [world.values.asked[0][0]]

    world.cluster.autoscaling.delete_autoscaler("shop", "myapp-hpa")
    await world.told()
    assert world.values.forgotten == [metric for metric, *_ in world.values.asked]


async def test_the_documented_pod_collector(world):
    world.add_hpa(POD_EXAMPLE, PODS_SPEC)
    world.add_workload("myapp", "a", "b")

    answer = await ask(world, "a", "b")

    assert answer.values == {"a": MetricValue(0.0, 100.0), "b": MetricValue(1.0, 100.0)}
    assert answer.warning is None
    ((metric, namespace, names),) = world.values.asked
    assert (metric.port, str(metric.selector)) == (9090, "app=myapp")
    assert (namespace, names) == ("shop", ("a", "b"))


async def test_a_metric_keeps_its_identity_while_its_pods_are_the_same(world):
    world.add_hpa(POD_EXAMPLE, PODS_SPEC)
    world.add_workload("myapp", "a")
    for _ in range(2):
        await ask(world, "a")
    world.cluster.autoscaling.add_workload(
        "deployments.apps", "shop", "myapp", selector={"app": "myapp", "tier": "web"}
    )
    world.pods.upsert(PodMeta("shop", "a", {"app": "myapp", "tier": "web"}))
    world.clock.advance(KEPT_SECONDS)
    await ask(world, "a")

    first, second, third = (metric for metric, _, _ in world.values.asked)
    assert first is second
    assert first is not third
    assert str(third.selector) == "app=myapp,tier=web"


async def test_two_hpas_define_one_name_for_pods_of_their_own(world):
    world.add_hpa(POD_EXAMPLE, PODS_SPEC, name="one")
    annotations = {**POD_EXAMPLE, f"{RPS}/port": "9091"}
    world.add_hpa(annotations, PODS_SPEC, name="two", target=OTHER)
    world.add_workload("myapp", "a")
    world.add_workload("other", "b")

    answer = await ask(world, "a", "b")

    assert sorted(answer.values) == ["a", "b"]
    asked = {names: metric.port for metric, _, names in world.values.asked}
    assert asked == {("a",): 9090, ("b",): 9091}


async def test_a_pod_of_two_hpas_that_differ(world):
    world.add_hpa(POD_EXAMPLE, PODS_SPEC, name="one")
    annotations = {**POD_EXAMPLE, f"{RPS}/port": "9091"}
    world.add_hpa(annotations, PODS_SPEC, name="two", target=OTHER)
    world.add_workload("myapp", "a")
    world.cluster.autoscaling.add_workload(
        "deployments.apps", "shop", "other", selector={"app": "myapp"}
    )

    assert (await refused(world, "a", by_name=True)).endswith(
        "pods a: the HPAs one and two define the metric differently, and all of them scale this pod"
    )


async def test_a_failing_pod_costs_that_pod(world):
    world.add_hpa(POD_EXAMPLE, PODS_SPEC)
    world.add_workload("myapp", "a", "b")
    del world.values.known["b"]

    answer = await ask(world, "a", "b")

    assert list(answer.values) == ["a"]
    assert answer.warning == "1 of 2 left out, such as b: its document cannot be read"


async def test_pods_of_no_hpa(world):
    world.add_hpa(POD_EXAMPLE, PODS_SPEC)
    world.add_workload("myapp")
    world.add_workload("other", "b")

    assert (await refused(world, "b", by_name=True)).endswith(
        "no HPA that defines the metric scales this pod"
    )
    assert (await refused(world, "b")).endswith(
        "none of 1 has a value; of b: no HPA that defines the metric scales this pod"
    )
    assert (await refused(world, "c", by_name=True)).endswith("the pod does not run")


async def test_a_workload_that_there_is_not_is_an_event(world):
    world.add_hpa(POD_EXAMPLE, PODS_SPEC)
    world.pods.upsert(PodMeta("shop", "a", {"app": "myapp"}))
    text = (
        "the pods of HPA myapp-hpa are not known: the scale of deployments.apps shop/myapp does "
        "not exist"
    )

    assert text in await refused(world, "a", by_name=True)
    assert await world.told() == {text}
    (event,) = world.cluster.autoscaling.events("shop")
    assert event["reason"] == "FailedGetScale"


async def test_nobody_defines_it(world):
    assert await refused(world, "a", by_name=True) == (
        "the server could not find the metric requests-per-second for pods a: no HPA of namespace "
        "shop defines it by annotations, or --hpa-annotations does not name the namespace"
    )


async def test_before_pods_or_hpas_are_known(world):
    with pytest.raises(SourceError, match="the HPAs have not been read"):
        await world.custom.object_values(question("a"))

    world.add_hpa(POD_EXAMPLE, PODS_SPEC)
    world.pods.has_synced = False
    with pytest.raises(SourceError, match="the pods have not been read"):
        await ask(world, "a")


async def test_the_documented_object_metric_per_replica(world):
    world.add_hpa(OBJECT_EXAMPLE, OBJECT_SPEC, replicas=4)
    world.queries.gives(QUERY, 10.0)

    answer = await ask(world, "dummy-pod", metric=OBJECT_SPEC.name, by_name=True)

    assert answer.values == {"dummy-pod": MetricValue(2.5, 100.0)}
    assert world.queries.asked == [("default", QUERY, None)]


async def test_replicas_that_the_hpa_has_not_told_yet(world):
    world.add_hpa(OBJECT_EXAMPLE, OBJECT_SPEC, replicas=0)
    world.queries.gives(QUERY, 10.0)
    with pytest.raises(SourceError, match=r"the scale of .* shop/myapp does not"):
        await ask(world, "dummy-pod", metric=OBJECT_SPEC.name, by_name=True)

    world.add_workload("myapp", replicas=5)
    world.clock.advance(10)
    answer = await ask(world, "dummy-pod", metric=OBJECT_SPEC.name, by_name=True)
    assert answer.values["dummy-pod"].value == 2.0

    world.add_workload("myapp", replicas=0)
    world.clock.advance(KEPT_SECONDS)
    assert (await refused(world, "dummy-pod", metric=OBJECT_SPEC.name, by_name=True)).endswith(
        "it is to be divided by the replicas of its workload: 0"
    )


async def test_an_object_of_another_kind(world):
    world.add_hpa({f"{OBJECT}/query": "sum(a)"}, INGRESS_SPEC)
    world.queries.gives("sum(a)", 6.0)
    about = {"metric": INGRESS_SPEC.name, "resource": INGRESSES}

    answer = await ask(world, "front", by_name=True, **about)
    assert answer.values["front"].value == 6.0
    answer = await ask(world, "back", "front", **about)
    assert list(answer.values) == ["front"]
    text = await refused(world, "back", by_name=True, **about)
    assert "defines it for Ingress front alone" in text


async def test_a_query_with_several_series(world):
    world.add_hpa({f"{OBJECT}/query": "a"}, INGRESS_SPEC)
    world.queries.gives("a", 1.0, 2.0)

    text = await refused(world, "front", metric=INGRESS_SPEC.name, resource=INGRESSES, by_name=True)
    assert text.endswith(
        "gives 2 series where there can be only one: aggregate them, such as by sum(...)"
    )


async def test_the_labels_of_the_metric_are_part_of_the_question(world):
    spec = MetricSpec(
        SourceType.OBJECT, INGRESS_SPEC.name, {"shard": "1"}, described=INGRESS_SPEC.described
    )
    world.add_hpa({f"{OBJECT}/query": "sum(a)"}, spec)
    world.queries.gives("sum(a)", 6.0)
    about = {"metric": INGRESS_SPEC.name, "resource": INGRESSES, "by_name": True}

    answer = await ask(world, "front", selector=parse_selector("shard=1"), **about)
    assert list(answer.values) == ["front"]
    await refused(world, "front", selector=parse_selector("shard=2"), **about)


async def test_objects_without_namespaces(world):
    spec = MetricSpec(SourceType.OBJECT, "load", described=ObjectName("v1", "Node", "n1"))
    world.add_hpa({"metric-config.object.load.prometheus/query": "1"}, spec)
    await world.sync()
    nodes = ResourceInfo("", "v1", "nodes", "node", "Node", namespaced=False)

    with pytest.raises(NotFound, match="annotations define metrics of objects in namespaces only"):
        await world.custom.object_values(
            ObjectQuestion(nodes, "", ("n1",), "load", EVERYTHING, by_name=True)
        )


async def test_listed_and_order(world):
    world.add_hpa({**POD_EXAMPLE, f"{OBJECT}/query": "1"}, PODS_SPEC, INGRESS_SPEC)
    await world.sync()

    pods, ingresses = PODS.group_resource, INGRESSES.group_resource
    listed = world.custom.listed()
    assert listed == (
        ListedMetric(pods, PODS_SPEC.name, namespaced=True),
        ListedMetric(ingresses, INGRESS_SPEC.name, namespaced=True),
    )
    world.add_hpa({}, name="other")
    await world.sync()
    assert world.custom.listed() is listed
    assert world.custom.order(pods, PODS_SPEC.name) == ORDER
    assert world.custom.order(ingresses, INGRESS_SPEC.name) == ORDER
    assert world.custom.order(pods, INGRESS_SPEC.name) is None
    assert world.custom.order(GroupResource("apps", "deployments"), PODS_SPEC.name) is None
