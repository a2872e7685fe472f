"""As in the pod: a file system that is read-only but for one folder, and a user without a home."""

import asyncio
import shutil
import subprocess
import sys
import time

import pytest
from integration.test_process import START_SECONDS, answers

from adapter.sim.cluster import SimCluster
from adapter.sim.ports import free_port

UNSHARE = ("unshare", "--mount", "--map-root-user", "sh", "-euc")
READ_ONLY = 'mount --bind "$0" "$0"; mount -o remount,bind,ro /; '


def _cannot(folder) -> str:
    """Why a process cannot be given such a file system here; empty when it can."""
    if shutil.which("unshare") is None:
        return "no unshare on PATH"
    tried = subprocess.run(
        [*UNSHARE, f'{READ_ONLY} touch "$0/x"; ! touch "$0/../y" 2>&1', folder],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return "" if tried.returncode == 0 else f"no user namespaces here: {tried.stderr.strip()}"


async def test_it_writes_to_one_folder_only(tmp_path):
    writable = tmp_path / "tmp"
    writable.mkdir()
    if why := _cannot(writable):
        pytest.skip(why)
    async with SimCluster(nodes=1) as cluster:
        port = free_port()
        serve = [
            *(sys.executable, "-m", "adapter", "/metrics-server"),
            f"--kubeconfig={cluster.server_kubeconfig}",
            f"--cert-dir={writable}/serving-cert",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            "--kubelet-use-node-status-port",
        ]
        process = await asyncio.create_subprocess_exec(
            *(*UNSHARE, f'{READ_ONLY} exec "$@"', writable, *serve),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"HOME": str(writable), "TMPDIR": str(writable), "PATH": "/usr/bin:/bin"},
        )
        try:
            end = time.monotonic() + START_SECONDS
            while not await answers(port, "/livez"):
                assert time.monotonic() < end
                assert process.returncode is None, (await process.communicate())[0].decode()
                await asyncio.sleep(0.05)
        finally:
            if process.returncode is None:
                process.terminate()
            said, _ = await process.communicate()

    assert process.returncode == 0
    assert "Traceback" not in said.decode()
    written = {path.name for path in (writable / "serving-cert").iterdir()}
    assert written == {"apiserver.crt", "apiserver.key"}
