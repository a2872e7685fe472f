"""How many fetches are under way at once, in all and for one rule or HPA."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

SHARE = 4
"""One rule has a quarter of the turns at most: should all its pods hang, no other has to wait."""


class Turns:
    """Bounds fetches; who finds no turn waits, first come first served.

    Args:
        total: Fetches under way at once.
    """

    def __init__(self, total: int) -> None:
        self._all = asyncio.Semaphore(total)
        self._most = max(1, total // SHARE)
        self._shares: dict[str, _Share] = {}

    @contextlib.asynccontextmanager
    async def of(self, owner: str) -> AsyncIterator[None]:
        """Have a turn while the block runs; *owner* is the rule, or the HPA."""
        share = self._shares.get(owner)
        if share is None:
            share = self._shares[owner] = _Share(self._most)
        share.users += 1
        try:
            async with share.turns, self._all:
                yield
        finally:
            share.users -= 1
            if not share.users:
                del self._shares[owner]


class _Share:
    """Turns of one owner, and how many fetches have or want one."""

    def __init__(self, most: int) -> None:
        self.turns = asyncio.Semaphore(most)
        self.users = 0
