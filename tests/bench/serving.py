"""Clients that mean no good: does the server go on answering probes and lists meanwhile?

The service is a process of its own, and so is who probes and lists; the attacks come from here.
"""

import asyncio
import contextlib
import json
import resource
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from integration.attacks import Attacks, unverified
from measure import Row
from processes import Measured, clean_environment, service

from adapter.sim.cluster import SimCluster
from adapter.sim.identity import MASTERS

NODES, PODS = 10, 30
LIST = "/apis/metrics.k8s.io/v1/pods"
SLOW, IDLE, GREEDY, GIANTS, HALF = 500, 10_000, 1000, 20, 200
PROBE_SECONDS, LIST_SECONDS = 1.0, 2.0


class Watcher:
    """The process that probes and lists."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def phase(self) -> dict:
        """What it saw since it was asked last."""
        self._process.stdin.write(b"\n")
        return json.loads(await self._process.stdout.readline())


@contextlib.asynccontextmanager
async def watching(target: Measured, headers: dict[str, str]) -> AsyncIterator[Watcher]:
    environment = {**clean_environment(), "PYTHONPATH": str(Path(__file__).parents[1])}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).with_name("serving_client.py"))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
    )
    order = {"url": target.url, "ca_file": str(target.ca_file), "listed": LIST}
    process.stdin.write(json.dumps({**order, "headers": headers}).encode() + b"\n")
    try:
        yield Watcher(process)
    finally:
        process.stdin.close()
        await process.wait()


async def _measure(slower: float) -> list[Row]:
    raise_limit()
    async with SimCluster(nodes=NODES, pods_per_node=PODS) as cluster:
        headers, others = ({"Authorization": f"Bearer {token}"} for token in tokens(cluster))
        with tempfile.TemporaryDirectory() as name:
            flags = (
                f"--kubeconfig={cluster.server_kubeconfig}",
                "--metric-resolution=10s",
                "--kubelet-request-timeout=5s",
                f"--max-connections={2 * IDLE}",
            )
            async with service(Path(name), *flags) as target, watching(target, headers) as watcher:
                return await _attacked(target, watcher, others, slower)


def tokens(cluster: SimCluster) -> list[str]:
    """Of the one who watches, and of the one who attacks."""
    return [cluster.issue_token(name, (MASTERS,)) for name in ("watch", "attack")]


async def _attacked(
    target: Measured, watcher: Watcher, headers: dict[str, str], slower: float
) -> list[Row]:
    port = int(target.url.rpartition(":")[2])
    rows = []

    async def phase(name: str, attack: Callable[[Attacks], Awaitable[object]]) -> None:
        await watcher.phase()
        async with Attacks(port, unverified(), headers) as attacks:
            await attack(attacks)
            await asyncio.sleep(1)
            seen = await watcher.phase()
        rows.append(Row(f"probe during {name}", seen["probe"], "s, worst", PROBE_SECONDS, slower))
        rows.append(Row("… list of 300 pods", seen["list"], "s, worst", LIST_SECONDS, slower))
        rows.append(Row("… failed", len(seen["failures"]), "requests", 0))

    async def idle(attacks: Attacks) -> None:
        before = target.resident_mb()
        opened = await attacks.idle(IDLE)
        grown = target.resident_mb() - before
        rows.append(Row(f"{opened} idle connections", grown, "MB"))
        rows.append(Row("… one", 1e3 * grown / opened, "KB", 80.0))

    async def giants(attacks: Attacks) -> None:
        for line in (0, 1000, 60_000) * GIANTS:
            await attacks.giant_headers(line=line)

    await phase("nothing", lambda _: asyncio.sleep(3))
    await phase(f"{SLOW} slow requests", lambda attacks: attacks.slowloris(SLOW, 10))
    await phase(f"{SLOW} slow handshakes", lambda attacks: attacks.slow_handshakes(SLOW))
    await phase(f"{3 * GIANTS} headers of 1 MiB", giants)
    await phase(f"{HALF} half-closed connections", lambda attacks: attacks.half_closed(HALF))
    await phase(f"{GREEDY} lists at once", lambda attacks: attacks.greedy(GREEDY, LIST))
    await phase(f"{IDLE} idle connections", idle)
    return rows


def raise_limit() -> None:
    """As many files as the system allows: the idle connections are this process's, too."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run(slower: float) -> list[Row]:
    return asyncio.run(_measure(slower))
