"""500 pods that publish JSON, one metric of each read every 15 s; then one of them hangs.

The service is a process of its own; the pods and the client are here. Ten HPAs ask, each for the
pods of one namespace, and every value is compared with the truth of the second it is of.
"""

import asyncio
import contextlib
import itertools
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

from measure import Row
from processes import Measured, service

from adapter.model.quantity import Quantity
from adapter.model.resources import PodKey
from adapter.model.times import parse_rfc3339
from adapter.sim.cluster import SimCluster
from adapter.sim.workloads import POD_NETWORK

NAMESPACES, REPLICAS, NODES = 10, 50, 10
PODS = NAMESPACES * REPLICAS
PERIOD = 15.0
IDLE_SECONDS = 15.0
WARM_SECONDS = 2 * PERIOD + 5
MEASURED_SECONDS = 3 * PERIOD
OK = 200

RULES = f"""
rules:
- metric: queue-depth
  json:
    pods: {{selector: app=web}}
    port: http
    path: /stats.json
    query: $.queue.depth
    timestamp: $.time
    interval: {PERIOD:g}s
"""


class Answers(NamedTuple):
    """What HPAs were told: values, how many of them wrong, requests failed, milliseconds of all."""

    values: int
    wrong: int
    failed: int
    milliseconds: list[float]


class Figures(NamedTuple):
    """Of one span of time: CPU in cores, fetches in one period, seconds the latest was late."""

    cpu: float
    fetches: float
    late: float
    answers: Answers


class Load:
    """HPAs on the metric, one for each namespace, spread over the period."""

    def __init__(self, cluster: SimCluster, served: Measured) -> None:
        self._cluster = cluster
        self._served = served

    async def span(self, seconds: float, *, but: PodKey | None = None) -> Figures:
        """Ask for so many seconds; the pod *but* is left out of what is told of fetches."""
        began, cpu = time.time(), self._served.cpu_seconds()
        answers = await self._ask(seconds)
        cores = (self._served.cpu_seconds() - cpu) / (time.time() - began)
        pods = [self._cluster.json[key] for key in self._cluster.json.published() if key != but]
        times = [[at for at in pod.times if at >= began - PERIOD] for pod in pods]
        gaps = [end - start for found in times for start, end in itertools.pairwise(found)]
        fetches = sum(at >= began for found in times for at in found)
        return Figures(cores, fetches * PERIOD / seconds, max(gaps) - PERIOD, answers)

    async def idle(self, seconds: float) -> float:
        """Cores the service takes while nobody asks."""
        before = self._served.cpu_seconds()
        await asyncio.sleep(seconds)
        return (self._served.cpu_seconds() - before) / seconds

    async def _ask(self, seconds: float) -> Answers:
        until = time.monotonic() + seconds
        answers = Answers(0, 0, 0, [])
        async with self._served.session() as session:
            for namespace in itertools.cycle(_namespaces()):
                if time.monotonic() >= until:
                    break
                base = f"/apis/custom.metrics.k8s.io/v1beta2/namespaces/{namespace}"
                started = time.perf_counter()
                async with session.get(f"{base}/pods/*/queue-depth") as response:
                    status, body = response.status, await response.read()
                answers.milliseconds.append((time.perf_counter() - started) * 1e3)
                answers = self._judged(answers, status, body)
                await asyncio.sleep(PERIOD / NAMESPACES)
        return answers

    def _judged(self, answers: Answers, status: int, body: bytes) -> Answers:
        if status != OK:
            sys.stderr.write(f"{status} {body[:300]!r}\n")
            return answers._replace(failed=answers.failed + 1)
        items = json.loads(body)["items"]
        wrong = sum(float(Quantity.parse(item["value"])) != self._truth(item) for item in items)
        return answers._replace(values=answers.values + len(items), wrong=answers.wrong + wrong)

    def _truth(self, item: dict) -> int:
        described = item["describedObject"]
        figures = self._cluster.json[PodKey(described["namespace"], described["name"])].figures
        return figures.depth(parse_rfc3339(item["timestamp"]))


def _namespaces() -> Iterator[str]:
    return (f"shop-{number:02}" for number in range(NAMESPACES))


async def _publish(cluster: SimCluster) -> None:
    for namespace, number in itertools.product(_namespaces(), range(REPLICAS)):
        key = PodKey(namespace, f"web-{number:03}")
        node = f"node-{number % NODES:04}"
        cluster.add_pod(key, node, {"app": (0.01, 1 << 24)}, labels={"app": "web"}, age=3600.0)
        await cluster.json.publish(key)


@contextlib.asynccontextmanager
async def _surroundings() -> AsyncIterator[tuple[SimCluster, Measured]]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "rules.yaml").write_text(RULES, encoding="utf-8")
        async with SimCluster(nodes=NODES, pods_per_node=0) as cluster:
            await _publish(cluster)
            flags = [
                f"--kubeconfig={cluster.server_kubeconfig}",
                f"--config={directory / 'rules.yaml'}",
                f"--json-allow={POD_NETWORK}",
            ]
            token = cluster.issue_token("horizontal-pod-autoscaler")
            async with service(directory, *flags, token=token) as served:
                yield cluster, served


async def _measure() -> tuple[float, Figures, float, Figures]:
    async with _surroundings() as (cluster, served):
        load = Load(cluster, served)
        idle = await load.idle(IDLE_SECONDS)
        await load.span(WARM_SECONDS)
        steady = await load.span(MEASURED_SECONDS)
        memory = served.resident_mb()
        hanging = cluster.json.published()[0]
        cluster.json[hanging].faults.hanging = True
        return idle, steady, memory, await load.span(MEASURED_SECONDS, but=hanging)


def _rows(name: str, found: Figures, *, least: int, slower: float) -> list[Row]:
    """Rows of a span in which at least *least* values are expected of each round of questions."""
    answers = found.answers
    rounds = len(answers.milliseconds) / NAMESPACES
    return [
        Row(f"{PODS} pods' JSON, {name}: CPU", found.cpu, "core", 0.05, slower),
        Row(f"… fetches in {PERIOD:g} s", found.fetches, "fetches"),
        Row("… the latest was late by", found.late * 1e3, "ms", 250.0, slower),
        Row("… requests failed", answers.failed, "requests", 0),
        Row("… values wrong", answers.wrong, "values", 0),
        Row("… values missing a round", max(0.0, least - answers.values / rounds), "values", 0),
        Row("… slowest answer for a namespace", max(answers.milliseconds), "ms"),
    ]


def run(slower: float) -> list[Row]:
    idle, steady, memory, hanging = asyncio.run(_measure())
    return [
        *_rows("all well", steady, least=PODS, slower=slower),
        Row("… resident memory", memory, "MB"),
        Row("… CPU while nobody asks", idle, "core"),
        *_rows("one hangs", hanging, least=PODS - 1, slower=slower),
    ]
