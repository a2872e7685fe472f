"""Discovery against a real Prometheus: series that come and go, rules and servers that fail."""

import http.server
import threading
import time

import pytest
import yaml

from adapter.model.restmapper import CORE
from adapter.rules.compiled import compile_rule
from adapter.rules.schema import RuleFile
from adapter.sim.clock import ManualClock
from adapter.sources.prometheus.backends import Backend, Backends
from adapter.sources.prometheus.client import PrometheusClient
from adapter.sources.prometheus.discovery import Discovery
from adapter.sources.prometheus.options import PrometheusOptions, backend_options
from adapter.telemetry import Telemetry

pytestmark = pytest.mark.prometheus

WAIT = 30.0
"""How long something may take that takes a second on a quiet machine."""

GRACE, MAX_AGE = 100.0, 600.0

PAGE = """
container_memory_bytes{namespace="shop",pod="web",container="app"} 1
container_cpu_seconds_total{namespace="shop",pod="web",container="app"} 1
http_requests_total{namespace="shop",pod="web",service="front",code="200",odd="a\\"b"} 1
node_load{node="n1"} 1
queue_length{queue="a"} 1
"""

RULES = """
backends: [{name: far, url: "http://127.0.0.1:9"}]
rules:
- seriesQuery: '{__name__=~"^container_.*",namespace!="",pod!=""}'
  seriesFilters: [{isNot: "_total$"}]
  name: {matches: "^container_(.*)$"}
  resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
  metricsQuery: x
- seriesQuery: '{__name__!~"^container_.*",namespace!="",pod!=""}'
  name: {matches: "^(.*)_total$", as: "${1}_per_second"}
  resources: {template: <<.Resource>>}
  metricsQuery: x
- {seriesQuery: '{node!=""}', resources: {template: <<.Resource>>}, metricsQuery: x}
- {seriesQuery: '{__name__=~"a{1001}"}', resources: {template: <<.Resource>>}, metricsQuery: x}
- seriesQuery: '{pod!=""}'
  backend: far
  resources: {overrides: {pod: {resource: pod}}}
  metricsQuery: x
externalRules:
- {seriesQuery: '{__name__=~"queue_.*"}', metricsQuery: x}
"""


class Exporter:
    """Serves *page* until it is closed."""

    def __init__(self, page):
        self.page = page
        exporter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(exporter.page.encode())

            def log_message(self, *_):
                """Keep quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def exporter():
    exporter = Exporter(PAGE)
    yield exporter
    exporter.close()


@pytest.fixture
def prometheus(prometheus_server, exporter):
    return prometheus_server(f"""
scrape_configs:
- job_name: shop
  scrape_interval: 300ms
  scrape_timeout: 300ms
  static_configs: [{{targets: ["127.0.0.1:{exporter.server.server_port}"]}}]
""")


class View:
    """The resources of a cluster that serves the core group only."""

    mapper = CORE
    revision = 1


@pytest.fixture
def clock():
    return ManualClock(start=time.time())


def backend(options, clock):
    telemetry = Telemetry()
    client = PrometheusClient(options, telemetry=telemetry, clock=clock)
    return Backend(client, clock=clock, telemetry=telemetry)


@pytest.fixture
async def discovery(prometheus, clock):
    file = RuleFile.model_validate(yaml.safe_load(RULES))
    default = backend(PrometheusOptions(url=prometheus.url), clock)
    named = {section.name: backend(backend_options(section), clock) for section in file.backends}
    backends = Backends(default, named)
    discovery = Discovery(
        [compile_rule(rule, f"rules[{number}]") for number, rule in enumerate(file.rules)],
        [compile_rule(rule, f"externalRules[{n}]") for n, rule in enumerate(file.external_rules)],
        backends,
        View(),
        clock=clock,
        telemetry=Telemetry(),
        interval=60.0,
        max_age=MAX_AGE,
        grace=GRACE,
        spread=0.0,
    )
    yield discovery
    await discovery.close()
    await backends.close()
    await default.close()


def listed(discovery):
    return {f"{each.resource}/{each.metric}" for each in discovery.registry.listed_custom()}


async def relist_until(discovery, done):
    deadline = time.monotonic() + WAIT
    while True:
        await discovery.relist()
        if done():
            return
        assert time.monotonic() < deadline, discovery.status


FIRST = {
    "namespaces/memory_bytes",
    "pods/memory_bytes",
    "namespaces/http_requests_per_second",
    "pods/http_requests_per_second",
    "services/http_requests_per_second",
    "nodes/node_load",
}


async def test_what_prometheus_has_is_listed_and_what_fails_fails_alone(
    discovery, exporter, prometheus, clock
):
    await relist_until(discovery, lambda: listed(discovery) == FIRST)
    assert discovery.registry.listed_external() == ("queue_length",)
    errors = [status.error for status in discovery.status]
    assert errors[:3] == [None] * 3
    assert errors[5] is None
    assert errors[3].startswith("prometheus refused the query: bad_data: ")
    assert errors[4] == "backend far: cannot connect to prometheus: connection refused"

    exporter.page += 'queue_age{queue="b"} 1\njobs_total{namespace="shop",pod="web"} 1\n'
    added = {"namespaces/jobs_per_second", "pods/jobs_per_second"}
    await relist_until(discovery, lambda: listed(discovery) == FIRST | added)
    await relist_until(discovery, lambda: len(discovery.registry.external) == 2)

    # Prometheus tells what its newest block holds, up to three hours; so look from after its end
    clock.advance(4 * 3600)
    await discovery.relist()
    assert listed(discovery) == FIRST | added
    clock.advance(GRACE)
    await discovery.relist()
    assert listed(discovery) == set()
    assert discovery.registry.listed_external() == ()
    assert "no series is found for it any more" in discovery.why_unknown("queue_age", None)


async def test_prometheus_that_dies_and_comes_back(discovery, prometheus, clock):
    await relist_until(discovery, lambda: listed(discovery) == FIRST)

    prometheus.kill()
    clock.advance(10 * GRACE)
    await discovery.relist()
    assert listed(discovery) == FIRST
    assert {status.health for status in discovery.status} == {"failing"}
    assert discovery.status[0].error == "cannot connect to prometheus: connection refused"

    prometheus.start()
    clock.advance(60)
    await relist_until(discovery, lambda: discovery.status[0].health == "ok")
    assert listed(discovery) == FIRST
