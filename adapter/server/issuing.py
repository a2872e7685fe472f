"""Asks a process of its own for certificates (``selfsigned.py`` says why). All of it blocks."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adapter.errors import AdapterError

_MAKING_SECONDS = 60


class IssuingError(AdapterError):
    """A certificate or its file could not be made; says why, without any key."""


def issue_self_signed(names: Sequence[str], now: float) -> tuple[bytes, bytes]:
    """Certificate and key (PEM) for *names*; *now* in Unix seconds. The certificate is its own CA.

    Raises:
        IssuingError: It cannot be made.
    """
    return _issue({"make": "self-signed", "names": list(names), "now": now})


def issue_authority(name: str, now: float, days: int) -> tuple[bytes, bytes]:
    """Certificate and key (PEM) of a new CA.

    Raises:
        IssuingError: It cannot be made.
    """
    return _issue({"make": "authority", "name": name, "now": now, "days": days})


def issue_signed(
    names: Sequence[str], authority: tuple[bytes, bytes], now: float, days: int
) -> tuple[bytes, bytes]:
    """Certificate and key (PEM) for *names*, signed by *authority*, a CA and its key.

    Raises:
        IssuingError: It cannot be made.
    """
    certificate, key = (text.decode() for text in authority)
    wanted = {"make": "signed", "names": list(names), "now": now, "days": days}
    return _issue({**wanted, "certificate": certificate, "key": key})


def write_self_signed(cert_file: Path, key_file: Path, names: Sequence[str], now: float) -> None:
    """Make a self-signed pair and write its two files.

    Raises:
        IssuingError: It cannot be made or written.
    """
    certificate, key = issue_self_signed(names, now)
    try:
        _write(key_file, key, 0o600)
        _write(cert_file, certificate, 0o644)
    except OSError as error:
        raise IssuingError(error.strerror or str(error)) from error


def _issue(wanted: Mapping[str, Any]) -> tuple[bytes, bytes]:
    command = [sys.executable, "-m", "adapter.server.selfsigned"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        made = subprocess.run(  # noqa: S603 - our own program, no shell
            command,
            env=environment,
            input=json.dumps(wanted),
            capture_output=True,
            text=True,
            timeout=_MAKING_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        # not the error's own text: a timeout's holds the input
        raise IssuingError(f"the process that makes it: {type(error).__name__}") from None
    if made.returncode:
        raise IssuingError((made.stderr.strip().splitlines() or ["no reason given"])[-1])
    answer = json.loads(made.stdout)
    return answer["certificate"].encode(), answer["key"].encode()


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace *path* as a whole, so that nobody reads half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    draft.replace(path)
