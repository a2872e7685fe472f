"""Asks as clients do, once a second, and compares every answer with the truth."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import aiohttp
import msgspec

from adapter.model.quantity import Quantity
from adapter.model.resources import PodKey
from adapter.model.times import parse_duration, parse_rfc3339
from adapter.sim.cluster import SimCluster
from adapter.sim.demo.documents import Documents
from adapter.sim.demo.report import Report
from adapter.sim.workloads import ContainerKey
from adapter.transport import client_context

PERIOD_SECONDS = 1.0
REQUEST_SECONDS = 10.0
ORIGIN = "viaduct/origin"
LEAST_CPU = 0.001
"""Errors are relative to at least this many cores: a thousandth of one is nothing."""


class _Usage(msgspec.Struct):
    cpu: str
    memory: str


class _Container(msgspec.Struct):
    name: str
    usage: _Usage


class _Metadata(msgspec.Struct):
    name: str
    namespace: str = ""
    annotations: dict[str, str] = {}


class _Item(msgspec.Struct):
    metadata: _Metadata
    timestamp: str
    window: str
    usage: _Usage | None = None
    containers: list[_Container] = []


class _List(msgspec.Struct):
    items: list[_Item]


class Answer(NamedTuple):
    """What one round saw of the pods: how many from which source."""

    complete: bool
    origins: Counter[str]
    problem: str = ""


class Observer:
    """Watches the API through the aggregator.

    Args:
        cluster: Whose API is asked, and whose truth is known.
        report: Where the figures go.
        documents: Asks for what is read from JSON, and judges it.
    """

    def __init__(self, cluster: SimCluster, report: Report, documents: Documents) -> None:
        self._cluster = cluster
        self._report = report
        self._documents = documents
        self._pods = len(cluster.workloads.pods())
        self._nodes = len(cluster.workloads.nodes())
        self._context = client_context(ca_file=cluster.ca_file)
        self._headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {cluster.issue_token('observer', ['system:masters'])}",
        }

    def session(self) -> aiohttp.ClientSession:
        """A session to ask with."""
        return aiohttp.ClientSession(
            self._cluster.api.url,
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
            connector=aiohttp.TCPConnector(ssl=self._context),
        )

    async def look(self, session: aiohttp.ClientSession) -> Answer:
        """Ask once for all pods, without judging: to wait until everything is there."""
        try:
            async with session.get("/apis/metrics.k8s.io/v1/pods?origin=true") as response:
                body = await response.read()
                if response.status != 200:
                    return Answer(False, Counter(), f"{response.status} {body[:200].decode()}")
                items = msgspec.json.decode(body, type=_List).items
        except (aiohttp.ClientError, TimeoutError) as error:
            return Answer(False, Counter(), f"{type(error).__name__} {error}")
        origins = _origins(items)
        seen = ", ".join(f"{count} from {origin}" for origin, count in origins.items())
        return Answer(len(items) == self._pods, origins, f"{len(items)} pods, {seen or 'none'}")

    async def watch(self, told: Callable[[Answer], None]) -> None:
        """Ask and judge once a second until cancelled; *told* hears of each round."""
        async with self.session() as session:
            while True:
                started = time.monotonic()
                answer = await self._round(session)
                total = answer.origins.total()
                for origin, count in answer.origins.items():
                    self._report.served(origin, PERIOD_SECONDS * count / total)
                told(answer)
                await asyncio.sleep(max(0.0, PERIOD_SECONDS + started - time.monotonic()))

    async def _round(self, session: aiohttp.ClientSession) -> Answer:
        """The requests of kubectl top, of an autoscaler, and for single objects."""
        pod = self._cluster.workloads.pods()[0].key
        node = self._cluster.workloads.nodes()[0]
        base = "/apis/metrics.k8s.io/v1beta1"
        pods, *_ = await asyncio.gather(
            self._list(session, f"{base}/pods?origin=true", self._pods),
            self._list(session, f"{base}/nodes?origin=true", self._nodes),
            self._list(session, f"{base}/namespaces/{pod.namespace}/pods?labelSelector=team", 1),
            self._list(session, f"{base}/namespaces/{pod.namespace}/pods/{pod.name}", None),
            self._list(session, f"{base}/nodes/{node}", None),
            self._documents.judge(session),
        )
        return Answer(len(pods) == self._pods, _origins(pods))

    async def _list(
        self, session: aiohttp.ClientSession, path: str, least: int | None
    ) -> list[_Item]:
        """Ask for a list of at least *least* items, or (None) for one object, and judge it."""
        self._report.requests += 1
        try:
            async with session.get(path) as response:
                body = await response.read()
                if response.status != 200:
                    self._report.fail(f"{path}: {response.status} {body[:200].decode()}")
                    return []
        except (aiohttp.ClientError, TimeoutError) as error:
            self._report.fail(f"{path}: {type(error).__name__} {error}")
            return []
        if least is None:
            items = [msgspec.json.decode(body, type=_Item)]
        else:
            items = msgspec.json.decode(body, type=_List).items
            if len(items) < least:
                self._report.fail(f"{path}: {len(items)} items instead of {least}")
        for item in items:
            self._judge(item)
        return items

    def _judge(self, item: _Item) -> None:
        end = parse_rfc3339(item.timestamp)
        window = parse_duration(item.window)
        now = time.time()
        self._report.worst_age_seconds = max(self._report.worst_age_seconds, now - end)
        for subject, usage in _usages(item):
            truth = self._cluster.workloads.cpu(subject, end - window, end)
            error = abs(float(Quantity.parse(usage.cpu)) - truth) / max(truth, LEAST_CPU)
            self._report.worst_cpu_error = max(self._report.worst_cpu_error, error)
            possible = self._cluster.workloads.memory_between(subject, end, now)
            memory = int(float(Quantity.parse(usage.memory)))
            distance = max(possible[0] - memory, memory - possible[-1], 0)
            self._report.worst_memory_error_bytes = max(
                self._report.worst_memory_error_bytes, distance
            )


def _usages(item: _Item) -> Iterator[tuple[ContainerKey | str, _Usage]]:
    if item.usage is not None:
        yield item.metadata.name, item.usage
    pod = PodKey(item.metadata.namespace, item.metadata.name)
    for container in item.containers:
        yield ContainerKey(*pod, container.name), container.usage


def _origins(items: list[_Item]) -> Counter[str]:
    return Counter(item.metadata.annotations.get(ORIGIN, "unknown") for item in items)
