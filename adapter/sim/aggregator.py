"""The aggregation layer: what kube-apiserver does with ``/apis/<registered group>/…``."""

import logging
import urllib.parse
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import yarl
from aiohttp import hdrs, web
from multidict import CIMultiDict

from adapter.sim.identity import MASTERS, User
from adapter.sim.kube_discovery import AGGREGATED_TYPE
from adapter.sim.pki import KeyPair
from adapter.transport import client_context

log = logging.getLogger(__name__)

_DISCOVERY_USER = User("system:kube-aggregator", (MASTERS,))
_LEGACY_DISCOVERY_USER = User("system:kube-aggregator")
_OPENAPI_USER = User("system:aggregator")
_DISCOVERY_SECONDS = 5.0
_PROXY_SECONDS = 60.0
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
_NOT_FORWARDED = {"authorization", "host", "content-length", "accept-encoding"}


class ApiService:
    """A backend: where it is, how it is verified, and which versions it serves."""

    def __init__(
        self,
        group: str,
        versions: Sequence[str],
        url: str,
        ca_file: str | Path,
        name: str | None,
    ) -> None:
        self.group = group
        self.versions = tuple(versions)
        self.url = url.rstrip("/")
        self.server_name = name
        self._ca_file = ca_file

    def show(self, front_proxy: KeyPair) -> None:
        """Connect with *front_proxy* as our certificate from now on."""
        cert_file, key_file = front_proxy
        self.context = client_context(ca_file=self._ca_file, cert_file=cert_file, key_file=key_file)


