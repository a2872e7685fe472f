"""The golden cluster's custom and external metrics: a source that knows what was exposed."""

import math
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from golden.cluster import NOW, PODS, Cluster, FakeClock, node_lister, pod_lister

from adapter.apis.base import APIGroup
from adapter.apis.custom_metrics.handlers import custom_metrics_group
from adapter.apis.external_metrics.handlers import external_metrics_group
from adapter.errors import NotFound
from adapter.model.labels import EVERYTHING, Selector
from adapter.model.metrics import ExternalMetricValue, MetricValue
from adapter.model.resources import GroupResource, ResourceInfo
from adapter.model.restmapper import BUILTIN
from adapter.server.app import build_app
from adapter.server.probes import Checks
from adapter.sources.base import (
    ExternalValues,
    ListedMetric,
    ObjectQuestion,
    ObjectValues,
    no_metric,
)
from adapter.telemetry import Telemetry

EXPOSING = [(PODS[i][0], PODS[i][1]) for i in (0, 1, 4, 2)]
"""Namespace and name of the pods with metrics of their own, in the exporter's order."""

RATE = "http_requests_per_second"
ODD = (math.nan, math.inf, -1.5, 0.0005)
TEAMS = [f"team-{number:02}" for number in range(40)]
PODS_RESOURCE = GroupResource("", "pods")
INGRESSES = GroupResource("networking.k8s.io", "ingresses")


class FakeMapper:
    """Knows what every cluster has; fails with *error* when that is set."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def resolve(self, resource: str, group: str = "") -> ResourceInfo | None:
        if self.error:
            raise self.error
        return BUILTIN.resolve(resource, group)


class FakeObjects:
    """Objects by resource and namespace, each with labels; fails with *error* when that is set."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked: list[tuple[str, str, str]] = []
        self.labels: dict[tuple[str, str], dict[str, Mapping[str, str]]] = {
            ("nodes", ""): {node.name: node.labels for node in node_lister().list(EVERYTHING)},
            ("namespaces", ""): {name: {"team": name} for name in TEAMS},
            (str(INGRESSES), "team-00"): {"front": {}},
            (str(INGRESSES), "team-01"): {"front": {}},
        }
        for pod in pod_lister().list(None, EVERYTHING):
            self.labels.setdefault(("pods", pod.namespace), {})[pod.name] = pod.labels

    async def names(
        self, info: ResourceInfo, namespace: str, selector: Selector
    ) -> tuple[str, ...]:
        resource = str(info.group_resource)
        self.asked.append((resource, namespace, str(selector)))
        if self.error:
            raise self.error
        objects = self.labels.get((resource, namespace), {})
        return tuple(sorted(name for name, labels in objects.items() if selector.matches(labels)))


