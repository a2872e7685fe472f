"""What is logged of discovery: each change once, and nothing that is not known yet."""

import logging

import pytest
from unit.sources.prometheus.seriesindex import series

from adapter.model.resources import ResourceInfo
from adapter.model.restmapper import CORE

RULES = """
rules:
- seriesQuery: hits
  resources:
    overrides:
      pod: {resource: pod}
      ingress: {group: networking.k8s.io, resource: ingress}
  metricsQuery: x
"""
INGRESSES = ResourceInfo(
    "networking.k8s.io", "v1", "ingresses", "ingress", "Ingress", namespaced=True
)


@pytest.fixture
def discovery(discover):
    return discover(RULES, series("hits", "pod", "ingress"))


def told(caplog):
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


async def test_a_resource_that_kubernetes_does_not_serve_is_told_once(discovery, caplog):
    for _ in range(3):
        await discovery.relist()

    (warning,) = told(caplog)
    assert warning.endswith("serve the resource of rules[0]: ingress: ingress.networking.k8s.io")


async def test_nothing_is_said_of_resources_before_they_were_read(discovery, view, caplog):
    """kube-apiserver may be down when this process starts; then it did not say what it serves."""
    view.mapper, view.revision = CORE, 0
    for _ in range(3):
        await discovery.relist()
    assert told(caplog) == []

    view.serve(INGRESSES)
    await discovery.relist()
    assert told(caplog) == []

    view.serve()
    await discovery.relist()
    assert len(told(caplog)) == 1
