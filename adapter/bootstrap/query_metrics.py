"""``custom.metrics.k8s.io`` and ``external.metrics.k8s.io``, by the rules of the rule files."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from adapter.apis.base import APIGroup
from adapter.apis.custom_metrics.handlers import custom_metrics_group
from adapter.apis.external_metrics.handlers import external_metrics_group
from adapter.bootstrap.parts import Parts
from adapter.kube.api import KubeApiError
from adapter.kube.mapper import KubeMapper
from adapter.kube.objects import ObjectLister
from adapter.periodic import Periodic
from adapter.rules.compiled import CompiledRule, compile_rule
from adapter.rules.schema import DiscoveryRule
from adapter.server.probes import Check
from adapter.sources.prometheus.asking import ObjectAsker
from adapter.sources.prometheus.custom import PrometheusCustomSource
from adapter.sources.prometheus.discovery import Discovery
from adapter.sources.prometheus.external import PrometheusExternalSource

KUBE_DISCOVERY_SECONDS = 300.0
"""Period in which the resources of kube-apiserver are read again; a miss reads them at once."""


class QueryMetrics:
    """Builds the groups from *parts*; nothing where there are no rules."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._custom = self._compiled("rules", parts.rules.rules)
        self._external = self._compiled("externalRules", parts.rules.external_rules)
        if self._custom or self._external:
            self._mapper = KubeMapper(parts.api, clock=parts.clock, telemetry=parts.telemetry)
            self._discovery = self._discover()

    def _compiled(self, section: str, rules: Sequence[DiscoveryRule]) -> list[CompiledRule]:
        places = self._parts.loaded.places
        several = len({place.filename for place in places.values()}) > 1
        compiled = []
        for number, rule in enumerate(rules):
            rule_id = name = f"{section}[{number}]"
            if several and name in places:  # the number alone would be hard to find
                rule_id = f"{name} ({Path(places[name].filename).name}:{places[name].line})"
            compiled.append(compile_rule(rule, rule_id))
        return compiled

    def groups(self) -> Sequence[APIGroup]:
        """The groups that have rules, as at prometheus-adapter."""
        return [*self._custom_group(), *self._external_group()]

    def checks(self) -> Sequence[Check]:
        """Readiness waits for the first relist to end, well or not: it must not wait for ever."""
        if not self._custom and not self._external:
            return []
        return [Check("metric-discovery", self._listed, ("readyz",))]

    def _discover(self) -> Discovery:
        parts, settings = self._parts, self._parts.settings
        discovery = Discovery(
            self._custom,
            self._external,
            parts.backends,
            self._mapper,
            clock=parts.clock,
            telemetry=parts.telemetry,
            interval=settings.metrics_relist_interval,
            max_age=settings.metrics_max_age or settings.metrics_relist_interval,
            grace=settings.metrics_delist_grace,
        )
        parts.stack.push_async_callback(discovery.close)
        parts.repeat(
            Periodic(
                "kube-discovery",
                self._mapper.refresh,
                period=KUBE_DISCOVERY_SECONDS,
                clock=parts.clock,
                jitter=0.1,
            )
        )
        parts.repeat(
            Periodic(
                "metric-discovery",
                self._relist,
                period=settings.metrics_relist_interval,
                clock=parts.clock,
                jitter=0.1,
            )
        )
        return discovery

    async def _relist(self) -> None:
        if not self._mapper.has_synced:
            # templates need the resources of all groups: without them a new replica would be ready
            # and not know metrics that the others serve
            with contextlib.suppress(KubeApiError):  # kube-discovery's own loop tells
                await self._mapper.refresh()
        await self._discovery.relist()

    def _custom_group(self) -> Iterator[APIGroup]:
        if not self._custom:
            return
        parts = self._parts
        asker = ObjectAsker(parts.backends, clock=parts.clock, telemetry=parts.telemetry)
        parts.stack.push_async_callback(asker.close)
        yield custom_metrics_group(
            source=PrometheusCustomSource(
                self._discovery, asker, clock=parts.clock, telemetry=parts.telemetry
            ),
            objects=ObjectLister(
                parts.api, parts.pods, parts.nodes, clock=parts.clock, telemetry=parts.telemetry
            ),
            mapper=self._mapper,
            clock=parts.clock,
            telemetry=parts.telemetry,
        )

    def _external_group(self) -> Iterator[APIGroup]:
        if not self._external:
            return
        parts = self._parts
        source = PrometheusExternalSource(
            self._discovery, parts.backends, clock=parts.clock, telemetry=parts.telemetry
        )
        parts.stack.push_async_callback(source.close)
        yield external_metrics_group(source=source, clock=parts.clock, telemetry=parts.telemetry)

    def _listed(self) -> str | None:
        return None if self._discovery.has_run else "the rules' series were not asked for yet"
