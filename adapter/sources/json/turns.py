"""How many fetches are under way at once, in all and for one rule or HPA."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

SHARE = 4
"""One rule has a quarter of the turns at most: should all its pods hang, no other has to wait."""

FAILING = 2
"""Documents whose last fetch failed have half of the turns at most, of all and of their rule's:
what hangs, however much, delays itself rather than what answers."""


class Turns:
    """Bounds fetches; who finds no turn waits, first come first served.

    Args:
        total: Fetches under way at once.
    """

    def __init__(self, total: int) -> None:
        self._all = _Gates(total)
        self._most = max(1, total // SHARE)
        self._shares: dict[str, _Gates] = {}

    @contextlib.asynccontextmanager
    async def of(self, owner: str, *, failing: bool = False) -> AsyncIterator[None]:
        """Have a turn while the block runs.

        Args:
            owner: The rule, or the HPA.
            failing: Whether the last fetch failed.
        """
        share = self._shares.get(owner)
        if share is None:
            share = self._shares[owner] = _Gates(self._most)
        share.users += 1
        gates = [share.every, self._all.every]
        if failing:  # these first, for who waits there must hold no turn of the others
            gates = [self._all.failing, share.failing, *gates]
        try:
            async with contextlib.AsyncExitStack() as stack:
                for gate in gates:
                    await stack.enter_async_context(gate)
                yield
        finally:
            share.users -= 1
            if not share.users:
                del self._shares[owner]


class _Gates:
    """Turns, and how many fetches have or want one."""

    def __init__(self, most: int) -> None:
        self.every = asyncio.Semaphore(most)
        self.failing = asyncio.Semaphore(max(1, most // FAILING))
        self.users = 0
