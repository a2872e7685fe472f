"""Logs how discovery fares: each change once, however often it is found to be so."""

import logging
from collections.abc import Iterable, Mapping, Sequence

from adapter.rules.registry import Conflict
from adapter.sources.prometheus.unknown import shortened

log = logging.getLogger(__name__)

_MOST_CONFLICTS = 5
"""Conflicts logged one by one; rules that overlap wholly have thousands."""


class ChangeLog:
    """What was told last, so that only what is new is told."""

    def __init__(self) -> None:
        self._failing: frozenset[str] = frozenset()
        self._conflicts: frozenset[Conflict] = frozenset()
        self._unresolved: frozenset[str] = frozenset()

    def tell_failing(self, errors: Mapping[str, str]) -> None:
        """Tell which rules began to fail, by their cause, and which work again.

        Args:
            errors: By rule, those of all that fail now.
        """
        by_cause: dict[str, list[str]] = {}
        for rule, error in errors.items():
            if rule not in self._failing:
                by_cause.setdefault(error, []).append(rule)
        for error, rules in by_cause.items():
            log.warning("discovery fails for %s: %s", shortened(rules), error)
        works = sorted(self._failing - errors.keys())
        if works:
            log.info("discovery works again for %s", shortened(works))
        self._failing = frozenset(errors)

    def tell_conflicts(self, conflicts: Sequence[Conflict]) -> None:
        """Tell new ones of *conflicts*, which are all there are now."""
        new = [conflict for conflict in conflicts if conflict not in self._conflicts]
        for conflict in new[:_MOST_CONFLICTS]:
            log.warning("discovery: %s", conflict)
        if len(new) > _MOST_CONFLICTS:
            log.warning("discovery: %d more conflicts", len(new) - _MOST_CONFLICTS)
        self._conflicts = frozenset(conflicts)

    def tell_unresolved(self, unresolved: Iterable[str]) -> None:
        """Tell new ones of *unresolved*: overrides whose resource Kubernetes does not serve."""
        now = frozenset(unresolved)
        if now - self._unresolved:
            new = shortened(sorted(now - self._unresolved))
            log.warning("discovery: kubernetes does not serve the resource of %s", new)
        self._unresolved = now
