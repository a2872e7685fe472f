"""The Prometheus source of ``metrics.k8s.io``: `ResourceMetricsSource` by resource rules.

Asked per scope, never per pod: all pods of a namespace, all pods, all nodes. A scope is refreshed
by one task at a time and kept for a moment, so any number of requests costs Prometheus a fixed
number of queries.
"""

import asyncio
import functools
import logging
from collections.abc import Sequence

from adapter.model.metrics import NodeMetrics, PodMetrics
from adapter.model.resources import PodKey
from adapter.periodic import Clock
from adapter.rules.query import ResourceQueries
from adapter.rules.schema import ResourceRules
from adapter.sources.prometheus.client import PrometheusClient
from adapter.sources.prometheus.fetch import ResourceFetcher
from adapter.sources.prometheus.refresh import Backoff, Refreshed
from adapter.sources.prometheus.tables import NodeTable, PodTable
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

IDLE_SECONDS = 600.0
"""A namespace nobody asked for as long as this is forgotten."""

_NO_SAMPLE = "prometheus has no sample of it"


class PrometheusResourceSource:
    """Usage of pods and nodes, from Prometheus. `close` it when done.

    Args:
        client: Asks Prometheus.
        rules: What to ask.
        clock: Where time comes from.
        keep_seconds: How long answers are kept.
        max_age: Seconds from which a sample is too old to be used.
        telemetry: Own metrics.
        patience: Seconds that a request waits for Prometheus where somebody else can answer, too;
            the query goes on. None is as long as a query may take.

    Raises:
        ConfigError: *rules* lack a label.
    """

    def __init__(
        self,
        client: PrometheusClient,
        rules: ResourceRules,
        *,
        clock: Clock,
        keep_seconds: float,
        max_age: float,
        telemetry: Telemetry,
        patience: float | None = None,
    ) -> None:
        self._queries = ResourceQueries.from_rules(rules)
        self._fetcher = ResourceFetcher(
            client, self._queries, clock=clock, max_age=max_age, telemetry=telemetry
        )
        self._clock = clock
        self._keep_seconds = keep_seconds
        self._outage = Backoff(clock)
        self._patience = patience
        self._cluster_wide = True
        self._scopes: dict[str | None, Refreshed[PodTable]] = {}
        self._nodes: Refreshed[NodeTable] = Refreshed(
            self._fetcher.nodes,
            keep_seconds=keep_seconds,
            clock=clock,
            outage=self._outage,
            patience=patience,
        )

    async def pods(
        self, keys: Sequence[PodKey], namespace: str | None
    ) -> Sequence[PodMetrics | None]:
        if not keys or self._queries.cpu_containers is None:
            return [None] * len(keys)
        if namespace is not None:
            table = await self._table(namespace)
            return [table.pods.get(key) for key in keys]
        if self._cluster_wide:
            table = await self._scope(None).get()
            if table.divided:
                return [table.pods.get(key) for key in keys]
            log.info("resourceRules: the answers do not name namespaces; asking for each")
            self._cluster_wide = False
            del self._scopes[None]
        return await self._pods_by_namespace(keys)

    async def nodes(self, names: Sequence[str]) -> Sequence[NodeMetrics | None]:
        if not names or self._queries.cpu_nodes is None:
            return [None] * len(names)
        table = await self._nodes.get()
        return [table.nodes.get(name) for name in names]

    def why_no_pod(self, key: PodKey, node: str | None) -> str:  # noqa: ARG002 - see the protocol
        if self._queries.cpu_containers is None:
            return "the rule file has no containerQuery"
        asked = [self._scopes[name] for name in (key.namespace, None) if name in self._scopes]
        scope = max(asked, key=lambda scope: scope.last_used, default=None)
        if scope is not None and scope.error is not None:
            return str(scope.error)
        table = None if scope is None else scope.last
        return _NO_SAMPLE if table is None else table.reasons.get(key, _NO_SAMPLE)

    def why_no_node(self, name: str) -> str:
        if self._queries.cpu_nodes is None:
            return "the rule file has no nodeQuery"
        if self._nodes.error is not None:
            return str(self._nodes.error)
        table = self._nodes.last
        return _NO_SAMPLE if table is None else table.reasons.get(name, _NO_SAMPLE)

    async def close(self) -> None:
        """End refreshes that are under way."""
        for scope in self._scopes.values():
            await scope.close()
        await self._nodes.close()

    async def _pods_by_namespace(self, keys: Sequence[PodKey]) -> Sequence[PodMetrics | None]:
        namespaces = sorted({key.namespace for key in keys})
        outcomes = await asyncio.gather(
            *(self._table(namespace) for namespace in namespaces), return_exceptions=True
        )
        tables: dict[str, PodTable] = {}
        for namespace, outcome in zip(namespaces, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                raise outcome
            tables[namespace] = outcome
        return [tables[key.namespace].pods.get(key) for key in keys]

    async def _table(self, namespace: str) -> PodTable:
        """Table with the pods of *namespace*: that of the cluster, when there is a fresh one."""
        cluster = self._scopes.get(None)
        if cluster is not None and cluster.fresh is not None and cluster.fresh.divided:
            return await cluster.get()
        return await self._scope(namespace).get()

    def _scope(self, namespace: str | None) -> Refreshed[PodTable]:
        scope = self._scopes.get(namespace)
        if scope is None:
            self._forget_idle()
            scope = Refreshed(
                functools.partial(self._fetcher.pods, namespace),
                keep_seconds=self._keep_seconds,
                clock=self._clock,
                outage=self._outage,
                patience=self._patience,
            )
            self._scopes[namespace] = scope
        return scope

    def _forget_idle(self) -> None:
        oldest = self._clock.monotonic() - IDLE_SECONDS
        for namespace, scope in list(self._scopes.items()):
            if scope.last_used < oldest:
                del self._scopes[namespace]
