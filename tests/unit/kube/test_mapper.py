"""Discovery of kube-apiserver, and what is known between two readings of it."""

import asyncio
import logging

import pytest
from unit.kube.discovering import (
    APPS,
    WIDGET_GROUP,
    WIDGETS,
    Discovery,
    group,
    resource,
    stale,
    version,
)

from adapter.kube.api import KubeApiError
from adapter.kube.mapper import MISS_SECONDS, KubeMapper
from adapter.model.resources import ResourceInfo
from adapter.model.restmapper import CORE


@pytest.fixture
def discovery(apiserver):
    return Discovery(apiserver)


@pytest.fixture
def mapper(api, discovery, clock, telemetry):
    return KubeMapper(api, clock=clock, telemetry=telemetry)


def served(mapper):
    return [f"{info.api_version} {info.resource}" for info in mapper.mapper.resources]


def refreshes(telemetry, result):
    name = "viaduct_kube_discovery_refreshes_total"
    return telemetry.registry.get_sample_value(name, {"result": result}) or 0


async def test_the_core_group_is_known_before_anything_was_read(mapper, discovery):
    assert (mapper.mapper, mapper.revision, mapper.has_synced) == (CORE, 0, False)
    assert (await mapper.resolve("pod")).resource == "pods"
    assert discovery.asked == []


@pytest.mark.parametrize("legacy", [False, True], ids=["aggregated", "legacy"])
async def test_all_resources_are_known_after_a_reading(mapper, discovery, telemetry, legacy):
    discovery.legacy = legacy
    discovery.groups.append(WIDGET_GROUP)

    await mapper.refresh()

    assert mapper.mapper.resources == (
        ResourceInfo("", "v1", "pods", "pod", "Pod", namespaced=True),
        ResourceInfo("", "v1", "nodes", "node", "Node", namespaced=False),
        ResourceInfo("apps", "v1", "deployments", "deployment", "Deployment", namespaced=True),
        ResourceInfo("example.com", "v1", "widgets", "widget", "Widget", namespaced=False),
    )
    assert (mapper.revision, mapper.has_synced) == (1, True)
    gauge = telemetry.registry.get_sample_value("viaduct_kube_discovery_resources")
    assert gauge == 4


@pytest.mark.parametrize("legacy", [False, True], ids=["aggregated", "legacy"])
async def test_the_preferred_version_is_first(mapper, discovery, legacy):
    discovery.legacy = legacy
    both = [version(name, resource("widgets", "Widget")) for name in ("v2", "v1beta1")]
    discovery.groups.append(group("example.com", *both))

    await mapper.refresh()

    assert served(mapper)[-2:] == ["example.com/v2 widgets", "example.com/v1beta1 widgets"]
    assert (await mapper.resolve("widget")).version == "v2"


@pytest.mark.parametrize("legacy", [False, True], ids=["aggregated", "legacy"])
async def test_metrics_are_no_resources(mapper, discovery, legacy):
    discovery.legacy = legacy
    metrics = version("v1beta1", resource("pods", "MetricValueList"))
    names = ("custom.metrics.k8s.io", "external.metrics.k8s.io", "metrics.k8s.io")
    discovery.groups += [group(name, metrics) for name in names]

    await mapper.refresh()

    assert served(mapper)[-2:] == ["apps/v1 deployments", "metrics.k8s.io/v1beta1 pods"]


async def test_what_has_only_sub_resources_is_no_resource(mapper, discovery):
    without = {"resource": "things", "responseKind": None, "subresources": []}
    empty = {"resource": "others", "responseKind": {"kind": ""}}
    discovery.groups.append(group("example.com", version("v1", without, empty)))

    await mapper.refresh()

    assert served(mapper)[-1] == "apps/v1 deployments"


async def test_an_unchanged_document_is_not_sent_again(mapper, discovery, telemetry):
    await mapper.refresh()
    before = mapper.mapper

    await mapper.refresh()

    assert discovery.not_modified == 2
    assert mapper.mapper is before
    assert mapper.revision == 1
    assert refreshes(telemetry, "changed") == refreshes(telemetry, "unchanged") == 1


async def test_a_change_is_a_new_revision(mapper, discovery):
    await mapper.refresh()
    discovery.groups = [APPS, WIDGET_GROUP]
    await mapper.refresh()
    discovery.groups = [WIDGET_GROUP, APPS]
    await mapper.refresh()

    assert mapper.revision == 3, "the order decides which of two resources of a name is meant"
    assert served(mapper)[-1] == "apps/v1 deployments"

    discovery.groups = [APPS]
    await mapper.refresh()

    assert mapper.mapper.resolve("widget") is None


async def test_a_stale_version_stays_as_it_was(mapper, discovery, caplog, telemetry):
    caplog.set_level(logging.INFO, "adapter.kube.mapper")
    discovery.groups = [WIDGET_GROUP]
    await mapper.refresh()
    discovery.groups = [group("example.com", stale("v1")), APPS]

    await mapper.refresh()
    await mapper.refresh()

    assert served(mapper)[-2:] == ["example.com/v1 widgets", "apps/v1 deployments"]
    assert mapper.revision == 2
    gauge = "viaduct_kube_discovery_stale_versions"
    assert telemetry.registry.get_sample_value(gauge) == 1
    discovery.groups = [group("example.com", WIDGETS), APPS]
    await mapper.refresh()
    said = [each.getMessage() for each in caplog.records if each.name == "adapter.kube.mapper"]
    assert said == [
        "discovery of example.com/v1 fails: its resources stay as they were",
        "discovery of example.com/v1 works again",
    ]
    assert telemetry.registry.get_sample_value(gauge) == 0


