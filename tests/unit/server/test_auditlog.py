"""The audit's file: written off the loop, set aside when large, lost rather than in the way."""

import contextlib
import errno
import logging
import os
import resource
import threading

import pytest
from golden.cluster import FakeClock

from adapter.server.auditlog import QUEUE_BYTES, AuditLog, RotatedFile, StandardOutput
from adapter.telemetry import Telemetry

LINE = b"x" * 1023 + b"\n"


@pytest.fixture
def telemetry():
    return Telemetry()


class Disk:
    """Takes lines when it is not full, and not before it is let."""

    def __init__(self):
        self.written = b""
        self.full = False
        self.ready = threading.Event()
        self.ready.set()
        self.asked = threading.Semaphore(0)
        self.sizes = []

    def write(self, lines):
        self.asked.release()
        assert self.ready.wait(10)
        self.sizes.append(len(lines))
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.written += lines

    def close(self):
        self.written += b"closed\n"


def count(telemetry, result):
    return telemetry.registry.get_sample_value("viaduct_audit_events_total", {"result": result})


def test_lines_are_written_in_order_and_all_before_it_closes(telemetry):
    disk = Disk()
    log = AuditLog(disk, telemetry.audit)
    log.start()
    lines = [b"%d\n" % number for number in range(5000)]

    for line in lines:
        log.put(line)
    log.close()

    assert disk.written == b"".join(lines) + b"closed\n"
    assert count(telemetry, "written") == 5000


def test_a_slow_disk_loses_lines_and_holds_nobody_up(telemetry, caplog):
    disk = Disk()
    disk.ready.clear()
    log = AuditLog(disk, telemetry.audit, limit=30)
    log.start()
    log.put(b"first\n")
    assert disk.asked.acquire(timeout=10)  # it hangs with that one

    for number in range(10, 35):
        log.put(b"%d\n" % number)
    disk.ready.set()
    log.close()

    assert disk.written == b"first\n" + b"".join(b"%d\n" % n for n in range(10, 20)) + b"closed\n"
    assert (count(telemetry, "lost"), count(telemetry, "written")) == (15, 11)
    lost, again = [record.getMessage() for record in caplog.records]
    assert lost.startswith("lines of the audit are lost: 30 bytes wait for the disk already")
    assert again == "the audit is written again; 15 lines of it were lost"


def test_what_waits_for_the_disk_is_bounded_however_long_lines_are(telemetry):
    disk = Disk()
    disk.ready.clear()
    log = AuditLog(disk, telemetry.audit)
    log.start()
    log.put(b"first\n")
    assert disk.asked.acquire(timeout=10)

    line = b"x" * 400_000 + b"\n"
    for _ in range(3000):
        log.put(line)
    disk.ready.set()
    log.close()

    assert len(disk.written) <= QUEUE_BYTES + len(b"first\nclosed\n")
    assert QUEUE_BYTES <= 16 << 20
    assert count(telemetry, "lost") + count(telemetry, "written") == 3001


def test_what_waited_is_written_in_pieces(telemetry):
    """Else what waits would be in memory three times."""
    disk = Disk()
    disk.ready.clear()
    log = AuditLog(disk, telemetry.audit)
    log.start()
    for _ in range(8000):
        log.put(LINE)
    disk.ready.set()
    log.close()

    assert disk.written == LINE * 8000 + b"closed\n"
    assert max(disk.sizes) <= 1 << 20


def test_lines_that_go_on_being_lost_are_told_once(telemetry, caplog):
    """A disk that is a little too slow writes some and loses some, for hours."""
    disk = Slow(times=5)
    log = disk.log = AuditLog(disk, telemetry.audit, limit=2 << 20)
    log.start()
    log.put(b"first\n")
    assert disk.behind.wait(10)
    log.close()

    assert count(telemetry, "lost") > 4 * 1024
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


class Slow(Disk):
    """More lines come while it writes than it writes, so many times."""

    def __init__(self, times):
        super().__init__()
        self.times = times
        self.behind = threading.Event()

    def write(self, lines):
        if self.times:
            self.times -= 1
            for _ in range(3 * 1024):
                self.log.put(LINE)
        else:
            self.behind.set()
        super().write(lines)


