"""Readiness decides whether the aggregator finds an endpoint at all."""

from integration.service import lab


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
