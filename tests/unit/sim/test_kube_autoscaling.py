"""Autoscalers, scales and events of the stand-in for kube-apiserver."""

import json

import pytest

HPAS = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
EVENTS = "/api/v1/namespaces/shop/events"
METRIC = {"type": "Pods", "pods": {"metric": {"name": "depth"}, "target": {"averageValue": "5"}}}


@pytest.fixture
def hpa(cluster):
    return cluster.autoscaling.add_autoscaler(
        "shop",
        "web",
        target=("apps/v1", "Deployment", "web"),
        metrics=[METRIC],
        annotations={"metric-config.pods.depth.json-path/path": "/stats.json"},
        replicas=3,
    )


async def test_autoscalers_are_read(api, hpa):
    found = await api.json(f"{HPAS}/web")
    listed = await api.json("/apis/autoscaling/v2/horizontalpodautoscalers")

    assert (found["kind"], found["apiVersion"]) == ("HorizontalPodAutoscaler", "autoscaling/v2")
    assert found["spec"]["scaleTargetRef"]["name"] == "web"
    assert found["spec"]["metrics"] == [METRIC]
    assert found["status"]["currentReplicas"] == 3
    assert [each["metadata"]["uid"] for each in listed["items"]] == [hpa["metadata"]["uid"]]


async def test_autoscalers_are_watched(api, cluster, hpa):
    since = hpa["metadata"]["resourceVersion"]
    path = f"{HPAS}?watch=true&resourceVersion={since}&timeoutSeconds=5"
    async with api.request("GET", path) as answer:
        cluster.autoscaling.delete_autoscaler("shop", "web")
        event = json.loads(await answer.content.readline())

    assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", "web")


async def test_scale_tells_the_pods(api, cluster):
    labels = {"app": "web", "tier": "front"}
    cluster.autoscaling.add_workload("deployments.apps", "shop", "web", selector=labels, replicas=3)

    scale = await api.json(f"{DEPLOYMENTS}/web/scale")

    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["spec"]["replicas"] == 3
    assert scale["status"] == {"replicas": 3, "selector": "app=web,tier=front"}


async def test_no_scale_of_what_is_not_there_or_not_scaled(api, cluster):
    cluster.objects.add("jobs.batch", "shop", "once")

    status = await api.json(f"{DEPLOYMENTS}/none/scale", status=404)
    assert status["message"] == 'deployments.apps "none" not found'
    await api.json("/apis/batch/v1/namespaces/shop/jobs/once/scale", status=404)


async def test_events_are_written(api, cluster):
    event = {
        "metadata": {"name": "web.1", "namespace": "shop"},
        "involvedObject": {"kind": "HorizontalPodAutoscaler", "name": "web"},
        "reason": "InvalidMetricAnnotation",
        "message": "no such collector",
        "type": "Warning",
        "count": 1,
    }
    await api.json(EVENTS, method="POST", json=event, status=201)
    headers = {"Content-Type": "application/merge-patch+json"}
    await api.json(f"{EVENTS}/web.1", method="PATCH", data=b'{"count":2}', headers=headers)

    (found,) = cluster.autoscaling.events("shop")
    assert (found["reason"], found["count"]) == ("InvalidMetricAnnotation", 2)
    assert cluster.autoscaling.events("other") == []
