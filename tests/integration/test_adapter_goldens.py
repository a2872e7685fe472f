"""prometheus-adapter's recorded answers, from the same series and rules through the whole service.

The series come from an exporter by way of a real engine; objects are those of the simulated golden
cluster. After the engine was killed, answers are those that were recorded then.
"""

import asyncio
import time
from pathlib import Path

import pytest
from golden.adapter_purpose import UNLIKE, expected
from golden.compare import PROMETHEUS_ADAPTER, Answer, Golden, as_text, differences, names
from golden.custom_cluster import EXPOSING, ODD
from integration.engines import engine
from integration.exporter import exporting
from integration.service import lab
from yarl import URL

from adapter.periodic import SystemClock

pytestmark = pytest.mark.prometheus
RULES = Path(__file__).parents[1] / "golden" / "rules" / "recorded-cluster.txt"
NAMES = [name for name in names(PROMETHEUS_ADAPTER) if name not in UNLIKE]
DOWN = [name for name in NAMES if name.startswith("down-")]
TARGET = 'instance="127.0.0.1:19100",job="app19100"'
AGE = 90.0
"""Seconds that the counters rise before the test: more than the window of the rules' rates."""

ON_FIRST_NODE = [
    ("team-00", "svc-000-00000000-00000"),
    ("team-01", "svc-001-360d5a3f-00001"),
    ("team-02", "svc-002-6c1ab47e-00002"),
    ("team-03", "svc-003-a2280ebd-00003"),
]
RATE_TOLERANCE = 0.02
DEADLINE = 30.0

SETTLED = [
    "v1beta2-discovery",
    "external-discovery",
    "v1beta2-pods-star",
    "v1beta2-gauge",
    "v1beta2-inf",
    "v1beta2-namespace-metrics",
    "v1beta2-nodes-star",
    "external-ns",
    "external-cluster",
]
"""Answers that are waited for: all series are discovered, a scrape has met the history of the
counters, and each gauge, which has none, can be queried. VictoriaMetrics lists a series at once and
gives its samples only when they are `latencyOffset` old.
"""


def config(port):
    """Scrapes the exporter, under the address it had when the answers were recorded."""
    return f"""
global: {{scrape_interval: 1s}}
scrape_configs:
- job_name: app19100
  static_configs:
  - targets: ["127.0.0.1:{port}"]
    labels: {{instance: "127.0.0.1:19100"}}
"""


def fill(exporter):
    """The series that the answers were recorded from."""
    rates, gauges = exporter.rates, exporter.gauges
    for index, (namespace, pod) in enumerate(EXPOSING):
        labels = f'namespace="{namespace}",pod="{pod}"'
        for code, rate in (("200", 2.0 * (index + 1)), ("500", 0.25)):
            rates[f'http_requests_total{{{labels},service="web",code="{code}"}}'] = rate
        gauges[f"queue_depth{{{labels}}}"] = 10 * index + 3
        gauges[f"odd_value{{{labels}}}"] = ODD[index]
    for namespace in ("team-00", "team-01"):
        rates[f'ingress_requests_total{{namespace="{namespace}",ingress="front"}}'] = 7.5
        gauges[f'namespace_jobs{{namespace="{namespace}"}}'] = 12
        for queue, ready in (("a", 42), ("b", 1_234_567)):
            series = f'queue_messages_ready{{namespace="{namespace}",queue="{queue}"}}'
            gauges[series] = ready
    for number in range(3):
        gauges[f'node_disk_busy{{node="node-000{number}"}}'] = (number + 1) / 10
    gauges['cluster_backlog{queue="x",tenant="t\\"q"}'] = 99.5
    for number in range(10):
        for namespace, pod in ON_FIRST_NODE:
            labels = f'namespace="{namespace}",pod="{pod}",app="{pod[:7]}",code="200",path="/"'
            rates[f"app_{number:03}_requests_total{{{labels}}}"] = 1.0 + number


def no_items(body):
    body["items"] = []
    return body


class Recorded:
    """The service, and the engine it asks."""

    def __init__(self, engine, server, session):
        self.server = server
        self._engine = engine
        self._session = session

    def expected(self, name):
        """The answer to be, as far as the engine can hold what it is made of."""
        if self._engine == "victoria-metrics" and name.endswith("-nan"):
            # it keeps no such samples, and objects without any are left out of a list
            return Golden.load(name, PROMETHEUS_ADAPTER).changed(no_items)
        return expected(name)

    async def ask(self, golden):
        headers = {"Accept-Encoding": "identity", **golden.request_headers}
        url = URL(golden.path, encoded=True)
        async with self._session.request(golden.method, url, headers=headers) as response:
            answered = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, answered, as_text(await response.read()))

    async def unlike(self, golden):
        """What is different from *golden*; only its rates may be a little."""
        exact = not any(rate in golden.path for rate in ("_per_second", "ingress_requests"))
        tolerance = 0.0 if exact else RATE_TOLERANCE
        return differences(golden, await self.ask(golden), tolerance=tolerance)

    async def eventually(self, golden):
        """Wait until the answer is *golden*'s; it fails with what is different to the end."""
        deadline = time.monotonic() + DEADLINE
        while found := await self.unlike(golden):
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.1)


@pytest.fixture(scope="module", params=["prometheus", "victoria-metrics"])
async def recorded(request, tmp_path_factory):
    rules = tmp_path_factory.mktemp("rules") / "rules.yaml"
    rules.write_text(RULES.read_text(encoding="utf-8").partition("\n----------\n")[0])
    with exporting(AGE) as exporter:
        fill(exporter)
        history = exporter.history(TARGET)
        with engine(request.param, config(exporter.port), history) as server:
            flags = [
                f"--prometheus-url={server.url}",
                f"--config={rules}",
                "--metrics-relist-interval=2s",
                "--metrics-max-age=1m",
            ]
            async with lab(flags=lambda _: flags, clock=SystemClock(), layout="golden") as made:
                recorded = Recorded(request.param, server, made.session)
                for name in SETTLED:
                    await recorded.eventually(expected(name))
                yield recorded


@pytest.fixture(scope="module")
async def without_engine(recorded):
    """The service when the engine is gone, and with it the answers that are kept for a moment."""
    recorded.server.kill()
    await recorded.eventually(expected("down-custom-pods"))
    await recorded.eventually(expected("down-external"))
    return recorded


@pytest.mark.parametrize("name", [name for name in NAMES if name not in DOWN])
async def test_answer_is_the_recorded_one(recorded, name):
    assert await recorded.unlike(recorded.expected(name)) == []


async def test_aggregated_discovery_has_what_the_list_of_each_group_has(recorded):
    """The peer's has metrics.k8s.io alone."""
    answer = await recorded.ask(Golden.load("apis-aggregated-v2", PROMETHEUS_ADAPTER))

    listed = {
        item["metadata"]["name"]: {version["version"] for version in item["versions"]}
        for item in answer.body["items"]
    }
    assert listed == {
        "custom.metrics.k8s.io": {"v1beta2", "v1beta1"},
        "external.metrics.k8s.io": {"v1beta1"},
        "metrics.k8s.io": {"v1", "v1beta1"},
    }


@pytest.mark.parametrize("name", DOWN)
async def test_answer_without_the_engine_is_the_recorded_one(without_engine, name):
    assert await without_engine.unlike(expected(name)) == []
