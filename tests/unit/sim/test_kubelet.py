"""What a kubelet answers over HTTPS, healthy and with each fault."""

import asyncio
import json
import ssl

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from unit.sim.exposed import CPU, MEMORY, NODE, samples

from adapter.model.resources import PodKey
from adapter.sim.cluster import SimCluster
from adapter.sim.layout import pod_key
from adapter.sim.workloads import ContainerKey
from adapter.transport import client_context


async def test_answers_in_chunks_of_at_most_4_kib(kubelets, cluster):
    async with kubelets.get() as answer:
        chunks = []
        async for data, end_of_chunk in answer.content.iter_chunks():
            chunks.append((len(data), end_of_chunk))

    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert max(size for size, _ in chunks) <= 4096
    assert sum(size for size, _ in chunks) > 4096
    assert cluster.kubelets[NODE].scrapes == 1


async def test_compresses_when_asked(kubelets):
    plain = await kubelets.text()

    async with kubelets.get(headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert await answer.text() == plain


async def test_each_node_reports_its_own_pods(kubelets, cluster):
    for node in cluster.workloads.nodes():
        expected = {c.key for pod in cluster.workloads.pods(node) for c in pod.containers}
        assert set(samples(await kubelets.text(node), CPU)) == expected


async def test_summary_says_the_same_in_json(kubelets, cluster):
    text = await kubelets.text()
    summary = json.loads(await kubelets.text(path="/stats/summary"))

    found = {}
    for pod in summary["pods"]:
        ref = pod["podRef"]
        for container in pod["containers"]:
            key = ContainerKey(ref["namespace"], ref["name"], container["name"])
            found[key] = container
    counters, memory = samples(text, CPU), samples(text, MEMORY)
    assert set(found) == set(counters)
    for key, container in found.items():
        assert container["cpu"]["usageCoreNanoSeconds"] == round(counters[key][0] * 1e9)
        assert container["memory"]["workingSetBytes"] == memory[key][0]
        assert container["cpu"]["time"].endswith("Z")
    node = summary["node"]
    assert node["nodeName"] == NODE
    now = cluster.clock.time()
    assert node["memory"]["workingSetBytes"] == cluster.workloads.memory(NODE, now)
    assert node["cpu"]["usageCoreNanoSeconds"] > 0


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        pytest.param(None, 401, id="nobody"),
        pytest.param("Bearer nonsense", 401, id="unknown-token"),
        pytest.param("Basic abc", 401, id="other-scheme"),
    ],
)
async def test_refuses_whom_it_does_not_know(kubelets, authorization, status):
    async with kubelets.get(headers={"Authorization": authorization or ""}) as answer:
        assert answer.status == status
        assert await answer.text() == "Unauthorized\n"


async def test_accepts_a_client_certificate(kubelets, cluster):
    pair = cluster.credentials.client_certificate("scraper")
    kubelets.context = client_context(
        ca_file=cluster.kubelet_ca_file, cert_file=pair.cert_file, key_file=pair.key_file
    )

    async with kubelets.get(headers={"Authorization": ""}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("names", "server_name", "valid"),
    [
        pytest.param("address", None, True, id="address"),
        pytest.param("name", None, False, id="name-only-by-address"),
        pytest.param("name", NODE, True, id="name-only-by-name"),
        pytest.param("common-name", NODE, False, id="common-name-only"),
    ],
)
async def test_serving_certificate_is_valid_for(clock, session, names, server_name, valid):
    async with SimCluster(nodes=1, pods_per_node=1, clock=clock, serving_names=names) as cluster:
        url = f"https://127.0.0.1:{cluster.kubelets[NODE].port}/healthz"
        context = client_context(ca_file=cluster.kubelet_ca_file)
        request = session.get(url, ssl=context, server_hostname=server_name)
        if valid:
            async with request as answer:
                assert await answer.text() == "ok"
        else:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await request


async def test_slow_answers_late_by_the_clusters_clock(kubelets, faults, clock, until):
    faults.slow = 3.0
    scrape = asyncio.create_task(kubelets.text())
    await until(lambda: clock.sleepers == 2)  # the other one sends the API server's bookmarks

    assert not scrape.done()
    clock.advance(3.0)
    assert CPU in await scrape


async def test_hanging_accepts_and_never_answers(kubelets, faults, cluster):
    faults.hanging = True

    with pytest.raises(TimeoutError):
        await kubelets.text(timeout=aiohttp.ClientTimeout(total=0.2))

    assert cluster.kubelets[NODE].scrapes == 1


