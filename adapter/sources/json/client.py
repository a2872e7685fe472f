"""Fetches JSON documents over HTTP: kept connections, conditional requests, bounded answers."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from adapter.errors import ConfigError, SourceError, SourceTimeout
from adapter.periodic import Clock
from adapter.rules.json_metric import Access
from adapter.sources.json.access import Prepared, TrustStore
from adapter.sources.json.body import BrokenBody, read_body
from adapter.sources.json.connecting import Connections
from adapter.sources.json.failure import describe, describe_status
from adapter.sources.json.guard import Denied, Guard
from adapter.telemetry import Telemetry

_MOST_PREPARED = 4096
"""Accesses that are kept ready; annotations of many HPAs may each bring one."""

_LONGEST_VALIDATOR = 1024
"""Characters of an ``ETag`` that are kept and sent back; a longer one is as good as none."""


class FetchResult(StrEnum):
    """How a fetch ended, for own metrics; one that was cancelled did not end."""

    OK = "ok"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    TIMEOUT = "timeout"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document as it was fetched.

    Attributes:
        body: The document; None when it is as it was (304).
        etag: What its server calls this version of it; empty if nothing.
        last_modified: When its server says it changed; empty if it does not.
        at: Unix seconds of its receipt, or of the answer that it is as it was.
    """

    body: bytes | None
    etag: str
    last_modified: str
    at: float


class JsonClient:
    """Fetches documents from whom the guard lets it.

    Args:
        guard: Says what may be read from.
        clock: Gives the times of receipt.
        telemetry: Own metrics.
        max_body_bytes: Largest document that is read, after decompression.
        resolver: Looks names up; None is the machine's.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        clock: Clock,
        telemetry: Telemetry,
        max_body_bytes: int,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._guard = guard
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self._resolver = resolver
        self._connections: Connections | None = None
        self._prepared: dict[Access, Prepared] = {}
        self._trust = TrustStore()
        self._counts = {result: telemetry.json_fetches.labels(result) for result in FetchResult}
        self._seconds = telemetry.json_fetch_seconds

    def check(self, access: Access) -> None:
        """Find out now, rather than at the first fetch, whether *access* can be used.

        Raises:
            ConfigError: A header cannot be sent, or a file cannot be read; with every problem.
        """
        problems = [*self._prepare(access).problems()]
        trust = self._trust.problem(access.tls)
        if trust:
            problems.append(trust)
        if problems:
            prefix = f"{access.where}: " if access.where else ""
            raise ConfigError([prefix + problem for problem in problems])

    async def fetch(self, url: str, access: Access, last: Fetched | None) -> Fetched:
        """Fetch the document at *url*.

        Args:
            url: Where it is.
            access: How it is fetched.
            last: What was fetched before; if its server finds it unchanged, no body comes.

        Raises:
            Denied: It must not be read from there.
            SourceTimeout: It did not come in time.
            SourceError: It did not come.
        """
        started = self._clock.monotonic()
        result: FetchResult | None = FetchResult.FAILED
        try:
            fetched = await self._described(url, access, last)
            result = FetchResult.OK if fetched.body is not None else FetchResult.UNCHANGED
        except Denied:
            result = FetchResult.DENIED
            raise
        except SourceTimeout:
            result = FetchResult.TIMEOUT
            raise
        except asyncio.CancelledError:
            result = None
            raise
        finally:
            if result is not None:
                self._counts[result].inc()
            if result not in {None, FetchResult.DENIED}:
                self._seconds.observe(self._clock.monotonic() - started)
        return fetched

    async def close(self) -> None:
        """Close all connections."""
        if self._connections is not None:
            await self._connections.close()
            self._connections = None

    async def _described(self, url: str, access: Access, last: Fetched | None) -> Fetched:
        target = self._guard.read_url(url)
        try:
            return await self._fetch(target, access, last)
        except (aiohttp.ClientError, OSError, BrokenBody) as error:
            # from None: aiohttp's texts show the URL with its query, and pieces of answers
            raise describe(error, target, access) from None

    async def _fetch(self, url: URL, access: Access, last: Fetched | None) -> Fetched:
        try:
            prepared = self._prepare(access)
        except ConfigError as error:
            raise SourceError(str(error)) from error
        etag, last_modified = ("", "") if last is None else (last.etag, last.last_modified)
        if self._connections is None:
            self._connections = Connections(self._guard, self._resolver)
        async with self._connections.session(url.raw_host or "").get(
            url,
            headers=prepared.headers(etag, last_modified),
            allow_redirects=False,
            timeout=prepared.timeout,
            ssl=self._trust.context(access.tls) if url.scheme == "https" else True,
            server_hostname=prepared.server_name,
        ) as response:
            status = response.status
            if status == HTTPStatus.OK:
                body = await read_body(response, self._max_body_bytes)
                etag = last_modified = ""
            elif status == HTTPStatus.NOT_MODIFIED and (etag or last_modified):
                body = None
            else:
                location = response.headers.get("Location")
                raise describe_status(status, location, url)
            return Fetched(
                body,
                _validator(response, "ETag") or etag,
                _validator(response, "Last-Modified") or last_modified,
                self._clock.time(),
            )

    def _prepare(self, access: Access) -> Prepared:
        """What every request of *access* has.

        Raises:
            ConfigError: A header cannot be sent.
        """
        prepared = self._prepared.get(access)
        if prepared is None:
            if len(self._prepared) >= _MOST_PREPARED:
                self._prepared.clear()
            prepared = self._prepared[access] = Prepared(access)
        return prepared


def _validator(response: aiohttp.ClientResponse, name: str) -> str:
    """A header of *response* that can be sent back as it is; empty where there is none."""
    text = response.headers.get(name, "")
    usable = len(text) <= _LONGEST_VALIDATOR and text.isascii() and text.isprintable()
    return text if usable else ""
