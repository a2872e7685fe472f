"""What an informer does when kube-apiserver does not do as it should."""

import asyncio
import logging

from unit.kube.informing import names, page, pod, relists

from adapter.kube.informer import FIRST_PAUSE, LONGEST_PAUSE


async def test_failures_back_off_and_are_logged_once(apiserver, pods, clock, caplog):
    caplog.set_level(logging.INFO, logger="adapter.kube.informer")
    apiserver.lists += [*[403] * 10, page(pod("a"))]
    await pods.start()
    watch = await apiserver.watch()

    assert names(pods) == ["a"]
    assert len(clock.pauses) == 10
    assert max(clock.pauses) <= 1.5 * LONGEST_PAUSE
    assert clock.pauses[9] > 3 * clock.pauses[0]
    warnings = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert [each.getMessage() for each in warnings] == [
        ("pods-informer: kube-apiserver answered 403 to GET /api/v1/pods: refused with 403")
    ]

    clock.now += 60
    watch.end()
    await apiserver.watch()
    assert caplog.records[-1].getMessage() == "pods-informer works again after 10 failures"


async def test_a_watch_that_stays_open_works_though_nothing_happens(
    apiserver, pods, clock, caplog, eventually
):
    """The first bookmark would come a minute later."""
    caplog.set_level(logging.INFO, logger="adapter.kube.informer")
    apiserver.lists += [*[500] * 6, page(pod("a"))]
    await pods.start()
    watch = await apiserver.watch()
    assert "answered 500" in pods.problem

    clock.healthy.set()
    await eventually(lambda: pods.problem is None)
    assert caplog.messages[-1] == "pods-informer works again after 6 failures"

    watch.drop()
    await apiserver.watch()
    assert clock.pauses[6] <= 1.5 * FIRST_PAUSE, "it is a first failure again"


async def test_a_watch_that_breaks_soon_did_not_work(apiserver, pods, clock, caplog):
    caplog.set_level(logging.INFO, logger="adapter.kube.informer")
    apiserver.lists += [500, page(pod("a"))]
    await pods.start()
    for _ in range(4):
        (await apiserver.watch()).drop()
    await apiserver.watch()

    assert clock.pauses[4] > 3 * clock.pauses[0]
    assert "works again" not in caplog.text


async def test_check_tells_why_the_store_may_be_behind(apiserver, pods, clock, eventually):
    held = asyncio.Event()
    entered = asyncio.Event()

    async def hold(seconds):
        entered.set()
        await held.wait()

    clock.sleep = hold
    apiserver.lists += [500, page(pod("a"))]
    assert pods.informer.check() is None
    await pods.start()
    async with asyncio.timeout(5):
        await entered.wait()
    assert "answered 500 to GET /api/v1/pods" in pods.informer.check()
    assert not pods.informer.has_synced

    held.set()
    await apiserver.watch()
    await eventually(lambda: pods.informer.check() is None)


async def test_a_broken_list_is_a_failure(apiserver, pods, clock):
    apiserver.lists += [b'{"metadata": {}, "items": [', page(pod("a"))]
    await pods.start()
    await apiserver.watch()

    assert names(pods) == ["a"]
    assert len(clock.pauses) == 1


async def test_a_watch_that_ends_at_once_is_a_failure(apiserver, pods, clock, telemetry):
    """Otherwise a broken server would be asked in a tight loop."""
    apiserver.lists.append(page(pod("a")))
    await pods.start()
    for _ in range(5):
        (await apiserver.watch()).end()
    await apiserver.watch()

    assert len(clock.pauses) == 5
    assert clock.pauses[4] > clock.pauses[0]
    assert relists(telemetry) == 1


async def test_bad_events_over_and_over_are_not_listed_in_a_tight_loop(apiserver, pods, clock):
    apiserver.lists.append(page(pod("a")))
    await pods.start()
    for _ in range(6):
        watch = await apiserver.watch()
        await watch.event("MODIFIED", pod("a", "11"))
        await watch.line(b"{")
    await apiserver.watch()

    assert clock.pauses[5] > 4 * clock.pauses[0]


async def test_gone_over_and_over_is_not_listed_in_a_tight_loop(apiserver, pods, clock):
    apiserver.lists.append(page(pod("a")))
    apiserver.refuse_watches += [410] * 6
    await pods.start()
    await apiserver.watch()

    assert len(clock.pauses) == 5