class Aggregator:
    """Proxies requests to registered backends as the user who asked.

    Args:
        front_proxy: The client certificate shown to backends.
    """

    def __init__(self, front_proxy: KeyPair) -> None:
        self._front_proxy = front_proxy
        self._services: dict[str, ApiService] = {}
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Get ready to proxy."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=90),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=_PROXY_SECONDS),
        )

    async def stop(self) -> None:
        """Close all connections to backends."""
        if self._session is not None:
            await self._session.close()

    def register(
        self,
        group: str,
        versions: Sequence[str],
        url: str,
        ca_file: str | Path,
        *,
        server_name: str | None = None,
    ) -> None:
        """Send ``/apis/<group>/…`` to the server at *url*.

        Args:
            group: The API group.
            versions: Its versions, the preferred one first.
            url: Scheme, host and port.
            ca_file: What the backend's certificate is verified with.
            server_name: Name the certificate must have, as ``<service>.<namespace>.svc``; the
                host of *url* when None.
        """
        service = ApiService(group, versions, url, ca_file, server_name)
        service.show(self._front_proxy)
        self._services[group] = service

    def show(self, front_proxy: KeyPair) -> None:
        """Show *front_proxy* to all backends from now on, over new connections."""
        self._front_proxy = front_proxy
        for service in self._services.values():
            service.show(front_proxy)

    def unregister(self, group: str) -> None:
        """Forget the backend of *group*."""
        self._services.pop(group, None)

    def service(self, group: str) -> ApiService | None:
        """The backend of *group*."""
        return self._services.get(group)

    def services(self) -> Sequence[ApiService]:
        """All backends, by group."""
        return [self._services[group] for group in sorted(self._services)]

    async def proxy(
        self, request: web.Request, service: ApiService, user: User
    ) -> web.StreamResponse:
        """Pass *request* on as *user*, and the answer back as it arrives."""
        headers = _forwarded_headers(request, user)
        body = request.content if request.can_read_body else None
        try:
            answer = await self._request(
                service, request.method, _target(request), headers=headers, data=body
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            return _unavailable(error)
        async with answer:
            if 300 <= answer.status < 400 and answer.status != 304:
                return web.Response(
                    status=502,
                    text="the backend attempted to redirect this request, which is not permitted",
                )
            return await _pass_back(request, answer)

    async def group_discovery(self, service: ApiService) -> Mapping[str, Any] | None:
        """Ask *service* for aggregated discovery of its group; None if it has none."""
        document = await self._document(service, "/apis", _DISCOVERY_USER, accept=AGGREGATED_TYPE)
        if document is None or document.get("kind") != "APIGroupDiscoveryList":
            return None
        groups = (item for item in document["items"] if item["metadata"]["name"] == service.group)
        return next(groups, None)

    async def version_discovery(
        self, service: ApiService, version: str
    ) -> Mapping[str, Any] | None:
        """Ask *service* for the ``APIResourceList`` of a version; None if it does not answer."""
        path = f"/apis/{service.group}/{version}"
        return await self._document(service, path, _LEGACY_DISCOVERY_USER)

    async def openapi_paths(self, service: ApiService) -> Mapping[str, Any]:
        """What *service* lists in ``/openapi/v3``."""
        document = await self._document(service, "/openapi/v3", _OPENAPI_USER)
        return document["paths"] if document else {}

    async def _document(
        self, service: ApiService, path: str, user: User, *, accept: str = "application/json"
    ) -> Mapping[str, Any] | None:
        headers = _identity_headers(user)
        headers[hdrs.ACCEPT] = accept
        try:
            answer = await self._request(
                service, "GET", path, headers=headers, seconds=_DISCOVERY_SECONDS
            )
            async with answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            log.info("no discovery from the backend of %s: %s", service.group, error)
            return None
        if answer.status != 200:
            return None
        document: dict[str, Any] = msgspec.json.decode(body)
        return document

    async def _request(
        self,
        service: ApiService,
        method: str,
        path: str,
        *,
        headers: CIMultiDict[str],
        data: Any = None,
        seconds: float = _PROXY_SECONDS,
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("start() the aggregator first")
        return await self._session.request(
            method,
            yarl.URL(service.url + path, encoded=True),
            headers=headers,
            data=data,
            ssl=service.context,
            server_hostname=service.server_name,
            allow_redirects=False,
            skip_auto_headers=(hdrs.USER_AGENT, hdrs.CONTENT_TYPE),
            timeout=aiohttp.ClientTimeout(total=seconds),
        )


def _target(request: web.Request) -> str:
    # Go's url.Values.Encode sorts the query; so does the real aggregator with every request.
    query = urllib.parse.parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)
    query.sort(key=lambda pair: pair[0])
    path = request.rel_url.raw_path
    return f"{path}?{urllib.parse.urlencode(query)}" if query else path


def _forwarded_headers(request: web.Request, user: User) -> CIMultiDict[str]:
    headers = CIMultiDict(
        (name, value)
        for name, value in request.headers.items()
        if name.lower() not in _HOP_BY_HOP | _NOT_FORWARDED
        and not name.lower().startswith("x-remote-")
    )
    headers[hdrs.ACCEPT_ENCODING] = request.headers.get(hdrs.ACCEPT_ENCODING, "identity")
    headers.extend(_identity_headers(user))
    headers["Audit-ID"] = str(uuid.uuid4())
    headers["X-Forwarded-For"] = request.remote or ""
    headers["X-Forwarded-Host"] = request.host
    headers["X-Forwarded-Uri"] = request.path
    headers["X-Forwarded-Proto"] = "https"
    return headers


def _identity_headers(user: User) -> CIMultiDict[str]:
    headers = CIMultiDict({"X-Remote-User": user.name})
    if user.uid:
        headers["X-Remote-Uid"] = user.uid
    for group in user.groups:
        headers.add("X-Remote-Group", group)
    for key, values in user.extra.items():
        for value in values:
            headers.add(f"X-Remote-Extra-{urllib.parse.quote(key, safe='')}", value)
    return headers


async def _pass_back(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status)
    for name, value in answer.headers.items():
        if name.lower() not in _HOP_BY_HOP:
            response.headers.add(name, value)
    if hdrs.CONTENT_LENGTH not in answer.headers and answer.status not in (204, 304):
        response.enable_chunked_encoding()
    await response.prepare(request)
    try:
        async for piece in answer.content.iter_any():
            await response.write(piece)
    except aiohttp.ClientError as error:
        # Too late for a status: the client must see that the body is cut.
        log.warning("backend of %s broke off its answer: %s", request.path, error)
        if request.transport is not None:
            request.transport.close()
    return response


def _unavailable(error: Exception) -> web.Response:
    reason = str(error) or type(error).__name__
    return web.Response(status=503, text=f"error trying to reach service: {reason}\n")
