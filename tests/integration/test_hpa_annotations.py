"""Metrics that HPAs define by annotations, through the whole service; no rules, no Prometheus."""

import contextlib

from integration.service import lab

from adapter.model.resources import PodKey

CUSTOM = "/apis/custom.metrics.k8s.io/v1beta2"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1"
WEB = "metric-config.pods.queue-depth.json-path"
MAIL = "metric-config.external.mails.json-path"


def pods_metric(name):
    target = {"type": "AverageValue", "averageValue": "10"}
    return {"type": "Pods", "pods": {"metric": {"name": name}, "target": target}}


def external_metric(name, **labels):
    metric = {"name": name, "selector": {"matchLabels": labels}}
    target = {"type": "AverageValue", "averageValue": "10"}
    return {"type": "External", "external": {"metric": metric, "target": target}}


class HpaLab:
    """The service; `web` and `api` are Deployments with two pods each, which publish."""

    def __init__(self, made):
        self.lab, self.cluster = made, made.cluster

    def add(self, name, metric, **annotations):
        self.cluster.autoscaling.add_autoscaler(
            "shop",
            name,
            target=("apps/v1", "Deployment", name),
            metrics=[metric],
            annotations=annotations,
        )

    async def get(self, path, status=200):
        got, _, body = await self.lab.get(path)
        assert got == status, body.get("message")
        return body

    async def depths(self, app, status=200):
        path = f"{CUSTOM}/namespaces/shop/pods/*/queue-depth?labelSelector=app%3D{app}"
        body = await self.get(path, status)
        if status != 200:
            return body["message"]
        return {item["describedObject"]["name"]: int(item["value"]) for item in body["items"]}

    def truth(self, name, queue=None):
        now = self.lab.clock.time()
        figures = self.cluster.json[PodKey("shop", name)].figures
        return {figures.depth(now - ago, queue) for ago in range(4)}


@contextlib.asynccontextmanager
async def hpa_lab(*, namespaces="shop"):
    async def prepare(cluster):
        for app in ("web", "api"):
            selector = {"app": app}
            cluster.autoscaling.add_workload("deployments.apps", "shop", app, selector=selector)
            for number in range(2):
                key = PodKey("shop", f"{app}-{number}")
                cluster.add_pod(key, "node-0000", {"app": (0.1, 1 << 20)}, labels=selector)
                await cluster.json.publish(key)

    def flags(_):
        return [f"--hpa-annotations={namespaces}", "--json-allow=127.64.0.0/10"]

    async with lab(flags=flags, prepare=prepare) as made:
        await made.turn_until(made.ready)
        yield HpaLab(made)


def web_annotations(port, key="$.queue.depth"):
    return {f"{WEB}/json-key": key, f"{WEB}/path": "/stats.json", f"{WEB}/port": str(port)}


async def test_pods_of_the_workload_answer_with_what_they_publish():
    async with hpa_lab() as made:
        made.add("web", pods_metric("queue-depth"), **web_annotations(made.cluster.json.port))
        await made.lab.turn(3)
        found = await made.depths("web")
        assert set(found) == {"web-0", "web-1"}
        assert all(found[name] in made.truth(name) for name in found)
        assert "no HPA that defines the metric scales this pod" in await made.depths("api", 404)


async def test_two_hpas_may_define_one_metric_differently():
    async with hpa_lab() as made:
        port = made.cluster.json.port
        made.add("web", pods_metric("queue-depth"), **web_annotations(port))
        first = "$.queues[0].depth"
        made.add("api", pods_metric("queue-depth"), **web_annotations(port, first))
        await made.lab.turn(3)
        web, api = await made.depths("web"), await made.depths("api")
        queue = next(iter(made.cluster.json[PodKey("shop", "api-0")].figures.queues))
        assert all(web[name] in made.truth(name) for name in web)
        assert all(api[name] in made.truth(name, queue) for name in api)


async def test_an_url_is_an_external_metric():
    async with hpa_lab() as made:
        url = made.cluster.json[PodKey("shop", "web-0")].url
        annotations = {f"{MAIL}/json-key": "$.queue.depth", f"{MAIL}/endpoint": url}
        made.add("web", external_metric("mails", type="json-path"), **annotations)
        await made.lab.turn(3)
        path = f"{EXTERNAL}/namespaces/shop/mails?labelSelector=type%3Djson-path"
        (item,) = (await made.get(path))["items"]
        assert int(item["value"]) in made.truth("web-0")
        assert item["metricLabels"] == {"type": "json-path"}
        await made.get(path.replace("shop", "other"), 404)


async def test_an_url_of_kube_apiserver_is_refused():
    async with hpa_lab() as made:
        url = made.cluster.api.url + "/api/v1/namespaces/kube-system/secrets"
        annotations = {f"{MAIL}/json-key": "$.kind", f"{MAIL}/endpoint": url}
        made.add("web", external_metric("mails", type="json-path"), **annotations)
        await made.lab.turn(3)
        body = await made.get(
            f"{EXTERNAL}/namespaces/shop/mails?labelSelector=type%3Djson-path", 500
        )
        assert "--json-allow" in body["message"]


async def test_a_mistake_is_an_event_on_the_hpa():
    async with hpa_lab() as made:
        port = made.cluster.json.port
        annotations = {
            key.replace("json-key", "jsonkey"): text for key, text in web_annotations(port).items()
        }
        made.add("web", pods_metric("queue-depth"), **annotations)
        await made.lab.turn(8)
        events = made.cluster.autoscaling.events("shop")
        assert {event["involvedObject"]["name"] for event in events} == {"web"}
        assert any("json-key" in event["message"] for event in events)
        _, text = await made.lab.text("/metrics")
        assert "viaduct_hpa_annotation_problems 0.0" not in text


async def test_hpas_of_other_namespaces_define_nothing():
    async with hpa_lab(namespaces="other") as made:
        made.add("web", pods_metric("queue-depth"), **web_annotations(made.cluster.json.port))
        await made.lab.turn(3)
        assert "no HPA" in await made.depths("web", 404)
        assert all(made.cluster.json[key].requests == 0 for key in made.cluster.json.published())
