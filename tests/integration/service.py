"""The whole service over a simulated cluster, behind the aggregator; time is turned by hand."""

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path

import aiohttp
import pytest

from adapter.bootstrap import running
from adapter.settings import parse_settings
from adapter.sim.clock import ManualClock
from adapter.sim.cluster import SimCluster
from adapter.transport import client_context

KUBECTL = shutil.which("kubectl")
NEEDS_KUBECTL = [
    pytest.mark.kubectl,
    pytest.mark.skipif(KUBECTL is None, reason="no kubectl on PATH"),
]
STEP_SECONDS = 0.05


class Lab:
    """A cluster and the service in it. *session* asks the service itself, as its administrator."""

    def __init__(self, cluster, server, directory) -> None:
        self.cluster = cluster
        self.clock = cluster.clock
        self.server = server
        self.directory = directory
        self.session = None

    async def turn(self, seconds: float) -> None:
        """Turn the clock; the network gets 2 ms for each 50."""
        for _ in range(round(seconds / STEP_SECONDS)):
            self.clock.advance(STEP_SECONDS)
            await asyncio.sleep(0.002)

    async def turn_until(self, reached, seconds: float = 120.0) -> None:
        """Turn the clock until *reached* (an async predicate) holds."""
        end = self.clock.monotonic() + seconds
        while not await reached():
            assert self.clock.monotonic() < end, "did not come about"
            await self.turn(1.0)

    async def get(self, path: str, **headers: str):
        """Status, headers and decoded body of a GET of the service."""
        async with self.session.get(path, headers={"Accept": "application/json"} | headers) as r:
            return r.status, r.headers, await r.json(content_type=None)

    async def text(self, path: str) -> tuple[int, str]:
        async with self.session.get(path) as response:
            return response.status, await response.text()

    async def ready(self) -> bool:
        return (await self.text("/readyz"))[0] == 200

    @contextlib.asynccontextmanager
    async def client(self, key_pair=None):
        """A session of its own connections that shows the certificate of *key_pair*."""
        cert_file, key_file = key_pair or (None, None)
        context = client_context(
            ca_file=self.directory / "apiserver.crt", cert_file=cert_file, key_file=key_file
        )
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(
            f"https://127.0.0.1:{self.server.port}", connector=connector
        ) as session:
            yield session

    async def pods(self) -> list:
        status, _, body = await self.get("/apis/metrics.k8s.io/v1/pods?origin=true")
        assert status == 200
        return body["items"]

    async def origins(self) -> set[str]:
        return {item["metadata"]["annotations"]["viaduct/origin"] for item in await self.pods()}

    async def kubectl(self, *words: str) -> tuple[int, str, str]:
        """Run the real kubectl against kube-apiserver's stand-in."""
        process = await asyncio.create_subprocess_exec(
            *(KUBECTL, f"--kubeconfig={self.cluster.admin_kubeconfig}", *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"HOME": str(self.directory), "PATH": "/usr/bin:/bin"},
        )
        printed, complained = await process.communicate()
        return process.returncode, printed.decode(), complained.decode()


@contextlib.asynccontextmanager
async def lab(*, flags=lambda _: (), prepare=None, **cluster):
    """A lab; *flags* of the cluster are the service's own, *cluster* is for the simulated one.

    *prepare* is awaited with the cluster before.
    """
    sizes = {"clock": ManualClock(), "housekeeping": 0.0} | cluster
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with SimCluster(**sizes) as made:
            if prepare is not None:
                await prepare(made)
            settings = parse_settings(
                [
                    f"--kubeconfig={made.server_kubeconfig}",
                    f"--cert-dir={directory}",
                    "--secure-port=0",
                    "--kubelet-use-node-status-port",
                    *flags(made),
                ],
                {},
            )
            async with running(settings, made.clock) as server:
                url = f"https://127.0.0.1:{server.port}"
                ca_file = directory / "apiserver.crt"
                made.register_api_service("metrics.k8s.io", ["v1", "v1beta1"], url, ca_file)
                started = Lab(made, server, directory)
                async with started.client(made.credentials.admin) as started.session:
                    yield started


@contextlib.asynccontextmanager
async def warm_lab(**cluster):
    """A lab in which every node was scraped twice."""
    async with lab(**cluster) as made:
        await made.turn_until(made.ready)
        await made.turn(16)
        yield made
