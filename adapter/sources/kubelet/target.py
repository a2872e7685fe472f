"""One kubelet as the scraper sees it: its connection, its decoder, how it has been doing."""

import asyncio
import logging
import zlib

from adapter.kube.listers import NodeInfo
from adapter.model.times import format_rfc3339
from adapter.sources.kubelet.batch import Batch
from adapter.sources.kubelet.client import PATHS, Endpoint
from adapter.sources.kubelet.decode import ResourceDecoder
from adapter.sources.kubelet.failure import FailureReason, ScrapeFailed, status_failure
from adapter.sources.kubelet.http1 import Connection, Response
from adapter.sources.kubelet.summary import SummaryDecoder

log = logging.getLogger(__name__)

RETRY_RESOURCE_SCRAPES = 40
"""In auto mode, after so many scrapes of the summary the resource page is tried again."""


class Target:
    """State of one kubelet. All times are passed in; *wall* in Unix seconds."""

    def __init__(self, node: NodeInfo, endpoint: Endpoint) -> None:
        self.node = node
        self.connection: Connection | None = None
        self.connecting: asyncio.Task[None] | None = None
        self.address: str | None = None
        self.asked: Endpoint | None = None
        self.requested = 0.0
        self.requested_wall = 0.0
        self.failure: ScrapeFailed | None = None
        self.failing_since = 0.0
        self.succeeded = False
        self._mode = endpoint
        self._summaries_left = 0
        self._resource = ResourceDecoder()
        self._summary = SummaryDecoder()
        self._incomplete = ""

    def phase(self, slots: int) -> int:
        """This node's place in the period: always the same, spread evenly over nodes."""
        return zlib.crc32(self.node.name.encode()) % slots

    @property
    def endpoint(self) -> Endpoint:
        """The page to read next."""
        if self._mode is Endpoint.AUTO:
            return Endpoint.SUMMARY if self._summaries_left > 0 else Endpoint.RESOURCE
        return self._mode

    def read(self, response: Response, endpoint: Endpoint, seen: float) -> Batch:
        """Decode an answer of *endpoint*.

        Raises:
            ScrapeFailed: The answer is an error or cannot be understood at all.
        """
        if response.status != 200:
            raise status_failure(response.status, PATHS[endpoint])
        if endpoint is Endpoint.SUMMARY:
            self._summaries_left = max(0, self._summaries_left - 1)
            return self._summary.decode(response.body, self.requested_wall, seen)
        return self._resource.decode(response.body, self.requested_wall, seen)

    def switch_to_summary(self, endpoint: Endpoint, failure: ScrapeFailed) -> bool:
        """Whether to read the summary at once, since there is no resource page; auto mode only."""
        if self._mode is not Endpoint.AUTO or failure.reason is not FailureReason.NOT_FOUND:
            return False
        self._summaries_left = 0 if endpoint is Endpoint.SUMMARY else RETRY_RESOURCE_SCRAPES
        return self._summaries_left > 0

    def succeed(self, batch: Batch) -> None:
        """Note a good scrape; log when that, or what is wrong inside it, is a change."""
        if self.failure is not None:
            log.info("node %s: scraping works again", self.node.name)
        self.failure = None
        self.succeeded = True
        problem = batch.first_problem
        if problem and not self._incomplete:
            log.warning(
                "node %s: part of the answer is unreadable, %d lines skipped; first: %s",
                self.node.name,
                batch.bad_lines,
                problem,
            )
        elif self._incomplete and not problem:
            log.info("node %s: the answer is readable again", self.node.name)
        self._incomplete = problem

    def fail(self, failure: ScrapeFailed, wall: float) -> None:
        """Note a failed scrape; log it when its class is new."""
        if self.failure is None:
            self.failing_since = wall
        if self.failure is None or self.failure.reason is not failure.reason:
            detail = f" ({failure.detail})" if failure.detail else ""
            level = logging.WARNING if self.node.ready else logging.DEBUG
            log.log(level, "node %s: scrape fails: %s%s", self.node.name, failure.text, detail)
        self.failure = failure

    def why(self) -> str:
        """What is wrong with this kubelet; empty when nothing is."""
        if self.failure is None:
            return "" if self.succeeded else f"no sample from node {self.node.name} yet"
        since = format_rfc3339(self.failing_since)
        return f"node {self.node.name} unreachable since {since}: {self.failure.text}"

    def close(self) -> None:
        """Drop the connection and a connection attempt."""
        self.asked = None
        if self.connecting is not None:
            self.connecting.cancel()
            self.connecting = None
        if self.connection is not None:
            self.connection.close()
            self.connection = None
