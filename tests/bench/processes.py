"""What a bench measures beside itself: child processes, and what each of them uses."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple

import aiohttp

from adapter.sim.demo.processes import clean_environment, find_program
from adapter.sim.ports import free_port
from adapter.transport import client_context

START_SECONDS = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Measured(NamedTuple):
    """A process that runs and answers at *url*; *ca_file* verifies it where it speaks TLS.

    *token* is what it is asked with.
    """

    url: str
    pid: int
    ca_file: Path | None = None
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def cpu_seconds(self) -> float:
        """What it has used since it started."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident_mb(self) -> float:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * 4096 / 1e6

    def session(self) -> aiohttp.ClientSession:
        context = client_context(ca_file=self.ca_file) if self.ca_file else True
        return aiohttp.ClientSession(
            self.url, connector=aiohttp.TCPConnector(ssl=context), headers=self.headers
        )

    async def total(self, metric: str, *matching: str) -> float:
        """Sum of the series of *metric* in its own metrics whose labels hold all of *matching*."""
        async with self.session() as session, session.get("/metrics") as response:
            text = await response.text()
        found = [line.rpartition(" ") for line in text.splitlines() if line.startswith(metric)]
        return sum(
            float(value)
            for series, _, value in found
            if series.partition("{")[0] == metric and all(part in series for part in matching)
        )


@contextlib.asynccontextmanager
async def prometheus(directory: Path, config: str) -> AsyncIterator[Measured]:
    """A Prometheus with *config*, its data in *directory*, from when it is ready.

    Raises:
        FileNotFoundError: It is not installed.
    """
    program = find_program("prometheus")
    if program is None:
        raise FileNotFoundError("prometheus")
    (directory / "prometheus.yml").write_text(config, encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [
        program,
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=error",
    ]
    async with _child(command) as pid:
        started = Measured(f"http://{address}", pid)
        await _answers(started, "/-/ready")
        yield started


@contextlib.asynccontextmanager
async def service(directory: Path, *flags: str, token: str = "") -> AsyncIterator[Measured]:
    """The service with *flags*, its certificate in *directory*, from when it is ready.

    It is asked with the bearer token *token*.
    """
    port = free_port()
    command = [
        *(sys.executable, "-m", "adapter", "serve", f"--secure-port={port}"),
        *(f"--cert-dir={directory}", "--kubelet-use-node-status-port", *flags),
    ]
    ca_file = directory / "apiserver.crt"
    async with _child(command) as pid:
        deadline = time.monotonic() + START_SECONDS
        while not ca_file.exists():
            if time.monotonic() > deadline:
                raise TimeoutError("the service made no certificate")
            await asyncio.sleep(0.05)
        started = Measured(f"https://127.0.0.1:{port}", pid, ca_file, token)
        await _answers(started, "/readyz")
        yield started


@contextlib.asynccontextmanager
async def _child(command: Sequence[str]) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        env=clean_environment(),
    )
    try:
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _answers(process: Measured, path: str) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with process.session() as session, session.get(path) as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.1)
