"""What was asked of a metric lately, which decides how widely it is worth asking Prometheus."""

from adapter.periodic import Clock

MEMORY_SECONDS = 60.0
"""Four times the period of the HPA controller."""

MANY_NAMES = 3
"""Objects of one namespace asked for by name, from which the whole namespace is asked at once."""

MANY_NAMESPACES = 4
"""Namespaces that ask, from which the whole cluster is asked at once."""

TOO_LARGE = 20_000
"""Rows of a cluster's answer that are too many to be had in place of several smaller ones."""

REFUSED_SECONDS = 300.0
"""How long a wider query that failed, or was too large, is not tried again."""


class Demand:
    """Of one plan.

    Args:
        clock: Where time comes from.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._names: dict[str, dict[str, float]] = {}
        self._namespaces: dict[str, float] = {}
        self._tidy_at = 0.0
        self._no_namespace_until = 0.0
        self._no_cluster_until = 0.0

    def note(self, namespace: str, name: str | None) -> None:
        """Take note of a request; *name* is None for one of many objects."""
        now = self._clock.monotonic()
        if now >= self._tidy_at:
            self._forget(now)
        self._namespaces[namespace] = now
        if name is not None:
            self._names.setdefault(namespace, {})[name] = now

    def wants_cluster(self) -> bool:
        """Whether one answer for all namespaces is worth while."""
        return (
            len(self._namespaces) >= MANY_NAMESPACES
            and self._clock.monotonic() >= self._no_cluster_until
        )

    def wants_namespace(self, namespace: str, *, by_name: bool) -> bool:
        """Whether one answer for all objects of *namespace* is worth while."""
        if self._clock.monotonic() < self._no_namespace_until:
            return False
        return not by_name or len(self._names.get(namespace, ())) >= MANY_NAMES

    def refuse_cluster(self) -> None:
        """The cluster's query failed or was too large."""
        self._no_cluster_until = self._clock.monotonic() + REFUSED_SECONDS

    def refuse_namespace(self) -> None:
        """A namespace's query failed."""
        self._no_namespace_until = self._clock.monotonic() + REFUSED_SECONDS

    def _forget(self, now: float) -> None:
        self._tidy_at = now + MEMORY_SECONDS / 4
        before = now - MEMORY_SECONDS
        self._namespaces = {key: at for key, at in self._namespaces.items() if at > before}
        self._names = {
            namespace: {name: at for name, at in names.items() if at > before}
            for namespace, names in self._names.items()
            if namespace in self._namespaces
        }
