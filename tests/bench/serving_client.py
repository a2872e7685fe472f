"""A client process: probes and lists while the bench attacks, and tells the worst times.

Standard input has one line of JSON: ``url``, ``ca_file``, ``listed``, ``headers``. Each further
line ends a phase: for each, and when input ends, it prints one line of JSON.
"""

import asyncio
import json
import sys
from pathlib import Path

from integration.attacks import Watch

from adapter.transport import client_context


async def _watch(order, lines):
    loop = asyncio.get_running_loop()
    watch = Watch(
        order["url"],
        client_context(ca_file=Path(order["ca_file"])),
        order["listed"],
        order["headers"],
    )
    stop = asyncio.Event()
    running = asyncio.create_task(watch.run(stop))
    while await loop.run_in_executor(None, lines.readline):
        found = {
            "probe": max(watch.probes, default=0.0),
            "list": max(watch.lists, default=0.0),
            "count": len(watch.probes) + len(watch.lists),
            "failures": watch.failures[:5],
        }
        watch.probes, watch.lists, watch.failures = [], [], []
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
    stop.set()
    await running


if __name__ == "__main__":
    asyncio.run(_watch(json.loads(sys.stdin.readline()), sys.stdin))
