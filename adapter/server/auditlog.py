"""The file the audit is written to, off the event loop.

A thread writes; requests leave their lines in a queue and go on. Losing the audit never stops what
is read: when the disk is full, or so slow that the queue is, lines are lost, counted, and the log
says so once, and again when they are written. (apiserver's ``blocking`` mode waits for the disk,
and then answers all the same.)

Rotation and the names of old files are those of lumberjack, which kube-apiserver uses.
"""

import logging
import os
import sys
import threading
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from adapter.periodic import Clock
from adapter.telemetry import AuditTelemetry

log = logging.getLogger(__name__)

QUEUE_BYTES = 10 << 20
"""Bytes that may wait for the disk: usually some 10,000 lines, which is apiserver's limit."""

_PIECE_BYTES = 1 << 20
"""Written at once, so that not all that waits is in memory twice."""

STDOUT = "-"

_MEGABYTE = 1 << 20
_DAY_SECONDS = 86400.0
_CLOSE_SECONDS = 5.0


class Output(Protocol):
    """Where lines go."""

    def write(self, lines: bytes) -> None:
        """Write whole lines.

        Raises:
            OSError: They are not written.
        """

    def close(self) -> None:
        """Let go of it."""


class StandardOutput:
    """The process' standard output."""

    def write(self, lines: bytes) -> None:
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()

    def close(self) -> None:
        """Nothing to do: it is not ours."""


class RotatedFile:
    """A file that is set aside when it is large.

    Args:
        path: Where it is.
        max_megabytes: Size at which it is set aside; 0 is 100.
        max_backups: How many old ones are kept; 0 keeps all.
        max_days: How long old ones are kept; 0 keeps them for ever.
        clock: Tells what time it is.
    """

    def __init__(
        self, path: str, *, max_megabytes: int, max_backups: int, max_days: int, clock: Clock
    ) -> None:
        self._path = Path(path)
        self._max_bytes = (max_megabytes or 100) * _MEGABYTE
        self._max_backups = max_backups
        self._max_seconds = max_days * _DAY_SECONDS
        self._clock = clock
        self._descriptor: int | None = None
        self._size = 0
        self._torn = False

    def open(self) -> None:
        """Begin, or go on where a process before us ended.

        Raises:
            OSError: It cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._descriptor = os.open(self._path, flags, 0o600)  # names of users are in it
        self._size = os.fstat(self._descriptor).st_size
        self._torn = self._torn and self._size > 0

    def write(self, lines: bytes) -> None:
        if (
            self._descriptor is not None
            and self._size
            and (self._size + len(lines) > self._max_bytes)
        ):
            self._set_aside()
        if self._descriptor is None:
            self.open()
        if self._descriptor is not None:
            # what is left of a line that was written in part must not spoil the next
            self._append(self._descriptor, b"\n" + lines if self._torn else lines)

    def _append(self, descriptor: int, lines: bytes) -> None:
        written = 0
        try:
            while written < len(lines):
                written += os.write(descriptor, lines[written:])
        finally:
            self._size += written
            if written:
                self._torn = lines[written - 1] != ord("\n")

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _set_aside(self) -> None:
        self.close()
        moment = datetime.fromtimestamp(self._clock.time(), UTC)
        while (aside := self._aside(moment)).exists():
            moment += timedelta(milliseconds=1)
        self._path.rename(aside)
        self._forget()

    def _aside(self, moment: datetime) -> Path:
        stamp = f"{moment:%Y-%m-%dT%H-%M-%S}.{moment.microsecond // 1000:03}"
        return self._path.with_name(f"{self._path.stem}-{stamp}{self._path.suffix}")

    def _forget(self) -> None:
        """Delete old ones that are too many or too old."""
        old = sorted(self._path.parent.glob(f"{self._path.stem}-*{self._path.suffix}"))
        excess = old[: -self._max_backups] if self._max_backups else []
        oldest = self._clock.time() - self._max_seconds if self._max_seconds else 0.0
        for each in old:
            if each in excess or each.stat().st_mtime < oldest:
                each.unlink(missing_ok=True)


class AuditLog:
    """Writes lines to *output* in a thread of its own.

    Args:
        output: Where they go.
        telemetry: Counts what is written and lost.
        limit: Bytes that may wait.
    """

    def __init__(
        self, output: Output, telemetry: AuditTelemetry, *, limit: int = QUEUE_BYTES
    ) -> None:
        self._output = output
        self._events = telemetry.events
        self._limit = limit
        self._lines: deque[bytes] = deque()
        self._waiting = 0
        self._filled = threading.Condition()
        self._closing = False
        self._lost = 0
        self._thread = threading.Thread(target=self._write, name="audit-log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Have *line* written, soon."""
        with self._filled:
            if self._waiting + len(line) <= self._limit:
                self._lines.append(line)
                self._waiting += len(line)
                self._filled.notify()
                return
        self._lose(1, f"{self._limit} bytes wait for the disk already")

    def close(self) -> None:
        """Write what waits, for some seconds at most, and stop."""
        with self._filled:
            self._closing = True
            self._filled.notify()
        self._thread.join(_CLOSE_SECONDS)
        if self._thread.is_alive():
            log.error("stopped with %d lines of the audit unwritten", len(self._lines))

    def _write(self) -> None:
        while lines := self._next():
            try:
                self._output.write(b"".join(lines))
            except OSError as error:
                self._lose(len(lines), error.strerror or type(error).__name__)
            else:
                self._events.labels("written").inc(len(lines))
                self._recovered()
        self._output.close()

    def _next(self) -> list[bytes]:
        """The first lines that wait, at least one; none when that was all."""
        lines: list[bytes] = []
        size = 0
        with self._filled:
            self._filled.wait_for(lambda: self._lines or self._closing)
            while self._lines and (not lines or size + len(self._lines[0]) <= _PIECE_BYTES):
                lines.append(self._lines.popleft())
                size += len(lines[-1])
            self._waiting -= size
        return lines

    def _lose(self, count: int, why: str) -> None:
        self._events.labels("lost").inc(count)
        with self._filled:
            self._lost += count
            first = self._lost == count
        if first:
            log.error("lines of the audit are lost: %s; requests are answered all the same", why)

    def _recovered(self) -> None:
        with self._filled:
            if self._waiting > self._limit / 2:  # the next may be lost again
                return
            lost, self._lost = self._lost, 0
        if lost:
            log.warning("the audit is written again; %d lines of it were lost", lost)
