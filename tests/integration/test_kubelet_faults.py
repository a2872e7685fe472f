"""The kubelet source against simulated kubelets over TLS, fault by fault.

Time is turned by hand; the network is real. What is served is compared with the truth.
"""

import logging

import pytest
from integration.kubelets import FAULTY, RESOLUTION, TICK_SECONDS, TIMEOUT, lab_of


async def test_one_hanging_kubelet_among_fifty_delays_no_other():
    async with lab_of(cluster={"nodes": 50, "pods_per_node": 2}) as lab:
        await lab.warm()
        lab.cluster.kubelets[FAULTY].faults.hanging = True

        for _ in range(3):
            await lab.turn(RESOLUTION, left=1)
            for name in lab.cluster.kubelets:
                if name != FAULTY:
                    age = lab.clock.time() - lab.node(name).timestamp
                    assert age <= RESOLUTION + TICK_SECONDS

        assert lab.scrapes("timeout") >= 2
        why = lab.source.why_no_node(FAULTY)
        assert "node node-0001 unreachable since" in why
        assert "no whole answer within 10 s" in why


async def test_a_killed_kubelets_pods_are_served_until_too_old_with_true_timestamps():
    async with lab_of() as lab:
        await lab.warm()
        key = lab.keys(FAULTY)[0]
        last = lab.pod(key).timestamp
        lab.cluster.kubelets[FAULTY].faults.refusing = True

        await lab.turn(3 * RESOLUTION)

        lab.check_truth(key)
        assert lab.pod(key).timestamp == last
        assert lab.served(FAULTY) == 4

        await lab.turn(2 * RESOLUTION)

        assert lab.served(FAULTY) == 0
        assert lab.node(FAULTY) is None
        assert "connection refused" in lab.source.why_no_pod(key, FAULTY)
        assert lab.served("node-0000") == 4

        lab.cluster.kubelets[FAULTY].faults.refusing = False
        await lab.turn(RESOLUTION)

        lab.check_truth(key)


LAST_PAIR_SERVES = [
    pytest.param({"status": 500}, "http", "answers with status 500", id="500"),
    pytest.param({"status": 401}, "unauthorized", "token webhook", id="401"),
    pytest.param({"status": 403}, "forbidden", "grant get on nodes/metrics", id="403"),
    pytest.param({"truncated": True}, "truncated", "in the middle", id="truncated"),
    pytest.param({"truncated_length": True}, "truncated", "in the middle", id="truncated-length"),
    pytest.param({"huge_body": 2_000_000}, "too_large", "larger than 1000000", id="huge-body"),
    pytest.param({"hanging": True}, "timeout", "no whole answer", id="hanging"),
    pytest.param({"refusing": True}, "refused", "connection refused", id="refusing"),
]


@pytest.mark.parametrize(("fault", "result", "text"), LAST_PAIR_SERVES)
async def test_a_failed_scrape_costs_nothing_but_time(fault, result, text, caplog):
    caplog.set_level(logging.INFO)
    async with lab_of(max_body_bytes=1_000_000) as lab:
        await lab.warm()
        faults = lab.cluster.kubelets[FAULTY].faults
        for name, value in fault.items():
            setattr(faults, name, value)

        await lab.turn(2 * RESOLUTION, left=1 if "hanging" in fault else 0)

        assert lab.scrapes(result) >= 1
        assert lab.served(FAULTY) == 4
        assert lab.served("node-0000") == 4
        for key in lab.keys(FAULTY):
            lab.check_truth(key)
        assert text in lab.scraper.why(FAULTY)
        told = [record for record in caplog.records if "scrape fails" in record.getMessage()]
        assert len(told) == 1, "a state is logged once, not each time"

        faults.clear()
        await lab.turn(TIMEOUT, left=1)
        await lab.turn(3 * RESOLUTION)

        assert lab.scraper.why(FAULTY) == ""
        assert lab.node(FAULTY).timestamp > lab.clock.time() - 2 * RESOLUTION
        assert any("works again" in record.getMessage() for record in caplog.records)


async def test_a_slow_kubelet_delays_only_itself():
    async with lab_of() as lab:
        await lab.warm()
        lab.cluster.kubelets[FAULTY].faults.slow = 6.0

        await lab.turn(2 * RESOLUTION, left=1)
        lab.clock.advance(6.0)
        await lab.settle()

        assert lab.served(FAULTY) == 4
        for key in lab.keys(FAULTY):
            lab.check_truth(key)


async def test_a_dripping_kubelet_is_given_up():
    async with lab_of() as lab:
        await lab.warm()
        lab.cluster.kubelets[FAULTY].faults.drip = 1.0

        await lab.turn(2 * RESOLUTION, left=1)

        assert lab.scrapes("timeout") >= 1
        assert lab.served(FAULTY) == 4