@pytest.mark.parametrize("legacy", [False, True], ids=["aggregated", "legacy"])
async def test_nothing_is_said_of_apis_of_metrics_whose_server_is_away(
    mapper, discovery, caplog, telemetry, legacy
):
    """It is this process, which has just been started, or a peer of it."""
    caplog.set_level(logging.INFO, "adapter.kube.mapper")
    discovery.legacy = legacy
    names = ("metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io")
    kept = [*discovery.groups]
    metrics = version("v1beta1", resource("pods", "PodMetrics"))
    discovery.groups = [*kept, *(group(name, metrics) for name in names)]
    await mapper.refresh()
    if legacy:
        discovery.broken = {f"/apis/{name}/v1beta1" for name in names}
    else:
        discovery.groups = [*kept, *(group(name, stale("v1beta1")) for name in names)]

    await mapper.refresh()

    gauge = "viaduct_kube_discovery_stale_versions"
    assert telemetry.registry.get_sample_value(gauge) == 0
    assert served(mapper)[-1] == "metrics.k8s.io/v1beta1 pods"
    discovery.broken = set()
    discovery.groups = kept
    await mapper.refresh()
    assert caplog.messages == []


async def test_a_version_that_goes_away_for_good_does_not_work_again(mapper, discovery, caplog):
    caplog.set_level(logging.INFO, "adapter.kube.mapper")
    discovery.groups = [APPS, group("example.com", stale("v1"))]
    await mapper.refresh()
    discovery.groups = [APPS]
    await mapper.refresh()

    assert caplog.messages == ["discovery of example.com/v1 fails: its resources stay as they were"]


async def test_a_version_that_was_never_told_changes_nothing(mapper, discovery):
    await mapper.refresh()
    discovery.groups = [APPS, group("example.com", stale("v1"))]

    await mapper.refresh()

    assert served(mapper)[-1] == "apps/v1 deployments"
    assert mapper.revision == 1


async def test_a_legacy_version_that_fails_stays_as_it_was(mapper, discovery):
    discovery.legacy = True
    discovery.groups = [WIDGET_GROUP]
    await mapper.refresh()
    discovery.groups = [WIDGET_GROUP, APPS]
    discovery.broken = {"/apis/example.com/v1"}

    await mapper.refresh()

    assert served(mapper)[-2:] == ["example.com/v1 widgets", "apps/v1 deployments"]


async def test_without_an_answer_all_stays_and_the_caller_hears_why(mapper, discovery, telemetry):
    await mapper.refresh()
    discovery.broken = {"/apis"}
    discovery.core = group("", version("v1"))

    with pytest.raises(KubeApiError, match="503 to GET /apis: the server is away"):
        await mapper.refresh()

    assert len(mapper.mapper.resources) == 3
    assert (mapper.revision, mapper.has_synced) == (1, True)
    assert refreshes(telemetry, "failed") == 1
    discovery.broken = set()
    await mapper.refresh()
    assert served(mapper) == ["apps/v1 deployments"]


@pytest.mark.parametrize(
    "items",
    ["nonsense", [{"versions": [{"resources": []}]}]],
    ids=["no-list", "version-without-name"],
)
async def test_a_broken_document_is_an_error(mapper, discovery, items):
    discovery.groups = items

    with pytest.raises(KubeApiError, match="GET /apis: kube-apiserver's discovery document is"):
        await mapper.refresh()
    assert not mapper.has_synced


async def test_a_resource_that_appears_is_found(mapper, discovery, clock):
    await mapper.refresh()
    discovery.groups = [APPS, WIDGET_GROUP]
    clock.now += MISS_SECONDS

    found = await mapper.resolve("widgets", "example.com")

    assert found.kind == "Widget"
    assert mapper.revision == 2


async def test_what_is_not_there_is_looked_for_now_and_then(mapper, discovery, clock):
    for _ in range(5):
        assert await mapper.resolve("gizmo") is None
    assert discovery.asked == ["/api", "/apis"]

    clock.now += MISS_SECONDS - 0.1
    assert await mapper.resolve("gizmo") is None
    assert len(discovery.asked) == 2

    clock.now += 0.2
    assert await mapper.resolve("gizmo") is None
    assert len(discovery.asked) == 4


async def test_many_that_miss_share_one_reading(mapper, discovery):
    discovery.groups = [APPS, WIDGET_GROUP]

    found = await asyncio.gather(*(mapper.resolve("widget") for _ in range(20)))

    assert {info.kind for info in found} == {"Widget"}
    assert discovery.asked == ["/api", "/apis"]


async def test_what_is_known_is_resolved_while_kube_apiserver_is_down_and_the_rest_is_an_error(
    mapper, discovery, clock
):
    await mapper.refresh()
    discovery.broken = {"/api"}
    clock.now += MISS_SECONDS

    for _ in range(2):  # the second from memory
        with pytest.raises(KubeApiError, match="/api"):
            await mapper.resolve("gizmo")
    assert (await mapper.resolve("deployment")).group == "apps"
