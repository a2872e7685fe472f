"""The Prometheus source against a real Prometheus that scrapes a kubelet."""

import asyncio
import http.server
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from adapter.errors import SourceError, SourceTimeout
from adapter.model.resources import PodKey
from adapter.periodic import SystemClock
from adapter.rules.load import load_rule_file
from adapter.rules.query import ResourceQueries
from adapter.sources.prometheus.client import PrometheusClient, PrometheusOptions
from adapter.sources.prometheus.resource import PrometheusResourceSource
from adapter.telemetry import Telemetry

pytestmark = pytest.mark.prometheus

ROOT = Path(__file__).parents[2]
WEB = PodKey("shop", "web")
HOUSEKEEPING = 1.0
"""Seconds between two samples of a container; it is scraped twice as often."""

WAIT = 30.0
"""How long something may take that takes a few seconds on a quiet machine."""

RULE_FILES = [*ROOT.glob("config/rules.*.yaml"), *ROOT.glob("tests/golden/rules/*.txt")]


class Kubelet:
    """Serves ``/metrics/resource`` of one pod with steady use, with the samples' own times."""

    def __init__(self):
        self.starts = [time.time() - 1000]
        self.cores = {"app": 0.25, "proxy": 0.0}
        kubelet = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(kubelet.exposition().encode())

            def log_message(self, *_):
                """Keep quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def exposition(self):
        at = time.time() // HOUSEKEEPING * HOUSEKEEPING
        stamp = int(at * 1000)
        # a sample that was taken before a restart is of the container before
        up = at - max(start for start in self.starts if start <= at)
        lines = []
        for container, cores in self.cores.items():
            labels = f'{{container="{container}",namespace="shop",pod="web"}}'
            lines += [
                f"container_cpu_usage_seconds_total{labels} {cores * up} {stamp}",
                f"container_memory_working_set_bytes{labels} 8388608 {stamp}",
            ]
        lines += [
            f"node_cpu_usage_seconds_total {1.5 * (at - 1e9)} {stamp}",
            f"node_memory_working_set_bytes 21474836480 {stamp}",
        ]
        return "\n".join(lines) + "\n"

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="module")
def kubelet():
    server = Kubelet()
    yield server
    server.close()


@pytest.fixture(scope="module")
def prometheus(prometheus_server, kubelet):
    return prometheus_server(f"""
scrape_configs:
- job_name: kubelet-resource
  metrics_path: /metrics/resource
  scrape_interval: 500ms
  scrape_timeout: 500ms
  static_configs:
  - targets: ["127.0.0.1:{kubelet.server.server_port}"]
    labels: {{node: node-a}}
""")


@pytest.fixture
async def client(prometheus):
    options = PrometheusOptions(url=prometheus.url, timeout=5.0)
    async with PrometheusClient(options, telemetry=Telemetry()) as client:
        yield client


@pytest.fixture
async def source(client):
    rules = (ROOT / "config/rules.kubelet.yaml").read_text(encoding="utf-8")
    source = PrometheusResourceSource(
        client,
        load_rule_file(rules, "rules.kubelet.yaml").resource_rules,
        clock=SystemClock(),
        keep_seconds=0.1,
        max_age=60.0,
        telemetry=Telemetry(),
    )
    yield source
    await source.close()


async def web(source):
    (pod,) = await source.pods([WEB], "shop")
    return pod


async def eventually(ask, wanted=bool):
    """Repeat *ask* until it gives what is *wanted*; failures of Prometheus are not."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        with suppress(SourceError):
            answer = await ask()
            if wanted(answer):
                return answer
        await asyncio.sleep(0.1)
    pytest.fail(f"not within {WAIT:g} s")


