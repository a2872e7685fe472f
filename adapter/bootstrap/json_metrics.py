"""Values from JSON documents of pods and URLs, whoever defines the metrics."""

import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from urllib.parse import urlsplit

from adapter.bootstrap.parts import Parts
from adapter.errors import ConfigError, SourceError
from adapter.jsonpath.extraction import Reading, SeriesReading
from adapter.kube.pod_endpoints import PodEndpoints, PodEndpointsOfMany, watched_pods
from adapter.model.labels import Selector
from adapter.periodic import Periodic
from adapter.rules.json_metric import PodsMetric, URLMetric
from adapter.server.probes import Check
from adapter.sources.json.client import JsonClient
from adapter.sources.json.guard import Guard
from adapter.sources.json.pods import SYNC_SECONDS, PodReader
from adapter.sources.json.pool import TICK_SECONDS, TargetPool
from adapter.sources.json.targets import R
from adapter.sources.json.turns import Turns
from adapter.sources.json.urls import URLReader

KUBE_APISERVER = "KUBERNETES_SERVICE_HOST"
"""Environment variable of a pod: where kube-apiserver is."""

log = logging.getLogger(__name__)

Scope = tuple[str | None, str]
"""A namespace, None for all, and a label selector: what one informer watches."""


class JsonReaders:
    """Builds what reads documents.

    Args:
        parts: What all share.
        pods: Metrics of rules, whose pods are watched from the start.
        urls: Likewise.
        others: Namespaces whose pods may be read for metrics that are defined later; None for all,
            empty for none.

    Attributes:
        pods: Reads documents of pods.
        urls: Reads documents of URLs.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        pods: Sequence[PodsMetric],
        urls: Sequence[URLMetric],
        others: frozenset[str] | None,
    ) -> None:
        self._parts = parts
        self._stores: dict[Scope, PodEndpoints] = {}
        self._client = self._built_client([*pods, *urls])
        turns = Turns(parts.settings.json_max_fetches)
        self.pods = self._pod_reader(pods, others, turns)
        self.urls = self._url_reader(urls, turns)

    def checks(self) -> Sequence[Check]:
        """Readiness waits for the pods: without them the first questions would fail."""
        return [Check("json-pods-informer-sync", self._pods_synced, ("readyz",))]

    def _built_client(self, metrics: Iterable[PodsMetric | URLMetric]) -> JsonClient:
        parts = self._parts
        server = urlsplit(parts.api.credentials().server).hostname or ""
        guard = Guard(
            allowed=parts.settings.json_allow,
            denied_hosts=[host for host in (server, os.environ.get(KUBE_APISERVER, "")) if host],
        )
        client = JsonClient(
            guard,
            clock=parts.clock,
            telemetry=parts.telemetry,
            max_body_bytes=parts.settings.json_max_body_bytes,
        )
        parts.stack.push_async_callback(client.close)
        _check(client, guard, metrics)
        return client

    def _pod_reader(
        self,
        metrics: Sequence[PodsMetric],
        others: frozenset[str] | None,
        turns: Turns,
    ) -> PodReader:
        views = {metric: self._view(metric.namespaces, metric.selector) for metric in metrics}
        rest = self._view(others or frozenset(), Selector()) if others != frozenset() else None

        def view_of(metric: PodsMetric) -> PodEndpointsOfMany:
            # not by their truth: a view without pods is empty, and may not have been read yet
            view = views.get(metric, rest)
            return PodEndpointsOfMany([]) if view is None else view

        parts = self._parts
        pool: TargetPool[Reading] = TargetPool(
            self._client, clock=parts.clock, telemetry=parts.telemetry, turns=turns
        )
        reader = PodReader(
            pool,
            view_of,
            clock=parts.clock,
            telemetry=parts.telemetry,
            idle_after=parts.settings.json_idle_after,
            always=[metric for metric in metrics if metric.always],
        )
        self._run("json-pods", pool, reader.sync)
        return reader

    def _url_reader(self, metrics: Sequence[URLMetric], turns: Turns) -> URLReader:
        parts = self._parts
        pool: TargetPool[list[SeriesReading]] = TargetPool(
            self._client, clock=parts.clock, telemetry=parts.telemetry, turns=turns
        )
        reader = URLReader(
            pool,
            clock=parts.clock,
            telemetry=parts.telemetry,
            idle_after=parts.settings.json_idle_after,
            always=[metric for metric in metrics if metric.always],
        )
        self._run("json-urls", pool, reader.sync)
        return reader

    def _run(self, name: str, pool: TargetPool[R], sync: Callable[[], Awaitable[None]]) -> None:
        """Fetch what is due in *pool*, and *sync* its reader, while the service runs."""
        clock = self._parts.clock
        self._parts.stack.push_async_callback(pool.close)
        self._parts.repeat(Periodic(name, pool.tick, period=TICK_SECONDS, clock=clock))
        self._parts.repeat(Periodic(f"{name}-sync", sync, period=SYNC_SECONDS, clock=clock))

    def _view(self, namespaces: frozenset[str], selector: Selector) -> PodEndpointsOfMany:
        places: Iterable[str | None] = sorted(namespaces) or [None]
        return PodEndpointsOfMany([self._store((place, str(selector))) for place in places])

    def _store(self, scope: Scope) -> PodEndpoints:
        store = self._stores.get(scope)
        if store is None:
            store = self._stores[scope] = PodEndpoints()
            self._parts.watch(watched_pods(*scope), store)
        return store

    def _pods_synced(self) -> str | None:
        synced = all(store.has_synced for store in self._stores.values())
        return None if synced else "the list of pods to read JSON from is not complete yet"


def _check(client: JsonClient, guard: Guard, metrics: Iterable[PodsMetric | URLMetric]) -> None:
    """Find out now what every fetch would.

    Raises:
        ConfigError: A file of a rule is missing or broken; with all of them.
    """
    problems: list[str] = []
    for metric in metrics:
        try:
            client.check(metric.access)
        except ConfigError as error:
            problems += error.problems
        if isinstance(metric, URLMetric):
            try:
                guard.check_url(metric.url)
            except SourceError as error:  # of this rule; the others are not concerned
                log.error("%s: %s", metric.id, error)  # noqa: TRY400 - the text says it all
    if problems:
        raise ConfigError(problems)
