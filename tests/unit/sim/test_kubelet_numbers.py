"""Faults of a simulated kubelet that concern its numbers."""

import re

import pytest
from unit.sim.exposed import CPU, MEMORY, NODE, START, samples


async def test_counter_reset_keeps_start_times(kubelets, faults, clock, key):
    before = await kubelets.text()
    faults.counters_since = clock.time()
    clock.advance(15)

    after = await kubelets.text()

    assert samples(after, CPU)[key][0] < samples(before, CPU)[key][0]
    assert samples(after, START) == samples(before, START)
    node = re.compile(r"^node_cpu_usage_seconds_total (\S+)", re.MULTILINE)
    assert float(node.search(after)[1]) < 15 * 16 < float(node.search(before)[1])


async def test_container_restart_moves_start_time_and_counter(kubelets, cluster, clock, key):
    before = await kubelets.text()
    cluster.restart_container(key)
    restarted = clock.time()
    clock.advance(15)

    after = await kubelets.text()

    assert samples(after, START)[key][0] == pytest.approx(restarted)
    assert samples(after, CPU)[key][0] < samples(before, CPU)[key][0]
    others = [other for other in samples(before, START) if other != key]
    assert all(samples(after, START)[o] == samples(before, START)[o] for o in others)


async def test_clock_skew_moves_timestamps_not_values(kubelets, faults, clock, key):
    value, timestamp = samples(await kubelets.text(), CPU)[key]
    faults.clock_skew = -120.0

    assert samples(await kubelets.text(), CPU)[key] == (value, timestamp - 120.0)


async def test_duplicate_pod_is_reported_by_two_kubelets(kubelets, faults, cluster):
    pod = cluster.workloads.pods("node-0001")[0]
    faults.duplicate_pods = [pod.key]

    here, there = (
        samples(await kubelets.text(), CPU),
        samples(await kubelets.text("node-0001"), CPU),
    )

    assert {c.key for c in pod.containers} <= set(here) & set(there)


@pytest.mark.parametrize(
    ("fault", "missing"),
    [
        pytest.param("missing_memory", MEMORY, id="memory"),
        pytest.param("missing_cpu", CPU, id="cpu"),
    ],
)
async def test_one_container_lacks_a_sample(kubelets, faults, key, fault, missing):
    setattr(faults, fault, [key])

    text = await kubelets.text()

    for name in (CPU, MEMORY, START):
        assert (key in samples(text, name)) == (name != missing)
    assert len(samples(text, missing)) == 5


async def test_zero_cpu_is_reported_as_zero(kubelets, faults, key):
    faults.zero_cpu = [key]

    counters = samples(await kubelets.text(), CPU)

    assert counters[key][0] == 0
    assert all(value > 0 for other, (value, _) in counters.items() if other != key)


async def test_churn_hides_another_pod_each_time(kubelets, faults, clock, cluster):
    faults.churn = 10.0
    everything = {pod.key for pod in cluster.workloads.pods(NODE)}
    hidden = []
    for _ in range(3):
        seen = {key.pod_key for key in samples(await kubelets.text(), CPU)}
        hidden.append(everything - seen)
        clock.advance(10.0)

    assert [len(pods) for pods in hidden] == [1, 1, 1]
    assert set.union(*hidden) == everything


async def test_hidden_pods_are_left_out(kubelets, faults, cluster):
    pod = cluster.workloads.pods(NODE)[0].key
    faults.hidden_pods = [pod]

    assert pod not in {key.pod_key for key in samples(await kubelets.text(), CPU)}


async def test_no_timestamps(kubelets, faults):
    faults.no_timestamps = True

    counters = samples(await kubelets.text(), CPU)

    assert len(counters) == 6
    assert all(timestamp is None for _, timestamp in counters.values())


async def test_scrape_error_is_all_there_is(kubelets, faults):
    faults.scrape_error = True

    text = await kubelets.text()

    assert "\nresource_scrape_error 1\n" in text
    assert CPU not in text


async def test_clear_ends_every_fault(kubelets, faults, key):
    healthy = await kubelets.text()
    faults.status = 500
    faults.refusing = True
    faults.missing_memory = [key]
    faults.clear()

    assert await kubelets.text() == healthy
