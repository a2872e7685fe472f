"""``custom.metrics.k8s.io`` and ``external.metrics.k8s.io``, by the rules of the rule files."""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from adapter.apis.base import APIGroup
from adapter.apis.custom_metrics.handlers import custom_metrics_group
from adapter.apis.external_metrics.handlers import external_metrics_group
from adapter.bootstrap.hpa_metrics import HpaMetrics, annotated_namespaces
from adapter.bootstrap.json_metrics import JsonReaders
from adapter.bootstrap.parts import Parts
from adapter.kube.api import KubeApiError
from adapter.kube.mapper import KubeMapper
from adapter.kube.objects import ObjectLister
from adapter.periodic import Periodic
from adapter.rules.compiled import compile_rule
from adapter.rules.json_rules import compile_pods_metric, compile_url_metric
from adapter.rules.schema import DiscoveryRule
from adapter.server.probes import Check
from adapter.sources.joined import (
    JoinedCustomSource,
    JoinedExternalSource,
    OrderedCustomSource,
    OrderedExternalSource,
)
from adapter.sources.json.custom import JsonCustomSource
from adapter.sources.json.external import JsonExternalSource
from adapter.sources.prometheus.asking import ObjectAsker
from adapter.sources.prometheus.custom import PrometheusCustomSource
from adapter.sources.prometheus.discovery import Discovery
from adapter.sources.prometheus.external import PrometheusExternalSource

KUBE_DISCOVERY_SECONDS = 300.0
"""Period in which the resources of kube-apiserver are read again; a miss reads them at once."""


class _NamedRule(NamedTuple):
    """A rule, what people call it, and its place among the rules of its section."""

    rule: DiscoveryRule
    rule_id: str
    order: int


class QueryMetrics:
    """Builds the groups from *parts*; nothing where neither rules nor HPAs may define metrics."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        rules = self._named("rules", parts.rules.rules)
        external = self._named("externalRules", parts.rules.external_rules)
        self._custom = [compile_rule(*each) for each in rules if each.rule.json_ is None]
        self._external = [compile_rule(*each) for each in external if each.rule.json_ is None]
        self._pods = [compile_pods_metric(*each) for each in rules if each.rule.json_]
        self._urls = [compile_url_metric(*each) for each in external if each.rule.json_]
        self._mapper = KubeMapper(parts.api, clock=parts.clock, telemetry=parts.telemetry)
        self._discovery = self._discover() if self._custom or self._external else None
        self._readers: JsonReaders | None = None
        self._annotated: HpaMetrics | None = None
        self._read_documents()

    def _named(self, section: str, rules: Sequence[DiscoveryRule]) -> list[_NamedRule]:
        places = self._parts.loaded.places
        several = len({place.filename for place in places.values()}) > 1
        named = []
        for number, rule in enumerate(rules):
            rule_id = name = f"{section}[{number}]"
            if several and name in places:  # the number alone would be hard to find
                rule_id = f"{name} ({Path(places[name].filename).name}:{places[name].line})"
            named.append(_NamedRule(rule, rule_id, number))
        return named

    def groups(self) -> Sequence[APIGroup]:
        """The groups that have rules, as at prometheus-adapter; with annotations of HPAs both."""
        groups = [*self._custom_group(), *self._external_group()]
        if groups:
            self._read_kube_discovery()
        return groups

    def checks(self) -> Sequence[Check]:
        """Readiness waits for the first relist to end, well or not: it must not wait for ever."""
        builders = [each for each in (self._readers, self._annotated) if each is not None]
        checks = [check for each in builders for check in each.checks()]
        if self._discovery is not None:
            checks.append(Check("metric-discovery", self._listed, ("readyz",)))
        return checks

    def _read_documents(self) -> None:
        """Build what rules with ``json`` and annotations of HPAs need, where there are any."""
        parts = self._parts
        namespaces = annotated_namespaces(parts.settings.hpa_annotations)
        annotated = namespaces != frozenset()
        if not (self._pods or self._urls or annotated):
            return
        readers = JsonReaders(parts, pods=self._pods, urls=self._urls, others=namespaces)
        self._readers = readers
        if annotated:
            self._annotated = HpaMetrics(parts, namespaces, mapper=self._mapper, readers=readers)

    def _read_kube_discovery(self) -> None:
        parts = self._parts
        parts.repeat(
            Periodic(
                "kube-discovery",
                self._mapper.refresh,
                period=KUBE_DISCOVERY_SECONDS,
                clock=parts.clock,
                jitter=0.1,
            )
        )

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
                "metric-discovery",
                functools.partial(self._relist, discovery),
                period=settings.metrics_relist_interval,
                clock=parts.clock,
                jitter=0.1,
            )
        )
        return discovery

    async def _relist(self, discovery: Discovery) -> None:
        if not self._mapper.has_synced:
            # templates need the resources of all groups: without them a new replica would be ready
            # and not know metrics that the others serve
            with contextlib.suppress(KubeApiError):  # kube-discovery's own loop tells
                await self._mapper.refresh()
        await discovery.relist()

    def _custom_group(self) -> Iterator[APIGroup]:
        parts = self._parts
        sources = [*self._custom_sources()]
        if not sources:
            return
        yield custom_metrics_group(
            source=JoinedCustomSource(sources),
            objects=ObjectLister(
                parts.api, parts.pods, parts.nodes, clock=parts.clock, telemetry=parts.telemetry
            ),
            mapper=self._mapper,
            clock=parts.clock,
            telemetry=parts.telemetry,
        )

    def _custom_sources(self) -> Iterator[OrderedCustomSource]:
        parts = self._parts
        if self._discovery is not None and self._custom:
            asker = ObjectAsker(parts.backends, clock=parts.clock, telemetry=parts.telemetry)
            parts.stack.push_async_callback(asker.close)
            yield PrometheusCustomSource(
                self._discovery, asker, clock=parts.clock, telemetry=parts.telemetry
            )
        if self._readers is not None and self._pods:
            yield JsonCustomSource(self._pods, self._readers.pods)
        if self._annotated is not None:
            yield self._annotated.custom

    def _external_group(self) -> Iterator[APIGroup]:
        parts = self._parts
        sources = [*self._external_sources()]
        if sources:
            yield external_metrics_group(
                source=JoinedExternalSource(sources), clock=parts.clock, telemetry=parts.telemetry
            )

    def _external_sources(self) -> Iterator[OrderedExternalSource]:
        parts = self._parts
        if self._discovery is not None and self._external:
            source = PrometheusExternalSource(
                self._discovery, parts.backends, clock=parts.clock, telemetry=parts.telemetry
            )
            parts.stack.push_async_callback(source.close)
            yield source
        if self._readers is not None and self._urls:
            yield JsonExternalSource(self._urls, self._readers.urls)
        if self._annotated is not None:
            yield self._annotated.external

    def _listed(self) -> str | None:
        listed = self._discovery is None or self._discovery.has_run
        return None if listed else "the rules' series were not asked for yet"