async def test_values_are_those_of_the_kubelet(source):
    """Exact, although most samples are scraped twice; times are the samples' own."""
    pod = await eventually(lambda: web(source))
    (node,) = await source.nodes(["node-a"])

    assert [(c.name, c.memory) for c in pod.containers] == [("app", 8388608), ("proxy", 8388608)]
    assert [c.cpu for c in pod.containers] == pytest.approx([0.25, 0.0], rel=1e-6)
    assert pod.timestamp % HOUSEKEEPING == 0
    assert time.time() - pod.timestamp < 10
    assert pod.window % HOUSEKEEPING == pytest.approx(0.0, abs=1e-6)
    assert 0 < pod.window < 10, "the time between two samples, not the 15 s of the rule file"
    assert (node.cpu, node.memory) == (pytest.approx(1.5, rel=1e-6), 21474836480)
    assert await source.pods([WEB, PodKey("other", "x")], None) == [pod, None]


async def test_a_restart_gives_no_value_rather_than_a_wrong_one(source, kubelet):
    before = await eventually(lambda: web(source))
    restarted = time.time()
    kubelet.starts.append(restarted)
    seen = []

    async def after_restart():
        pod = await web(source)
        seen.append(pod)
        return pod

    await eventually(after_restart, lambda pod: pod and pod.timestamp > restarted + HOUSEKEEPING)

    assert before.containers[0].cpu == pytest.approx(0.25, rel=1e-6)
    assert None in seen
    assert {round(pod.containers[0].cpu, 6) for pod in seen if pod} == {0.25}
    assert source.why_no_pod(WEB, None) == "prometheus has no sample of it"


async def test_prometheus_dies_and_comes_back(source, prometheus):
    await eventually(lambda: web(source))

    prometheus.kill()
    await asyncio.sleep(0.2)  # until the last answer is no longer kept
    started = time.monotonic()
    with pytest.raises(SourceError, match="prometheus"):
        await web(source)
    with pytest.raises(SourceError, match="prometheus"):
        await source.nodes(["node-a"])

    assert time.monotonic() - started < 1.0
    assert "prometheus" in source.why_no_pod(WEB, None)

    prometheus.start()
    assert (await eventually(lambda: web(source))).name == "web"


async def test_prometheus_hangs(prometheus):
    options = PrometheusOptions(url=prometheus.url, timeout=0.5)
    async with PrometheusClient(options, telemetry=Telemetry()) as client:
        await client.query_vector("vector(1)")
        prometheus.pause()
        try:
            with pytest.raises(SourceTimeout, match=r"did not answer within 0\.5 s"):
                await client.query_vector("vector(1)")
        finally:
            prometheus.resume()

        await eventually(lambda: client.query_vector("vector(1)"))


async def test_prometheus_own_words_reach_the_caller(client):
    with pytest.raises(SourceError, match=r"bad_data: .*unclosed left parenthesis"):
        await client.query_vector("sum(up")
    with pytest.raises(SourceError, match="the query gives a scalar"):
        await client.query_vector("1")
    with pytest.raises(SourceError, match="the query gives a matrix"):
        await client.query_vector("up[1m]")


async def test_a_query_longer_than_any_url(client):
    long_query = f'vector(1) or up{{pod=~"{"x" * 30_000}"}}'

    assert len((await client.query_vector(long_query)).samples) == 1


async def test_control_calls(client):
    await client.ready()

    assert (await client.server_version())[0].isdigit()


async def test_time_of_evaluation(client):
    at = time.time() - 100

    (sample,) = (await client.query_vector("vector(time())", at=at)).samples

    assert sample.number == pytest.approx(at, abs=0.001)


async def test_every_query_of_every_rule_file_is_accepted(client):
    for path in RULE_FILES:
        text = path.read_text(encoding="utf-8").split("\n----------\n")[0]
        rules = ResourceQueries.from_rules(load_rule_file(text, path.name).resource_rules)
        for containers in (rules.cpu_containers, rules.memory_containers):
            for template in filter(None, (containers.values, containers.timestamps)):
                await client.query_vector(containers.render(template, "shop"))
                await client.query_vector(containers.render(template, None))
        for nodes in filter(None, (rules.cpu_nodes, rules.memory_nodes)):
            for template in filter(None, (nodes.values, nodes.timestamps)):
                await client.query_vector(nodes.render(template))
