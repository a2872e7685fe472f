"""Composition root: the only module that names concrete classes.

`running` builds everything from the flags and keeps it running while its block runs; `serve` is the
process. A new source is a branch in `_source`, a new API group an entry in `_groups`.
"""

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Self

from adapter.apis.base import APIGroup
from adapter.apis.resource_metrics.handlers import resource_metrics_group
from adapter.errors import ConfigError, SourceError
from adapter.kube.api import KubeApi
from adapter.kube.credentials import KubeCredentials, from_kubeconfig, in_cluster
from adapter.kube.informer import Informer
from adapter.kube.listers import NodeLister, PodLister
from adapter.kube.placement import PlacementReader
from adapter.kube.watched import NODES, RUNNING_PODS
from adapter.model.labels import parse_selector
from adapter.periodic import Clock, Periodic, SystemClock
from adapter.rules.load import load_rule_file
from adapter.rules.schema import ResourceRules
from adapter.server.app import RunningServer, build_app, start
from adapter.server.probes import Check, Checks
from adapter.server.tls import Pair, self_signed_pair, serving_context
from adapter.settings import Settings
from adapter.sources.base import ResourceMetricsSource
from adapter.sources.failover import FailoverSource
from adapter.sources.kubelet.access import KubeletAccess
from adapter.sources.kubelet.client import Endpoint, KubeletClient, KubeletOptions
from adapter.sources.kubelet.scraper import TICK_SECONDS, Scraper
from adapter.sources.kubelet.source import KubeletResourceSource
from adapter.sources.kubelet.storage import Storage, max_age
from adapter.sources.prometheus.client import PrometheusClient
from adapter.sources.prometheus.options import PrometheusOptions
from adapter.sources.prometheus.resource import PrometheusResourceSource
from adapter.telemetry import Telemetry
from adapter.transport import cap_tls_buffers

log = logging.getLogger(__name__)

Loop = Callable[[], Coroutine[None, None, None]]
"""What runs until it is cancelled."""

KEEP_FRACTION = 1 / 3
"""Of the resolution: how long one answer of Prometheus serves further requests."""


async def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT.

    Raises:
        ConfigError: Flags, rule file or credentials are wrong.
        OSError: The port cannot be taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    warm = 2 * settings.metric_resolution
    async with running(settings) as server, _looping([lambda: without_collections(warm)]):
        log.info("serving on https://%s:%d", settings.bind_address, server.port)
        await stop.wait()
        log.info("stopping")
        server.begin_shutdown()
        await asyncio.sleep(settings.shutdown_delay_duration)


async def without_collections(seconds: float) -> None:
    """Keep the garbage collector from the objects a service makes in its first *seconds*.

    They live as long as the process, and to look through them stops the loop: 0.1 s each time with
    500 kubelets, three times while they connect. Afterwards they are out of its sight.
    """
    gc.disable()
    try:
        await asyncio.sleep(seconds)
    finally:
        gc.freeze()
        gc.enable()


@contextlib.asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None) -> AsyncIterator[RunningServer]:
    """Build everything and keep it running while the block runs.

    Raises:
        ConfigError: Flags, rule file or credentials are wrong.
        OSError: The port cannot be taken.
    """
    async with contextlib.AsyncExitStack() as stack:
        parts = await _Parts.build(settings, clock or SystemClock(), stack)
        source = parts.resource_source()
        app = build_app(
            groups=parts.groups(source),
            checks=Checks(parts.checks()),
            telemetry=parts.telemetry,
            clock=parts.clock,
        )
        server = await start(
            app,
            host=settings.bind_address,
            port=settings.secure_port,
            ssl_context=serving_context(await asyncio.to_thread(_pair, settings)),
        )
        stack.push_async_callback(server.close)
        await stack.enter_async_context(_looping(parts.loops))
        yield server


