"""Events on objects: sent once, whoever says them, and never more than a cluster can bear."""

import logging

import msgspec
import pytest
from aiohttp import web
from unit.kube.conftest import refusal

from adapter.kube.api import KubeApi, KubeApiError
from adapter.kube.events import (
    LONGEST_MESSAGE,
    MOST_PER_OBJECT,
    MOST_WAITING,
    REFUSED_SECONDS,
    REPEAT_SECONDS,
    EventRecorder,
    ObjectReference,
)
from adapter.sim.clock import ManualClock
from adapter.sim.cluster import SimCluster
from adapter.telemetry import Telemetry

MYAPP = ObjectReference("autoscaling/v2", "HorizontalPodAutoscaler", "shop", "myapp", "uid-1")
PATH = "/api/v1/namespaces/shop/events"


class Posts:
    """Takes Events; an entry of *answers* is a status for the next one."""

    def __init__(self):
        self.bodies = []
        self.answers = []

    async def serve(self, request):
        self.bodies.append(await request.json())
        status = self.answers.pop(0) if self.answers else 201
        return refusal(status) if status >= 300 else web.json_response({}, status=status)

    @property
    def messages(self):
        return [body["message"] for body in self.bodies]


@pytest.fixture
def posts(apiserver):
    posts = Posts()
    apiserver.routes[PATH] = posts.serve
    return posts


@pytest.fixture
def recorder(api, posts, clock, telemetry):
    return EventRecorder(api, clock=clock, telemetry=telemetry)


def counted(telemetry, result):
    return telemetry.registry.get_sample_value("viaduct_events_total", {"result": result}) or 0


async def test_what_is_sent(recorder, posts, telemetry):
    recorder.warn(MYAPP, "FailedParse", "no such port; write a number")
    await recorder.send()

    (body,) = posts.bodies
    name = body["metadata"].pop("name")
    assert name.startswith("myapp.")
    assert body == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": "shop"},
        "involvedObject": {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "namespace": "shop",
            "name": "myapp",
            "uid": "uid-1",
        },
        "type": "Warning",
        "reason": "FailedParse",
        "message": "no such port; write a number",
        "source": {"component": "viaduct"},
        "reportingComponent": "viaduct",
        "reportingInstance": "",
        "firstTimestamp": "1970-01-01T00:16:40Z",
        "lastTimestamp": "1970-01-01T00:16:40Z",
        "count": 1,
    }
    assert counted(telemetry, "sent") == 1


async def test_what_is_said_again_is_sent_once_an_hour(recorder, posts, clock):
    for _ in range(3 * REPEAT_SECONDS // 10):
        recorder.warn(MYAPP, "FailedParse", "wrong")
        await recorder.send()
        clock.now += 10

    names = [body["metadata"]["name"] for body in posts.bodies]
    assert len(names) in {3, 4}
    assert len(set(names)) == len(names)


async def test_another_replica_says_the_same_and_no_double_appears():
    clock = ManualClock()
    async with SimCluster(nodes=1, clock=clock) as cluster:
        api = await KubeApi.connect(str(cluster.admin_kubeconfig))
        for _ in range(2):
            recorder = EventRecorder(api, clock=clock, telemetry=Telemetry())
            recorder.warn(MYAPP, "FailedParse", "wrong")
            recorder.warn(MYAPP, "FailedParse", "wrong, too")
            await recorder.send()
        await api.close()

        events = cluster.autoscaling.events("shop")
        assert sorted(each["message"] for each in events) == ["wrong", "wrong, too"]


async def test_an_outage_loses_nothing(recorder, posts, telemetry):
    posts.answers = [503]
    recorder.warn(MYAPP, "FailedParse", "wrong")

    with pytest.raises(KubeApiError):
        await recorder.send()
    await recorder.send()

    assert posts.messages == ["wrong", "wrong"]
    assert (counted(telemetry, "sent"), counted(telemetry, "failed")) == (1, 0)


async def test_an_event_that_cannot_be_sent_does_not_hold_back_the_others(recorder, posts):
    posts.answers = [500, 201, 201, 500]
    for number in range(3):
        recorder.warn(MYAPP, "FailedParse", f"wrong {number}")

    for _ in range(2):
        with pytest.raises(KubeApiError):
            await recorder.send()

    assert posts.messages == ["wrong 0", "wrong 1", "wrong 2", "wrong 0"]


async def test_a_refusal_is_logged_once_and_tried_again_later(recorder, posts, clock, caplog):
    caplog.set_level(logging.INFO, "adapter.kube.events")
    posts.answers = [403, 403]
    for _ in range(3):
        recorder.warn(MYAPP, "FailedParse", "wrong")
        recorder.warn(MYAPP, "FailedParse", "wrong, too")
        await recorder.send()
    assert len(posts.bodies) == 2

    clock.now += REFUSED_SECONDS
    recorder.warn(MYAPP, "FailedParse", "wrong")
    await recorder.send()

    assert posts.messages == ["wrong", "wrong, too", "wrong"]
    first, last = caplog.messages
    assert first.startswith("an Event in namespace shop is lost: kube-apiserver answered 403")
    assert last == "Events are accepted again"


async def test_one_object_has_only_so_many(recorder, posts, telemetry):
    for number in range(MOST_PER_OBJECT + 5):
        recorder.warn(MYAPP, "FailedParse", f"wrong {number}")
    other = MYAPP._replace(name="other", uid="uid-2")
    recorder.warn(other, "FailedParse", "wrong")
    await recorder.send()

    assert len(posts.bodies) == MOST_PER_OBJECT + 1
    assert counted(telemetry, "dropped") == 5


async def test_what_waits_is_bounded(recorder, telemetry):
    for number in range(MOST_WAITING + 7):
        recorder.warn(MYAPP._replace(uid=f"uid-{number}"), "FailedParse", "wrong")

    assert counted(telemetry, "dropped") == 7


async def test_long_texts_and_names_fit(recorder, posts):
    long = MYAPP._replace(name="a" * 235 + "-." + "b" * 16)
    recorder.warn(long, "FailedParse", "x" * 5000)
    await recorder.send()

    (body,) = posts.bodies
    name = body["metadata"]["name"]
    assert name.startswith("a" * 235 + ".")
    assert len(name) <= 253
    assert len(body["message"]) == LONGEST_MESSAGE
    assert msgspec.json.encode(body)
