"""``PrometheusConnect`` over the service's own connection pool.

The library is synchronous. Left to itself it would bring a second pool, retry in secret for 6 s,
put POST parameters into the URL, wait without limit and drop warnings. So it gets an object that
looks like a ``requests.Session`` and runs each request on the event loop, through the client's
own ``fetch``; the library itself runs in a thread.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from yarl import URL

from adapter.errors import SourceError

log = logging.getLogger(__name__)

T = TypeVar("T")
Fetch = Callable[[str, URL, Mapping[str, str]], Coroutine[Any, Any, bytes]]
"""Sends a request (verb, URL, parameters) and gives the body of a 200 answer."""


MOST_WARNINGS = 100
"""Warnings that are remembered, so as not to be logged again."""


class PrometheusBridge:
    """Calls of the control plane.

    Args:
        base: Base URL, without user and password.
        verb: ``GET`` or ``POST``.
        fetch: Sends a request; raises `SourceError`.
        prefix: Begins every text.
    """

    def __init__(self, base: URL, verb: str, fetch: Fetch, prefix: str = "") -> None:
        self._base = base
        self._verb = verb
        self._fetch = fetch
        self._prefix = prefix
        self._warned: set[str] = set()

    async def call(self, question: Callable[[Any], T]) -> T:
        """Run *question*, a function of a ``PrometheusConnect``, in a thread.

        Raises:
            SourceError: Prometheus failed, or its answer is not what the library expects.
        """
        session = _Session(self._fetch, asyncio.get_running_loop())
        try:
            answer = await asyncio.to_thread(lambda: question(self._connect(session)))
        except (msgspec.DecodeError, KeyError, TypeError, IndexError) as error:
            text = f"{self._prefix}prometheus' answer is not that of the Prometheus API"
            raise SourceError(text) from error
        self._note_warnings(session.warnings)
        return answer

    async def label_names(self, selector: str, start: float) -> list[str]:
        """Labels that any series has which *selector* selects.

        Args:
            selector: A series selector.
            start: Unix seconds; series that ended before do not count.

        Raises:
            SourceError: Prometheus failed.
        """
        asked = _series_parameters(selector, start)
        return await self.call(lambda connect: _texts(connect.get_label_names(params=asked)))

    async def label_values(self, label: str, selector: str, start: float) -> list[str]:
        """Values that *label* has on the series which *selector* selects, as `label_names`.

        Raises:
            SourceError: Prometheus failed.
        """
        asked = _series_parameters(selector, start)
        return await self.call(
            lambda connect: _texts(connect.get_label_values(label, params=asked))
        )

    async def ready(self) -> None:
        """Find out whether queries are evaluated.

        Raises:
            SourceError: They are not; says why.
        """
        if not await self.call(lambda connect: connect.custom_query("vector(1)")):
            raise SourceError(f"{self._prefix}prometheus answers queries with nothing")

    async def server_version(self) -> str:
        """Version as ``/api/v1/status/buildinfo`` tells it; the library has no call for it.

        Raises:
            SourceError: Prometheus failed, or does not tell.
        """
        body = await self._fetch("GET", self._base / "api/v1/status/buildinfo", {})
        try:
            return msgspec.json.decode(body, type=_BuildInfo).data.version
        except msgspec.DecodeError as error:
            raise SourceError(f"{self._prefix}prometheus does not tell its version") from error

    def _note_warnings(self, warnings: Iterable[str]) -> None:
        """Log each text once: discovery asks the same questions again and again."""
        for warning in set(warnings) - self._warned:
            log.warning("%sprometheus warns: %s", self._prefix, warning)
            if len(self._warned) < MOST_WARNINGS:
                self._warned.add(warning)

    def _connect(self, session: "_Session") -> Any:
        from prometheus_api_client import (  # noqa: PLC0415 - 19 MB that only these calls need
            PrometheusConnect,
        )

        url = str(self._base.with_query(None)).rstrip("/")
        return PrometheusConnect(url=url, session=session, method=self._verb)


def _series_parameters(selector: str, start: float) -> dict[str, str]:
    return {"match[]": selector, "start": f"{start:.3f}"}


def _texts(data: object) -> list[str]:
    """Check a list of texts; null is how some servers write an empty one."""
    return [] if data is None else msgspec.convert(data, list[str])


class _Version(msgspec.Struct):
    version: str


class _BuildInfo(msgspec.Struct):
    data: _Version


class _Response:
    """What ``PrometheusConnect`` reads of a ``requests.Response``; always a success."""

    status_code = int(HTTPStatus.OK)
    ok = True

    def __init__(self, session: "_Session", content: bytes) -> None:
        self.content = content
        self._session = session

    def json(self) -> Any:
        answer = msgspec.json.decode(self.content)
        if isinstance(answer, dict):
            self._session.warnings += tuple(answer.get("warnings") or ())
        return answer


class _Session:
    """What ``PrometheusConnect`` uses of a ``requests.Session``; lives in a thread."""

    verify = True
    cert = None
    proxies: Mapping[str, str] = {}

    def __init__(self, fetch: Fetch, loop: asyncio.AbstractEventLoop) -> None:
        self.warnings: tuple[str, ...] = ()
        self._fetch = fetch
        self._loop = loop

    def request(
        self, method: str, url: str, params: Mapping[str, object] | None = None, **_: object
    ) -> _Response:
        # The other arguments are the library's defaults: timeout, TLS and credentials are ours.
        parameters = {name: str(value) for name, value in (params or {}).items()}
        coroutine = self._fetch(method, URL(url), parameters)
        return _Response(self, asyncio.run_coroutine_threadsafe(coroutine, self._loop).result())

    def get(self, url: str, params: Mapping[str, object] | None = None, **_: object) -> _Response:
        return self.request("GET", url, params)

    def mount(self, prefix: str, adapter: object) -> None:
        """Ignore the library's transport: the pool is ours."""

    def close(self) -> None:
        """Leave the pool open: it is the client's."""
