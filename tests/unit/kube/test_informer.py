"""The list-and-watch conversation, spoken by the test through a real socket."""

import asyncio

import pytest
from unit.kube.informing import BOOKMARK, names, node, page, pod, relists

from adapter.kube import api as api_module
from adapter.kube.informer import Informer
from adapter.kube.listers import PodLister
from adapter.kube.watched import RUNNING_PODS
from adapter.model.labels import EVERYTHING, parse_selector
from adapter.model.resources import PodKey


async def test_first_list_syncs(apiserver, pods, telemetry):
    apiserver.lists.append(page(pod("b"), pod("a")))
    assert not pods.informer.has_synced

    await pods.start()
    watch = await apiserver.watch()

    assert pods.informer.has_synced
    assert names(pods) == ["a", "b"]
    assert relists(telemetry) == 1
    objects = telemetry.registry.get_sample_value("viaduct_informer_objects", {"resource": "pods"})
    assert objects == 2
    listed = apiserver.requests[0]
    assert listed.path == "/api/v1/pods"
    assert dict(listed.query) == {"fieldSelector": "status.phase=Running", "limit": "500"}
    assert (
        listed.headers["Accept"]
        == "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    )
    assert listed.headers["Authorization"] == "Bearer secret-1"
    assert watch.accept == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    assert 300 <= int(watch.params.pop("timeoutSeconds")) <= 600
    assert watch.params == {
        "watch": "true",
        "fieldSelector": "status.phase=Running",
        "allowWatchBookmarks": "true",
        "resourceVersion": "10",
    }


async def test_events_are_applied(apiserver, pods, eventually):
    apiserver.lists.append(page(pod("a"), pod("b", app="old")))
    await pods.start()
    watch = await apiserver.watch()

    await watch.event("ADDED", pod("c", "11"))
    await watch.event("MODIFIED", pod("b", "12", app="new"))
    await watch.event("DELETED", pod("a", "13"))
    await eventually(lambda: names(pods) == ["b", "c"])

    assert pods.get(PodKey("ns", "b")).labels == {"app": "new"}
    assert [each.name for each in pods.list("ns", parse_selector("app=new"))] == ["b"]


async def test_an_event_may_come_in_pieces(apiserver, pods, eventually):
    apiserver.lists.append(page())
    await pods.start()
    watch = await apiserver.watch()

    await watch.line(b'{"type":"ADDED","object":{"metadata":', end=b"")
    await asyncio.sleep(0)
    await watch.line(b'{"namespace":"ns","name":"a","resourceVersion":"11"}}}')

    await eventually(lambda: names(pods) == ["a"])


async def test_watch_goes_on_from_the_last_bookmark(apiserver, pods, telemetry, eventually):
    apiserver.lists.append(page(pod("a")))
    await pods.start()
    watch = await apiserver.watch()
    await watch.event("ADDED", pod("b", "11"))
    await watch.event(BOOKMARK, {"metadata": {"resourceVersion": "40"}})
    watch.end()

    again = await apiserver.watch()

    assert again.params["resourceVersion"] == "40"
    assert names(pods) == ["a", "b"]
    assert relists(telemetry) == 1


async def test_a_broken_connection_is_resumed(apiserver, pods, clock, telemetry, eventually):
    apiserver.lists.append(page(pod("a")))
    await pods.start()
    watch = await apiserver.watch()
    await watch.event("ADDED", pod("b", "11"))
    await eventually(lambda: len(pods) == 2)
    watch.drop()

    again = await apiserver.watch()

    assert again.params["resourceVersion"] == "11"
    assert relists(telemetry) == 1
    assert len(clock.pauses) == 1


async def test_a_line_cut_by_the_end_is_dropped(apiserver, pods, eventually):
    apiserver.lists.append(page(pod("a")))
    await pods.start()
    watch = await apiserver.watch()
    await watch.event(BOOKMARK, {"metadata": {"resourceVersion": "12"}})
    await watch.line(
        b'{"type":"DELETED","object":{"metadata":{"namespace":"ns","name":"a"', end=b""
    )
    watch.end()

    again = await apiserver.watch()

    assert again.params["resourceVersion"] == "12"
    assert names(pods) == ["a"]


async def test_a_silent_watch_is_opened_again(apiserver, pods, telemetry, monkeypatch, caplog):
    """A connection can be dead without saying so."""
    monkeypatch.setattr(api_module, "QUIET_SECONDS", 0.05)
    apiserver.lists.append(page(pod("a")))
    await pods.start()
    watch = await apiserver.watch()
    await watch.event("ADDED", pod("b", "11"))

    again = await apiserver.watch()

    assert again.params["resourceVersion"] == "11"
    assert relists(telemetry) == 1
    assert not caplog.records


@pytest.mark.parametrize("how", ["status", "event"])
async def test_gone_lists_again_and_notices_deletions(apiserver, pods, clock, telemetry, how):
    apiserver.lists += [page(pod("a"), pod("b")), page(pod("b"), pod("c"), version="50")]
    if how == "status":
        apiserver.refuse_watches.append(410)
        await pods.start()
    else:
        await pods.start()
        watch = await apiserver.watch()
        await watch.event("ERROR", {"kind": "Status", "code": 410, "message": "too old"})

    again = await apiserver.watch()

    assert again.params["resourceVersion"] == "50"
    assert names(pods) == ["b", "c"]
    assert relists(telemetry) == 2
    assert clock.pauses == []  # it belongs to normal operation


async def test_gone_after_an_outage_lists_at_once(apiserver, pods, clock, telemetry):
    """A kube-apiserver that was restarted does not know the version from before."""
    apiserver.lists += [page(pod("a")), page(pod("b"), version="50")]
    await pods.start()
    watch = await apiserver.watch()
    apiserver.refuse_watches += [503, 503, 410]
    watch.drop()

    again = await apiserver.watch()

    assert again.params["resourceVersion"] == "50"
    assert names(pods) == ["b"]
    assert relists(telemetry) == 2
    assert len(clock.pauses) == 3  # for what failed, and none for the 410


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"type":"ERROR","object":{"code":500,"message":"etcd"}}', id="error-event"),
        pytest.param(b'{"type":"ADDED","object":{"metadata', id="broken-json"),
        pytest.param(b'{"type":"ADDED","object":{"metadata":{"name":5}}}', id="wrong-type"),
        pytest.param(b'{"type":"ADDED","object":{}}', id="no-metadata"),
        pytest.param(b"", id="empty-line"),
    ],
)
async def test_a_bad_event_costs_a_list(apiserver, pods, clock, telemetry, line):
    apiserver.lists += [page(pod("a")), page(pod("a"), pod("b"), version="50")]
    await pods.start()
    watch = await apiserver.watch()
    await watch.line(line)

    again = await apiserver.watch()

    assert again.params["resourceVersion"] == "50"
    assert names(pods) == ["a", "b"]
    assert relists(telemetry) == 2
    assert len(clock.pauses) == 1


