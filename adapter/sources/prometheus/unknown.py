"""Why a metric is not known, as a clause for the person who asked for it."""

from collections.abc import Callable, Iterable, Sequence

from adapter.model.resources import GroupResource
from adapter.model.times import format_duration
from adapter.rules.registry import SeriesRegistry
from adapter.sources.prometheus.rulestate import RuleHealth, RuleState

_MOST = 5
"""Things named before "and N more"."""

MetricKey = tuple[GroupResource | None, str]
"""Resource (None for an external metric) and name in the API."""


class Delisted:
    """Metrics that were known and are no more.

    Args:
        most: How many are remembered.
    """

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._since: dict[MetricKey, float] = {}

    def update(self, last: SeriesRegistry, new: SeriesRegistry, now: float) -> tuple[int, int]:
        """Compare two registries; gives how many metrics appeared and how many are gone."""
        before, after = _keys(last), _keys(new)
        for key in before - after:
            self._since[key] = now
        for key in self._since.keys() & after:
            del self._since[key]
        while len(self._since) > self._most:
            del self._since[next(iter(self._since))]
        return len(after - before), len(before - after)

    def since(self, key: MetricKey) -> float | None:
        """When *key* was delisted; None when it was not known."""
        return self._since.get(key)


def _keys(registry: SeriesRegistry) -> set[MetricKey]:
    return {*registry.custom, *((None, metric) for metric in registry.external)}


def why_unknown(
    key: MetricKey,
    registry: SeriesRegistry,
    states: Sequence[RuleState],
    *,
    gone_for: float | None,
    unresolved: Callable[[RuleState], Sequence[str]],
) -> str:
    """Say why *key* is not in *registry*.

    Args:
        key: The metric.
        registry: What is known.
        states: The rules that could give it.
        gone_for: Seconds since it was delisted; None when it was not known.
        unresolved: Overrides of a rule whose resource the cluster does not serve.
    """
    resource, metric = key
    elsewhere = registry.resources_of(metric) if resource is not None else []
    failing = [state for state in states if state.health is RuleHealth.FAILING]
    pending = [state for state in states if state.health is RuleHealth.PENDING]
    if elsewhere:
        told = f"it is known for {shortened(map(str, elsewhere))} only"
    elif gone_for is not None:
        told = f"no series is found for it any more since {format_duration(round(gone_for))}"
    elif pending:
        told = "discovery has not finished its first round yet"
    else:
        told = _no_rule(metric, registry, external=resource is None)
    missing = [text for state in states if metric in state.names() for text in unresolved(state)]
    if missing:
        told += f"; kubernetes does not serve the resource of {shortened(missing)}"
    if failing:
        ids = shortened(state.rule.id for state in failing)
        told += f"; {ids} {'fails' if len(failing) == 1 else 'fail'}: {failing[0].error}"
    return told


def _no_rule(metric: str, registry: SeriesRegistry, *, external: bool) -> str:
    similar = registry.similar(metric, external=external)
    hint = f"; did you mean {' or '.join(similar)}?" if similar else ""
    return f"no rule finds a series that gives a metric of this name{hint}"


def shortened(items: Iterable[str]) -> str:
    """Join *items*, at most five of them.

    >>> shortened("abc"), shortened("abcdefg")
    ('a, b, c', 'a, b, c, d, e and 2 more')
    """
    texts = list(items)
    rest = len(texts) - _MOST
    return ", ".join(texts[:_MOST]) + (f" and {rest} more" if rest > 0 else "")