@contextlib.asynccontextmanager
async def _looping(loops: Iterable[Loop]) -> AsyncIterator[None]:
    """Run *loops* while the block runs; one that fails ends the block, and with it the process."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop()) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


class _Parts:
    """What the service is made of, in the order it is built."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        stack: contextlib.AsyncExitStack,
        api: KubeApi,
        prometheus_credentials: KubeCredentials | None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.telemetry = Telemetry()
        self.loops: list[Loop] = []
        self._stack = stack
        self._api = api
        self._prometheus_credentials = prometheus_credentials
        self._selector = parse_selector(settings.node_selector)
        self._rules = _resource_rules(settings)
        self._pods = PodLister()
        self._nodes = NodeLister()
        pods = Informer(api, RUNNING_PODS, self._pods, clock=clock, telemetry=self.telemetry)
        nodes = Informer(api, NODES, self._nodes, clock=clock, telemetry=self.telemetry)
        self.loops += [pods.run, nodes.run]
        self._warning: Callable[[], str | None] = lambda: None
        self._scraper: Scraper | None = None
        self._ready: list[Callable[[], str | None]] = []

    @classmethod
    async def build(
        cls, settings: Settings, clock: Clock, stack: contextlib.AsyncExitStack
    ) -> Self:
        """Check what can be checked, then connect."""
        cap_tls_buffers()
        api = await KubeApi.connect(settings.kubeconfig, clock=clock)
        stack.push_async_callback(api.close)
        prometheus = None
        if settings.prometheus_auth_config:
            prometheus = await from_kubeconfig(settings.prometheus_auth_config, clock)
        elif settings.prometheus_auth_incluster:
            prometheus = in_cluster(clock)
        return cls(settings, clock, stack, api, prometheus)

    def resource_source(self) -> ResourceMetricsSource:
        """Who answers ``metrics.k8s.io``: Prometheus, the kubelets, or one after the other."""
        if self._rules is None:
            return self._kubelets()
        prometheus = self._prometheus(self._rules)
        if self.settings.fallback == "off":
            return prometheus
        failover = FailoverSource(
            prometheus,
            self._kubelets(),
            resolution=self.settings.metric_resolution,
            clock=self.clock,
            telemetry=self.telemetry,
        )
        self._warning = failover.warning
        return failover

    def groups(self, source: ResourceMetricsSource) -> Sequence[APIGroup]:
        """Every API group that is served."""
        resource_metrics = resource_metrics_group(
            source=source,
            pods=self._pods,
            nodes=self._nodes,
            placement=PlacementReader(self._api),
            node_selector=self._selector,
            warning=self._warning,
            clock=self.clock,
            telemetry=self.telemetry,
        )
        return [resource_metrics]

    def checks(self) -> Sequence[Check]:
        """The health checks, by the names of metrics-server."""
        return [
            Check("metric-storage-ready", self._storage_ready, ("readyz",)),
            Check("metric-informer-sync", self._nodes_synced, ("readyz",)),
            Check("metric-collection-timely", self._timely, ("livez",)),
            Check("metadata-informer-sync", self._pods_synced, ("readyz",)),
            # A restart does not bring kube-apiserver back: liveness must not depend on it.
            Check("metadata-informer-sync", lambda: None, ("healthz", "livez")),
        ]

    def _kubelets(self) -> KubeletResourceSource:
        settings = self.settings
        access = KubeletAccess.build(
            self._api.credentials(),
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
            nodes=self._nodes,
            selector=self._selector,
            client=KubeletClient(options, access.tls_context(), access.token),
            storage=storage,
            resolution=settings.metric_resolution,
            clock=self.clock,
            telemetry=self.telemetry,
        )
        self._stack.push_async_callback(self._scraper.close)
        wheel = Periodic(
            "kubelet-scraper", self._scraper.tick, period=TICK_SECONDS, clock=self.clock
        )
        self.loops.append(wheel.run)
        source = KubeletResourceSource(storage, self._scraper, self.clock)
        self._ready.append(source.check_ready)
        return source

    def _prometheus(self, rules: ResourceRules) -> PrometheusResourceSource:
        settings = self.settings
        client = PrometheusClient(
            PrometheusOptions(
                url=settings.prometheus_url,
                verb=settings.prometheus_verb,
                headers=settings.prometheus_header,
                token_file=settings.prometheus_token_file,
                ca_file=settings.prometheus_ca_file,
                cert_file=settings.prometheus_client_tls_cert_file,
                key_file=settings.prometheus_client_tls_key_file,
                timeout=settings.prometheus_timeout,
            ),
            telemetry=self.telemetry,
            credentials=self._prometheus_credentials,
        )
        self._stack.push_async_callback(client.close)
        resolution = settings.metric_resolution
        source = PrometheusResourceSource(
            client,
            rules,
            clock=self.clock,
            keep_seconds=resolution * KEEP_FRACTION,
            max_age=max_age(resolution),  # one limit for both sources: they fill each other's gaps
            telemetry=self.telemetry,
        )
        self._stack.push_async_callback(source.close)
        check = Periodic(
            "prometheus-check",
            self._check_prometheus(client, source),
            period=resolution,
            clock=self.clock,
        )
        self.loops.append(check.run)
        self._ready.append(lambda: check.last_error or _never(check))
        return source

    def _check_prometheus(
        self, client: PrometheusClient, source: PrometheusResourceSource
    ) -> Callable[[], Awaitable[None]]:
        """Ask once a period, so that readiness does not wait for the first client of ours."""

        async def ask() -> None:
            await client.ready()
            names = [node.name for node in self._nodes.list(self._selector)]
            if names and not any(await source.nodes(names)):
                raise SourceError("prometheus has no sample of any node")

        return ask

    def _storage_ready(self) -> str | None:
        """Ready as soon as any source has values."""
        problems = [check() for check in self._ready]
        return None if None in problems else "; ".join(filter(None, problems)) or None

    def _timely(self) -> str | None:
        return self._scraper.check_timely() if self._scraper is not None else None

    def _pods_synced(self) -> str | None:
        return None if self._pods.has_synced else "the list of pods is not complete yet"

    def _nodes_synced(self) -> str | None:
        return None if self._nodes.has_synced else "the list of nodes is not complete yet"


def _resource_rules(settings: Settings) -> ResourceRules | None:
    """The rules for ``metrics.k8s.io``; None when only the kubelets are to serve.

    Raises:
        ConfigError: The rule file is wrong, or rules and URL do not go together.
    """
    if not settings.config:
        if settings.prometheus_url:
            raise ConfigError(["--prometheus-url is given but no rule file: add --config FILE"])
        return None
    try:
        text = Path(settings.config).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"cannot read --config {settings.config}: {error}"]) from error
    rules = load_rule_file(text, settings.config)
    if rules.rules or rules.external_rules:
        log.warning("%s: rules and externalRules are not served by this version", settings.config)
    if rules.resource_rules is not None and not settings.prometheus_url:
        log.warning(
            "%s has resourceRules but --prometheus-url is not given: the kubelets alone serve",
            settings.config,
        )
        return None
    return rules.resource_rules


def _never(check: Periodic) -> str | None:
    return None if check.last_success is not None else "prometheus was not asked yet"


def _pair(settings: Settings) -> Pair:
    if settings.tls_cert_file:
        return Pair(Path(settings.tls_cert_file), Path(settings.tls_private_key_file))
    return self_signed_pair(Path(settings.cert_dir))
