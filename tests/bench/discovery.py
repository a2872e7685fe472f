"""Discovery by eight rules over 210,000 series of 300 pods, as a process of its own.

The rules are those that prometheus-adapter's ``config-gen`` writes, and two external ones; each
series is found by one of them. Beside it stands what the peer asks: ``/api/v1/series``.
"""

import asyncio
import contextlib
import http.server
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import yaml
from measure import Row
from processes import Measured, prometheus

from adapter.model.restmapper import CORE
from adapter.periodic import SystemClock
from adapter.rules.compiled import compile_rule
from adapter.rules.schema import RuleFile
from adapter.sources.prometheus.backends import Backend, Backends
from adapter.sources.prometheus.client import PrometheusClient
from adapter.sources.prometheus.discovery import Discovery
from adapter.sources.prometheus.options import PrometheusOptions
from adapter.telemetry import Telemetry

PODS, METRICS, SERIES_OF_A_METRIC = 300, 70, 10
SCRAPE_SECONDS = 2
QUIET_SECONDS = 3.0 * SCRAPE_SECONDS
"""After the scrape, and after the next, which fails, so that Prometheus' own work for both is not
counted."""

MAX_AGE = 600.0
TIMEOUT = 60.0

_CONTAINER = """
- seriesQuery: '{__name__=~"^container_.*",container!="POD",namespace!="",pod!=""}'
  resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
  metricsQuery: x
"""
_OTHER = """
- seriesQuery: '{namespace!="",__name__!~"^(container|queue)_.*"}'
  resources: {template: <<.Resource>>}
  metricsQuery: x
"""
RULES = f"""
rules:
{_CONTAINER}  name: {{matches: "^container_(.*)_seconds_total$"}}
{_CONTAINER}  name: {{matches: "^container_(.*)_total$"}}
  seriesFilters: [{{isNot: "^container_.*_seconds_total$"}}]
{_CONTAINER}  name: {{matches: "^container_(.*)$"}}
  seriesFilters: [{{isNot: "^container_.*_total$"}}]
{_OTHER}  seriesFilters: [{{isNot: ".*_total$"}}]
{_OTHER}  name: {{matches: "^(.*)_total$"}}
  seriesFilters: [{{isNot: ".*_seconds_total"}}]
{_OTHER}  name: {{matches: "^(.*)_seconds_total$"}}
externalRules:
- {{seriesQuery: '{{__name__=~"^queue_.*"}}', metricsQuery: x}}
- {{seriesQuery: '{{__name__=~"^queue_.*_age"}}', name: {{as: "oldest_$0"}}, metricsQuery: x}}
"""


def _lines() -> Iterator[str]:
    suffixes = "_total", "_seconds_total", ""
    kinds = ["container"] * 20 + ["app"] * 40 + ["queue"] * 10
    for number, kind in enumerate(kinds):
        name = f"{kind}_metric_{number}{'_age' if number % 2 else ''}{suffixes[number % 3]}"
        for pod in range(PODS):
            owner = f'namespace="team-{pod % 10}",pod="web-{pod:04}-7d4b9c6f5d-x2x{pod:02}"'
            for place in range(SERIES_OF_A_METRIC):
                more = f'container="c{place}",instance="10.0.{pod}.1:8080",code="{200 + place}"'
                yield f"{name}{{{owner},{more}}} {pod + place}\n"


class _Handler(http.server.BaseHTTPRequestHandler):
    """Serves all series to the first scrape, and fails later ones."""

    page = b""

    def do_GET(self) -> None:
        page, _Handler.page = _Handler.page, b""
        self.send_response(200 if page else 503)
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextlib.contextmanager
def _exporter() -> Iterator[int]:
    """Its port."""
    _Handler.page = "".join(_lines()).encode()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Cost(NamedTuple):
    """What one way to ask costs: CPU seconds of Prometheus, and bytes of its answers."""

    server_cpu: float
    received: int


class _Client(NamedTuple):
    """What a round costs the process that asks."""

    first_cpu: float
    cpu: float
    memory_mb: float
    received: int
    metrics: int
    requests: int


class _View:
    mapper = CORE
    revision = 1


class _CountingClient(PrometheusClient):
    received = 0
    requests = 0

    async def _send(self, request: object) -> tuple[int, bytes]:
        status, body = await super()._send(request)
        self.received += len(body)
        self.requests += 1
        return status, body


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


