"""Ports for servers that are told theirs before they start."""

import contextlib
import random
import socket

_LOWEST, _HIGHEST = 15_000, 30_000


def free_port(address: str = "") -> int:
    """A port that is free now at *address*; empty for all.

    It is below those that connections take on Linux, which any of thousands could get before the
    server does.
    """
    while True:
        port = random.randint(_LOWEST, _HIGHEST)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((address, port))
            return port
