"""What the demo shows: a live line on a terminal, plain lines elsewhere."""

import time
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from adapter.sim.demo.report import Report

PLAIN_EVERY_SECONDS = 10.0


class Display:
    """Tells the story to a person.

    Args:
        stream: Where to; colours and a live line only if it is a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False, soft_wrap=True)
        self._live: Live | None = None
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=4, transient=True)
            self._live.start()
        self._told = 0.0
        self._started = time.monotonic()

    def step(self, text: str) -> None:
        """Announce a step of the story."""
        seconds = time.monotonic() - self._started
        self._console.print(Text(f"[{seconds:5.1f} s] {text}", style="bold"))
        self._told = time.monotonic()

    def output(self, command: str, printed: str) -> None:
        """Show what *command* printed."""
        self._console.print(Text(f"\n$ {command}", style="cyan"))
        self._console.print(Text(printed.rstrip()))
        self._console.print()

    def progress(self, phase: str, report: Report, origins: dict[str, int]) -> None:
        """Show where we are: on a terminal at once, else now and then."""
        sources = ", ".join(f"{count} from {origin}" for origin, count in sorted(origins.items()))
        text = (
            f"{phase}: {report.requests} requests, {report.failures} failed; pods: {sources}; "
            f"oldest {report.worst_age_seconds:.1f} s, cpu error {report.worst_cpu_error:.2%}"
        )
        now = time.monotonic()
        if self._live is not None:
            self._live.update(Text(text, style="dim"))
        elif now - self._told >= PLAIN_EVERY_SECONDS:
            self._told = now
            self._console.print(Text(f"          {text}"))

    def verdict(self, report: Report) -> None:
        """Show the report."""
        self.close()
        table = Table(title="Report", show_header=False)
        for name, value, holds in report.lines():
            mark = Text("ok", style="green") if holds else Text("NOT HELD", style="bold red")
            table.add_row(name, value, mark)
        self._console.print(table)
        self._lines(report.problems)

    def close(self) -> None:
        """End the live line."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _lines(self, problems: Sequence[str]) -> None:
        for problem in problems:
            self._console.print(Text(f"  {problem}", style="red"))