UNREADABLE = [
    pytest.param({"garbage_line": True}, id="garbage-line"),
    pytest.param({"cut_mid_line": True}, id="cut-mid-line"),
    pytest.param({"scrape_error": True}, id="scrape-error"),
]


@pytest.mark.parametrize("fault", UNREADABLE)
async def test_what_is_unreadable_costs_only_itself(fault):
    async with lab_of() as lab:
        await lab.warm()
        for name, value in fault.items():
            setattr(lab.cluster.kubelets[FAULTY].faults, name, value)

        await lab.turn(2 * RESOLUTION)

        assert lab.served(FAULTY) == 4
        for key in lab.keys(FAULTY):
            lab.check_truth(key)


async def test_garbage_from_the_first_scrape_on_hides_no_pod():
    async with lab_of() as lab:
        lab.cluster.kubelets[FAULTY].faults.garbage_line = True

        await lab.warm()

        assert lab.served(FAULTY) == 4
        assert lab.telemetry.bad_lines._value.get() >= 4


async def test_a_reset_of_all_counters_costs_one_round():
    async with lab_of() as lab:
        await lab.warm()
        lab.cluster.kubelets[FAULTY].faults.counters_since = lab.clock.time()

        await lab.turn(RESOLUTION)
        assert lab.served(FAULTY) == 0
        assert lab.node(FAULTY) is None

        await lab.turn(RESOLUTION)
        assert lab.served(FAULTY) == 4
        for key in lab.keys(FAULTY):
            lab.check_truth(key)


async def test_a_restarted_container_is_served_again_from_its_start():
    async with lab_of() as lab:
        await lab.warm()
        pod = lab.cluster.workloads.pods(FAULTY)[0]
        lab.cluster.restart_container(pod.containers[0].key)

        await lab.turn(2 * RESOLUTION)

        usage = lab.pod(pod.key)
        assert usage is not None
        lab.check_truth(pod.key)
        assert lab.served(FAULTY) == 4


@pytest.mark.parametrize("skew", [3600.0, -3600.0], ids=["ahead", "behind"])
async def test_a_wrong_clock_is_passed_on_and_not_taken_for_age(skew):
    """The kubelet's own times are what is served; how old a value is, we know ourselves."""
    async with lab_of() as lab:
        lab.cluster.kubelets[FAULTY].faults.clock_skew = skew

        await lab.warm()

        usage = lab.node(FAULTY)
        assert usage.timestamp == pytest.approx(lab.clock.time() + skew, abs=RESOLUTION)
        assert lab.served(FAULTY) == 4

        lab.cluster.kubelets[FAULTY].faults.clock_skew = 0.0
        await lab.warm()

        for key in lab.keys(FAULTY):
            lab.check_truth(key)


async def test_a_pod_reported_by_two_kubelets_has_one_value():
    async with lab_of() as lab:
        key = lab.keys("node-0000")[0]
        lab.cluster.kubelets[FAULTY].faults.duplicate_pods = (key,)

        for _ in range(5):
            await lab.turn(RESOLUTION)

        lab.check_truth(key)
        lab.cluster.kubelets[FAULTY].faults.duplicate_pods = ()
        await lab.turn(RESOLUTION)
        lab.check_truth(key)


async def test_a_missing_memory_sample_keeps_the_pods_last_pair():
    async with lab_of() as lab:
        await lab.warm()
        pod = lab.cluster.workloads.pods(FAULTY)[0]
        faults = lab.cluster.kubelets[FAULTY].faults
        faults.missing_memory = (pod.containers[0].key,)

        await lab.turn(2 * RESOLUTION)
        assert lab.served(FAULTY) == 4

        await lab.turn(4 * RESOLUTION)
        assert lab.pod(pod.key) is None, "too old by now, and half a pod misleads an autoscaler"
        assert lab.served(FAULTY) == 3
        assert "the last sample came" in lab.source.why_no_pod(pod.key, FAULTY)


async def test_zero_cpu_is_a_value():
    async with lab_of() as lab:
        pod = lab.cluster.workloads.pods(FAULTY)[0]
        key = pod.containers[0].key
        lab.cluster.kubelets[FAULTY].faults.zero_cpu = (key,)

        await lab.warm()

        (entry,) = [entry for entry in lab.pod(pod.key).containers if entry.name == key.name]
        assert entry.cpu == 0.0
        assert lab.served(FAULTY) == 4


async def test_missing_timestamps_are_the_time_of_the_request():
    async with lab_of() as lab:
        lab.cluster.kubelets[FAULTY].faults.no_timestamps = True

        await lab.warm()

        assert lab.served(FAULTY) == 4
        assert lab.node(FAULTY).timestamp == pytest.approx(lab.clock.time(), abs=RESOLUTION)
