"""The way of a number from an exporter to the custom and external APIs, over real engines."""

import asyncio
import json
import time
import urllib.parse
import urllib.request

import pytest
from golden.cluster import PODS
from integration.conftest import poll
from integration.engines import engine, scrape_config
from integration.exporter import exporting
from integration.service import lab

from adapter.model.quantity import Quantity
from adapter.periodic import SystemClock

CUSTOM = "/apis/custom.metrics.k8s.io/v1beta2"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1"
DEADLINE = 30.0

RULES = """
backends:
- {name: away, url: "http://127.0.0.1:9"}
rules:
- seriesQuery: 'http_requests_total{namespace!="",pod!=""}'
  resources:
    overrides:
      namespace: {resource: namespace}
      pod: {resource: pod}
      service: {resource: service}
  name: {matches: "^(.*)_total$", as: "${1}_per_second"}
  metricsQuery: 'sum(rate(<<.Series>>{<<.LabelMatchers>>}[10s])) by (<<.GroupBy>>)'
  window: 10s
- seriesQuery: '{__name__=~"^queue_depth.*"}'
  resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
  metricsQuery: '<<.Series>>{<<.LabelMatchers>>}'
  maxAge: 1m
- seriesQuery: 'latency_seconds_bucket'
  resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
  name: {as: latency_p90}
  metricsQuery: >-
    histogram_quantile(0.9,
    sum(rate(<<.Series>>{<<.LabelMatchers>>}[10s])) by (le,<<.GroupBy>>))
- seriesQuery: 'pod_tier'
  resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
  name: {as: gold_queue}
  metricsQuery: >-
    sum(queue_depth{<<.LabelMatchers>>}
    * on (namespace,pod) group_left(tier) <<.Series>>{<<.LabelMatchers>>,tier="gold"})
    by (<<.GroupBy>>)
- seriesQuery: 'ingress_requests_total'
  resources:
    overrides:
      namespace: {resource: namespace}
      ingress: {group: networking.k8s.io, resource: ingress}
  name: {matches: "^(.*)_total$"}
  metricsQuery: 'sum(rate(<<.Series>>{<<.LabelMatchers>>}[10s])) by (<<.GroupBy>>)'
- seriesQuery: 'node_disk_busy'
  resources: {overrides: {node: {resource: node}}}
  metricsQuery: 'max(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'
- seriesQuery: 'queue_depth'
  resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
  name: {as: clashing}
  metricsQuery: >-
    <<.Series>>{<<.LabelMatchers>>} / on (namespace) http_requests_total{<<.LabelMatchers>>}
- metric: of_another_server
  backend: away
  resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
  metricsQuery: 'sum(whatever{<<.LabelMatchers>>}) by (<<.GroupBy>>)'
externalRules:
- seriesQuery: 'queue_messages_ready'
  resources: {overrides: {namespace: {resource: namespace}}}
  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>}) by (queue)'
- seriesQuery: 'cluster_backlog'
  resources: {namespaced: false}
  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>})'
"""


def fill(exporter, pods):
    """Known values for each pod: requests a second 2, 4, 6, …; depth 3, 13, 23, …."""
    for index, (namespace, pod) in enumerate(pods):
        labels = f'namespace="{namespace}",pod="{pod}"'
        for code, rate in (("200", 2.0 * (index + 1)), ("500", 0.25)):
            series = f'http_requests_total{{{labels},service="web",code="{code}"}}'
            exporter.rates[series] = rate
        exporter.gauges[f"queue_depth{{{labels}}}"] = 10 * index + 3
        tier = "gold" if index % 2 else "tin"
        exporter.gauges[f'pod_tier{{{labels},tier="{tier}"}}'] = 1
        # of 10 a second, 8 take up to 0.1 s and 10 up to 0.2 s: nine tenths take 0.15 s
        for le, rate in (("0.1", 8), ("0.2", 10), ("+Inf", 10)):
            exporter.rates[f'latency_seconds_bucket{{{labels},le="{le}"}}'] = rate
    exporter.rates['ingress_requests_total{namespace="team-00",ingress="front"}'] = 7.5
    exporter.gauges['node_disk_busy{node="node-0001"}'] = 0.2
    for queue, ready in (("a", 42), ("b", 1_234_567)):
        exporter.gauges[f'queue_messages_ready{{namespace="team-00",queue="{queue}"}}'] = ready
    exporter.gauges['cluster_backlog{tenant="t\\"q"}'] = 99.5


