"""``viaduct demo``: the main job on real parts, watched by an observer that knows the truth.

A simulated cluster, a real Prometheus that scrapes it, Viaduct as a process of its own, and kubectl
through the aggregator's stand-in. Prometheus is killed and brought back; the report says what that
cost.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from adapter.model.times import parse_duration
from adapter.sim.demo.display import Display
from adapter.sim.demo.report import Report
from adapter.sim.demo.story import Story

FAILED = 1
INTERRUPTED = 130

_END_SECONDS = 0.5


def main(argv: Sequence[str]) -> int:
    """Run the demo; 0 when every promise held."""
    options = _parser().parse_args(argv)
    try:
        report = asyncio.run(_run(options))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.stderr.write("interrupted; nothing is left running\n")
        return INTERRUPTED
    if options.report:
        Path(options.report).write_bytes(report.to_json())
    return 0 if report.holds else FAILED


async def _run(options: argparse.Namespace) -> Report:
    """Run the story; Ctrl-C and SIGTERM end it."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    if task is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _end, task, loop)
    display = Display(sys.stdout)
    story = Story(
        display,
        nodes=options.nodes,
        pods=options.pods,
        resolution=parse_duration(options.resolution),
        outage=parse_duration(options.outage),
        seed=options.seed,
    )
    with contextlib.closing(display):
        return await story.run()


def _end(task: "asyncio.Task[object]", loop: asyncio.AbstractEventLoop) -> None:
    """Cancel *task*, and once more if that came to nothing.

    A cancellation that meets the end of a timeout is taken for the timeout by Python 3.11.2, which
    Debian 12 has: then the demo went on as if nobody had pressed Ctrl-C.
    """
    if task.done():
        return
    if not task.cancelling():  # not while it cleans up
        task.cancel()
    loop.call_later(_END_SECONDS, _end, task, loop)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="viaduct demo", description=__doc__)
    parser.add_argument("--report", metavar="FILE", help="also write the report as JSON")
    parser.add_argument("--nodes", type=int, default=3, help="simulated nodes (%(default)s)")
    parser.add_argument("--pods", type=int, default=30, help="pods on all nodes (%(default)s)")
    parser.add_argument(
        "--resolution", default="15s", metavar="DURATION", help="--metric-resolution (%(default)s)"
    )
    parser.add_argument(
        "--outage", default="60s", metavar="DURATION", help="how long Prometheus is dead"
    )
    parser.add_argument("--seed", type=int, default=1, help="decides the workloads (%(default)s)")
    return parser
