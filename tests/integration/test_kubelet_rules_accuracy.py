"""How exact ``config/rules.kubelet.yaml`` is, for the ways kubelets are scraped.

A history of scrapes is simulated and given to a real Prometheus: housekeeping takes a sample of a
container every 10 to 15 s, each scrape sends the newest with its own time, and Prometheus drops the
one it has already. True use is known at any time.
"""

import itertools
import math
import random
import time
from pathlib import Path

import pytest

from adapter.model.resources import PodKey
from adapter.rules.load import load_rule_file
from adapter.sim.clock import ManualClock
from adapter.sources.prometheus.client import PrometheusClient, PrometheusOptions
from adapter.sources.prometheus.resource import PrometheusResourceSource
from adapter.telemetry import Telemetry

pytestmark = pytest.mark.prometheus

RULES = Path(__file__).parents[2] / "config/rules.kubelet.yaml"
DURATION = 600
EVENT = 300
"""Seconds into the history at which containers restart, or start for the first time."""

PERIOD = 1800
"""Seconds in which the slowly changing load goes up and down by 30 %."""

LIMIT = 0.005
"""Largest error of cpu, as a fraction of the true use."""

SCRAPES = {"5s": 5, "10s": 10, "15s": 15}
HOUSEKEEPING = {"steady": (10, 10), "jittered": (10, 15), "slow": (15, 15)}
LOADS = ("constant", "changing", "interrupted", "restarting", "young")
OUTAGE = 75
"""Seconds during which Prometheus has no samples of an interrupted container."""


def used(load, seconds):
    """True cpu seconds a container has used *seconds* into the history."""
    if load not in {"changing", "interrupted"}:
        return 0.5 * seconds
    angular = 2 * math.pi / PERIOD
    return 0.5 * (seconds + 0.3 * (1 - math.cos(angular * seconds)) / angular)


class Container:
    """One container's samples as Prometheus has them: ``(time, cpu seconds)``, from time 0."""

    def __init__(self, rng, scrape, housekeeping, load):
        self.load = load
        self.scrape = SCRAPES[scrape]
        self.key = PodKey("shop", f"{load}-{housekeeping}-{scrape}")
        self.event = EVENT + rng.uniform(0, 30)
        self.points = self._points(rng, HOUSEKEEPING[housekeeping])
        self.samples = list(self._scraped(rng))

    def counter(self, at):
        if self.load == "young" or (self.load == "restarting" and at >= self.event):
            return used(self.load, at) - used(self.load, self.event)
        return used(self.load, at) + 100

    def truth(self, at, window):
        """Mean use over the *window* seconds before *at*, in cores."""
        return (used(self.load, at) - used(self.load, at - window)) / window

    def _points(self, rng, between):
        at = self.event if self.load == "young" else rng.uniform(0, between[1])
        points = []
        while at < DURATION:
            points.append(round(at, 3))
            at += rng.uniform(*between)
        return points

    def _scraped(self, rng):
        last = None
        scrape = rng.uniform(0, self.scrape)
        while scrape < DURATION:
            newest = max((at for at in self.points if at <= scrape), default=None)
            lost = self.load == "interrupted" and 0 <= scrape - self.event < OUTAGE
            if newest is not None and newest != last and not lost:
                yield newest, self.counter(newest)
                last = newest
            scrape += self.scrape + rng.gauss(0, 0.01)


@pytest.fixture(scope="module")
def containers():
    rng = random.Random(7)
    return [Container(rng, *kind) for kind in itertools.product(SCRAPES, HOUSEKEEPING, LOADS)]


@pytest.fixture(scope="module")
def start():
    return float(int(time.time()) - 3600)


@pytest.fixture(scope="module")
def prometheus(prometheus_server, containers, start):
    cpu = ["# TYPE container_cpu_usage_seconds counter"]
    memory = ["# TYPE container_memory_working_set_bytes gauge"]
    for container in containers:
        labels = f'{{container="app",namespace="shop",node="a",pod="{container.key.name}"}}'
        for at, value in container.samples:
            stamp = f"{start + at:.3f}"
            cpu.append(f"container_cpu_usage_seconds_total{labels} {value:.9f} {stamp}")
            memory.append(f"container_memory_working_set_bytes{labels} 4096 {stamp}")
    history = "\n".join([*cpu, *memory, "# EOF\n"])
    return prometheus_server("scrape_configs: []", history)


@pytest.fixture
async def at(prometheus, containers, start):
    """A function that gives all pods as they are answered at a time of the history."""
    clock = ManualClock(start)
    async with PrometheusClient(
        PrometheusOptions(url=prometheus.url), telemetry=Telemetry()
    ) as client:
        source = PrometheusResourceSource(
            client,
            load_rule_file(RULES.read_text(encoding="utf-8"), RULES.name).resource_rules,
            clock=clock,
            keep_seconds=0.0,
            max_age=60.0,
            telemetry=Telemetry(),
        )

        async def pods_at(seconds):
            clock.advance(start + seconds - clock.time())
            pods = await source.pods([container.key for container in containers], "shop")
            return list(zip(containers, pods, strict=True))

        yield pods_at
        await source.close()


async def test_what_is_served_is_true(at, start):
    """Steady, changing, after an outage, a restart, a start: the mean of the window it claims."""
    worst = longest = 0.0
    for seconds in range(60, DURATION, 7):
        for container, pod in await at(seconds):
            if pod is None:
                continue
            truth = container.truth(pod.timestamp - start, pod.window)
            worst = max(worst, abs(pod.containers[0].cpu - truth) / truth)
            longest = max(longest, pod.window)

    assert worst <= LIMIT
    assert longest > OUTAGE, "the sample before an outage and the first after it"


async def test_pods_are_served_all_the_time(at, start):
    """But for the interval in which a container restarted, and before there are two samples."""
    for seconds in range(60, DURATION, 7):
        for container, pod in await at(seconds):
            steady = container.load in {"constant", "changing"} or (
                container.load == "restarting" and seconds < container.event
            )
            assert pod is not None or not steady, container.key
            if steady:
                oldest = container.scrape + 15  # of the newest sample there is
                assert start + seconds - pod.timestamp <= oldest + 0.1


async def test_a_new_or_restarted_container_is_served_with_its_second_sample(at, start):
    waited = {}
    for seconds in range(EVENT, EVENT + 90):
        for container, pod in await at(seconds):
            after = pod is not None and pod.timestamp - start >= container.event
            if container.load in {"young", "restarting"} and after:
                waited.setdefault(container.key, seconds - container.event)

    assert len(waited) == len(SCRAPES) * len(HOUSEKEEPING) * 2
    # Two samples 15 s apart and a scrape after each; as metrics-server.
    assert max(waited.values()) <= 15 + 15 + 15 + 1
