"""Scrapes every kubelet once a period, each at its own phase.

A wheel turns once a period. Its tick (50 ms) sends the requests of the nodes whose slot has come,
reads what has arrived of the answers under way, publishes those that are whole, and lets go of
those over their time. No node waits for another; new nodes are asked as soon as possible, a few
each tick.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

from adapter.kube.listers import NodeInfo
from adapter.model.labels import Selector
from adapter.periodic import Clock
from adapter.sources.kubelet.client import Endpoint, KubeletClient
from adapter.sources.kubelet.failure import FailureReason, ScrapeFailed
from adapter.sources.kubelet.http1 import Response
from adapter.sources.kubelet.storage import Points, Storage
from adapter.sources.kubelet.target import Target
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

TICK_SECONDS = 0.05
FIRST_SCRAPES_PER_TICK = 8
"""A first scrape costs a TLS handshake (1 ms): so many keep the loop's lag under 10 ms."""

POINTS_SECONDS = 1.0
"""How long the number of points, an own metric, is good for."""

MAX_IN_FLIGHT = 512
"""Scrapes under way at once; hanging kubelets take such places for the time of a request."""


class Nodes(Protocol):
    """What the scraper needs of `adapter.kube.listers.NodeLister`."""

    @property
    def revision(self) -> int:
        """Grows with every change that matters."""

    def list(self, selector: Selector) -> Sequence[NodeInfo]:
        """Nodes that match *selector*."""


