"""Dashboards made for metrics-server and for API servers find what they look for."""

import shutil
import subprocess

import pytest
from golden.cluster import Cluster, serving
from prometheus_client.parser import text_string_to_metric_families

from adapter.peermetrics import DEFAULT_BUCKETS, KubeletRequests, tick_buckets
from adapter.telemetry import Telemetry

NOW = 1_800_000_000.0


def families(text):
    """Metrics by name."""
    return {family.name: family for family in text_string_to_metric_families(text)}


def values(family):
    """Values by the name of the sample and its labels."""
    return {
        (sample.name.removeprefix(family.name), *sorted(sample.labels.items())): sample.value
        for sample in family.samples
    }


def exposed(telemetry):
    return families(b"".join(telemetry.exposition()).decode())


@pytest.mark.parametrize(
    ("resolution", "contained"),
    [
        pytest.param(15.0, [12.5, 15.0, 22.5, 30.0], id="longer-than-the-last"),
        pytest.param(60.0, [35.0, 60.0, 90.0, 120.0], id="a-minute"),
        pytest.param(10.0, [10.0], id="the-last"),
        pytest.param(7.0, [7.0], id="between"),
        pytest.param(5.0, [5.0], id="one-of-them"),
        pytest.param(4.996, [5.0], id="near-one-of-them"),
    ],
)
def test_buckets_surround_the_resolution(resolution, contained):
    buckets = tick_buckets(resolution)

    assert set(contained) <= set(buckets)
    assert set(DEFAULT_BUCKETS) <= set(buckets)
    assert list(buckets) == sorted(set(buckets))


def test_scrapes_have_the_names_of_metrics_server():
    telemetry = Telemetry()
    telemetry.kubelets.begin(15.0)
    for result, count in (("success", 4), ("timeout", 2), ("refused", 1)):
        telemetry.scrapes.labels(result).inc(count)
    telemetry.storage_points.labels("node").set(7)
    for duration in (0.003, 0.2, 20.0):
        telemetry.kubelets.observe("node-a", duration, NOW + 20.5)

    found = exposed(telemetry)

    assert values(found["metrics_server_kubelet_request"]) == {
        ("_total", ("success", "true")): 4,
        ("_total", ("success", "false")): 3,
    }
    assert values(found["metrics_server_storage_points"]) == {("", ("type", "node")): 7}
    last = values(found["metrics_server_kubelet_last_request_time_seconds"])
    assert last == {("", ("node", "node-a")): NOW}
    durations = values(found["metrics_server_kubelet_request_duration_seconds"])
    node = ("node", "node-a")
    assert durations["_count", node] == 3
    assert durations["_sum", node] == pytest.approx(20.203)
    assert durations["_bucket", ("le", "0.005"), node] == 1
    assert durations["_bucket", ("le", "0.25"), node] == 2
    assert durations["_bucket", ("le", "10"), node] == 2
    assert durations["_bucket", ("le", "+Inf"), node] == 3


def test_a_tick_is_the_slowest_scrape_of_a_period():
    telemetry = Telemetry()
    telemetry.kubelets.begin(15.0)
    for at, duration in ((0, 0.1), (5, 3.0), (10, 0.1), (15, 0.2), (29, 0.3), (31, 9.0)):
        telemetry.kubelets.observe("node-a", duration, NOW + at)

    ticks = values(exposed(telemetry)["metrics_server_manager_tick_duration_seconds"])

    assert (ticks["_count",], ticks["_sum",]) == (2, pytest.approx(3.3))
    assert ticks["_bucket", ("le", "22.5")] == 2


def test_a_node_that_is_gone_has_no_series():
    requests = KubeletRequests()
    for node in ("stays", "goes"):
        requests.observe(node, 0.1, NOW)

    requests.forget("goes")

    text = b"".join(requests.chunks())
    assert b'node="stays"' in text
    assert b"goes" not in text


def test_each_object_is_counted_by_its_age():
    """Three objects of 10 s, as in metrics-server's own test."""
    telemetry = Telemetry()
    telemetry.answer_age.observe("pods", 10.0, 2)
    telemetry.answer_age.observe("nodes", 10.0)
    telemetry.value_age.observe("external.metrics.k8s.io", 3.0)

    found = exposed(telemetry)

    ages = values(found["metrics_server_api_metric_freshness_seconds"])
    assert (ages["_count",], ages["_sum",]) == (3, 30)
    assert (ages["_bucket", ("le", "8.784")], ages["_bucket", ("le", "11.982")]) == (0, 3)
    values_of = values(found["metrics_apiserver_metric_freshness_seconds"])
    assert values_of["_count", ("group", "external.metrics.k8s.io")] == 1


async def test_requests_have_the_names_of_an_api_server():
    cluster = Cluster()
    async with serving(cluster.app()) as session:
        for path in ("nodes", "nodes", "nodes/absent"):
            async with session.get(f"/apis/metrics.k8s.io/v1/{path}"):
                pass
        async with session.get("/metrics") as response:
            found = families(await response.text())

    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    requests = values(found["apiserver_request"])
    common = ("group", "metrics.k8s.io"), ("resource", "nodes")
    assert requests["_total", ("code", "200"), *common, ("verb", "LIST")] == 2
    assert requests["_total", ("code", "404"), *common, ("verb", "GET")] == 1
    durations = values(found["apiserver_request_duration_seconds"])
    assert durations["_count", *common, ("verb", "LIST")] == 2
    kinds = values(found["apiserver_current_inflight_requests"])
    assert set(kinds) == {("", ("request_kind", "readOnly"))}
    assert found["process_resident_memory_bytes"].samples[0].value > 0


async def test_thousands_of_nodes_are_sent_in_pieces():
    cluster = Cluster()
    names = [f"node-{number:04}.example.internal" for number in range(2500)]
    for name in names:
        cluster.telemetry.kubelets.observe(name, 0.1, NOW)

    assert max(map(len, cluster.telemetry.kubelets.chunks())) < 200_000
    async with serving(cluster.app()) as session, session.get("/metrics") as response:
        text = await response.text()

    assert response.headers["Content-Encoding"] == "gzip"
    assert "Content-Length" not in response.headers
    assert text.count("metrics_server_kubelet_request_duration_seconds_count{") == len(names)


@pytest.mark.prometheus
def test_all_names_together_pass_promtool():
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("no promtool on PATH: install prometheus")
    telemetry = Telemetry()
    telemetry.kubelets.observe('no"de\\', 0.1, NOW)
    telemetry.scrapes.labels("success").inc()

    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=b"".join(telemetry.exposition()),
        capture_output=True,
        check=False,
        timeout=30,
    )

    assert (checked.returncode, checked.stderr) == (0, b"")
