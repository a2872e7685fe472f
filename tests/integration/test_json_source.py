"""Custom and external metrics from JSON documents, through the whole service; no Prometheus."""

import contextlib

from integration.service import lab

from adapter.model.resources import PodKey
from adapter.model.times import parse_rfc3339

RULES = """
rules:
- metric: queue-depth
  json:
    pods: {selector: app=web, namespaces: [shop]}
    port: http
    path: /stats.json
    query: $.queue.depth
    interval: 5s
    timeout: 2s
- metric: memory
  json:
    pods: {selector: app=web}
    port: http
    path: /stats.json
    query: $.queue.memory
    valueType: quantity
    timestamp: $.time
externalRules:
- metric: mails
  allowedNamespaces: [shop]
  json:
    url: URL
    each: $.queues[*]
    query: $.depth
    labels: {name: $.name, region: $.region}
"""

CUSTOM = "/apis/custom.metrics.k8s.io/v1beta2"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1"
DEPTHS = f"{CUSTOM}/namespaces/shop/pods/*/queue-depth"


class JsonLab:
    """The service over pods that publish."""

    def __init__(self, made, keys):
        self.lab, self.cluster, self.clock = made, made.cluster, made.clock
        self.keys = keys

    async def ask(self, path, status=200):
        got, _, body = await self.lab.get(path)
        assert got == status, body.get("message")
        return body

    async def depths(self):
        items = (await self.ask(DEPTHS))["items"]
        return {item["describedObject"]["name"]: item for item in items}

    def truth(self, key, seconds=2.0):
        now = self.clock.time()
        return self.cluster.json[key].figures.depth_between(now - seconds, now)


@contextlib.asynccontextmanager
async def json_lab(tmp_path, *, pods=3, allow="127.64.0.0/10"):
    """The rules above; the URL is the document of the first pod."""
    rules = tmp_path / "rules.yaml"
    keys = [PodKey("shop", f"web-{number}") for number in range(pods)]

    async def prepare(cluster):
        for key in keys:
            cluster.add_pod(key, "node-0000", {"app": (0.1, 1 << 20)}, labels={"app": "web"})
            await cluster.json.publish(key)
        rules.write_text(RULES.replace("URL", cluster.json[keys[0]].url))

    def flags(_):
        return [f"--config={rules}", f"--json-allow={allow}"]

    async with lab(flags=flags, prepare=prepare) as made:
        await made.turn_until(made.ready)
        yield JsonLab(made, keys)


async def test_pods_answer_with_what_they_publish(tmp_path):
    async with json_lab(tmp_path) as made:
        found = await made.depths()
        assert set(found) == {key.name for key in made.keys}
        for key in made.keys:
            assert int(found[key.name]["value"]) in made.truth(key)

        await made.lab.turn(30)
        found = await made.depths()
        for key in made.keys:
            assert int(found[key.name]["value"]) in made.truth(key, 7)
            age = made.clock.time() - parse_rfc3339(found[key.name]["timestamp"])
            assert age < 7


async def test_quantities_and_times_come_from_the_document(tmp_path):
    async with json_lab(tmp_path) as made:
        path = f"{CUSTOM}/namespaces/shop/pods/web-0/memory"
        (item,) = (await made.ask(path))["items"]
        figures = made.cluster.json[made.keys[0]].figures
        moment = parse_rfc3339(item["timestamp"])
        assert moment == figures.moment(moment)
        assert int(item["value"]) == figures.depth(moment) * 64 * 1024


async def test_each_queue_is_a_series_to_select(tmp_path):
    async with json_lab(tmp_path) as made:
        path = f"{EXTERNAL}/namespaces/shop/mails"
        items = (await made.ask(path))["items"]
        names = {item["metricLabels"]["name"] for item in items}
        assert names == set(made.cluster.json[made.keys[0]].figures.queues)

        chosen = min(names)
        (item,) = (await made.ask(f"{path}?labelSelector=name%3D{chosen}"))["items"]
        assert item["metricLabels"]["name"] == chosen
        assert (await made.ask(f"{EXTERNAL}/namespaces/other/mails", 403))["reason"] == "Forbidden"


async def test_discovery_lists_what_rules_name(tmp_path):
    async with json_lab(tmp_path) as made:
        custom, external = await made.ask(CUSTOM), await made.ask(EXTERNAL)
        assert [each["name"] for each in custom["resources"]] == ["pods/memory", "pods/queue-depth"]
        assert [each["name"] for each in external["resources"]] == ["mails"]


async def test_a_pod_that_hangs_costs_that_pod(tmp_path):
    async with json_lab(tmp_path) as made:
        await made.depths()
        made.cluster.json[made.keys[1]].faults.hanging = True
        await made.lab.turn(80)
        assert set(await made.depths()) == {"web-0", "web-2"}
        path = f"{CUSTOM}/namespaces/shop/pods/web-1/queue-depth"
        message = (await made.ask(path, 404))["message"]
        assert "rules[0]: " in message
        assert "maxAge is 1m" in message

        made.cluster.json[made.keys[1]].faults.clear()

        async def all_again():
            return len(await made.depths()) == 3

        await made.lab.turn_until(all_again)  # the fetch that hangs ends by the real clock


async def test_pods_come_and_go(tmp_path):
    async with json_lab(tmp_path) as made:
        await made.depths()
        key = PodKey("shop", "web-9")
        made.cluster.add_pod(key, "node-0000", {"app": (0.1, 1 << 20)}, labels={"app": "web"})
        await made.cluster.json.publish(key)
        made.cluster.delete_pod(made.keys[0])
        await made.lab.turn(5)
        assert set(await made.depths()) == {"web-1", "web-2", "web-9"}

        made.cluster.set_ready(key, ready=False)
        await made.lab.turn(5)
        assert set(await made.depths()) == {"web-1", "web-2"}


async def test_nothing_is_read_from_loopback_unless_allowed(tmp_path):
    async with json_lab(tmp_path, allow="192.0.2.0/24") as made:
        assert "--json-allow" in (await made.ask(DEPTHS, 404))["message"]
        external = await made.ask(f"{EXTERNAL}/namespaces/shop/mails", 500)
        assert "--json-allow" in external["message"]
        assert all(made.cluster.json[key].requests == 0 for key in made.keys)
