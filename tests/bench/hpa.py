"""1,000 HPAs on one metric, over 10 namespaces, each with a label selector of its own.

Prometheus, the service and the client are processes of their own; the simulated cluster and the
exporter are here. Every answer is compared with the truth.
"""

import asyncio
import contextlib
import json
import random
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise, starmap
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from integration.engines import scrape_config
from integration.exporter import Exporter, exporting
from measure import Row
from processes import Measured, prometheus, service

from adapter.model.quantity import Quantity
from adapter.model.resources import PodKey
from adapter.sim.cluster import SimCluster

NAMESPACES, DEPLOYMENTS, REPLICAS = 10, 100, 3
NODES = 30
CODES = {"200": 0.9, "301": 0.04, "404": 0.03, "499": 0.02, "500": 0.01}
"""Series of a pod, and its share of the requests."""

PERIOD = 15.0
"""Seconds between two requests of an HPA."""

ROUNDS = 2
OK = 200
SCRAPE_SECONDS, WINDOW_SECONDS = 5, 20
TOLERANCE = 0.05

Answer = tuple[float, int, str]
"""Milliseconds, status, body."""

RATE = f"sum(rate(<<.Series>>{{<<.LabelMatchers>>}}[{WINDOW_SECONDS}s])) by (<<.GroupBy>>)"
WIDE, NARROW = "requests_per_second", "requests_per_second_and_series"
RULES = f"""
rules:
- seriesQuery: 'requests_total{{namespace!="",pod!=""}}'
  resources: {{overrides: {{namespace: {{resource: namespace}}, pod: {{resource: pod}}}}}}
  name: {{as: {WIDE}}}
  metricsQuery: '{RATE}'
- seriesQuery: 'requests_total{{namespace!="",pod!=""}}'
  resources: {{overrides: {{namespace: {{resource: namespace}}, pod: {{resource: pod}}}}}}
  name: {{as: {NARROW}}}
  # divided by the series of all pods that are asked for: with more pods it is another number
  metricsQuery: '{RATE} / scalar(count(<<.Series>>{{<<.LabelMatchers>>}}))'
"""
DIVISOR = {WIDE: 1, NARROW: REPLICAS * len(CODES)}


class Target(NamedTuple):
    """What an HPA scales."""

    namespace: str
    app: str

    def path(self, metric: str) -> str:
        selector = f"app.kubernetes.io/instance={self.app},app.kubernetes.io/name=web"
        base = f"/apis/custom.metrics.k8s.io/v1beta2/namespaces/{self.namespace}"
        return f"{base}/pods/*/{metric}?labelSelector={quote(selector, safe='')}"

    def rates(self) -> dict[str, float]:
        """True requests a second by pod."""
        number = int(self.app.removeprefix("web-"))
        return {
            f"{self.app}-7d4b9c6f5-{replica:05}": 1.0 + number + replica / 4
            for replica in range(REPLICAS)
        }


TARGETS = [
    Target(f"shop-{namespace:02}", f"web-{app:03}")
    for namespace in range(NAMESPACES)
    for app in range(DEPLOYMENTS)
]


class Reading(NamedTuple):
    """Counters at one moment; CPU in seconds."""

    queries: float
    kube_requests: int
    cpu: float
    prometheus_cpu: float


class Figures(NamedTuple):
    """One scenario: failed and wrong answers, milliseconds of all, and of each round the counts."""

    failed: int
    wrong: int
    milliseconds: Sequence[float]
    rounds: Sequence[Reading]

    def worst(self, count: str) -> float:
        return max(getattr(each, count) for each in self.rounds)


class Surroundings:
    """Everything a load needs."""

    def __init__(self, cluster: SimCluster, engine: Measured, served: Measured) -> None:
        self.cluster = cluster
        self.engine = engine
        self.served = served

    async def load(self, metric: str) -> Figures:
        """Let all HPAs ask `ROUNDS` times."""
        # in the same order in each round: every HPA asks once a period
        targets = random.Random(7).sample(TARGETS, len(TARGETS))
        readings, rounds = await self._ask([target.path(metric) for target in targets])
        answers = [pair for found in rounds for pair in zip(targets, found, strict=True)]
        bad = [f"{status} {body}" for _, (_, status, body) in answers if status != OK]
        if bad:
            sys.stderr.write(f"{metric}: {bad[0]}\n")
        return Figures(
            failed=len(bad),
            wrong=sum(
                not _right(target, metric, body)
                for target, (_, status, body) in answers
                if status == OK
            ),
            milliseconds=[milliseconds for _, (milliseconds, _, _) in answers],
            rounds=list(starmap(_between, pairwise(readings))),
        )

    async def idle(self) -> Reading:
        """What a period without requests takes."""
        before = await self._read()
        await asyncio.sleep(PERIOD)
        return _between(before, await self._read())

    async def _ask(self, paths: Sequence[str]) -> tuple[list[Reading], list[list[Answer]]]:
        """Counters before and after each round, and the answers of each."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, Path(__file__).with_name("hpa_client.py")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        order = {
            "url": self.served.url,
            "ca_file": str(self.served.ca_file),
            "headers": self.served.headers,
            "paths": paths,
            "interval": PERIOD / len(paths),
            "rounds": ROUNDS,
        }
        process.stdin.write(json.dumps(order).encode() + b"\n")
        readings = []
        for _ in range(ROUNDS + 1):
            await process.stdout.readline()
            readings.append(await self._read())
        printed, _ = await process.communicate()
        return readings, json.loads(printed)

    async def _read(self) -> Reading:
        queries = await self.engine.total(
            "prometheus_http_requests_total", 'handler="/api/v1/query"'
        )
        kube_requests = sum("watch=" not in request for request in self.cluster.api.requests)
        return Reading(queries, kube_requests, self.served.cpu_seconds(), self.engine.cpu_seconds())


def _between(before: Reading, after: Reading) -> Reading:
    return Reading(*(end - start for start, end in zip(before, after, strict=True)))


def _right(target: Target, metric: str, body: str) -> bool:
    """Whether the answer is about exactly the target's pods, each near the truth."""
    values = {
        item["describedObject"]["name"]: float(Quantity.parse(item["value"]))
        for item in json.loads(body)["items"]
    }
    rates = target.rates()
    return values.keys() == rates.keys() and all(
        abs(values[pod] * DIVISOR[metric] - rate) <= TOLERANCE * rate for pod, rate in rates.items()
    )