async def discover(url: str) -> _Client:
    """Two rounds in this process."""
    file = RuleFile.model_validate(yaml.safe_load(RULES))
    clock, telemetry = SystemClock(), Telemetry()
    client = _CountingClient(PrometheusOptions(url=url, timeout=TIMEOUT), telemetry=telemetry)
    discovery = Discovery(
        [compile_rule(rule, f"rules[{number}]") for number, rule in enumerate(file.rules)],
        [compile_rule(rule, f"externalRules[{n}]") for n, rule in enumerate(file.external_rules)],
        Backends(Backend(client, clock=clock, telemetry=telemetry), {}),
        _View(),
        clock=clock,
        telemetry=telemetry,
        interval=60.0,
        max_age=MAX_AGE,
        grace=0.0,
    )
    async with client:
        before, cpu = _resident_mb(), []
        for _ in range(2):
            started = time.process_time()
            await discovery.relist()
            cpu.append(time.process_time() - started)
        failed = [status.error for status in discovery.status if status.error]
        if failed:
            raise RuntimeError(failed[0])
        registry = discovery.registry
        metrics = len(registry.listed_custom()) + len(registry.listed_external())
        return _Client(
            first_cpu=cpu[0],
            cpu=cpu[1],
            memory_mb=_resident_mb() - before,
            received=client.received // 2,
            metrics=metrics,
            requests=client.requests // 2,
        )


async def _ask_for_series(url: str, start: float) -> int:
    """Ask as the peer does, once for each selector; gives the bytes of the answers."""
    file = RuleFile.model_validate(yaml.safe_load(RULES))
    selectors = {rule.series_query for rule in (*file.rules, *file.external_rules)}
    received = 0
    async with aiohttp.ClientSession(headers={"Accept-Encoding": "identity"}) as session:
        for selector in selectors:
            asked = {"match[]": selector, "start": str(start)}
            async with session.post(f"{url}/api/v1/series", data=asked) as response:
                received += len(await response.read())
    return received


async def _until_held(server: Measured) -> float:
    held = 0.0
    async with asyncio.timeout(TIMEOUT):
        while held < PODS * METRICS * SERIES_OF_A_METRIC:
            await asyncio.sleep(0.5)
            held = await server.total("prometheus_tsdb_head_series")
    await asyncio.sleep(QUIET_SECONDS)
    return held


async def _measure() -> tuple[_Client, _Cost, _Cost, float]:
    with tempfile.TemporaryDirectory() as directory, _exporter() as port:
        config = f"""
scrape_configs:
- job_name: app
  scrape_interval: {SCRAPE_SECONDS}s
  scrape_timeout: {SCRAPE_SECONDS}s
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
        async with prometheus(Path(directory), config) as server:
            held = await _until_held(server)
            before = server.cpu_seconds()
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, __file__, server.url), stdout=asyncio.subprocess.PIPE
            )
            answer, _ = await child.communicate()
            ours = _Client(*json.loads(answer))
            after = server.cpu_seconds()
            received = await _ask_for_series(server.url, time.time() - MAX_AGE)
            series = _Cost(server.cpu_seconds() - after, received)
    return ours, _Cost((after - before) / 2, ours.received), series, held


def run(slower: float) -> list[Row]:
    try:
        ours, asked, series, held = asyncio.run(_measure())
    except FileNotFoundError:
        return []
    return [
        Row("discovery, 8 rules: series held by prometheus", held, "series"),
        Row("… metrics found", ours.metrics, "metrics"),
        Row("… requests a round", ours.requests, "requests"),
        Row("… CPU of a round", ours.cpu, "s", 0.3, slower),
        Row("… CPU of the first round", ours.first_cpu, "s", 0.3, slower),
        Row("… memory added", ours.memory_mb, "MB", 20.0),
        Row("… received", asked.received / 1e3, "kB"),
        Row("… received, of what /api/v1/series sends", asked.received / series.received, "", 0.1),
        Row("… CPU of prometheus for a round", asked.server_cpu, "s"),
        Row("… /api/v1/series instead: received", series.received / 1e6, "MB"),
        Row("… /api/v1/series instead: CPU of prometheus", series.server_cpu, "s"),
    ]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(discover(sys.argv[1]))))