async def test_refusing_closes_listener_and_connections_until_it_ends(kubelets, faults, cluster):
    port = cluster.kubelets[NODE].port
    await kubelets.text()

    faults.refusing = True
    with pytest.raises(aiohttp.ClientConnectorError, match=r"Cannot connect|refused"):
        await kubelets.text()
    assert not cluster.kubelets[NODE].listening
    assert CPU in await kubelets.text("node-0001")

    faults.refusing = False
    assert CPU in await kubelets.text()
    assert cluster.kubelets[NODE].port == port


async def test_stopped_kubelet_starts_on_the_same_port(kubelets, cluster):
    kubelet = cluster.kubelets[NODE]

    for _ in range(3):
        await kubelet.stop()
        assert not kubelet.listening
        await kubelet.start()
        assert kubelet.listening
        assert CPU in await kubelets.text()


@pytest.mark.parametrize("status", [401, 500, 503])
async def test_status_is_answered(kubelets, faults, status):
    faults.status = status

    async with kubelets.get() as answer:
        assert answer.status == status
        assert len(await answer.text()) > 3


@pytest.mark.parametrize("fault", ["truncated", "truncated_length"])
async def test_truncated_body_ends_with_the_connection(kubelets, faults, fault):
    setattr(faults, fault, True)

    async with kubelets.get() as answer:
        assert answer.status == 200
        assert ("Content-Length" in answer.headers) == (fault == "truncated_length")
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_text_cut_in_a_line_is_a_complete_http_answer(kubelets, faults):
    whole = await kubelets.text()
    faults.cut_mid_line = True

    text = await kubelets.text()

    assert whole.startswith(text)
    assert 0 < len(text) < len(whole)
    assert not text.endswith("\n")


async def test_garbage_stands_among_good_lines(kubelets, faults):
    good = (await kubelets.text()).splitlines()
    faults.garbage_line = True

    lines = (await kubelets.text()).splitlines()

    garbage = [line for line in lines if line not in good]
    assert [line for line in lines if line in good] == good
    assert len(garbage) == 2
    assert lines.index(garbage[0]) > lines.index(good[2])
    for line in garbage:
        with pytest.raises(ValueError, match=r".*"):
            list(text_string_to_metric_families(line + "\n"))


async def test_huge_body_goes_on_until_the_size_asked_for(kubelets, faults):
    faults.huge_body = 2_000_000

    text = await kubelets.text()

    assert len(text) >= 2_000_000
    assert CPU in text


async def test_huge_body_stops_when_the_client_leaves(kubelets, faults, cluster):
    faults.huge_body = 1 << 40

    async with kubelets.get() as answer:
        await answer.content.readexactly(100_000)

    faults.clear()
    assert CPU in await kubelets.text()


async def test_drip_sends_byte_by_byte(kubelets, faults, clock, until):
    faults.drip = 1.0
    async with kubelets.get() as answer:
        received = await answer.content.readexactly(1)
        for _ in range(9):
            await until(lambda: clock.sleepers == 2)
            clock.advance(1.0)
            received += await answer.content.readexactly(1)

    assert received == b"# HELP con"


async def test_no_resource_metrics_leaves_the_summary(kubelets, faults):
    faults.no_resource_metrics = True

    async with kubelets.get() as answer:
        assert answer.status == 404
    assert '"nodeName"' in await kubelets.text(path="/stats/summary")


async def test_no_summary_leaves_resource_metrics(kubelets, faults):
    faults.no_summary = True

    async with kubelets.get(path="/stats/summary") as answer:
        assert answer.status == 404
    assert CPU in await kubelets.text()


async def test_pods_come_and_go(kubelets, cluster, clock):
    new = PodKey("team-00", "new")
    cluster.add_pod(new, NODE, {"app": (0.25, 1 << 20)})
    clock.advance(15)
    counters = samples(await kubelets.text(), CPU)
    assert counters[ContainerKey(*new, "app")][0] == pytest.approx(15 * 0.25)

    cluster.delete_pod(new)
    cluster.set_phase(pod_key(0, 0), "Pending")
    cluster.set_phase(pod_key(0, 1), "Succeeded")

    seen = {key.pod_key for key in samples(await kubelets.text(), CPU)}
    assert seen == {pod_key(0, 1), pod_key(0, 2)}


async def test_nothing_listens_after_the_end(clock, session):
    async with SimCluster(nodes=2, pods_per_node=1, clock=clock) as cluster:
        cluster.kubelets[NODE].faults.hanging = True
        directory = cluster.directory
        urls = [f"https://127.0.0.1:{kubelet.port}/" for kubelet in cluster.kubelets.values()]
        urls.append(cluster.api.url)

    assert not directory.exists()
    for url in urls:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url, ssl=ssl.create_default_context())
