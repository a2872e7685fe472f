"""Stand-ins for Prometheus: a client in memory, and an HTTP server that answers as it is told."""

import asyncio
import re

import msgspec
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from unit.sources.prometheus.holding import Held, Switched
from unit.sources.prometheus.seriesindex import Indexes, SeriesIndex, View

from adapter.promql.response import Sample
from adapter.rules.backends import Backend as Section
from adapter.rules.compiled import compile_rule
from adapter.rules.load import load_rule_file
from adapter.rules.schema import RuleFile
from adapter.sim.clock import ManualClock
from adapter.sources.prometheus.backends import Backend
from adapter.sources.prometheus.client import PrometheusClient, PrometheusOptions, Vector
from adapter.sources.prometheus.discovery import Discovery
from adapter.sources.prometheus.options import backend_options
from adapter.sources.prometheus.resource import PrometheusResourceSource
from adapter.telemetry import Telemetry

RULES = """
resourceRules:
  cpu:
    containerQuery: 'cpu{<<.LabelMatchers>>}'
    nodeQuery: 'node_cpu{<<.LabelMatchers>>}'
    resources: &resources {template: <<.Resource>>}
    containerLabel: container
  memory:
    containerQuery: 'memory{<<.LabelMatchers>>}'
    nodeQuery: 'node_memory{<<.LabelMatchers>>}'
    resources: *resources
    containerLabel: container
  window: 1m
"""

TIMED_RULES = RULES.replace(
    "    resources:",
    "    timestampQuery:\n"
    "      containerQuery: 'timestamp(METRIC{<<.LabelMatchers>>})'\n"
    "      nodeQuery: 'timestamp(node_METRIC{<<.LabelMatchers>>})'\n"
    "    resources:",
)
TIMED_RULES = TIMED_RULES.replace("METRIC", "cpu", 2).replace("METRIC", "memory", 2)


WINDOW_RULES = TIMED_RULES + (
    "  windowQuery:\n"
    "    containerQuery: 'window{<<.LabelMatchers>>}'\n"
    "    nodeQuery: 'node_window{<<.LabelMatchers>>}'\n"
)


class FakePrometheus:
    """Answers queries that are one selector, or ``timestamp()`` of one.

    *series* has labels and value by metric, *times* the samples' times by metric; *error* fails
    every query, *gate* holds answers back until it is set.
    """

    def __init__(self, clock):
        self.series = {}
        self.times = {}
        self.queries = []
        self.error = None
        self.gate = asyncio.Event()
        self.gate.set()
        self._clock = clock

    def add(self, metric, value, time=None, **labels):
        self.series.setdefault(metric, []).append((labels, value))
        self.times.setdefault(metric, []).append((labels, time))

    async def query_vector(self, promql, *, at):
        self.queries.append((promql, at))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        metric = re.search(r"(\w+)\{", promql)[1]
        namespace = re.search(r'namespace="([^"]*)"', promql)
        rows = self.times if promql.startswith("timestamp") else self.series
        samples = [
            Sample(msgspec.Raw(msgspec.json.encode(labels)), (at, str(value)))
            for labels, value in rows.get(metric, [])
            if value is not None and (namespace is None or labels["namespace"] == namespace[1])
        ]
        return Vector(samples, ())


@pytest.fixture
def clock():
    return ManualClock(start=1_000_000.0)


@pytest.fixture
def prometheus(clock):
    return FakePrometheus(clock)


@pytest.fixture
def telemetry():
    return Telemetry()


@pytest.fixture
async def make_source(clock, prometheus, telemetry):
    """A function of the rule file's text that gives a source; closed at the end."""
    sources = []

    def make(text=RULES, max_age=60.0, patience=None):
        source = PrometheusResourceSource(
            prometheus,
            load_rule_file(text, "rules.yaml").resource_rules,
            clock=clock,
            keep_seconds=5.0,
            max_age=max_age,
            telemetry=telemetry,
            patience=patience,
        )
        sources.append(source)
        return source

    yield make
    for source in sources:
        await source.close()


@pytest.fixture
def source(make_source):
    return make_source()


@pytest.fixture
def timed_source(make_source):
    return make_source(TIMED_RULES)


@pytest.fixture
def window_source(make_source):
    return make_source(WINDOW_RULES)


ONE = (
    '{"status":"success","data":{"resultType":"vector","result":'
    '[{"metric":{"pod":"a"},"value":[5,"1"]}]},"warnings":["partial"]}'
)


class Api:
    """An HTTP server that answers what it is told and keeps what it was sent."""

    def __init__(self):
        self.status = 200
        self.body = ONE
        self.headers = {"Content-Type": "application/json"}
        self.requests = []
        self.hang = False

    async def handle(self, request):
        form = dict(await request.post())
        self.requests.append((request.method, request.rel_url, request.headers, form))
        if self.hang:
            await asyncio.sleep(30)
        return web.Response(status=self.status, text=self.body, headers=self.headers)


@pytest.fixture
def api():
    return Api()


@pytest.fixture
async def serve(api):
    """A function that serves *api*, with TLS if a context is given, and gives its URL."""
    servers = []

    async def start(context=None):
        app = web.Application(client_max_size=10**6)
        app.router.add_route("*", "/{path:.*}", api.handle)
        server = TestServer(app, scheme="https" if context else "http")
        await server.start_server(ssl=context)
        servers.append(server)
        return str(server.make_url("/"))

    yield start
    for server in servers:
        await server.close()


@pytest.fixture
async def url(serve):
    return await serve()


@pytest.fixture
async def connect():
    clients = []

    def make(url, *, credentials=None, telemetry=None, **options):
        client = PrometheusClient(
            PrometheusOptions(url=url, **{"timeout": 5.0, **options}),
            credentials=credentials,
            telemetry=telemetry or Telemetry(),
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()


@pytest.fixture
def view():
    return View()


def compiled(rules, section):
    return [compile_rule(rule, f"{section}[{number}]") for number, rule in enumerate(rules)]


@pytest.fixture
async def discover(clock, telemetry, view):
    """A function of the rule file's text, and series or servers, that gives a `Discovery`."""
    made = []

    def make(text, *series, grace=0.0, spread=0.0, **servers):
        file = RuleFile.model_validate(yaml.safe_load(text))
        discovery = Discovery(
            compiled(file.rules, "rules"),
            compiled(file.external_rules, "externalRules"),
            Indexes(**(servers or {"default": SeriesIndex(*series)})),
            view,
            clock=clock,
            telemetry=telemetry,
            interval=60.0,
            max_age=600.0,
            grace=grace,
            spread=spread,
        )
        made.append(discovery)
        return discovery

    yield make
    for discovery in made:
        await discovery.close()


@pytest.fixture
async def make_backend(clock, telemetry):
    """A function of a URL and a backend's further fields that gives a `Backend`."""
    made = []

    def build(url, **fields):
        section = Section.model_validate({"name": "long-term", "url": url, **fields})
        client = PrometheusClient(backend_options(section), telemetry=telemetry, clock=clock)
        made.append(Backend(client, clock=clock, telemetry=telemetry))
        return made[-1]

    yield build
    for backend in made:
        await backend.close()


@pytest.fixture
def held(api):
    held = Held(api)
    api.handle = held.handle
    return held


@pytest.fixture
def switched(api):
    switched = Switched(api)
    api.handle = switched.handle
    return switched
