"""Readiness decides whether the aggregator finds an endpoint at all."""

from pathlib import Path

from integration.service import lab

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
            return await service.pods() == []

        await service.turn_until(nothing_is_left)
        assert await service.ready()


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
