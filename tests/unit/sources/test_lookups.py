"""Look-ups of names that hang."""

import asyncio
import socket
import subprocess
import sys
import threading

import pytest

from adapter.sources import lookups
from adapter.sources.lookups import OwnThreads

HANGING = """
import asyncio, socket, threading
from adapter.sources.lookups import OwnThreads
socket.getaddrinfo = lambda *_, **__: threading.Event().wait()

async def main():
    look_up = asyncio.create_task(OwnThreads().resolve("silent.example"))
    await asyncio.sleep(0.05)
    look_up.cancel()

asyncio.run(main())
"""


PROMETHEUS = """
import asyncio, socket, threading
from adapter.sources.prometheus.client import PrometheusClient
from adapter.sources.prometheus.options import PrometheusOptions
from adapter.telemetry import Telemetry
socket.getaddrinfo = lambda *_, **__: threading.Event().wait()

async def main():
    client = PrometheusClient(PrometheusOptions(url="http://silent.example"), telemetry=Telemetry())
    query = asyncio.create_task(client.query_vector("up"))
    await asyncio.sleep(0.05)
    query.cancel()
    await client.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("program", [HANGING, PROMETHEUS], ids=["names", "prometheus"])
def test_the_process_ends_though_a_look_up_hangs(program):
    assert subprocess.run([sys.executable, "-c", program], timeout=20, check=False).returncode == 0


async def test_look_ups_are_bounded_though_nobody_waits_for_them(monkeypatch):
    end, running = threading.Event(), []

    def look_up(host, *_):
        running.append(host)
        end.wait(10)
        return []

    monkeypatch.setattr(lookups, "_look_up", look_up)
    resolver = OwnThreads()
    for number in range(40):
        waiter = asyncio.create_task(resolver.resolve(f"{number}.example"))
        await asyncio.sleep(0)
        waiter.cancel()
    await asyncio.sleep(0.01)
    assert len(running) <= 16

    end.set()
    assert await asyncio.wait_for(resolver.resolve("last.example"), 10) == []


async def test_a_name_that_cannot_be_asked_for_has_no_address():
    with pytest.raises(socket.gaierror):
        await OwnThreads().resolve("a" * 70 + ".example")
