"""Engines that speak Prometheus' query API, as processes on free loopback ports."""

import contextlib
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from integration.conftest import START_SECONDS, PrometheusServer, poll

from adapter.sim.ports import free_port


class VictoriaServer:
    """A VictoriaMetrics that scrapes as its configuration, in Prometheus' format, says."""

    def __init__(self, program, directory, config):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._program = program
        self._directory = directory
        self._process = None
        (directory / "scrape.yml").write_text(config, encoding="utf-8")

    def start(self):
        """Start it, again on the same port and data after `kill`, and wait until it is ready."""
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._program,
                    f"-storageDataPath={self._directory / 'data'}",
                    f"-httpListenAddr=127.0.0.1:{self.port}",
                    f"-promscrape.config={self._directory / 'scrape.yml'}",
                    "-search.latencyOffset=1s",
                    # it takes a pause of twice the usual between two scrapes for the end of a
                    # series, and on a busy machine there are such pauses
                    "-search.minStalenessInterval=30s",
                ],
                stdout=log,
                stderr=log,
            )
        poll(self._ready, START_SECONDS, self.log)

    def take(self, history):
        """Take *history*, OpenMetrics text with timestamps in seconds of three decimals."""
        samples = [
            line.rpartition(".") for line in history.splitlines() if not line.startswith("#")
        ]
        in_milliseconds = "\n".join(before + decimals for before, _, decimals in samples)
        url = f"{self.url}/api/v1/import/prometheus"
        with urllib.request.urlopen(url, in_milliseconds.encode(), timeout=START_SECONDS):
            pass

    def kill(self):
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def log(self):
        """What it has written so far."""
        return (self._directory / "log").read_text(encoding="utf-8")

    def _ready(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"victoria-metrics ended: {self.log()}")
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{self.url}/health", timeout=1) as response,
        ):
            return response.status == 200
        return False


ENGINES = {"prometheus": PrometheusServer, "victoria-metrics": VictoriaServer}


@contextlib.contextmanager
def engine(name, config, history=""):
    """A running engine; the test is skipped where its program is not installed.

    It has the samples of *history*, OpenMetrics text, from the start: a ``rate()`` is right with a
    whole window of them.
    """
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not on PATH: install it to run this test")
    with tempfile.TemporaryDirectory() as directory:
        server = ENGINES[name](program, Path(directory), config)
        if history and name == "prometheus":
            if shutil.which("promtool") is None:
                pytest.skip("promtool is not on PATH: install prometheus to run this test")
            server.backfill(history)
        server.start()
        try:
            if history and name == "victoria-metrics":
                server.take(history)
            yield server
        finally:
            server.kill()


def scrape_config(port, interval="1s"):
    """A configuration that scrapes an exporter at *port* of this machine."""
    return f"""
global: {{scrape_interval: {interval}}}
scrape_configs:
- job_name: app
  static_configs:
  - targets: ["127.0.0.1:{port}"]
"""
