"""The questions of one round of discovery: each asked once, a few at a time."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from adapter.errors import SourceError


class AskedBackend(Protocol):
    """What discovery asks of a server (`adapter.sources.prometheus.backends.Backend`)."""

    async def label_names(self, selector: str, start: float) -> list[str]:
        """Labels of the series which *selector* selects; raises `SourceError`."""

    async def label_values(self, label: str, selector: str, start: float) -> list[str]:
        """Values of *label* on the series which *selector* selects; raises `SourceError`."""


class AskedBackends(Protocol):
    """All servers by name."""

    def get(self, name: str) -> AskedBackend:
        """The server that a rule names; raises `SourceError`."""


class Questions:
    """One round. Many rules ask the same; the answer, or the failure, is shared.

    Tasks that ask must end together: one that is cancelled cancels what it has asked for others.

    Args:
        backends: Whom to ask.
        start: Unix seconds; series that ended before need not count.
        concurrency: Questions under way at once.
        pause: Waits before each question.
    """

    def __init__(
        self,
        backends: AskedBackends,
        *,
        start: float,
        concurrency: int,
        pause: Callable[[], Awaitable[None]],
    ) -> None:
        self._backends = backends
        self._start = start
        self._turns = asyncio.Semaphore(concurrency)
        self._pause = pause
        self._outcomes: dict[tuple[str, str, str], asyncio.Future[Sequence[str] | SourceError]] = {}

    @property
    def asked(self) -> int:
        """How many there were."""
        return len(self._outcomes)

    async def label_names(self, backend: str, selector: str) -> Sequence[str]:
        """Labels of the series which *selector* selects.

        Raises:
            SourceError: The server failed, or there is none.
        """
        asked = self._backends.get(backend)
        return await self._share(
            ("labels", backend, selector), lambda: asked.label_names(selector, self._start)
        )

    async def series_names(self, backend: str, selector: str) -> Sequence[str]:
        """Names of the series which *selector* selects.

        Raises:
            SourceError: The server failed, or there is none.
        """
        asked = self._backends.get(backend)
        return await self._share(
            ("names", backend, selector),
            lambda: asked.label_values("__name__", selector, self._start),
        )

    async def _share(
        self, key: tuple[str, str, str], ask: Callable[[], Awaitable[list[str]]]
    ) -> Sequence[str]:
        future = self._outcomes.get(key)
        if future is None:
            future = self._outcomes[key] = asyncio.get_running_loop().create_future()
            await self._answer(future, ask)
        outcome = await future
        if isinstance(outcome, SourceError):
            # a copy: one exception raised for many rules would gather all their tracebacks
            raise type(outcome)(str(outcome)) from outcome
        return outcome

    async def _answer(
        self,
        future: asyncio.Future[Sequence[str] | SourceError],
        ask: Callable[[], Awaitable[list[str]]],
    ) -> None:
        try:
            async with self._turns:
                await self._pause()
                # interned: the same names come in many answers, and in each round again
                future.set_result(tuple(map(sys.intern, await ask())))
        except SourceError as error:
            future.set_result(error)
        except BaseException:
            future.cancel()
            raise