class Engine:
    """A service, an exporter and an engine between them."""

    def __init__(self, server, exporter, made, pods):
        self.server = server
        self.exporter = exporter
        self.lab = made
        self.pods = pods

    async def ask(self, path):
        status, headers, body = await self.lab.get(path)
        return status, headers, body

    async def values(self, path):
        """Value by object or by queue; the answer must be good."""
        status, _, body = await self.ask(path)
        assert status == 200, body
        return {
            item.get("describedObject", {}).get("name")
            or (item["metricLabels"] or {}).get("queue", ""): float(Quantity.parse(item["value"]))
            for item in body["items"]
        }

    async def eventually(self, path, accept):
        """Ask until *accept* holds for status and body; both of the last answer."""
        deadline = time.monotonic() + DEADLINE
        while True:
            status, _, body = await self.ask(path)
            if accept(status, body):
                return body
            assert time.monotonic() < deadline, (path, status, str(body))
            await asyncio.sleep(0.2)

    def pods_path(self, index, metric, name="*"):
        return f"{CUSTOM}/namespaces/{self.pods[index][0]}/pods/{name}/{metric}"


def holds(server):
    """Whether *server* answers with what was scraped for longer than a rate's window."""
    oldest = "count_over_time(cluster_backlog[20s])"
    url = f"{server.url}/api/v1/query?{urllib.parse.urlencode({'query': oldest})}"
    with urllib.request.urlopen(url, timeout=5) as response:
        result = json.load(response)["data"]["result"]
    return bool(result) and int(result[0]["value"][1]) > 11


@pytest.fixture(scope="module", params=["prometheus", "victoria-metrics"])
async def made(request, tmp_path_factory):
    rules = tmp_path_factory.mktemp("rules") / "rules.yaml"
    rules.write_text(RULES)
    pods = [(namespace, name) for namespace, name, *_ in PODS[:4]]
    with exporting() as exporter:
        fill(exporter, pods)
        with engine(request.param, scrape_config(exporter.port)) as server:
            poll(lambda: holds(server), DEADLINE)
            flags = [f"--prometheus-url={server.url}", f"--config={rules}"]
            async with lab(flags=lambda _: flags, clock=SystemClock(), layout="golden") as service:
                made = Engine(server, exporter, service, pods)
                for path in (
                    made.pods_path(0, "http_requests_per_second"),
                    f"{EXTERNAL}/namespaces/x/cluster_backlog",
                ):
                    await made.eventually(path, lambda status, _: status == 200)
                yield made


async def test_counters(made):
    for index, (_, pod) in enumerate(made.pods):
        values = await made.values(made.pods_path(index, "http_requests_per_second"))
        assert values[pod] == pytest.approx(2.0 * (index + 1) + 0.25, rel=0.05)


async def test_series_are_selected_by_their_own_labels(made):
    path = made.pods_path(3, "http_requests_per_second") + "?metricLabelSelector=code%3D500"
    assert (await made.values(path))[made.pods[3][1]] == pytest.approx(0.25, rel=0.05)


async def test_gauges_and_one_pod_by_name(made):
    namespace, pod = made.pods[2]
    status, _, body = await made.ask(made.pods_path(2, "queue_depth", pod))
    assert status == 200
    (item,) = body["items"]
    assert item["describedObject"] == {
        "kind": "Pod",
        "namespace": namespace,
        "name": pod,
        "apiVersion": "v1",
    }
    assert item["value"] == "23"


async def test_the_window_of_a_rule_is_told(made):
    _, _, body = await made.ask(made.pods_path(0, "http_requests_per_second"))
    assert {item["windowSeconds"] for item in body["items"]} == {10}


async def test_quantiles_of_histograms(made):
    for index, (_, pod) in enumerate(made.pods):
        values = await made.values(made.pods_path(index, "latency_p90"))
        assert values[pod] == pytest.approx(0.15, rel=0.05)


