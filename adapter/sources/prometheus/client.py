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

from adapter.errors import SourceError
from adapter.kube.credentials import KubeCredentials
from adapter.periodic import Clock, SystemClock
from adapter.promql.response import ResponseError, Sample, VectorAnswer
from adapter.sources.lookups import OwnThreads
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


class Vector(NamedTuple):
    """An instant vector, with what Prometheus warned about (partial answers of Thanos)."""

    samples: list[Sample]
    warnings: tuple[str, ...]


class _Request(NamedTuple):
    """One request, and the seconds it may take."""

    verb: str
    url: URL
    parameters: Mapping[str, str]
    seconds: float


class PrometheusClient:
    """Asks one Prometheus, or what speaks its API; an asynchronous context manager.

    Args:
        options: Where it is.
        credentials: Of a kubeconfig or the service account, where Prometheus asks for those.
        telemetry: Own metrics.
        clock: Decides when a token is renewed; None is the machine's.

    Raises:
        ConfigError: *options* contradict themselves, or a file is missing or broken.
    """

    def __init__(
        self,
        options: PrometheusOptions,
        *,
        telemetry: Telemetry,
        credentials: KubeCredentials | None = None,
        clock: Clock | None = None,
    ) -> None:
        check_options(options)
        self.options = options
        self.base = URL(options.url).with_user(None)
        self._wording = options.wording
        self._auth = PrometheusAuth(options, credentials, clock or SystemClock())
        self._called = f"{self._wording.prefix}prometheus at {self.base.with_query(None)}"
        self._telemetry = telemetry
        self._session: aiohttp.ClientSession | None = None
        self.bridge = PrometheusBridge(
            self.base, options.verb, self._fetch_control, self._wording.prefix
        )
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

    async def query_vector(
        self,
        promql: str,
        *,
        at: float | None = None,
        scalar: bool = False,
        seconds: float | None = None,
    ) -> Vector:
        """Evaluate an instant query.

        Args:
            promql: The query.
            at: Unix seconds to evaluate it at; None leaves that to Prometheus.
            scalar: A scalar is an answer, too: one sample without labels.
            seconds: How long it may take; None is what the options say.

        Raises:
            SourceError: Prometheus could not be reached, refused, or gave no vector;
                `SourceTimeout` if it was slow.
        """
        seconds = self.options.timeout if seconds is None else seconds
        parameters = {"query": promql, "timeout": f"{seconds * 1000:.0f}ms"}
        if at is not None:
            parameters["time"] = f"{at:.3f}"
        request = _Request(self.options.verb, self.base / "api/v1/query", parameters, seconds)
        body = await self._fetch(request, kind="query")
        answer = VectorAnswer(body, scalar=True) if scalar else VectorAnswer(body)
        samples: list[Sample] = []
        try:
            for piece in answer.pieces():
                samples += piece
                await asyncio.sleep(0)
        except ResponseError as error:
            raise describe_answer(error, self._wording) from error
        return Vector(samples, answer.warnings)

    async def ready(self) -> None:
        """Find out whether Prometheus evaluates queries.

        Raises:
            SourceError: It does not; says why.
        """
        await self.bridge.ready()

    async def server_version(self) -> str:
        """Version of Prometheus, such as ``2.42.0``.

        Raises:
            SourceError: Prometheus could not be asked, or does not tell.
        """
        return await self.bridge.server_version()

    async def _fetch_control(self, verb: str, url: URL, parameters: Mapping[str, str]) -> bytes:
        request = _Request(verb, url, parameters, self.options.timeout)
        return await self._fetch(request, kind="control")

    async def _fetch(self, request: _Request, *, kind: str) -> bytes:
        """Send one request and return the body of its 200 answer.

        Raises:
            SourceError: Any other outcome; `SourceTimeout` if it took too long.
        """
        now = asyncio.get_running_loop().time
        started = now()
        result = Result.CANCELLED
        try:
            status, body = await self._send(request)
            result = Result.OK
            if status != HTTPStatus.OK:
                result, failure = describe_status(status, body, self._wording)
                raise failure
        except SourceError:
            if result is Result.CANCELLED:  # not sent, for want of a token
                result = Result.CREDENTIALS
            raise
        except (aiohttp.ClientError, OSError) as error:
            result, failure = describe_transport(error, request.seconds, self._wording)
            raise failure from error
        finally:
            self._note(kind, result, now() - started)
        return body

    async def _send(self, request: _Request) -> tuple[int, bytes]:
        """Send a request, and once more with a new token when the first is refused."""
        status, body, authorization = await self._send_once(request)
        if status == HTTPStatus.UNAUTHORIZED and self._auth.refused(authorization):
            status, body, _ = await self._send_once(request)
        return status, body

    async def _send_once(self, request: _Request) -> tuple[int, bytes, str | None]:
        verb, parameters = request.verb, request.parameters
        url = request.url.with_query(self.base.query)
        headers = await self._auth.headers()
        async with self._connections().request(
            verb,
            url.extend_query(parameters) if verb == "GET" else url,
            data=parameters if verb == "POST" else None,
            headers=headers,
            ssl=self._auth.tls(),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=request.seconds),
        ) as response:
            return response.status, await response.read(), headers.get("Authorization")

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self.options.concurrency, resolver=OwnThreads()
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _note(self, kind: str, result: Result, seconds: float) -> None:
        self._telemetry.queries.labels(kind, result.value).inc()
        self._telemetry.query_seconds.labels(kind).observe(seconds)
        if result in {Result.CANCELLED, Result.CREDENTIALS}:
            return
        failing = result in {Result.TIMEOUT, Result.UNREACHABLE, Result.TLS}
        if failing and not self._failing:
            log.warning("%s: %s", self._called, result.value)
        elif self._failing and not failing:
            log.info("%s answers again", self._called)
        self._failing = failing
