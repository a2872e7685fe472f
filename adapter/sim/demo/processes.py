"""Child processes that never outlive us."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

STOP_SECONDS = 10.0


class ProcessDied(Exception):
    """A child that should run has ended; the message ends with what it said last."""


class Child:
    """A running child process; what it says goes to *log_file*."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log_file: Path) -> None:
        self.name = name
        self._process = process
        self._log_file = log_file

    def check(self) -> None:
        """Make sure that it still runs.

        Raises:
            ProcessDied: It does not.
        """
        if self._process.returncode is not None:
            said = self._log_file.read_text(errors="replace").strip().splitlines()[-5:]
            text = "\n".join((f"{self.name} ended with {self._process.returncode}:", *said))
            raise ProcessDied(text)

    async def kill(self) -> None:
        """Kill it as a crash would."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end, and kill it when it does not in time."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            await self.kill()


@contextlib.asynccontextmanager
async def child(name: str, command: Sequence[str], log_file: Path) -> AsyncIterator[Child]:
    """Run *command* while the block runs.

    Should we be killed without a chance to clean up, the kernel ends the child: setpriv, part of
    every Debian, asks it to.
    """
    setpriv = shutil.which("setpriv")
    guard = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
    with log_file.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *guard,
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=clean_environment(),
        )
    started = Child(name, process, log_file)
    try:
        yield started
    finally:
        await started.stop()


async def output_of(command: Sequence[str], seconds: float = 30.0) -> tuple[int, str]:
    """Run *command* to its end; its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=clean_environment(),
    )
    try:
        async with asyncio.timeout(seconds):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, printed.decode(errors="replace")


def clean_environment() -> dict[str, str]:
    """Our environment without proxies, which have no business on loopback, and our own flags."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("VIADUCT_")
    }


def find_program(name: str) -> str | None:
    """Path of a program beside our interpreter, where ``.ci/setup`` puts it, or on PATH."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(name, path=os.pathsep.join((beside, os.environ.get("PATH", os.defpath))))