async def test_joins_over_several_labels(made):
    assert (await made.values(made.pods_path(1, "gold_queue")))[made.pods[1][1]] == 13
    status, _, body = await made.ask(made.pods_path(0, "gold_queue"))
    assert (status, body["items"]) == (200, [])


async def test_metrics_of_other_objects(made):
    ingress = "ingresses.networking.k8s.io"
    path = f"{CUSTOM}/namespaces/team-00/{ingress}/front/ingress_requests"
    assert await made.values(path) == {"front": pytest.approx(7.5, rel=0.05)}
    path = f"{CUSTOM}/namespaces/team-00/services/*/http_requests_per_second"
    assert await made.values(path) == {"web": pytest.approx(2.25, rel=0.05)}
    for path in (f"{CUSTOM}/nodes/node-0001", f"{CUSTOM}/namespaces/team-00/nodes/node-0001"):
        assert await made.values(f"{path}/node_disk_busy") == {"node-0001": 0.2}
    path = f"{CUSTOM}/namespaces/team-00/metrics/http_requests_per_second"
    assert await made.values(path) == {"team-00": pytest.approx(2.25, rel=0.05)}


async def test_external_metrics(made):
    path = f"{EXTERNAL}/namespaces/team-00/queue_messages_ready"
    assert await made.values(path) == {"a": 42, "b": 1_234_567}
    assert await made.values(f"{path}?labelSelector=queue%3Da") == {"a": 42}
    path = f"{EXTERNAL}/namespaces/team-01/queue_messages_ready"
    status, _, body = await made.ask(path)
    assert (status, body["items"]) == (200, [])
    assert await made.values(f"{EXTERNAL}/namespaces/x/cluster_backlog") == {"": 99.5}


async def test_a_query_that_fails_concerns_its_metric_only(made):
    status, _, body = await made.ask(made.pods_path(0, "clashing"))
    assert (status, body["reason"]) == (500, "InternalError")
    assert "unable to fetch metrics: prometheus refused the query" in body["message"]
    assert (await made.values(made.pods_path(0, "queue_depth")))[made.pods[0][1]] == 3


async def test_a_server_that_is_away_concerns_its_metrics_only(made):
    status, _, body = await made.ask(made.pods_path(0, "of_another_server"))
    assert status == 500
    assert "backend away: cannot connect" in body["message"]
    assert "127.0.0.1" not in body["message"]
    assert (await made.values(made.pods_path(0, "queue_depth")))[made.pods[0][1]] == 3


async def test_a_series_that_appears_is_served_without_a_restart(made):
    namespace, pod = made.pods[0]
    path = made.pods_path(0, "queue_depth_new")
    status, _, body = await made.ask(path)
    assert status == 404
    assert "could not find the metric queue_depth_new for pods: " in body["message"]
    made.exporter.gauges[f'queue_depth_new{{namespace="{namespace}",pod="{pod}"}}'] = 5
    body = await made.eventually(path, lambda status, _: status == 200)
    assert body["items"][0]["value"] == "5"
    _, _, listed = await made.ask(CUSTOM)
    assert "pods/queue_depth_new" in {each["name"] for each in listed["resources"]}


async def test_a_series_that_ends_has_no_value_and_a_reason(made):
    namespace, pod = made.pods[3]
    series = f'queue_depth{{namespace="{namespace}",pod="{pod}"}}'
    path = made.pods_path(3, "queue_depth", pod)
    before = made.exporter.gauges.pop(series)
    body = await made.eventually(path, lambda status, _: status == 404)
    assert body["message"].startswith(
        f"the server could not find the metric queue_depth for pods {pod}: "
    )
    made.exporter.gauges[series] = before
    await made.eventually(path, lambda status, _: status == 200)


async def test_a_restart_of_the_engine(made):
    path = made.pods_path(0, "queue_depth")
    made.server.kill()
    body = await made.eventually(path, lambda status, _: status == 500)
    assert "unable to fetch metrics: cannot connect to prometheus" in body["message"]
    assert (await made.ask(CUSTOM))[0] == 200
    assert len((await made.ask(CUSTOM))[2]["resources"]) > 5
    made.server.start()
    body = await made.eventually(path, lambda status, body: status == 200 and body["items"])
    assert body["items"][0]["value"] == "3"
