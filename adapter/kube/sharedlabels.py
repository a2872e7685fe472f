"""One dict for equal label sets: the pods of a workload have the same labels."""

import sys
from collections.abc import Callable, Iterable


class SharedLabels:
    """Hands out the same dict for equal labels.

    At 150,000 pods labels are most of what the pod lister would otherwise hold.

    Args:
        live: The label sets in use, asked for when many may have gone.
    """

    def __init__(self, live: Callable[[], Iterable[dict[str, str]]]) -> None:
        self._live = live
        self._sets: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
        self._limit = 1024

    def share(self, labels: dict[str, str]) -> dict[str, str]:
        """The dict held for *labels*, sorted by key."""
        items = tuple(sorted(labels.items()))
        shared = self._sets.get(items)
        if shared is None:
            if len(self._sets) >= self._limit:
                self._forget_unused()
            items = tuple((sys.intern(key), sys.intern(value)) for key, value in items)
            shared = self._sets[items] = dict(items)
        return shared

    def _forget_unused(self) -> None:
        self._sets = {tuple(labels.items()): labels for labels in self._live()}
        self._limit = 2 * len(self._sets) + 1024
