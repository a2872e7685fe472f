"""One request at a time for callers that want the same thing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from adapter.kube.api import KubeApiError

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs *call*; whoever asks while it runs waits for that run.

    A caller that is cancelled does not end the run for the others; the last one does.

    Args:
        call: What to run; may raise `KubeApiError`.
    """

    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self._call = call
        self._task: asyncio.Task[T | KubeApiError] | None = None
        self._waiting = 0

    @property
    def under_way(self) -> bool:
        """Whether a run is."""
        return self._task is not None

    async def run(self) -> T:
        """Outcome of the run that is under way, or of a new one.

        Raises:
            KubeApiError: That of the run.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._run())
            self._waiting = 0
        outcome = await self._outcome(self._task)
        if isinstance(outcome, KubeApiError):
            # a copy: one exception raised for many callers would gather all their tracebacks
            raise type(outcome)(str(outcome), outcome.http_status)
        return outcome

    async def _outcome(self, task: "asyncio.Task[T | KubeApiError]") -> T | KubeApiError:
        self._waiting += 1
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if self._waiting == 1 and self._task is task:
                self._task = None
                task.cancel()
            raise
        finally:
            if self._task is task:
                self._waiting -= 1

    async def _run(self) -> T | KubeApiError:
        try:
            return await self._call()
        except KubeApiError as error:
            return error
        finally:
            if self._task is asyncio.current_task():  # not when it was given up
                self._task = None
