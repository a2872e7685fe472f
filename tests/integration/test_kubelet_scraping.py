"""The kubelet source against simulated kubelets that are well, or merely different."""

import asyncio
import re

import msgspec
import pytest
from integration.kubelets import FAULTY, RESOLUTION, TICK_SECONDS, lab_of

from adapter.kube.listers import NodeInfo
from adapter.model.resources import PodKey
from adapter.sources.kubelet.client import Endpoint


async def test_two_scrapes_give_the_truth():
    async with lab_of() as lab:
        await lab.turn(1.0)
        assert lab.node(FAULTY) is None, "one reading is no rate"

        await lab.turn(RESOLUTION)

        for name in lab.cluster.kubelets:
            for key in lab.keys(name):
                lab.check_truth(key)
            usage = lab.node(name)
            start = usage.timestamp - usage.window
            true_cpu = lab.cluster.workloads.cpu(name, start, usage.timestamp)
            assert usage.cpu == pytest.approx(true_cpu, rel=0.001)
            assert usage.memory == lab.cluster.workloads.memory(name, usage.timestamp)
        assert lab.source.check_ready() is None


async def test_a_node_that_is_not_ready_is_scraped_all_the_same():
    async with lab_of() as lab:
        ready = lab.info(FAULTY)
        lab.nodes.upsert(msgspec.structs.replace(ready, ready=False))

        await lab.warm()

        assert lab.served(FAULTY) == 4


async def test_scrapes_are_counted_and_timed():
    async with lab_of(cluster={"nodes": 1}) as lab:
        kubelet = lab.cluster.kubelets["node-0000"]
        kubelet.faults.slow = 1.0
        await lab.turn(TICK_SECONDS, left=1)
        async with asyncio.timeout(10):
            while not kubelet.scrapes:
                await asyncio.sleep(0.001)
                await lab.scraper.tick()
        lab.clock.advance(1.0)
        await lab.settle()

        text = lab.telemetry.expose().decode()
        assert 'viaduct_kubelet_scrapes_total{result="success"} 1.0' in text
        assert "viaduct_kubelet_scrape_duration_seconds_count 1.0" in text
        seconds = float(re.search(r"duration_seconds_sum (\S+)", text)[1])
        assert 1.0 <= seconds <= 1.2
        assert 'viaduct_kubelet_storage_points{type="node"} 0.0' in text

        kubelet.faults.slow = 0.0
        await lab.warm()

        text = lab.telemetry.expose().decode()
        assert 'viaduct_kubelet_storage_points{type="node"} 1.0' in text
        assert 'viaduct_kubelet_storage_points{type="container"} 8.0' in text


async def test_connections_are_kept():
    async with lab_of() as lab:
        await lab.warm()
        await lab.turn(4 * RESOLUTION)

        kubelet = lab.cluster.kubelets[FAULTY]
        assert kubelet.scrapes >= 6
        assert lab.scrapes("success") >= 18


async def test_a_connection_the_kubelet_closed_while_idle_is_replaced_at_once():
    async with lab_of() as lab:
        await lab.warm()
        failures = lab.scrapes("truncated")
        for restarting in (True, False):
            lab.cluster.kubelets[FAULTY].faults.refusing = restarting

        await lab.turn(RESOLUTION)

        assert lab.scrapes("truncated") == failures
        assert lab.scraper.why(FAULTY) == ""
        assert lab.node(FAULTY).timestamp > lab.clock.time() - RESOLUTION - 1


async def test_housekeeping_repeats_points_and_the_pair_is_kept():
    """Slower samples than scrapes: the same point comes again, and is no new one."""
    async with lab_of(cluster={"housekeeping": 20.0}) as lab:
        await lab.warm()
        await lab.turn(2 * RESOLUTION)
        for _ in range(4):
            await lab.turn(RESOLUTION)
            for name in lab.cluster.kubelets:
                for key in lab.keys(name):
                    usage = lab.pod(key)
                    assert usage is not None
                    assert usage.window > 0
                    age = lab.clock.time() - usage.timestamp
                    assert age <= 2 * 30 + RESOLUTION


async def test_pod_churn():
    async with lab_of() as lab:
        await lab.warm()
        gone = lab.keys(FAULTY)[0]
        new = PodKey("team-01", "fresh")
        lab.cluster.delete_pod(gone)
        lab.cluster.add_pod(new, FAULTY, {"app": (0.25, 8 << 20)})

        await lab.turn(2 * RESOLUTION)

        assert lab.pod(gone) is None
        lab.check_truth(new)
        for key in lab.keys(FAULTY):
            lab.check_truth(key)


async def test_pods_that_come_and_go_in_the_answers_are_served_while_they_are_there():
    async with lab_of() as lab:
        await lab.warm()
        lab.cluster.kubelets[FAULTY].faults.churn = 30.0

        for _ in range(6):
            await lab.turn(RESOLUTION)
            assert lab.served(FAULTY) >= 2
            assert lab.served("node-0000") == 4


