"""``metrics.k8s.io``: who answers it, and whether it can."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from adapter.apis.base import APIGroup
from adapter.apis.resource_metrics.handlers import resource_metrics_group
from adapter.bootstrap.parts import Parts
from adapter.errors import SourceError
from adapter.kube.placement import PlacementReader
from adapter.periodic import Periodic
from adapter.rules.schema import ResourceRules
from adapter.server.probes import Check
from adapter.sources.base import ResourceMetricsSource
from adapter.sources.failover import FailoverSource
from adapter.sources.kubelet.access import KubeletAccess
from adapter.sources.kubelet.client import Endpoint, KubeletClient, KubeletOptions
from adapter.sources.kubelet.scraper import TICK_SECONDS, Scraper
from adapter.sources.kubelet.source import KubeletResourceSource
from adapter.sources.kubelet.storage import Storage, max_age
from adapter.sources.prometheus.client import PrometheusClient
from adapter.sources.prometheus.resource import PrometheusResourceSource

log = logging.getLogger(__name__)

KEEP_FRACTION = 1 / 3
"""Of the resolution: how long one answer of Prometheus serves further requests."""


PATIENCE_SECONDS = 3.0
"""How long a request waits for Prometheus while the kubelets' values are at hand. A Prometheus that
hangs is not refused at once: the HPA controller's few workers would stand still with each wait."""


class ResourceMetrics:
    """Builds the group from *parts*."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._warning: Callable[[], str | None] = lambda: None
        self._scraper: Scraper | None = None
        self._ready: list[Callable[[], str | None]] = []
        self._was_ready = False
        self._source = self._choose()

    def groups(self) -> Sequence[APIGroup]:
        """The group, where it is served."""
        if self._source is None:
            return []
        parts = self._parts
        group = resource_metrics_group(
            source=self._source,
            pods=parts.pods,
            nodes=parts.nodes,
            placement=PlacementReader(parts.api),
            node_selector=parts.node_selector,
            warning=self._warning,
            clock=parts.clock,
            telemetry=parts.telemetry,
        )
        return [group]

    def checks(self) -> Sequence[Check]:
        """The health checks, by the names of metrics-server."""
        return [
            Check("metric-storage-ready", self._storage_ready, ("readyz",)),
            Check("metric-collection-timely", self._timely, ("livez",)),
        ]

    def _choose(self) -> ResourceMetricsSource | None:
        """Prometheus, the kubelets, one after the other, or nobody."""
        parts = self._parts
        rules = parts.rules.resource_rules
        prometheus = parts.prometheus
        fallback = parts.settings.fallback
        if rules is None and (parts.rules.rules or parts.rules.external_rules):
            # such a rule file leaves metrics.k8s.io to another server, as at prometheus-adapter
            if fallback == "primary":
                return self._kubelets()
            log.info(
                "metrics.k8s.io is not served, as the rule files have no resourceRules: add "
                "rules.kubelet.yaml or --fallback=primary, unless it is another server's"
            )
            return None
        if rules is None or prometheus is None or fallback == "primary":
            return self._kubelets()
        source = self._prometheus(prometheus.client, rules)
        if fallback == "off":
            return source
        failover = FailoverSource(
            source,
            self._kubelets(),
            resolution=parts.settings.metric_resolution,
            clock=parts.clock,
            telemetry=parts.telemetry,
        )
        self._warning = failover.warning
        return failover

    def _kubelets(self) -> KubeletResourceSource:
        parts, settings = self._parts, self._parts.settings
        access = KubeletAccess.build(
            parts.api.credentials(),
            ca_file=settings.kubelet_certificate_authority,
            insecure_tls=settings.kubelet_insecure_tls,
            completely_insecure=settings.deprecated_kubelet_completely_insecure,
            cert_file=settings.kubelet_client_certificate,
            key_file=settings.kubelet_client_key,
        )
        options = KubeletOptions(
            port=settings.kubelet_port,
            use_node_status_port=settings.kubelet_use_node_status_port,
            address_types=settings.kubelet_preferred_address_types,
            request_timeout=settings.kubelet_request_timeout,
            server_name=settings.kubelet_tls_server_name,
            endpoint=Endpoint(settings.kubelet_endpoint),
            max_body_bytes=settings.kubelet_max_body_bytes,
        )
        storage = Storage(settings.metric_resolution)
        self._scraper = Scraper(
            nodes=parts.nodes,
            selector=parts.node_selector,
            client=KubeletClient(options, access.tls_context(), access.token),
            storage=storage,
            resolution=settings.metric_resolution,
            clock=parts.clock,
            telemetry=parts.telemetry,
        )
        parts.stack.push_async_callback(self._scraper.close)
        wheel = Periodic(
            "kubelet-scraper", self._scraper.tick, period=TICK_SECONDS, clock=parts.clock
        )
        parts.repeat(wheel)
        source = KubeletResourceSource(storage, self._scraper, parts.clock)
        self._ready.append(source.check_ready)
        return source

    def _prometheus(
        self, client: PrometheusClient, rules: ResourceRules
    ) -> PrometheusResourceSource:
        parts = self._parts
        resolution = parts.settings.metric_resolution
        source = PrometheusResourceSource(
            client,
            rules,
            clock=parts.clock,
            keep_seconds=resolution * KEEP_FRACTION,
            max_age=max_age(resolution),  # one limit for both sources: they fill each other's gaps
            telemetry=parts.telemetry,
            patience=None if parts.settings.fallback == "off" else PATIENCE_SECONDS,
        )
        parts.stack.push_async_callback(source.close)
        check = Periodic(
            "prometheus-check",
            self._check_prometheus(client, source),
            period=resolution,
            clock=parts.clock,
        )
        parts.repeat(check)
        alone = parts.settings.fallback == "off"
        self._ready.append(lambda: _asked(check) if alone else check.last_error or _never(check))
        return source

    def _check_prometheus(
        self, client: PrometheusClient, source: PrometheusResourceSource
    ) -> Callable[[], Awaitable[None]]:
        """Ask once a period, so that readiness does not wait for the first client of ours."""

        async def ask() -> None:
            await client.ready()
            names = [node.name for node in self._parts.nodes.list(self._parts.node_selector)]
            if names and not any(await source.nodes(names)):
                raise SourceError("prometheus has no sample of any node")

        return ask

    def _storage_ready(self) -> str | None:
        """Ready as soon as any source has had values, and from then on; see `_asked`, too.

        When all sources fail later, no other pod has values either. A Service without a ready pod
        makes the APIService unavailable, and with it discovery: namespaces could not be deleted. An
        answer that says what is wrong is better.
        """
        if self._was_ready:
            return None
        problems = [check() for check in self._ready]
        self._was_ready = not problems or None in problems
        return None if self._was_ready else "; ".join(filter(None, problems))

    def _timely(self) -> str | None:
        return self._scraper.check_timely() if self._scraper is not None else None


def _asked(check: Periodic) -> str | None:
    """Without fallback nobody answers until Prometheus is back; the other groups need not wait."""
    return _never(check) if check.last_error is None else None


def _never(check: Periodic) -> str | None:
    return None if check.last_success is not None else "prometheus was not asked yet"
