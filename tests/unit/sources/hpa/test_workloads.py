"""Which HPAs scale a pod, and what many HPAs of one metric cost."""

import dataclasses

import pytest
from unit.annotating import POD_EXAMPLE, PODS_SPEC, RPS, TARGET, hpa
from unit.sources.hpa.test_custom import ask
from unit.sources.json.publishing import pods_metric

from adapter.kube.listers import PodMeta
from adapter.kube.scales import KEPT_SECONDS
from adapter.rules.annotations import read_annotations
from adapter.sources.hpa import pods as pods_module
from adapter.sources.hpa.workloads import Bound, Workloads

SELECTORS = ["app=a", "app=b", "app=a,tier=x", "app in (a,b)", "app in (b)", "!tier", "tier=x", ""]
PODS = [{"app": "a"}, {"app": "b"}, {"app": "a", "tier": "x"}, {"tier": "x"}, {}]

(DEFINITION,) = read_annotations(hpa(POD_EXAMPLE, PODS_SPEC), {}).definitions


@pytest.mark.parametrize("labels", PODS, ids=str)
def test_a_pod_is_of_those_whose_selector_matches_in_their_order(labels):
    bound = [
        Bound(dataclasses.replace(DEFINITION, hpa=text), pods_metric(selector=text))
        for text in SELECTORS
    ]
    found = Workloads(bound, []).of(labels)
    assert found == [each for each in bound if each.metric.selector.matches(labels)]


async def test_a_question_does_not_look_at_all_hpas_of_its_metric(world, monkeypatch):
    count, bindings = 50, []
    for number in range(count):
        target = TARGET._replace(name=f"w{number}")
        world.add_hpa(POD_EXAMPLE, PODS_SPEC, name=f"hpa-{number}", target=target)
        world.add_workload(f"w{number}", f"w{number}-0")
    await world.sync()
    await world.definitions.refresh()
    bind = pods_module.PodsOfWorkloads._bind

    def counted(self, definition):
        bindings.append(definition.hpa)
        return bind(self, definition)

    monkeypatch.setattr(pods_module.PodsOfWorkloads, "_bind", counted)
    for number in range(count):
        answer = await ask(world, f"w{number}-0")
        assert list(answer.values) == [f"w{number}-0"]
    assert len(bindings) == count


async def test_a_workload_that_gets_another_selector_is_followed(world):
    world.add_hpa(POD_EXAMPLE, PODS_SPEC)
    world.add_workload("myapp", "a")
    assert list((await ask(world, "a")).values) == ["a"]

    world.cluster.autoscaling.add_workload(
        "deployments.apps", "shop", "myapp", selector={"app": "new"}
    )
    world.pods.upsert(PodMeta("shop", "b", {"app": "new"}))
    world.values.known["b"] = world.values.known["a"]
    world.clock.advance(KEPT_SECONDS + pods_module.KEPT_SECONDS)
    assert list((await ask(world, "b")).values) == ["b"]


async def test_what_was_edited_away_is_forgotten(world):
    world.add_workload("myapp", "a")
    for number in range(300):
        world.add_hpa({**POD_EXAMPLE, f"{RPS}/path": f"/{number}"}, PODS_SPEC)
        await ask(world, "a")
    assert len(world.custom._pods._bound) < 110
