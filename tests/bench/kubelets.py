"""The whole service against 500 TLS kubelets of 60 containers, paced over 15 s.

Kubelets and API server are simulated in a process of their own. Counted is the CPU of this process,
everything included: wheel, TLS, decoding, storage, informers.
"""

import asyncio
import contextlib
import json
import ssl
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import aiohttp
from measure import Row

from adapter.bootstrap import running, without_collections
from adapter.settings import parse_settings

NODES = 500
RESOLUTION = 15.0
WARM_SECONDS = 2 * RESOLUTION + 5
MEASURED_SECONDS = 3 * RESOLUTION
LAG_EVERY = 0.05
SUCCESSES = 'viaduct_kubelet_scrapes_total{result="success"} '


@contextlib.asynccontextmanager
async def cluster():
    """A simulated cluster beside us; its kubeconfig."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adapter.sim", f"--nodes={NODES}", "--pods-per-node=30"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield json.loads(await process.stdout.readline())["server_kubeconfig"]
    finally:
        process.stdin.close()
        await process.wait()


class Lag:
    """How late the loop's timers are."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_EVERY
            await asyncio.sleep(LAG_EVERY)
            self.worst = max(self.worst, loop.time() - due)


async def _scrapes(port: int) -> float:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
        session.get(f"https://127.0.0.1:{port}/metrics") as response,
    ):
        text = await response.text()
    lines = [line for line in text.splitlines() if line.startswith(SUCCESSES)]
    return float(lines[0].removeprefix(SUCCESSES)) if lines else 0.0


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


class Figures(NamedTuple):
    """CPU seconds and scrapes measured, worst lags in seconds, megabytes."""

    cpu: float
    scrapes: float
    starting_lag: float
    lag: float
    memory: float


async def _measure() -> Figures:
    with tempfile.TemporaryDirectory() as directory:
        async with cluster() as kubeconfig:
            settings = parse_settings(
                [
                    f"--kubeconfig={kubeconfig}",
                    "--kubelet-use-node-status-port",
                    "--secure-port=0",
                    f"--cert-dir={directory}",
                    f"--metric-resolution={RESOLUTION:g}s",
                ],
                {},
            )
            async with running(settings) as server:
                lag = Lag()
                watch = asyncio.create_task(lag.watch())
                await without_collections(WARM_SECONDS)
                watch.cancel()
                starting, lag.worst = lag.worst, 0.0
                before, started = await _scrapes(server.port), time.process_time()
                await asyncio.sleep(MEASURED_SECONDS)
                cpu = time.process_time() - started
                scrapes = await _scrapes(server.port) - before
                # afterwards: to look 20 times a second costs a tenth of what is measured
                watch = asyncio.create_task(lag.watch())
                await asyncio.sleep(RESOLUTION)
                watch.cancel()
                return Figures(cpu, scrapes, starting, lag.worst, _resident_mb())


def run(slower: float) -> list[Row]:
    figures = asyncio.run(_measure())
    missed = max(0.0, NODES * MEASURED_SECONDS / RESOLUTION - figures.scrapes)
    return [
        Row("500 TLS kubelets: scrapes missed", missed, "scrapes", NODES / 20),
        Row("… CPU a scrape, all in", figures.cpu / figures.scrapes * 1e3, "ms", 0.6, slower),
        Row("… CPU", figures.cpu / MEASURED_SECONDS, "core"),
        Row("… worst lag of the loop", figures.lag * 1e3, "ms", 10.0, slower),
        Row("… the same while they connect", figures.starting_lag * 1e3, "ms"),
        Row("… resident memory", figures.memory, "MB"),
    ]
