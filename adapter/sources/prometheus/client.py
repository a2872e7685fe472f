"""The HTTP client of Prometheus: one connection pool, errors in the words of a person.

Bulk vectors go straight through aiohttp and are decoded in pieces; calls of the control plane use
``PrometheusConnect`` over the same pool (`adapter.sources.prometheus.bridge`).
"""

import asyncio
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple, Self

import aiohttp
from yarl import URL

from adapter.kube.credentials import KubeCredentials
from adapter.promql.response import ResponseError, Sample, VectorAnswer
from adapter.sources.prometheus.auth import PrometheusAuth
from adapter.sources.prometheus.bridge import PrometheusBridge
from adapter.sources.prometheus.failure import (
    Result,
    describe_answer,
    describe_status,
    describe_transport,
)
from adapter.sources.prometheus.options import PrometheusOptions, check_options
from adapter.telemetry import Telemetry

__all__ = ["PrometheusClient", "PrometheusOptions", "Vector"]

log = logging.getLogger(__name__)

CONNECTIONS = 16
"""Connections at once; more queries than that wait, which is kinder to Prometheus."""


class Vector(NamedTuple):
    """An instant vector, with what Prometheus warned about (partial answers of Thanos)."""

    samples: list[Sample]
    warnings: tuple[str, ...]


class PrometheusClient:
    """Asks one Prometheus, or what speaks its API; an asynchronous context manager.

    Args:
        options: Where it is.
        credentials: Of a kubeconfig or the service account, where Prometheus asks for those.
        telemetry: Own metrics.

    Raises:
        ConfigError: *options* contradict themselves, or a file is missing or broken.
    """

    def __init__(
        self,
        options: PrometheusOptions,
        *,
        telemetry: Telemetry,
        credentials: KubeCredentials | None = None,
    ) -> None:
        check_options(options)
        self.options = options
        self.base = URL(options.url).with_user(None)
        self._auth = PrometheusAuth(options, credentials)
        self._telemetry = telemetry
        self._session: aiohttp.ClientSession | None = None
        self._bridge = PrometheusBridge(self.base, options.verb, self._fetch_control)
        self._failing = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def query_vector(self, promql: str, *, at: float | None = None) -> Vector:
        """Evaluate an instant query.

        Args:
            promql: The query.
            at: Unix seconds to evaluate it at; None leaves that to Prometheus.

        Raises:
            SourceError: Prometheus could not be reached, refused, or gave no vector;
                `SourceTimeout` if it was slow.
        """
        parameters = {"query": promql, "timeout": f"{self.options.timeout * 1000:.0f}ms"}
        if at is not None:
            parameters["time"] = f"{at:.3f}"
        url = self.base / "api/v1/query"
        body = await self._fetch(self.options.verb, url, parameters, kind="query")
        answer = VectorAnswer(body)
        samples: list[Sample] = []
        try:
            for piece in answer.pieces():
                samples += piece
                await asyncio.sleep(0)
        except ResponseError as error:
            raise describe_answer(error) from error
        return Vector(samples, answer.warnings)

    async def ready(self) -> None:
        """Find out whether Prometheus evaluates queries.

        Raises:
            SourceError: It does not; says why.
        """
        await self._bridge.ready()

    async def server_version(self) -> str:
        """Version of Prometheus, such as ``2.42.0``.

        Raises:
            SourceError: Prometheus could not be asked, or does not tell.
        """
        return await self._bridge.server_version()

    async def _fetch_control(self, verb: str, url: URL, parameters: Mapping[str, str]) -> bytes:
        return await self._fetch(verb, url, parameters, kind="control")

    async def _fetch(
        self, verb: str, url: URL, parameters: Mapping[str, str], *, kind: str
    ) -> bytes:
        """Send one request and return the body of its 200 answer.

        Raises:
            SourceError: Any other outcome; `SourceTimeout` if it took too long.
        """
        now = asyncio.get_running_loop().time
        started = now()
        result = Result.CANCELLED
        try:
            status, body = await self._send(verb, url, parameters)
            result = Result.OK
            if status != HTTPStatus.OK:
                result, failure = describe_status(status, body)
                raise failure
        except (aiohttp.ClientError, OSError) as error:
            result, failure = describe_transport(error, self.options.timeout)
            raise failure from error
        finally:
            self._note(kind, result, now() - started)
        return body

    async def _send(self, verb: str, url: URL, parameters: Mapping[str, str]) -> tuple[int, bytes]:
        url = url.with_query(self.base.query)
        async with self._connections().request(
            verb,
            url.extend_query(parameters) if verb == "GET" else url,
            data=parameters if verb == "POST" else None,
            headers=await self._auth.headers(),
            ssl=self._auth.tls(),
            allow_redirects=False,
        ) as response:
            return response.status, await response.read()

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                timeout=aiohttp.ClientTimeout(total=self.options.timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _note(self, kind: str, result: Result, seconds: float) -> None:
        self._telemetry.queries.labels(kind, result.value).inc()
        self._telemetry.query_seconds.labels(kind).observe(seconds)
        if result is Result.CANCELLED:
            return
        failing = result in {Result.TIMEOUT, Result.UNREACHABLE, Result.TLS}
        if failing and not self._failing:
            log.warning("prometheus at %s: %s", self.base.with_query(None), result.value)
        elif self._failing and not failing:
            log.info("prometheus at %s answers again", self.base.with_query(None))
        self._failing = failing