class FakeCustomSource:
    """Answers from series a test may change; fails with *error* when that is set.

    *series* has, by metric, resource and namespace, the labels and values of each object's series;
    of those a selector selects, the sum is the value.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked: list[ObjectQuestion] = []
        self.window: float | None = None
        self.series: dict[
            tuple[str, str, str], dict[str, list[tuple[Mapping[str, str], float]]]
        ] = {}
        for index, (namespace, pod) in enumerate(EXPOSING):
            self.put(RATE, "pods", namespace, pod, 2.0 * (index + 1), code="200")
            self.put(RATE, "pods", namespace, pod, 0.25, code="500")
            self.put("queue_depth", "pods", namespace, pod, 10.0 * index + 3)
            self.put("odd_value", "pods", namespace, pod, ODD[index])
        for namespace in ("team-00", "team-01"):
            self.put("ingress_requests", str(INGRESSES), namespace, "front", 7.5)
            self.put("namespace_jobs", "namespaces", "", namespace, 12.0)
        for number in range(3):
            self.put("node_disk_busy", "nodes", "", f"node-000{number}", (number + 1) / 10)
        self.metrics = recorded_metrics()

    def put(
        self, metric: str, resource: str, namespace: str, name: str, value: float, **labels: str
    ) -> None:
        """Add a series."""
        objects = self.series.setdefault((metric, resource, namespace), {})
        objects.setdefault(name, []).append((labels, value))

    def listed(self) -> tuple[ListedMetric, ...]:
        return self.metrics

    async def object_values(self, question: ObjectQuestion) -> ObjectValues:
        self.asked.append(question)
        if self.error:
            raise self.error
        resource = question.resource.group_resource
        if not any(each[:2] == (resource, question.metric) for each in self.metrics):
            raise no_metric(question.metric, str(resource), "no rule gives a metric of that name")
        values, odd = {}, {}
        objects = self.series.get((question.metric, str(resource), question.namespace), {})
        for name in question.names:
            found = [
                value
                for labels, value in objects.get(name, ())
                if question.selector.matches(labels)
            ]
            if found and math.isfinite(sum(found)):
                values[name] = MetricValue(sum(found), NOW, self.window)
            elif found:
                odd[name] = sum(found)
        if odd and not values:
            named = f" {question.names[0]}" if question.by_name else ""
            raise no_metric(question.metric, f"{resource}{named}", f"not a number: {odd}")
        return ObjectValues(values, f"not a number: {odd}" if odd else None)


class FakeExternalSource:
    """Series by metric and namespace ("" for every namespace); fails with *error* if set."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.warning: str | None = None
        self.asked: list[tuple[str, str, str]] = []
        self.metrics: tuple[str, ...] = ("cluster_backlog", "queue_messages_ready")
        self.values: dict[tuple[str, str], list[ExternalMetricValue]] = {
            ("queue_messages_ready", namespace): [
                ExternalMetricValue({"queue": queue, "namespace": namespace}, value, NOW)
                for queue, value in (("a", 42.0), ("b", 1234567.0))
            ]
            for namespace in ("team-00", "team-01")
        }
        labels = {"queue": "x", "tenant": 't"q', "job": "app19100", "instance": "127.0.0.1:19100"}
        self.values["cluster_backlog", ""] = [
            ExternalMetricValue({"__name__": "cluster_backlog", **labels}, 99.5, NOW)
        ]

    def listed(self) -> tuple[str, ...]:
        return self.metrics

    async def series(self, metric: str, namespace: str, selector: Selector) -> ExternalValues:
        self.asked.append((metric, namespace, str(selector)))
        if self.error:
            raise self.error
        if metric not in self.metrics:
            raise NotFound(f"the server could not find the metric {metric} for ns", details=False)
        found = self.values.get((metric, ""), self.values.get((metric, namespace), []))
        values = [each for each in found if selector.matches(each.labels or {})]
        return ExternalValues(values, self.warning)


def recorded_metrics() -> tuple[ListedMetric, ...]:
    """What the golden cluster's discovery lists."""
    of_pods_and_namespaces = [f"app_{number:03}_requests_per_second" for number in range(10)]
    of_pods_and_namespaces += [RATE, "queue_depth", "odd_value"]
    namespaces = GroupResource("", "namespaces")
    listed = [ListedMetric(PODS_RESOURCE, metric, True) for metric in of_pods_and_namespaces]
    listed += [ListedMetric(namespaces, metric, False) for metric in of_pods_and_namespaces]
    listed += [
        ListedMetric(namespaces, "ingress_requests", False),
        ListedMetric(namespaces, "namespace_jobs", False),
        ListedMetric(INGRESSES, "ingress_requests", True),
        ListedMetric(GroupResource("", "nodes"), "node_disk_busy", False),
        ListedMetric(GroupResource("", "services"), RATE, True),
    ]
    return tuple(sorted(listed))


class CustomCluster:
    """A service with all three groups over the golden cluster; change its parts before `app`."""

    def __init__(self) -> None:
        self.custom = FakeCustomSource()
        self.external = FakeExternalSource()
        self.objects = FakeObjects()
        self.mapper = FakeMapper()
        self.resource_metrics = Cluster()
        self.clock = FakeClock()
        self.telemetry = Telemetry()

    def groups(self) -> list[APIGroup]:
        """In the order of the peer's discovery."""
        common = {"clock": self.clock, "telemetry": self.telemetry}
        return [
            custom_metrics_group(
                source=self.custom, objects=self.objects, mapper=self.mapper, **common
            ),
            external_metrics_group(source=self.external, **common),
            self.resource_metrics.group(),
        ]

    def app(self, **options: Any) -> web.Application:
        return build_app(
            groups=self.groups(), checks=Checks([]), telemetry=self.telemetry, **options
        )