def test_a_full_disk_is_told_once_and_when_it_is_over(telemetry, caplog):
    disk = Disk()
    disk.full = True
    log = AuditLog(disk, telemetry.audit)
    log.start()

    with caplog.at_level(logging.WARNING):
        for number in range(3):
            log.put(b"lost %d\n" % number)
            assert disk.asked.acquire(timeout=10)
        disk.full = False
        log.put(b"kept\n")
        log.close()

    assert disk.written.endswith(b"kept\nclosed\n")
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "No space left on device" in caplog.text


def test_the_file_is_set_aside_when_it_is_large(tmp_path):
    path = tmp_path / "audit.log"
    clock = FakeClock()
    file = RotatedFile(str(path), max_megabytes=1, max_backups=0, max_days=0, clock=clock)

    for _ in range(1025):
        file.write(LINE)
    file.close()

    aside = tmp_path / "audit-2026-11-21T13-52-05.750.log"
    assert (aside.stat().st_size, path.stat().st_size) == (1 << 20, 1024)


def rotate(tmp_path, clock, times, **limits):
    """Set the file aside *times* times, a minute apart."""
    limits = {"max_megabytes": 1, "max_backups": 0, "max_days": 0} | limits
    file = RotatedFile(str(tmp_path / "audit.log"), clock=clock, **limits)
    for _ in range(times):
        file.write(LINE * 1024)
        file.write(LINE)
        clock.now += 60
    file.close()
    return sorted(path.name for path in tmp_path.glob("audit-*.log"))


def test_so_many_old_files_are_kept(tmp_path):
    assert len(rotate(tmp_path, FakeClock(), 5)) == 5 + 4  # each large line sets the rest aside
    kept = rotate(tmp_path, FakeClock(1_800_000_000.0), 5, max_backups=3)

    assert len(kept) == 3
    assert all(name.startswith("audit-2027-01-15T08-0") for name in kept)


def test_old_files_are_kept_for_so_many_days(tmp_path):
    """By the time they were written last."""
    old, young = tmp_path / "audit-2020-01-01T00-00-00.000.log", tmp_path / "audit-0-young.log"
    clock = FakeClock()
    for path, days in ((old, 8), (young, 6)):
        path.touch()
        os.utime(path, times=(clock.now - days * 86400,) * 2)

    rotate(tmp_path, clock, 1, max_days=7)

    assert (old.exists(), young.exists()) == (False, True)


def test_a_line_that_was_written_in_part_spoils_no_other(tmp_path):
    """A disk that is full takes the beginning of a line."""
    path = tmp_path / "audit.log"
    file = RotatedFile(str(path), max_megabytes=0, max_backups=0, max_days=0, clock=FakeClock())
    file.open()
    with room_in_files(20), pytest.raises(OSError, match="File too large"):
        file.write(b'{"number":1}\n{"number":2}\n')
    file.write(b'{"number":3}\n')
    file.close()

    assert path.read_bytes() == b'{"number":1}\n{"numbe\n{"number":3}\n'


def test_a_new_file_begins_with_a_whole_line(tmp_path):
    """Also when the one before it ends with part of one."""
    path = tmp_path / "audit.log"
    file = RotatedFile(str(path), max_megabytes=1, max_backups=0, max_days=0, clock=FakeClock())
    file.write(LINE * 1023)
    with room_in_files(1023 * len(LINE) + 10), pytest.raises(OSError, match="File too large"):
        file.write(LINE)

    file.write(LINE * 2)
    file.close()

    assert path.read_bytes() == LINE * 2


@contextlib.contextmanager
def room_in_files(size):
    """No file can be larger than *size* meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_it_goes_on_in_the_file_that_is_there(tmp_path):
    path = tmp_path / "below" / "audit.log"
    for line in (b"one\n", b"two\n"):
        file = RotatedFile(str(path), max_megabytes=0, max_backups=0, max_days=0, clock=FakeClock())
        file.open()
        file.write(line)
        file.close()

    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_is_written_to_standard_output(capfdbinary, telemetry):
    log = AuditLog(StandardOutput(), telemetry.audit)
    log.start()
    log.put(b"line\n")
    log.close()

    assert capfdbinary.readouterr().out == b"line\n"
