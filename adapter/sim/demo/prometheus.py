"""A real Prometheus that scrapes the simulated kubelets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import yaml

from adapter.sim.cluster import SimCluster
from adapter.sim.demo.processes import Child, child, output_of
from adapter.sim.ports import free_port

READY_SECONDS = 30.0
SCRAPE_SECONDS = 10


class Prometheus:
    """Prometheus of a cluster; may be killed and started again with what it had stored.

    Args:
        cluster: Whose kubelets are scraped.
        binary: Path of the program.
    """

    def __init__(self, cluster: SimCluster, binary: str) -> None:
        self._binary = binary
        self._directory = cluster.directory / "prometheus"
        self._directory.mkdir()
        self._config = self._directory / "prometheus.yml"
        self._config.write_text(yaml.safe_dump(_config(cluster)), encoding="utf-8")
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    async def version(self) -> str:
        """Its version, such as ``2.42.0``."""
        _, printed = await output_of([self._binary, "--version"])
        words = printed.split()
        return words[2].partition("+")[0] if len(words) > 2 else "unknown"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Child]:
        """Run it while the block runs, from when it is ready."""
        command = [
            self._binary,
            f"--config.file={self._config}",
            f"--storage.tsdb.path={self._directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
            "--log.level=warn",
        ]
        async with child("prometheus", command, self._directory / "log") as process:
            await self._wait(process)
            yield process

    async def _wait(self, process: Child) -> None:
        async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as session:
            while True:
                process.check()
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"{self.url}/-/ready") as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(0.1)


def _config(cluster: SimCluster) -> dict[str, object]:
    token_file = _write(cluster.directory / "prometheus-token", cluster.kubelet_token)
    return {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s"},
        "scrape_configs": [
            {
                "job_name": "kubelet",
                "scheme": "https",
                "metrics_path": "/metrics/resource",
                "honor_timestamps": True,
                "tls_config": {"ca_file": str(cluster.kubelet_ca_file)},
                "authorization": {"credentials_file": str(token_file)},
                "static_configs": [
                    {"targets": [f"127.0.0.1:{kubelet.port}"], "labels": {"node": name}}
                    for name, kubelet in cluster.kubelets.items()
                ],
            }
        ],
    }


def _write(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path
