"""Readers of JSON as the service builds them."""

import contextlib

import pytest
from unit.sources.json.publishing import pods_metric

from adapter.bootstrap.json_metrics import JsonReaders
from adapter.bootstrap.parts import Parts
from adapter.errors import SourceError
from adapter.settings import parse_settings
from adapter.sim.clock import ManualClock
from adapter.sim.cluster import SimCluster


@pytest.mark.parametrize("others", [frozenset(), None], ids=["rules", "rules and annotations"])
async def test_pods_that_were_not_read_yet_are_not_taken_for_none(others):
    metric = pods_metric()
    async with contextlib.AsyncExitStack() as stack:
        clock = ManualClock()
        cluster = await stack.enter_async_context(SimCluster(nodes=1, clock=clock))
        settings = parse_settings([f"--kubeconfig={cluster.admin_kubeconfig}"], {})
        parts = await Parts.build(settings, clock, stack)
        readers = JsonReaders(parts, pods=[metric], urls=[], others=others)

        with pytest.raises(SourceError, match="not been read from kube-apiserver yet"):
            await readers.pods.values(metric, "shop", ["a"])
