"""Readiness decides whether the aggregator finds an endpoint at all."""

from pathlib import Path

from integration.service import lab

PODS = "/apis/metrics.k8s.io/v1/pods"
CONFIG = Path(__file__).parents[2] / "config"


async def test_readiness_once_reached_outlives_all_kubelets():
    """Endpoints without one that is ready make an APIService unavailable, and that stalls the
    deletion of namespaces; a Status that says why stalls nothing."""
    async with lab(nodes=2, pods_per_node=2) as service:
        assert not await service.ready()
        await service.turn_until(service.ready)

        for kubelet in service.cluster.kubelets.values():
            await kubelet.stop()

        async def nothing_is_left():
            return (await service.get(PODS))[0] != 200

        await service.turn_until(nothing_is_left)
        status, _, body = await service.get(PODS)
        assert (status, body["reason"]) == (503, "ServiceUnavailable")
        assert "unreachable since" in body["message"]
        assert await service.ready()


async def test_ready_is_who_has_the_values_of_all_nodes():
    """In a rolling update half of the answers come from the new one, and an HPA counts the pods
    that are missing in them."""
    async with lab(nodes=6, pods_per_node=2) as service:
        await service.turn(0.5)
        status, _, body = await service.get(PODS)
        assert status == 503
        assert body["message"].endswith("only one sample of the node so far, a rate needs two")

        texts = set()
        while not await service.ready():
            texts.add((await service.text("/readyz?verbose"))[1])
            await service.turn(0.5)

        assert any("nodes have not been read twice yet" in text for text in texts)
        assert len(await service.pods()) == 12
        status, _, body = await service.get("/apis/metrics.k8s.io/v1/nodes")
        assert len(body["items"]) == 6


async def test_readiness_waits_for_no_kubelet_that_fails():
    async def prepare(cluster):
        await next(iter(cluster.kubelets.values())).stop()

    async with lab(nodes=3, pods_per_node=2, prepare=prepare) as service:
        await service.turn_until(service.ready, 20)
        assert len(await service.pods()) == 4


async def test_without_fallback_readiness_does_not_wait_for_prometheus():
    """Nobody else would answer until it is back, and the other groups would be gone with it."""

    def flags(_):
        dead = "--prometheus-url=http://127.0.0.1:1"
        return [dead, "--fallback=off", f"--config={CONFIG / 'rules.kubelet.yaml'}"]

    async with lab(flags=flags, nodes=1, pods_per_node=1) as service:
        await service.turn_until(service.ready, 30)
        status, _, body = await service.get("/apis/metrics.k8s.io/v1/nodes")
        assert status == 503
        assert "cannot connect to prometheus" in body["message"]
