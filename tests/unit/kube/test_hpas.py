"""HPAs: what is decoded of them, and what counts as a change."""

import json

import msgspec
import pytest
from unit.annotating import (
    EVENTS_SPEC,
    HTTP_SPEC,
    OBJECT_SPEC,
    POD_EXAMPLE,
    PODS_SPEC,
    TARGET,
    hpa,
    wire_metric,
)
from unit.kube.informing import BOOKMARK, page, running

from adapter.kube.hpas import HorizontalPodAutoscalers, watched_hpas
from adapter.kube.informer import Informer
from adapter.model.autoscaling import MetricSpec, ObjectName, SourceType

SPECS = (PODS_SPEC, HTTP_SPEC, OBJECT_SPEC, EVENTS_SPEC)


def wire(name="myapp-hpa", version="7", metrics=SPECS, annotations=POD_EXAMPLE, **status):
    return {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": f"hpa-shop-{name}",
            "resourceVersion": version,
            "annotations": {
                **annotations,
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
            },
        },
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "myapp"},
            "metrics": [wire_metric(each) for each in metrics],
        },
        "status": status,
    }


def decode(item):
    return watched_hpas(None).decode(json.dumps(item).encode())


def test_what_is_decoded():
    assert decode(wire(currentReplicas=3)) == (
        hpa(POD_EXAMPLE, *SPECS, current_replicas=3),
        "7",
    )


def test_metrics_of_other_types_are_left_out():
    item = wire(metrics=())
    item["spec"]["metrics"] = [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}},
        {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "a"}},
        {"type": "Later", "later": {}},
        {"type": "Pods"},
    ]

    assert decode(item)[0].metrics == ()


def test_expressions_of_a_selector_are_noticed():
    spec = MetricSpec(SourceType.EXTERNAL, "q", {"a": "b"}, has_expressions=True)

    assert decode(wire(metrics=(spec,)))[0].metrics == (spec,)


@pytest.mark.parametrize("metrics", [None, []], ids=["null", "none"])
def test_a_new_hpa_has_hardly_anything(metrics):
    item = {
        "metadata": {"name": "a", "namespace": "b", "annotations": None},
        "spec": {"scaleTargetRef": {"kind": "X", "name": "x"}, "metrics": metrics},
    }

    assert decode(item)[0] == msgspec.structs.replace(
        hpa({}, name="a", namespace="b", target=ObjectName("", "X", "x")), uid=""
    )


@pytest.mark.parametrize(
    ("namespace", "path", "resource"),
    [
        (None, "/apis/autoscaling/v2/horizontalpodautoscalers", "horizontalpodautoscalers"),
        (
            "shop",
            "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers",
            "horizontalpodautoscalers/shop",
        ),
    ],
)
def test_where_they_are_watched(namespace, path, resource):
    watched = watched_hpas(namespace)

    assert (watched.path, watched.resource) == (path, resource)


def test_the_revision_grows_with_what_can_define_metrics():
    store = HorizontalPodAutoscalers()
    store.replace([hpa(POD_EXAMPLE, PODS_SPEC)])
    revisions = [store.revision]
    for change in (
        hpa(POD_EXAMPLE, PODS_SPEC, current_replicas=4),
        hpa({}, PODS_SPEC),
        hpa({}, PODS_SPEC, HTTP_SPEC),
        hpa({}, PODS_SPEC, HTTP_SPEC, target=TARGET._replace(name="other")),
    ):
        store.upsert(change)
        revisions.append(store.revision)
    store.replace([change])
    store.remove(change)
    revisions.append(store.revision)
    store.remove(change)

    assert revisions == [1, 1, 2, 3, 4, 5]
    assert (len(store), store.revision) == (0, 5)


def test_the_replicas_follow_all_the_same():
    store = HorizontalPodAutoscalers()
    store.replace([hpa({})])

    store.upsert(hpa({}, current_replicas=4))

    assert store.get("shop", "myapp-hpa").current_replicas == 4


async def test_an_informer_keeps_them(apiserver, api, clock, telemetry, eventually):
    store = HorizontalPodAutoscalers()
    apiserver.lists.append(page(wire("a")))
    watched = watched_hpas("shop")
    informer = Informer(api, watched, store, clock=clock, telemetry=telemetry)

    async with running(informer):
        watch = await apiserver.watch()
        assert [each.name for each in store] == ["a"]
        await watch.event(BOOKMARK, {"metadata": {"resourceVersion": "11"}})
        await watch.event("ADDED", wire("b", "12"))
        await watch.event("DELETED", wire("a", "13"))
        await eventually(lambda: [each.name for each in store] == ["b"])
