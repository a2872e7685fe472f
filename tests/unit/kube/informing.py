"""Objects and pages for the conversation with an informer, and what to read off it."""

import asyncio
import contextlib

from adapter.model.labels import EVERYTHING

BOOKMARK = "BOOKMARK"


def pod(name, version="1", namespace="ns", **labels):
    return {
        "kind": "PartialObjectMetadata",
        "metadata": {
            "namespace": namespace,
            "name": name,
            "resourceVersion": version,
            "labels": labels,
        },
    }


def node(name, version="1", *, heartbeat="00:00:00", port=10250):
    return {
        "metadata": {"name": name, "resourceVersion": version},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": heartbeat}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        },
    }


def page(*items, version="10", more=""):
    return list(items), {"resourceVersion": version, "continue": more}


@contextlib.asynccontextmanager
async def running(informer):
    task = asyncio.create_task(informer.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def names(lister):
    return [each.name for each in lister.list(None, EVERYTHING)]


def relists(telemetry):
    return telemetry.registry.get_sample_value(
        "viaduct_informer_relists_total", {"resource": "pods"}
    )
