"""The whole service on a real Prometheus that dies, hangs and comes back."""

import asyncio
import logging
import time
from pathlib import Path

import pytest
import yaml
from integration.service import lab

from adapter.model.quantity import Quantity
from adapter.model.times import parse_duration, parse_rfc3339
from adapter.periodic import SystemClock
from adapter.sim.workloads import ContainerKey

RULES = Path(__file__).parents[2] / "config" / "rules.kubelet.yaml"
SERVING = 'viaduct_resource_metrics_origin{origin="prometheus"}'

POINTS = 'viaduct_kubelet_storage_points{type="container"}'
PODS = 6
TIMEOUT_SECONDS = 2
KEPT_SECONDS = 10 / 3
"""For how long an answer of Prometheus serves further requests."""

pytestmark = pytest.mark.prometheus


def scrape_config(cluster, token_file) -> str:
    """What scrapes the simulated kubelets, once a second."""
    token_file.write_text(cluster.kubelet_token)
    job = {
        "job_name": "kubelet",
        "scheme": "https",
        "metrics_path": "/metrics/resource",
        "tls_config": {"ca_file": str(cluster.kubelet_ca_file)},
        "authorization": {"credentials_file": str(token_file)},
        "static_configs": [
            {"targets": [f"127.0.0.1:{kubelet.port}"], "labels": {"node": name}}
            for name, kubelet in cluster.kubelets.items()
        ],
    }
    return yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]})


async def eventually(reached, seconds: float = 60.0) -> None:
    """Poll, once a quarter second, until *reached* holds."""
    end = time.monotonic() + seconds
    while not await reached():
        assert time.monotonic() < end, "did not come about"
        await asyncio.sleep(0.25)


def check_truth(service, items) -> None:
    """All pods are there, and each value is the true usage of the interval it claims."""
    assert len(items) == len(service.cluster.workloads.pods())
    for item in items:
        end, window = parse_rfc3339(item["timestamp"]), parse_duration(item["window"])
        for container in item["containers"]:
            pod = (item["metadata"]["namespace"], item["metadata"]["name"])
            key = ContainerKey(*pod, container["name"])
            truth = service.cluster.workloads.cpu(key, end - window, end)
            assert float(Quantity.parse(container["usage"]["cpu"])) == pytest.approx(
                truth, rel=0.02, abs=1e-5
            )
            possible = service.cluster.workloads.memory_between(key, end - 1, time.time())
            memory = float(Quantity.parse(container["usage"]["memory"]))
            assert possible[0] <= memory <= possible[-1]


async def all_from(service, origin: str) -> bool:
    """Whether every pod is served, and from *origin*."""
    items = await service.pods()
    return len(items) == PODS and await service.origins() == {origin}


async def scraper_is_warm(service) -> bool:
    """Whether the scraper has two points of every container: two each in six pods."""
    return f"{POINTS} {2 * PODS:.1f}" in (await service.text("/metrics"))[1]


async def check_serves(service, *allowed: str):
    """Pods are served truly and from *allowed* sources; the headers of the answer."""
    status, headers, body = await service.get("/apis/metrics.k8s.io/v1/pods")
    assert status == 200
    check_truth(service, body["items"])
    assert await service.origins() <= set(allowed)
    return headers


async def dies(service, prometheus) -> None:
    prometheus.kill()
    killed = time.monotonic()
    for _ in range(8):
        kept = ["prometheus"] if time.monotonic() - killed < KEPT_SECONDS else []
        headers = await check_serves(service, "kubelet", *kept)
        await asyncio.sleep(1)
    assert "metrics come from the kubelets themselves: " in headers["Warning"]
    assert "prometheus" in headers["Warning"]
    assert str(prometheus.port) not in headers["Warning"], "addresses are for the log"
    assert f"{SERVING} 0.0" in (await service.text("/metrics"))[1]
    assert (await service.text("/readyz"))[0] == 200
    assert (await service.get("/apis/metrics.k8s.io/v1"))[0] == 200


async def hangs(service, prometheus) -> None:
    prometheus.pause()
    try:
        await asyncio.sleep(KEPT_SECONDS + 1)
        started = time.monotonic()
        # it may be merely slow: what it said last serves until it has not answered in time
        await check_serves(service, "kubelet", "prometheus")
        assert time.monotonic() - started < 2 * TIMEOUT_SECONDS
        await eventually(lambda: all_from(service, "kubelet"))
        await check_serves(service, "kubelet")
    finally:
        prometheus.resume()


async def test_prometheus_dies_comes_back_and_hangs(prometheus_server, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    started = []

    def flags(cluster):
        started.append(prometheus_server(scrape_config(cluster, tmp_path / "token")))
        return [
            f"--prometheus-url={started[0].url}",
            f"--config={RULES}",
            f"--prometheus-timeout={TIMEOUT_SECONDS}s",
            "--metric-resolution=10s",
            "--kubelet-request-timeout=5s",
        ]

    async with lab(flags=flags, nodes=2, pods_per_node=3, clock=SystemClock()) as service:
        await eventually(service.ready)
        await eventually(lambda: all_from(service, "prometheus"))
        headers = await check_serves(service, "prometheus")
        assert "Warning" not in headers
        assert f"{SERVING} 1.0" in (await service.text("/metrics"))[1]
        await eventually(lambda: scraper_is_warm(service))

        await dies(service, started[0])
        started[0].start()
        await eventually(lambda: all_from(service, "prometheus"))
        headers = await check_serves(service, "prometheus")
        assert "Warning" not in headers

        await hangs(service, started[0])
        await eventually(lambda: all_from(service, "prometheus"))

    told = [r.getMessage() for r in caplog.records if r.name == "adapter.sources.failover"]
    assert [line.removeprefix("metrics.k8s.io: ").partition(":")[0] for line in told] == [
        "served from the kubelets",
        "served from prometheus again",
    ] * 2
