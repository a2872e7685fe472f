"""From nothing to the first 200, as a process of its own in a small cluster."""

import asyncio
import socket
import ssl
import sys
import tempfile
import time
from pathlib import Path

from measure import Row

from adapter.sim.cluster import SimCluster
from adapter.sim.ports import free_port

DEADLINE_SECONDS = 20.0


def _get_version(port: int) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            context.wrap_socket(plain) as secure,
        ):
            secure.sendall(b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return secure.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


def _resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


async def _start(kubeconfig: Path, directory: str) -> tuple[float, float]:
    port = free_port()
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adapter", "serve", f"--kubeconfig={kubeconfig}"),
        *(f"--secure-port={port}", f"--cert-dir={directory}", "--kubelet-use-node-status-port"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        while not await asyncio.to_thread(_get_version, port):
            if time.perf_counter() - started > DEADLINE_SECONDS:
                raise TimeoutError("no answer")
            await asyncio.sleep(0.005)
        elapsed = time.perf_counter() - started
        await asyncio.sleep(3)
        return elapsed, _resident_mb(process.pid)
    finally:
        process.terminate()
        await process.wait()


async def _measure() -> tuple[float, float, float]:
    async with SimCluster(nodes=3) as cluster:
        with tempfile.TemporaryDirectory() as directory:
            first, memory = await _start(cluster.server_kubeconfig, directory)
            again, _ = await _start(cluster.server_kubeconfig, directory)
            return first, again, memory


def run(slower: float) -> list[Row]:
    first, again, memory = asyncio.run(_measure())
    return [
        Row("process start to first 200", again, "s", 1.0, slower),
        Row("… the first time, making a certificate", first, "s"),
        Row("… resident memory", memory, "MB", 80.0),
    ]
