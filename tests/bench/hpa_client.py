"""A client process: asks for paths at an even pace, and tells what came of it.

Standard input has one line of JSON: ``url``, ``ca_file``, ``headers``, ``paths``, ``interval``
(seconds) and ``rounds``. It prints a line when it begins and after each round, then one of JSON:
for each round a list of milliseconds, status and body for each path.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import aiohttp

from adapter.transport import client_context

CONNECTIONS = 8
"""Kept alive; kube-apiserver has a few to each aggregated server."""


async def _ask(session, path, number, results):
    started = time.perf_counter()
    try:
        async with session.get(path, headers={"Accept": "application/json"}) as response:
            body = await response.text()
            status = response.status
    except (aiohttp.ClientError, TimeoutError) as error:
        status, body = 0, repr(error)
    results[number] = ((time.perf_counter() - started) * 1e3, status, body)


async def _load(order):
    connector = aiohttp.TCPConnector(
        limit=CONNECTIONS,
        ssl=client_context(ca_file=Path(order["ca_file"])),
        keepalive_timeout=60,
    )
    paths, interval, loop = order["paths"], order["interval"], asyncio.get_running_loop()
    rounds = [[None] * len(paths) for _ in range(order["rounds"])]
    async with aiohttp.ClientSession(
        order["url"], connector=connector, headers=order["headers"]
    ) as session:
        # connections are made before: those of kube-apiserver live for hours
        await asyncio.gather(*[_ask(session, "/version", 0, [None]) for _ in range(CONNECTIONS)])
        due = loop.time()
        sys.stdout.write("begins\n")
        sys.stdout.flush()
        async with asyncio.TaskGroup() as group:
            for results in rounds:
                for number, path in enumerate(paths):
                    await asyncio.sleep(due - loop.time())
                    group.create_task(_ask(session, path, number, results))
                    due += interval
                sys.stdout.write("round\n")
                sys.stdout.flush()
    return rounds


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_load(json.loads(sys.stdin.readline())))))
