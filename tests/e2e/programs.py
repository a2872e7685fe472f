"""The real programs of the suite: where they are, and processes that never outlive it."""

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from integration.conftest import poll

from adapter.sim.demo.processes import clean_environment, find_program

__all__ = [
    "Missing",
    "Program",
    "answers",
    "control_plane_program",
    "find_program",
    "missing",
    "poll",
]

NEEDED = ("etcd", "kube-apiserver", "kubectl", "prometheus")
"""Without a kube-controller-manager only what needs one is skipped."""

START_SECONDS = 60.0
"""How long a program may take to be ready; seconds on a quiet machine."""

STOP_SECONDS = 10.0


class Missing(Exception):
    """A program that the suite needs is not on this machine; the message says how to get it."""


@functools.cache
def assets():
    """The folder with the control plane's programs, by the convention of envtest."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("KUBEBUILDER_ASSETS") or cache / "kubebuilder-envtest")


def control_plane_program(name):
    """Path of *name* among the assets, or on PATH.

    Raises:
        Missing: It is in neither.
    """
    found = shutil.which(name, path=assets()) or find_program(name)
    if found is None:
        raise Missing(f"no {name}: put one into {assets()} or set KUBEBUILDER_ASSETS")
    return found


def missing():
    """What the suite cannot do without and this machine does not have; empty when all is there."""
    try:
        for name in NEEDED:
            control_plane_program(name)
    except Missing as error:
        return str(error)
    return ""


def answers(url):
    """Whether a GET without TLS is answered with success."""
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(url, timeout=1) as response,
    ):
        return response.status == 200
    return False


class Program:
    """A process with a log of its own, that may be ended and started again.

    Args:
        name: What it is called in messages; also its log's name.
        command: Its command line.
        directory: Where its log goes.
        ready: Whether it does its work.
        environment: Variables it gets beside ours.
    """

    def __init__(self, name, command, directory, *, ready=lambda: True, environment=None):
        self.name = name
        self.log_file = directory / f"{name}.log"
        self._command = [str(word) for word in command]
        self._ready = ready
        self._environment = clean_environment() | (environment or {})
        self._process = None

    @property
    def pid(self):
        """Its process id; None when it was ended."""
        return None if self._process is None else self._process.pid

    def start(self, *more):
        """Start it, with *more* arguments this time; `wait` tells when it does its work."""
        setpriv = shutil.which("setpriv")  # the kernel ends it, should this process be killed
        guard = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*guard, *self._command, *map(str, more)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        return self

    def wait(self):
        """Wait until it does its work."""
        poll(self._works, START_SECONDS, self.log)

    def stop(self):
        """Ask it to end, and kill it when it does not in time; gives its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self):
        """End it at once, as a node that fails does."""
        return self._end(signal.SIGKILL)

    def log(self):
        """The end of what it has written."""
        said = self.log_file.read_text(errors="replace").splitlines()
        return "\n".join((f"{self.name} says:", *said[-15:]))

    def _works(self):
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"{self.name} has ended. {self.log()}")
        return self._ready()

    def _end(self, number):
        process, self._process = self._process, None
        if process is None:
            return None
        process.send_signal(number)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "did not end by itself"
