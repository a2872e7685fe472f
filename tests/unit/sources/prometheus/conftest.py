"""A Prometheus in memory: what it answers is set by the test, what it was asked is kept."""

import asyncio
import re

import pytest

from adapter.promql.response import Sample
from adapter.rules.load import load_rule_file
from adapter.sim.clock import ManualClock
from adapter.sources.prometheus.client import Vector
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
            Sample(labels, (at, str(value)))
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

    def make(text=RULES, max_age=60.0):
        source = PrometheusResourceSource(
            prometheus,
            load_rule_file(text, "rules.yaml").resource_rules,
            clock=clock,
            keep_seconds=5.0,
            max_age=max_age,
            telemetry=telemetry,
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
