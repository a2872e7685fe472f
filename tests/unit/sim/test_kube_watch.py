"""Watch conversations with the stand-in kube-apiserver."""

import asyncio
import json
from contextlib import asynccontextmanager

from adapter.sim.layout import pod_key

SECONDS = 5


@asynccontextmanager
async def watching(api, path, **query):
    """A watch; yields a function that waits for the next event."""
    params = {"watch": "1", **{key: str(value) for key, value in query.items()}}
    async with api.request("GET", path, params=params) as answer:
        assert answer.status == 200, await answer.text()

        async def next_event():
            async with asyncio.timeout(SECONDS):
                line = await answer.content.readline()
            return json.loads(line) if line else None

        yield next_event


def seen(event):
    return event["type"], event["object"]["metadata"]["name"]


async def test_list_then_watch_sees_every_change_in_order(api, cluster):
    listed = await api.json("/api/v1/pods")
    revision = listed["metadata"]["resourceVersion"]
    cluster.set_phase(pod_key(0, 0), "Failed")  # between list and watch

    async with watching(api, "/api/v1/pods", resourceVersion=revision) as next_event:
        cluster.delete_pod(pod_key(0, 0))
        cluster.add_pod(pod_key(9, 9), "node-0000", {"app": (0.1, 4096)})
        events = [await next_event() for _ in range(3)]

    name, new = pod_key(0, 0).name, pod_key(9, 9).name
    assert [seen(e) for e in events] == [("MODIFIED", name), ("DELETED", name), ("ADDED", new)]
    revisions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert revisions == sorted(revisions)
    assert revisions[0] > int(revision)
    assert events[0]["object"]["kind"] == "Pod"


async def test_watch_from_nowhere_begins_with_what_exists(api):
    async with watching(api, "/api/v1/nodes") as next_event:
        events = [await next_event() for _ in range(2)]

    assert [seen(event) for event in events] == [("ADDED", "node-0000"), ("ADDED", "node-0001")]


async def test_leaving_the_selection_is_a_deletion(api, cluster):
    revision = cluster.api.store.revision
    key = pod_key(0, 0)
    query = {"fieldSelector": "status.phase=Running", "resourceVersion": revision}
    async with watching(api, "/api/v1/pods", **query) as next_event:
        cluster.set_phase(pod_key(0, 1), "Running")
        cluster.set_phase(key, "Succeeded")
        cluster.set_phase(key, "Failed")
        cluster.set_phase(key, "Running")
        events = [await next_event() for _ in range(3)]

    assert [event["type"] for event in events] == ["MODIFIED", "DELETED", "ADDED"]


async def test_watch_of_a_namespace_sees_only_it(api, cluster):
    revision = cluster.api.store.revision
    path = "/api/v1/namespaces/team-01/pods"
    async with watching(api, path, resourceVersion=revision) as next_event:
        cluster.delete_pod(pod_key(0, 0))
        cluster.delete_pod(pod_key(0, 1))
        event = await next_event()

    assert seen(event) == ("DELETED", pod_key(0, 1).name)


async def test_bookmarks_only_for_those_who_want_them(api, cluster, clock):
    revision = cluster.api.store.revision
    query = {"resourceVersion": revision}
    async with (
        watching(api, "/api/v1/pods", allowWatchBookmarks="true", **query) as with_bookmarks,
        watching(api, "/api/v1/pods", **query) as without,
    ):
        cluster.api.store.put("nodes", {"metadata": {"name": "node-0000"}})
        clock.advance(60)  # the API server's own bookmarks
        bookmark = await with_bookmarks()
        cluster.delete_pod(pod_key(0, 0))

        assert bookmark["type"] == "BOOKMARK"
        assert bookmark["object"]["kind"] == "Pod"
        newest = int(bookmark["object"]["metadata"]["resourceVersion"])
        assert newest == revision + 1
        assert (await with_bookmarks())["type"] == "DELETED"
        assert (await without())["type"] == "DELETED"


async def test_initial_events_end_with_a_marked_bookmark(api):
    query = {"sendInitialEvents": "true", "allowWatchBookmarks": "true"}
    query["resourceVersionMatch"] = "NotOlderThan"
    async with watching(api, "/api/v1/nodes", **query) as next_event:
        events = [await next_event() for _ in range(3)]

    assert [event["type"] for event in events] == ["ADDED", "ADDED", "BOOKMARK"]
    annotations = events[2]["object"]["metadata"]["annotations"]
    assert annotations == {"k8s.io/initial-events-end": "true"}


async def test_expired_history_ends_watches_and_resuming_meets_410(api, cluster):
    revision = cluster.api.store.revision
    async with watching(api, "/api/v1/pods", resourceVersion=revision) as next_event:
        cluster.api.expire_history()
        assert await next_event() is None

    async with watching(api, "/api/v1/pods", resourceVersion=revision) as next_event:
        error = await next_event()
        assert await next_event() is None

    assert error["type"] == "ERROR"
    assert (error["object"]["code"], error["object"]["reason"]) == (410, "Expired")
    assert "too old resource version" in error["object"]["message"]


async def test_a_fresh_list_after_the_history_expired_can_be_watched(api, cluster):
    cluster.api.expire_history()
    revision = (await api.json("/api/v1/pods"))["metadata"]["resourceVersion"]

    async with watching(api, "/api/v1/pods", resourceVersion=revision) as next_event:
        cluster.delete_pod(pod_key(0, 0))
        assert seen(await next_event()) == ("DELETED", pod_key(0, 0).name)


async def test_watch_ends_after_its_timeout(api, cluster):
    query = {"resourceVersion": cluster.api.store.revision, "timeoutSeconds": 0.05}
    async with watching(api, "/api/v1/pods", **query) as next_event:
        assert await next_event() is None


async def test_metadata_only_watch(api, cluster):
    revision = cluster.api.store.revision
    accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    path = f"/api/v1/pods?watch=true&resourceVersion={revision}"
    async with api.request("GET", path, headers={"Accept": accept}) as answer:
        cluster.set_phase(pod_key(0, 0), "Failed")
        event = json.loads(await answer.content.readline())

    assert event["object"]["kind"] == "PartialObjectMetadata"
    assert "status" not in event["object"]


async def test_nothing_is_left_of_a_watch_whose_client_went(api, cluster, until):
    revision = cluster.api.store.revision
    async with watching(api, "/api/v1/pods", resourceVersion=revision):
        await until(lambda: cluster.api.store.watches == 1)

    await until(lambda: cluster.api.store.watches == 0)
