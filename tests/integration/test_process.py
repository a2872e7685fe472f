"""``viaduct`` as a process of its own: start-up, what it loads, signals, wrong arguments."""

import asyncio
import os
import signal
import ssl
import sys
import time
from pathlib import Path

import pytest

from adapter.sim.cluster import SimCluster
from adapter.sim.ports import free_port

MAX_RESIDENT_MB = 80.0
START_SECONDS = 40.0


async def answers(port: int, path: str) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    except OSError:
        return False
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return line.startswith(b"HTTP/1.1 200")


async def run(*arguments: str):
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adapter", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ,
    )


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


async def test_starts_small_and_stops_cleanly(tmp_path):
    async with SimCluster(nodes=3) as cluster:
        port = free_port()
        process = await run(
            f"--kubeconfig={cluster.server_kubeconfig}",
            f"--cert-dir={tmp_path}",
            f"--secure-port={port}",
            "--kubelet-use-node-status-port",
            "--metric-resolution=10s",
            "--kubelet-request-timeout=5s",
        )
        try:
            for path in ("/version", "/readyz"):
                end = time.monotonic() + START_SECONDS
                while not await answers(port, path):
                    assert time.monotonic() < end
                    await asyncio.sleep(0.05)
            resident = resident_mb(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = await process.communicate()

        assert resident <= MAX_RESIDENT_MB
        assert process.returncode == 0
        lines = said.decode().splitlines()
        assert any(f"serving on https://0.0.0.0:{port}" in line for line in lines)
        assert not any("Traceback" in line for line in lines)


async def said_line(process, text: str) -> None:
    """Wait until the process logs *text*."""
    async with asyncio.timeout(START_SECONDS):
        while text not in (line := (await process.stderr.readline()).decode()):
            assert line, f"ended without saying {text!r}"


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_it_at_once(tmp_path, second):
    """As it does a program in Go: whoever asks twice does not want to wait."""
    async with SimCluster(nodes=1) as cluster:
        process = await run(
            f"--kubeconfig={cluster.server_kubeconfig}",
            f"--cert-dir={tmp_path}",
            "--secure-port=0",
            "--kubelet-use-node-status-port",
            "--shutdown-delay-duration=10m",
        )
        try:
            await said_line(process, "serving on")
            process.send_signal(signal.SIGTERM)
            await said_line(process, "stopping")
            process.send_signal(second)
            async with asyncio.timeout(START_SECONDS):
                _, said = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    assert process.returncode == 1
    assert "Traceback" not in said.decode()


async def test_the_server_never_loads_the_typed_models_of_kubernetes():
    """They cost half a second and 25 MB at the start, and 80 KB a pod."""
    code = (
        "import sys, adapter.bootstrap\n"
        "print([name for name in sys.modules if 'core_v1_api' in name or name == 'rich'"
        " or name.startswith(('cryptography', 'adapter.sim', 'jsonpath_ng'))])"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()

    assert printed.decode().strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--metric-resolutoin=15s"], 2, "--metric-resolution"),
        (["--kubeconfig=/none/there"], 1, "/none/there"),
        (["serf"], 2, "unknown command"),
    ],
)
async def test_wrong_arguments_say_how_to_mend_them(arguments, code, text):
    process = await run(*arguments)
    _, said = await process.communicate()

    assert process.returncode == code
    assert text in said.decode()
    assert "Traceback" not in said.decode()
