"""One run at a time for callers that want the same thing."""

import asyncio
import copy
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from adapter.errors import AdapterError

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs *call*; whoever asks while it runs waits for that run.

    A caller that is cancelled does not end the run for the others.

    Args:
        call: What to run; may raise an `AdapterError`.
        unwatched: Whether a run goes on when its last caller has gone.
    """

    def __init__(self, call: Callable[[], Awaitable[T]], *, unwatched: bool = False) -> None:
        self._call = call
        self._unwatched = unwatched
        self._task: asyncio.Task[T | AdapterError] | None = None
        self._waiting = 0
        self._let_go = False

    @property
    def under_way(self) -> bool:
        """Whether a run is."""
        return self._task is not None

    def begin(self) -> None:
        """Begin a run, unless one is under way, for those who will come."""
        self._task = self._begun()

    async def run(self, patience: float | None = None) -> T:
        """Outcome of the run that is under way, or of a new one.

        Args:
            patience: Seconds to wait at most; the run then goes on, as its outcome is still
                wanted: somebody who asks again would else begin it anew for ever.

        Raises:
            AdapterError: That of the run.
            TimeoutError: It takes longer than *patience*.
        """
        outcome = await self._outcome(self._begun(), patience)
        if isinstance(outcome, AdapterError):
            # a copy: one exception raised for many callers would gather all their tracebacks
            raise copy.copy(outcome)
        return outcome

    async def close(self) -> None:
        """End a run that is under way."""
        task, self._task = self._task, None  # one that never began would not tell that it ended
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def _begun(self) -> "asyncio.Task[T | AdapterError]":
        if self._task is None:
            self._task = asyncio.create_task(self._run())
            self._waiting = 0
            self._let_go = self._unwatched
        return self._task

    async def _outcome(
        self, task: "asyncio.Task[T | AdapterError]", patience: float | None
    ) -> T | AdapterError:
        self._waiting += 1
        try:
            done, _ = await asyncio.wait([task], timeout=patience)
            if done:
                return task.result()
            if self._task is task:
                self._let_go = True
            raise TimeoutError
        except asyncio.CancelledError:
            if self._waiting == 1 and self._task is task and not self._let_go:
                self._task = None
                task.cancel()
            raise
        finally:
            if self._task is task:
                self._waiting -= 1

    async def _run(self) -> T | AdapterError:
        try:
            return await self._call()
        except AdapterError as error:
            return error
        finally:
            if self._task is asyncio.current_task():  # not when it was given up
                self._task = None