class Scraper:
    """Keeps `Storage` fed.

    Args:
        nodes: The nodes to scrape.
        selector: Which of them.
        client: How to reach them.
        storage: Where readings go.
        resolution: Seconds between two scrapes of a node.
        clock: Where time comes from.
        telemetry: Own metrics.
    """

    def __init__(
        self,
        *,
        nodes: Nodes,
        selector: Selector,
        client: KubeletClient,
        storage: Storage,
        resolution: float,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._nodes = nodes
        self._selector = selector
        self._client = client
        self._storage = storage
        self._resolution = resolution
        self._clock = clock
        self._telemetry = telemetry
        self._targets: dict[str, Target] = {}
        self._revision = -1
        self._slots = max(1, round(resolution / TICK_SECONDS))
        self._wheel: list[dict[str, Target]] = [{} for _ in range(self._slots)]
        self._origin = clock.monotonic()
        self._began: float | None = None
        self._turned = 0
        self._fresh: deque[Target] = deque()
        self._waiting: dict[Target, None] = {}
        self._in_flight: dict[Target, float] = {}
        self._last_tick: float | None = None
        self._points = Points(0, 0)
        self._points_counted = float("-inf")
        points = telemetry.storage_points
        points.labels("node").set_function(lambda: self.points().nodes)
        points.labels("container").set_function(lambda: self.points().containers)
        telemetry.kubelets.begin(resolution)

    @property
    def in_flight(self) -> int:
        """Scrapes under way, connecting included."""
        return len(self._in_flight)

    async def tick(self) -> None:
        """Read what has come, and send what is due. Run it every `TICK_SECONDS`."""
        now = self._clock.monotonic()
        self._last_tick = now
        for target in [target for target in self._in_flight if target.asked is not None]:
            if self._poll(target):
                await asyncio.sleep(0)  # a whole answer costs some 0.2 ms: let others in between
        self._expire(now)
        if self._nodes.revision != self._revision:
            self._revision = self._nodes.revision
            self._reconcile(self._nodes.list(self._selector))
        for _ in range(min(FIRST_SCRAPES_PER_TICK, len(self._fresh))):
            self._due(self._fresh.popleft())
        position = int((now - self._origin) / TICK_SECONDS)
        for slot in range(max(self._turned, position - self._slots), position):
            for target in self._wheel[slot % self._slots].values():
                self._due(target)
        self._turned = position
        while self._waiting and len(self._in_flight) < MAX_IN_FLIGHT:
            target = next(iter(self._waiting))
            del self._waiting[target]
            self._due(target)

    async def close(self) -> None:
        """Drop every connection."""
        tasks = [target.connecting for target in self._targets.values() if target.connecting]
        for target in self._targets.values():
            target.close()
        self._targets.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    def check_timely(self) -> str | None:
        """Probe ``metric-collection-timely``: None while the wheel turns."""
        if self._last_tick is None:
            return None
        age = self._clock.monotonic() - self._last_tick
        limit = 1.5 * self._resolution
        return f"no scrape was started for {age:.0f} s" if age > limit else None

    def why(self, node: str | None) -> str:
        """What is wrong with *node*'s kubelet; empty when nothing is known to be."""
        if node is None:
            return ""
        target = self._targets.get(node)
        return target.why() if target is not None else f"node {node} is not scraped"

    def why_nothing(self) -> str | None:
        """Why no kubelet has given anything; None where there is none to be asked."""
        if self._began is None:
            return None if self._revision >= 0 else "no kubelet was asked yet"
        if not self._targets:
            return None
        now = self._clock.monotonic()
        for name, target in self._targets.items():
            if target.failure is not None:
                return target.why()
            if target.succeeded and (why := self._storage.why_no_node(name, now)):
                return f"node {name}: {why}"
        return "no kubelet has been read twice yet"

    def unrated(self) -> int:
        """Nodes that have no values yet, but soon will; 0 after two periods.

        One that fails is waited for no more than one that is not there.
        """
        now = self._clock.monotonic()
        if self._began is None or now - self._began > 2.0 * self._resolution:
            return 0
        return sum(
            target.failure is None and not self._storage.rated(name, now)
            for name, target in self._targets.items()
        )

    def points(self) -> Points:
        """The points there are: counted once in a while, it takes 4 us a kubelet."""
        now = self._clock.monotonic()
        if now - self._points_counted > POINTS_SECONDS:
            self._points, self._points_counted = self._storage.points(now), now
        return self._points

    def _reconcile(self, nodes: Iterable[NodeInfo]) -> None:
        wanted = {node.name: node for node in nodes}
        for name in [name for name in self._targets if name not in wanted]:
            target = self._targets.pop(name)
            del self._wheel[target.phase(self._slots)][name]
            self._in_flight.pop(target, None)
            target.close()
            self._storage.forget(name)
            self._telemetry.kubelets.forget(name)
        for name, node in wanted.items():
            known = self._targets.get(name)
            if self._began is None:
                self._began = self._clock.monotonic()
            if known is None:
                target = Target(node, self._client.options.endpoint)
                self._targets[name] = target
                self._wheel[target.phase(self._slots)][name] = target
                self._fresh.append(target)
            else:
                moved = (known.node.addresses, known.node.kubelet_port) != (
                    node.addresses,
                    node.kubelet_port,
                )
                known.node = node
                if moved:
                    known.close()
                    self._in_flight.pop(known, None)
                    self._fresh.append(known)

    def _due(self, target: Target) -> None:
        if target in self._in_flight or self._targets.get(target.node.name) is not target:
            return
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            self._waiting[target] = None
            return
        target.requested = self._clock.monotonic()
        self._in_flight[target] = target.requested + self._client.options.request_timeout
        if target.connection is not None and target.connection.open:
            self._send(target)
        else:
            self._reconnect(target)

    def _reconnect(self, target: Target) -> None:
        target.connecting = asyncio.create_task(
            self._connect(target), name=f"connect-{target.node.name}"
        )

    async def _connect(self, target: Target) -> None:
        try:
            target.connection, target.address = await self._client.connect(
                target.node, target.address
            )
        except ScrapeFailed as failure:
            self._done(target, Endpoint.RESOURCE, failure)
        else:
            self._send(target)
        finally:
            if target.connecting is asyncio.current_task():
                target.connecting = None

    def _send(self, target: Target) -> None:
        if target.connection is not None:
            target.asked = target.endpoint
            target.requested_wall = self._clock.time()
            target.connection.send(self._client.request(target.node, target.asked))

    def _poll(self, target: Target) -> bool:
        """Read on; whether the scrape is over."""
        endpoint, connection = target.asked, target.connection
        if endpoint is None or connection is None:
            return False
        result = connection.poll()
        if result is None:
            return False
        target.asked = None
        if isinstance(result, ScrapeFailed) and result.retry:
            self._reconnect(target)
            return False
        self._done(target, endpoint, result)
        return True

    def _expire(self, now: float) -> None:
        """Give up requests over their time; they are in the order of their deadlines."""
        expired = []
        for target, deadline in self._in_flight.items():
            if deadline > now:
                break
            expired.append(target)
        for target in expired:
            endpoint = target.endpoint
            target.close()
            timeout = self._client.options.request_timeout
            text = f"no whole answer within {timeout:g} s (--kubelet-request-timeout)"
            self._done(target, endpoint, ScrapeFailed(FailureReason.TIMEOUT, text))

    def _done(self, target: Target, endpoint: Endpoint, result: Response | ScrapeFailed) -> None:
        if self._in_flight.pop(target, None) is None:
            return
        now = self._clock.monotonic()
        duration = now - target.requested
        self._telemetry.scrape_seconds.observe(duration)
        self._telemetry.kubelets.observe(target.node.name, duration, self._clock.time())
        try:
            if isinstance(result, ScrapeFailed):
                raise result
            batch = target.read(result, endpoint, now)
        except ScrapeFailed as failure:
            self._telemetry.scrapes.labels(failure.reason.value).inc()
            if target.switch_to_summary(endpoint, failure):
                self._fresh.append(target)
            else:
                target.fail(failure, self._clock.time())
            return
        self._telemetry.scrapes.labels("success").inc()
        if batch.bad_lines:
            self._telemetry.bad_lines.inc(batch.bad_lines)
        target.succeed(batch)
        self._storage.store(target.node.name, batch, now)
