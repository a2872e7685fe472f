"""``viaduct demo``, shortened: a real Prometheus dies and comes back, and every promise holds."""

import asyncio
import json
import signal
import sys

import pytest

from adapter.sim.demo.processes import find_program


def processes_under(directory) -> list[str]:
    """Command lines that mention *directory*, of this machine's processes."""
    from pathlib import Path

    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(directory) in text:
            found.append(text)
    return found


async def demo(directory, *arguments: str):
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adapter", "demo", "--report", str(directory / "demo.json")),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(directory), "HOME": str(directory)},
    )


@pytest.mark.prometheus
@pytest.mark.skipif(find_program("prometheus") is None, reason="no prometheus on this machine")
async def test_every_promise_holds(tmp_path):
    process = await demo(tmp_path, "--resolution=10s", "--outage=15s")
    printed, _ = await process.communicate()

    text = printed.decode()
    report = json.loads((tmp_path / "demo.json").read_text())
    assert process.returncode == 0, text
    assert report["failures"] == 0
    assert report["requests"] >= 5 * 30
    assert report["worst_age_seconds"] <= 2 * 10 + 5
    assert report["worst_cpu_error"] <= 0.05
    assert report["worst_memory_error_bytes"] < 4096
    assert report["seconds_by_origin"]["kubelet"] >= 10
    assert report["seconds_by_origin"]["prometheus"] >= 10
    assert report["prometheus"]
    assert report["json_values"] >= 3 * 30
    assert report["json_wrong"] == 0
    assert report["worst_json_age_seconds"] <= 10
    assert "node-0002" in text
    assert '"name":"queue-depth"' in text
    assert processes_under(tmp_path) == []


async def test_ctrl_c_leaves_nothing_behind(tmp_path):
    process = await demo(tmp_path)
    line = b""
    while b"viaduct serves" not in line:
        line = await process.stdout.readline()
        assert line, "it ended by itself"
    assert processes_under(tmp_path)

    process.send_signal(signal.SIGINT)
    await process.communicate()

    assert process.returncode == 130
    assert processes_under(tmp_path) == []
    assert not list(tmp_path.glob("viaduct-sim-*"))