def _fill(cluster: SimCluster, exporter: Exporter) -> None:
    """The pods, and the series that the exporter has of them."""
    pods = [(target, *pod) for target in TARGETS for pod in target.rates().items()]
    for number, (target, pod, rate) in enumerate(pods):
        cluster.add_pod(
            PodKey(target.namespace, pod),
            f"node-{number % NODES:04}",
            {"app": (0.01, 1 << 24)},
            labels={
                "app.kubernetes.io/instance": target.app,
                "app.kubernetes.io/name": "web",
                "pod-template-hash": "7d4b9c6f5",
            },
        )
        for code, share in CODES.items():
            labels = f'namespace="{target.namespace}",pod="{pod}",code="{code}"'
            exporter.rates[f"requests_total{{{labels}}}"] = rate * share


@contextlib.asynccontextmanager
async def _surroundings() -> AsyncIterator[Surroundings]:
    with tempfile.TemporaryDirectory() as name, exporting() as exporter:
        directory = Path(name)
        (directory / "rules.yaml").write_text(RULES, encoding="utf-8")
        config = scrape_config(exporter.port, f"{SCRAPE_SECONDS}s")
        async with SimCluster(nodes=NODES, pods_per_node=0) as cluster:
            _fill(cluster, exporter)
            async with prometheus(directory, config) as engine:
                # counters have risen for a whole window, and the series are there to be discovered
                await asyncio.sleep(WINDOW_SECONDS + 2 * SCRAPE_SECONDS)
                flags = [
                    f"--kubeconfig={cluster.server_kubeconfig}",
                    f"--prometheus-url={engine.url}",
                    f"--config={directory / 'rules.yaml'}",
                ]
                token = cluster.issue_token("horizontal-pod-autoscaler")
                async with service(directory, *flags, token=token) as served:
                    yield Surroundings(cluster, engine, served)


async def _measure() -> tuple[Reading, Figures, float, Figures]:
    async with _surroundings() as made:
        idle = await made.idle()
        wide = await made.load(WIDE)
        memory = made.served.resident_mb()
        narrow = await made.load(NARROW)
        return idle, wide, memory, narrow


def _rows(name: str, found: Figures, *, targets: bool, slower: float) -> list[Row]:
    def goal(value: float) -> float | None:
        return value if targets else None

    def each(count: str) -> float:
        return found.worst(count) / len(TARGETS) * 1e3

    percentiles = statistics.quantiles(found.milliseconds, n=100)
    return [
        Row(f"{len(TARGETS)} HPAs, {name}: failed", found.failed, "requests", 0),
        Row("… wrong", found.wrong, "requests", 0),
        Row(f"… queries in {PERIOD:g} s", found.worst("queries"), "queries", goal(10)),
        # reviews of access, one for each namespace and metric, kept 10 s; none for a single request
        Row("… requests to kube-apiserver", found.worst("kube_requests"), "requests", goal(25)),
        Row("… half of them within", percentiles[49], "ms", goal(10.0), slower),
        Row("… 99 of 100 within", percentiles[98], "ms", goal(10.0), slower),
        Row("… CPU a request, all in", each("cpu"), "ms", goal(2.0), slower),
        Row("… CPU of Prometheus a request", each("prometheus_cpu"), "ms"),
    ]


def run(slower: float) -> list[Row]:
    try:
        idle, wide, memory, narrow = asyncio.run(_measure())
    except FileNotFoundError as missing:
        return [Row(f"{len(TARGETS)} HPAs: not measured, there is no {missing}", 0, "")]
    return [
        *_rows("one query for all", wide, targets=True, slower=slower),
        Row("… resident memory", memory, "MB"),
        Row(f"… CPU of {PERIOD:g} s without requests", idle.cpu * 1e3, "ms"),
        Row(f"… of Prometheus in {PERIOD:g} s without", idle.prometheus_cpu * 1e3, "ms"),
        *_rows("a query for each", narrow, targets=False, slower=slower),
    ]