async def test_nodes_come_and_go():
    async with lab_of() as lab:
        lab.nodes.remove(lab.info(FAULTY))
        await lab.warm()
        assert lab.node(FAULTY) is None
        assert lab.scraper.why(FAULTY) == "node node-0001 is not scraped"

        lab.nodes.upsert(lab.info(FAULTY))
        await lab.warm()
        assert lab.served(FAULTY) == 4

        lab.nodes.remove(lab.info(FAULTY))
        await lab.turn(TICK_SECONDS)
        assert lab.served(FAULTY) == 0


@pytest.mark.parametrize("endpoint", [Endpoint.AUTO, Endpoint.SUMMARY])
async def test_the_summary_serves_where_there_is_no_resource_page(endpoint, caplog):
    async with lab_of(endpoint=endpoint) as lab:
        for kubelet in lab.cluster.kubelets.values():
            kubelet.faults.no_resource_metrics = True

        await lab.warm()

        for key in lab.keys(FAULTY):
            lab.check_truth(key, rel=0.15)  # its times have whole seconds, as in a real kubelet's
        assert lab.node(FAULTY) is not None
        assert lab.scraper.why(FAULTY) == ""


async def test_neither_page_exists():
    async with lab_of() as lab:
        lab.cluster.kubelets[FAULTY].faults.no_resource_metrics = True
        lab.cluster.kubelets[FAULTY].faults.no_summary = True

        await lab.warm()

        assert "the kubelet has no /stats/summary (404)" in lab.scraper.why(FAULTY)
        assert lab.scrapes("not_found") <= 10, "one round each period, no storm"


async def test_resource_only_does_not_ask_for_the_summary():
    async with lab_of(endpoint=Endpoint.RESOURCE) as lab:
        lab.cluster.kubelets[FAULTY].faults.no_resource_metrics = True

        await lab.warm()

        assert "no /metrics/resource (404)" in lab.scraper.why(FAULTY)


class TestAddresses:
    """Preference, fall-through, names in certificates."""

    async def test_the_next_address_is_tried_and_remembered(self):
        async with lab_of(address_types=("Hostname", "InternalIP"), request_timeout=10.0) as lab:
            lab.nodes.replace(
                [
                    lab.info(name, ("Hostname", "no-such-host.invalid"))
                    for name in lab.cluster.kubelets
                ]
            )

            await lab.warm()

            assert lab.served(FAULTY) == 4
            assert lab.scraper.why(FAULTY) == ""

    async def test_no_address_of_the_wanted_types(self):
        async with lab_of(address_types=("ExternalIP",)) as lab:
            await lab.turn(RESOLUTION)

            assert "the node has no address of the types ExternalIP" in lab.scraper.why(FAULTY)
            assert lab.scrapes("no_address") >= 3

    async def test_a_certificate_without_the_ip_is_refused(self):
        async with lab_of(cluster={"serving_names": "name"}) as lab:
            await lab.warm()

            assert "--kubelet-tls-server-name=node" in lab.scraper.why(FAULTY)
            assert lab.scrapes("tls") >= 3
            assert lab.served(FAULTY) == 0

    async def test_the_nodes_name_may_be_verified_instead(self):
        async with lab_of(cluster={"serving_names": "name"}, server_name="node") as lab:
            await lab.warm()

            assert lab.served(FAULTY) == 4

    async def test_a_kubelet_that_moved_is_found(self):
        async with lab_of() as lab:
            good = lab.info(FAULTY)
            lab.nodes.upsert(NodeInfo(FAULTY, addresses=good.addresses, kubelet_port=1))
            await lab.turn(RESOLUTION)
            assert lab.scraper.why(FAULTY)

            lab.nodes.upsert(good)
            await lab.warm()

            assert lab.served(FAULTY) == 4


class TestAccess:
    """Tokens, client certificates, trust."""

    async def test_a_client_certificate_will_do(self):
        def access(cluster):
            pair = cluster.credentials.client_certificate("viaduct", ["system:masters"])
            return {
                "token": lambda: None,
                "cert_file": str(pair.cert_file),
                "key_file": str(pair.key_file),
            }

        async with lab_of(access=access) as lab:
            await lab.warm()

            assert lab.served(FAULTY) == 4

    async def test_without_credentials_the_kubelet_refuses(self):
        async with lab_of(access=lambda _: {"token": lambda: None}) as lab:
            await lab.warm()

            assert "does not accept our credentials (401)" in lab.scraper.why(FAULTY)

    async def test_an_unknown_ca_is_refused_unless_told_otherwise(self):
        async with lab_of(access=lambda _: {"ca_file": None}) as lab:
            await lab.warm()
            assert "its certificate does not verify" in lab.scraper.why(FAULTY)

        async with lab_of(access=lambda _: {"ca_file": None, "insecure": True}) as lab:
            await lab.warm()
            assert lab.served(FAULTY) == 4

    async def test_plain_http_towards_tls_is_told(self):
        async with lab_of(access=lambda _: {"scheme": "http"}) as lab:
            await lab.warm()

            assert lab.scraper.why(FAULTY)
            assert lab.served(FAULTY) == 0
