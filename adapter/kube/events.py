"""Events: what ``kubectl describe`` shows of an object, for the person who wrote it.

An Event lives for an hour in a cluster with usual settings, so an Event that still holds is sent
anew each hour. Its name is made of what it says and of that hour: where several replicas send it,
or one that was restarted, kube-apiserver answers 409 to all but the first, and no doubles appear.
"""

import hashlib
import logging
from collections import OrderedDict
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from adapter.kube.api import KubeApi, KubeApiError, KubeConflict
from adapter.model.times import format_rfc3339
from adapter.periodic import Clock
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

REPEAT_SECONDS = 3600
"""How long an Event is not sent again: kube-apiserver's usual ``--event-ttl``."""

REFUSED_SECONDS = 600
"""How long an Event that was refused is not sent again, such as for want of a permission."""

MOST_WAITING = 1000
"""Events that wait to be sent; beyond it they are dropped."""

MOST_REMEMBERED = 20_000
"""Events remembered as sent; beyond it the oldest may be sent once more, and meet a 409."""

MOST_PER_OBJECT = 20
"""Events about one object in `REPEAT_SECONDS`; who may write it decides how many there could be."""

LONGEST_MESSAGE = 1000
"""Characters; ``events.k8s.io`` allows 1024."""

_LONGEST_NAME = 253
_REFUSED = range(400, 500)
_COME_AGAIN = {401, 408, 429}


class ObjectReference(NamedTuple):
    """The object an Event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


class _Event(NamedTuple):
    regarding: ObjectReference
    reason: str
    message: str


class EventRecorder:
    """Sends Events; `send` is to be called every few seconds.

    Args:
        api: Where to; its user needs ``create`` on ``events``.
        component: Who says it.
        clock: Where time comes from.
        telemetry: Events are counted there.
    """

    def __init__(
        self, api: KubeApi, *, component: str = "viaduct", clock: Clock, telemetry: Telemetry
    ) -> None:
        self._api = api
        self._component = component
        self._clock = clock
        self._telemetry = telemetry
        self._waiting: OrderedDict[str, _Event] = OrderedDict()
        self._quiet_until: OrderedDict[str, float] = OrderedDict()
        self._about: dict[tuple[str, int], int] = {}
        self._failing = False

    def warn(self, regarding: ObjectReference, reason: str, message: str) -> None:
        """Say that something is wrong; to say it again within the hour does nothing.

        Args:
            regarding: What it is about.
            reason: One word in CamelCase.
            message: A sentence for a person, without anything secret.
        """
        event = _Event(regarding, reason, message[:LONGEST_MESSAGE])
        period = self._period(regarding.uid)
        name = _name(event, period)
        until = self._quiet_until.get(name)
        if name in self._waiting or (until is not None and self._clock.monotonic() < until):
            return
        too_many = until is None and self._too_many(regarding.uid, period)
        if too_many or len(self._waiting) >= MOST_WAITING:
            self._telemetry.events.labels("dropped").inc()
            self._hush(name, REPEAT_SECONDS)
        else:
            self._waiting[name] = event

    async def send(self) -> None:
        """Send what waits.

        Raises:
            KubeApiError: kube-apiserver cannot be asked now; what waits stays.
        """
        while self._waiting:
            name, event = next(iter(self._waiting.items()))
            try:
                await self._post(name, event)
            except KubeConflict:
                self._hush(name, REPEAT_SECONDS)  # another replica, or an earlier run, has sent it
            except KubeApiError as error:
                if error.http_status not in _REFUSED or error.http_status in _COME_AGAIN:
                    # it may be this one alone, such as for a webhook of its namespace
                    self._waiting.move_to_end(name)
                    raise
                self._hush(name, REFUSED_SECONDS)
                self._refused(event, error)
            else:
                self._hush(name, REPEAT_SECONDS)
                self._sent()
            del self._waiting[name]

    async def _post(self, name: str, event: _Event) -> None:
        namespace = event.regarding.namespace
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/events"
        await self._api.post(path, msgspec.json.encode(self._body(name, event)))

    def _body(self, name: str, event: _Event) -> dict[str, Any]:
        about = event.regarding
        now = format_rfc3339(self._clock.time())
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": about.namespace},
            "involvedObject": {
                "apiVersion": about.api_version,
                "kind": about.kind,
                "namespace": about.namespace,
                "name": about.name,
                "uid": about.uid,
            },
            "type": "Warning",
            "reason": event.reason,
            "message": event.message,
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "reportingInstance": "",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }

    def _period(self, uid: str) -> int:
        """Number of the hour; it begins at another moment for each object, to spread them."""
        offset = int.from_bytes(hashlib.sha256(uid.encode()).digest()[:4], "big") % REPEAT_SECONDS
        return int(self._clock.time() + offset) // REPEAT_SECONDS

    def _too_many(self, uid: str, period: int) -> bool:
        if len(self._about) > MOST_REMEMBERED:
            self._about.clear()
        self._about[uid, period] = count = self._about.get((uid, period), 0) + 1
        return count > MOST_PER_OBJECT

    def _hush(self, name: str, seconds: float) -> None:
        while len(self._quiet_until) >= MOST_REMEMBERED:
            self._quiet_until.popitem(last=False)
        self._quiet_until[name] = self._clock.monotonic() + seconds

    def _refused(self, event: _Event, error: KubeApiError) -> None:
        self._telemetry.events.labels("failed").inc()
        if not self._failing:
            log.warning("an Event in namespace %s is lost: %s", event.regarding.namespace, error)
        self._failing = True

    def _sent(self) -> None:
        self._telemetry.events.labels("sent").inc()
        if self._failing:
            log.info("Events are accepted again")
        self._failing = False


def _name(event: _Event, period: int) -> str:
    """``<object>.<hex>``, as client-go names Events, but the same wherever it is said."""
    about = event.regarding
    text = "\0".join((about.uid, event.reason, event.message, str(period)))
    suffix = f".{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return about.name[: _LONGEST_NAME - len(suffix)].rstrip(".-") + suffix
