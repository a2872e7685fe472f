"""Real programs for integration tests: on free loopback ports, ended with their test module."""

import contextlib
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from adapter.sim.ports import free_port

START_SECONDS = 30
"""How long Prometheus may take to be ready; about one second on a quiet machine."""


class PrometheusServer:
    """A Prometheus of its own, with its data in a temporary folder.

    Args:
        program: Path of the executable.
        directory: Where its configuration and data go.
        config: Its configuration, as text.
    """

    def __init__(self, program, directory, config):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._program = program
        self._directory = directory
        self._data = directory / "data"
        self._process = None
        (directory / "prometheus.yml").write_text(config, encoding="utf-8")

    def start(self):
        """Start it, again on the same port and data after `kill`, and wait until it is ready."""
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._program,
                    f"--config.file={self._directory / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._data}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=log,
                stderr=log,
            )
        poll(self._ready, START_SECONDS, self.log)

    def kill(self):
        """End it at once, as a node that fails does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self):
        """Stop it without closing its connections: it hangs until `resume`."""
        self._process.send_signal(signal.SIGSTOP)
        poll(self._stopped, START_SECONDS)

    def _stopped(self):
        """Whether all its threads have: a signal takes its time."""
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/stat")
        return {stat.read_text().rpartition(")")[2].split()[0] for stat in threads} == {"T"}

    def resume(self):
        """Let it run on after `pause`."""
        self._process.send_signal(signal.SIGCONT)

    def backfill(self, history):
        """Put *history*, OpenMetrics text with timestamps, into its data before it starts."""
        file = self._directory / "history.txt"
        file.write_text(history, encoding="utf-8")
        subprocess.run(
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", file, self._data],
            check=True,
            capture_output=True,
        )

    def log(self):
        """What it has written so far."""
        return (self._directory / "log").read_text(encoding="utf-8")

    def _ready(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"prometheus ended: {self.log()}")
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as response,
        ):
            return response.status == 200
        return False


def poll(done, seconds, describe=lambda: ""):
    """Call *done* until it is true; fail after *seconds* with what *describe* gives."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {describe()}")
        time.sleep(0.05)


@pytest.fixture(scope="module")
def prometheus_server(tmp_path_factory):
    """A function of a configuration's text that starts a Prometheus and gives it.

    With *history*, OpenMetrics text, it has those samples from the start.
    """
    program = shutil.which("prometheus")
    if program is None or shutil.which("promtool") is None:
        pytest.skip("prometheus is not on PATH: install it to run this test")
    servers = []

    def start(config, history=""):
        server = PrometheusServer(program, tmp_path_factory.mktemp("prometheus"), config)
        servers.append(server)
        if history:
            server.backfill(history)
        server.start()
        return server

    yield start
    for server in servers:
        server.kill()
