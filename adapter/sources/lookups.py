"""Addresses of names that are asked: a name server that keeps silent must stop nothing else."""

import asyncio
import contextlib
import socket
import threading

from aiohttp.abc import AbstractResolver, ResolveResult

_LOOKUPS = 16
"""Names that are looked up at once."""


class OwnThreads(AbstractResolver):
    """The machine's resolver in threads of its own.

    aiohttp's takes those that everything else in this process looks its names up in; a few names
    whose name server keeps silent, and users choose some of them, would stop it all. Nor does the
    process wait for them when it ends, as it does for threads of an executor.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_LOOKUPS)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Addresses of *host*.

        Raises:
            OSError: There are none.
        """
        await self._free.acquire()  # until the thread ends, though who waits for it has gone
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[ResolveResult]] = loop.create_future()

        def run() -> None:
            outcome = _looked_up(host, port, family)
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._answer, answer, outcome)

        threading.Thread(target=run, name="names", daemon=True).start()
        return await answer

    async def close(self) -> None:
        """Do nothing: a look-up that hangs ends by itself, or with the process."""

    def _answer(
        self, answer: "asyncio.Future[list[ResolveResult]]", outcome: list[ResolveResult] | OSError
    ) -> None:
        self._free.release()
        if answer.done():
            return
        if isinstance(outcome, OSError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)


def _looked_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult] | OSError:
    try:
        return _look_up(host, port, family)
    except OSError as error:
        return error
    except UnicodeError:  # a name that cannot be asked for
        return socket.gaierror(socket.EAI_NONAME, "the name is none")


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [
        ResolveResult(
            hostname=host,
            host=str(place[0]),
            port=port,
            family=kind,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for kind, _, protocol, _, place in found
    ]
