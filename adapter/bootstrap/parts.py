"""What all API groups share, in the order it is built."""

import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Self, TypeVar

from adapter.errors import ConfigError
from adapter.kube.api import KubeApi
from adapter.kube.credentials import KubeCredentials, from_kubeconfig, in_cluster
from adapter.kube.informer import Informer, ObjectStore
from adapter.kube.listers import NodeLister, PodLister
from adapter.kube.watched import NODES, RUNNING_PODS, Watched
from adapter.model.labels import parse_selector
from adapter.periodic import Clock, Periodic
from adapter.rulefiles import read_rule_files
from adapter.rules.backends import DEFAULT_BACKEND
from adapter.rules.findings import Severity
from adapter.rules.load import Loaded, load_rule_texts
from adapter.server.probes import Check
from adapter.settings import Settings
from adapter.sources.prometheus.backends import Backend, Backends
from adapter.sources.prometheus.client import PrometheusClient
from adapter.sources.prometheus.options import PrometheusOptions, backend_options
from adapter.telemetry import Telemetry
from adapter.transport import cap_tls_buffers

log = logging.getLogger(__name__)

T = TypeVar("T")

Loop = Callable[[], Coroutine[None, None, None]]
"""What runs until it is cancelled."""


class Parts:
    """Connections, listers, rules and loops.

    Attributes:
        loops: What runs while the service does; whoever builds something that needs a loop adds it.
        stack: Closes what was opened, last first.
        loaded: The rule files, read and merged, with places.
        rules: What they say; empty without ``--config``.
        backends: The Prometheus servers.
    """

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
        self.stack = stack
        self.api = api
        self.node_selector = parse_selector(settings.node_selector)
        self.loaded = _loaded(settings)
        self.rules = self.loaded.rule_file
        self.pods = PodLister()
        self.nodes = NodeLister()
        self.watch(RUNNING_PODS, self.pods)
        self.watch(NODES, self.nodes)
        self.backends = self._backends(prometheus_credentials)

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

    def watch(self, watched: Watched[T], store: ObjectStore[T]) -> None:
        """Keep *store* current while the service runs."""
        informer = Informer(self.api, watched, store, clock=self.clock, telemetry=self.telemetry)
        self.loops.append(informer.run)

    def repeat(self, periodic: Periodic) -> None:
        """Run *periodic* while the service runs."""
        self.loops.append(periodic.run)

    def checks(self) -> Sequence[Check]:
        """Whether what all groups need is there."""
        return [
            Check("metric-informer-sync", self._nodes_synced, ("readyz",)),
            Check("metadata-informer-sync", self._pods_synced, ("readyz",)),
            # A restart does not bring kube-apiserver back: liveness must not depend on it.
            Check("metadata-informer-sync", lambda: None, ("healthz", "livez")),
        ]

    def _backends(self, credentials: KubeCredentials | None) -> Backends:
        settings = self.settings
        default = None
        if settings.prometheus_url:
            options = PrometheusOptions(
                url=settings.prometheus_url,
                verb=settings.prometheus_verb,
                headers=settings.prometheus_header,
                token_file=settings.prometheus_token_file,
                ca_file=settings.prometheus_ca_file,
                cert_file=settings.prometheus_client_tls_cert_file,
                key_file=settings.prometheus_client_tls_key_file,
                timeout=settings.prometheus_timeout,
            )
            default = self._backend(options, credentials)
        named = {
            section.name: self._backend(backend_options(section), None)
            for section in self.rules.backends
        }
        backends = Backends(default, named)
        self.stack.push_async_callback(backends.close)
        if default is not None:
            self.stack.push_async_callback(default.close)
        self.prometheus = default
        return backends

    def _backend(self, options: PrometheusOptions, credentials: KubeCredentials | None) -> Backend:
        client = PrometheusClient(
            options, telemetry=self.telemetry, credentials=credentials, clock=self.clock
        )
        return Backend(client, clock=self.clock, telemetry=self.telemetry)

    def _pods_synced(self) -> str | None:
        return None if self.pods.has_synced else "the list of pods is not complete yet"

    def _nodes_synced(self) -> str | None:
        return None if self.nodes.has_synced else "the list of nodes is not complete yet"


def _loaded(settings: Settings) -> Loaded:
    """The rules of all ``--config``.

    Raises:
        ConfigError: A rule file is wrong, or rules and URL do not go together.
    """
    paths = [path for path in settings.config if path]
    if settings.prometheus_url and not paths:
        raise ConfigError(["--prometheus-url is given but no rule file: add --config FILE"])
    loaded = load_rule_texts(read_rule_files(paths))
    loaded.check()
    for found in loaded.findings:
        level = logging.ERROR if found.severity is Severity.ERROR else logging.WARNING
        log.log(level, "%s", found)
    rules = loaded.rule_file
    if not settings.prometheus_url:
        asking = (*rules.rules, *rules.external_rules)
        if any(rule.json_ is None and rule.backend in {"", DEFAULT_BACKEND} for rule in asking):
            text = "rules without a backend ask --prometheus-url, which is not given"
            raise ConfigError([f"{text}: add one of them"])
        if rules.resource_rules is not None:
            log.warning("--prometheus-url is not given: the kubelets alone serve metrics.k8s.io")
    return loaded
