"""Readers of JSON as the service builds them."""

import contextlib

import pytest
from unit.sources.json.publishing import pods_metric, url_metric

from adapter.bootstrap.json_metrics import JsonReaders
from adapter.bootstrap.parts import Parts
from adapter.errors import ConfigError, SourceError
from adapter.rules.json_metric import Access
from adapter.rules.json_section import JsonAuth
from adapter.settings import parse_settings
from adapter.sim.clock import ManualClock
from adapter.sim.cluster import SimCluster


@contextlib.asynccontextmanager
async def parts_of_a_cluster():
    async with contextlib.AsyncExitStack() as stack:
        clock = ManualClock()
        cluster = await stack.enter_async_context(SimCluster(nodes=1, clock=clock))
        settings = parse_settings([f"--kubeconfig={cluster.admin_kubeconfig}"], {})
        yield await Parts.build(settings, clock, stack)


@pytest.mark.parametrize("others", [frozenset(), None], ids=["rules", "rules and annotations"])
async def test_pods_that_were_not_read_yet_are_not_taken_for_none(others):
    metric = pods_metric()
    async with parts_of_a_cluster() as parts:
        readers = JsonReaders(parts, pods=[metric], urls=[], others=others)

        with pytest.raises(SourceError, match="not been read from kube-apiserver yet"):
            await readers.pods.values(metric, "shop", ["a"])


async def test_all_files_that_are_missing_are_told_at_once():
    metrics = [
        pods_metric(
            rule=f"rules[{number}]",
            access=Access(
                auth=JsonAuth(bearerFile=f"/none/token{number}"), where=f"rules[{number}].json"
            ),
        )
        for number in range(2)
    ]
    async with parts_of_a_cluster() as parts:
        with pytest.raises(ConfigError) as refused:
            JsonReaders(parts, pods=metrics, urls=[], others=frozenset())

    assert [problem.split(":")[0] for problem in refused.value.problems] == [
        "rules[0].json",
        "rules[1].json",
    ]


async def test_a_url_that_is_denied_is_told_at_start(caplog):
    async with parts_of_a_cluster() as parts:
        metric = url_metric(url="http://169.254.169.254/latest")
        JsonReaders(parts, pods=[], urls=[metric], others=frozenset())

    assert "externalRules[0]: 169.254.169.254" in caplog.text
    assert "--json-allow" in caplog.text
