"""Queries that belong together: sent at once, and the first failure ends the others."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

from adapter.errors import SourceError

T = TypeVar("T")
Q = TypeVar("Q")


async def ask_together(ask: Callable[[Q], Awaitable[T]], questions: Iterable[Q]) -> list[T]:
    """The answers to *questions*, in their order.

    Raises:
        SourceError: The first failure.
    """
    failure: SourceError | None = None
    tasks: list[asyncio.Task[T]] = []

    async def one(question: Q) -> T:
        return await ask(question)

    try:
        async with asyncio.TaskGroup() as group:
            tasks += [group.create_task(one(question)) for question in questions]
    except* SourceError as failures:
        failure = next(_leaves(failures))
    if failure is not None:
        raise failure
    return [task.result() for task in tasks]


def _leaves(group: BaseExceptionGroup[SourceError]) -> Iterator[SourceError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