async def test_pages_are_followed(apiserver, pods):
    apiserver.lists += [page(pod("a"), more="t1"), page(pod("b"), more="t2"), page(pod("c"))]
    await pods.start()
    await apiserver.watch()

    assert names(pods) == ["a", "b", "c"]
    tokens = [request.query.get("continue") for request in apiserver.requests[:3]]
    assert tokens == [None, "t1", "t2"]


async def test_an_expired_continue_token_restarts_the_list(apiserver, pods):
    apiserver.lists += [
        page(pod("gone"), more="t1"),
        410,
        page(pod("a"), more="t2"),
        page(pod("b")),
    ]
    await pods.start()
    await apiserver.watch()

    assert names(pods) == ["a", "b"]


async def test_after_a_second_expired_token_one_page_is_asked_for(apiserver, pods):
    apiserver.lists += [
        page(pod("x"), more="1"),
        410,
        page(pod("x"), more="2"),
        410,
        page(pod("a")),
    ]
    await pods.start()
    await apiserver.watch()

    assert names(pods) == ["a"]
    assert "limit" not in apiserver.requests[4].query


async def test_old_objects_serve_until_the_new_list_is_complete(apiserver, pods, eventually):
    apiserver.lists += [page(pod("old")), page(pod("new"), more="t1"), 500, page(pod("newer"))]
    served = []
    replace = pods.replace

    def note():
        served.append(names(pods))
        replace()

    pods.replace = note
    await pods.start()
    watch = await apiserver.watch()
    await watch.event("ERROR", {"code": 410})
    await apiserver.watch()

    assert served == [[], ["old"]]
    assert names(pods) == ["newer"]
    assert pods.has_synced


async def test_a_heartbeat_does_not_change_the_revision(apiserver, nodes, eventually):
    apiserver.lists.append(page(node("n1"), node("n2")))
    await nodes.start()
    watch = await apiserver.watch()
    assert [each.name for each in nodes.list(EVERYTHING)] == ["n1", "n2"]
    assert watch.params.get("fieldSelector") is None
    before = nodes.revision

    await watch.event("MODIFIED", node("n1", "11", heartbeat="00:00:10"))
    await watch.event("MODIFIED", node("n2", "12", port=1))
    await eventually(lambda: nodes.get("n2").kubelet_port == 1)

    assert nodes.revision == before + 1


async def test_relist_of_the_same_nodes_does_not_change_the_revision(apiserver, nodes):
    apiserver.lists += [page(node("n1")), page(node("n1", "9", heartbeat="00:01:00"))]
    await nodes.start()
    watch = await apiserver.watch()
    before = nodes.revision
    await watch.event("ERROR", {"code": 410})
    await apiserver.watch()

    assert nodes.revision == before


async def test_cancelling_ends_it_at_once(apiserver, api, clock, telemetry):
    apiserver.lists.append(page())
    informer = Informer(api, RUNNING_PODS, PodLister(), clock=clock, telemetry=telemetry)
    task = asyncio.create_task(informer.run())
    await apiserver.watch()

    task.cancel()
    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await task
