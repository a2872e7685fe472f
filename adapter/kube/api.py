"""Requests to kube-apiserver: bytes in, bytes out.

Built on ``kubernetes.aio``'s ``ApiClient`` for TLS and connections. Its typed models cost 80 KB and
1 ms a pod, so none is used, and ``CoreV1Api`` is never imported.
"""

import contextlib
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, NamedTuple, Self

import aiohttp
import msgspec
from kubernetes.aio.client import ApiClient, Configuration

from adapter import __version__
from adapter.errors import AdapterError, ConfigError
from adapter.kube.credentials import KubeCredentials, from_kubeconfig, in_cluster
from adapter.periodic import Clock, SystemClock

JSON = "application/json"

REQUEST_SECONDS = 30.0
"""How long a request may take as a whole, a page of a list included."""

QUIET_SECONDS = 150.0
"""How long a watch may be silent before it ends. Bookmarks come every minute, so this finds dead
connections."""

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of the longest event of a watch; etcd refuses objects a tenth of this size."""


class KubeApiError(AdapterError):
    """kube-apiserver refused or did not answer.

    Args:
        message: What was asked and what came back.
        http_status: Its status code, or None when there was no answer.
    """

    def __init__(self, message: str, http_status: int | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status


class KubeNotFound(KubeApiError):
    """The object, or the whole resource, does not exist (404)."""


class KubeGone(KubeApiError):
    """The resource version or continue token is too old: list again (410)."""


class KubeConflict(KubeApiError):
    """Somebody else made or changed the object first (409)."""


_BY_STATUS: Mapping[int, type[KubeApiError]] = {
    404: KubeNotFound,
    409: KubeConflict,
    410: KubeGone,
}

_NOT_ACCEPTED = "its credentials are not accepted: check the token or client certificate"
_MAY_NOT = re.compile(
    r'User "(?P<user>(?:[^"\\]|\\.)*)" cannot .*?(?: in the namespace "(?P<namespace>[^"]*)"|$)',
    re.DOTALL,
)
"""How kube-apiserver says that no authorizer allows a request (apiserver
``endpoints/handlers/responsewriters``); an admission plug-in refuses in other words."""

_SERVICE_ACCOUNT = "system:serviceaccount:"
_ANONYMOUS = "system:anonymous"


class KubeDocument(NamedTuple):
    """A body, and the ``ETag`` that tells whether it is still the same ("" without)."""

    body: bytes
    etag: str


class KubeApi:
    """A client of one kube-apiserver.

    Args:
        credentials: Where it is and who we are.

    Raises:
        ConfigError: A certificate or key file cannot be used.
    """

    def __init__(self, credentials: KubeCredentials) -> None:
        self._credentials = credentials
        self._client = _client(credentials)

    @classmethod
    async def connect(cls, kubeconfig: str | None, *, clock: Clock | None = None) -> Self:
        """Prepare a client; nothing is sent yet.

        Args:
            kubeconfig: Path of a kubeconfig file; None or "" takes the pod's service account.
            clock: Decides when tokens are read again.

        Raises:
            ConfigError: The credentials are missing or broken.
        """
        clock = clock or SystemClock()
        if kubeconfig:
            return cls(await from_kubeconfig(kubeconfig, clock))
        return cls(in_cluster(clock))

    def credentials(self) -> KubeCredentials:
        """Where kube-apiserver is and who we are; also for the kubelets."""
        return self._credentials

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, accept: str = JSON
    ) -> bytes:
        """Body of a GET.

        Args:
            path: Path of the request, quoted.
            params: Query parameters.
            accept: Media types wanted.

        Raises:
            KubeApiError: No answer, or not a 2xx; `KubeNotFound` and `KubeGone` are the typed ones.
        """
        document = await self._exchange("GET", path, params, {"Accept": accept}, None)
        return document.body

    async def get_changed(self, path: str, accept: str, etag: str) -> KubeDocument | None:
        """What is at *path*; None when it still is the document whose tag is *etag*.

        Raises:
            KubeApiError: As `get`.
        """
        headers = {"Accept": accept, **({"If-None-Match": etag} if etag else {})}
        try:
            return await self._exchange("GET", path, None, headers, None)
        except KubeApiError as error:
            if error.http_status == HTTPStatus.NOT_MODIFIED:
                return None
            raise

    async def post(self, path: str, body: bytes) -> bytes:
        """Body of the answer to a POST of the JSON *body*.

        Raises:
            KubeApiError: As `get`.
        """
        content = msgspec.json.decode(body)
        return (await self._exchange("POST", path, None, {"Accept": JSON}, content)).body

    async def put(self, path: str, body: bytes) -> bytes:
        """Body of the answer to a PUT of the JSON *body*.

        Raises:
            KubeApiError: As `get`; `KubeConflict` when its resourceVersion is not the newest.
        """
        content = msgspec.json.decode(body)
        return (await self._exchange("PUT", path, None, {"Accept": JSON}, content)).body

    async def merge_patch(self, path: str, patch: Mapping[str, Any]) -> bytes:
        """Body of the answer to a PATCH: null removes a field (RFC 7396).

        Raises:
            KubeApiError: As `get`; `KubeConflict` when it has a resourceVersion, and that is not
                the newest.
        """
        headers = {"Accept": JSON, "Content-Type": "application/merge-patch+json"}
        return (await self._exchange("PATCH", path, None, headers, dict(patch))).body

    @contextlib.asynccontextmanager
    async def watch(
        self, path: str, params: Mapping[str, str] | None = None, accept: str = JSON
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a watch; the value is an iterator of its lines, each one JSON event.

        It ends when the server says so, or after `QUIET_SECONDS` of silence. A last line without
        its end is dropped: the connection broke inside it.

        Raises:
            KubeApiError: As `get`; while iterating, when the connection breaks.
        """
        query = {"watch": "true", **(params or {})}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=QUIET_SECONDS)
        with _as_kube_error(f"watch of {path}"):
            response = await self._send("GET", path, query, {"Accept": accept}, None, timeout)
        try:
            if response.status != HTTPStatus.OK:
                with _as_kube_error(f"watch of {path}"):
                    body = await response.read()
                raise _refused("WATCH", path, response.status, body)
            async with contextlib.aclosing(_lines(response.content, path)) as lines:
                yield lines
        finally:
            response.close()

    async def _exchange(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str],
        body: Any,
    ) -> KubeDocument:
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        with _as_kube_error(f"{method} {path}"):
            response = await self._send(method, path, params, headers, body, timeout)
            async with response:
                content = await response.read()
        if not 200 <= response.status < 300:
            raise _refused(method, path, response.status, content)
        return KubeDocument(content, response.headers.get("ETag", ""))

    async def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str],
        body: Any,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own limits, not a deadline
    ) -> aiohttp.ClientResponse:
        sent = dict(headers)
        if authorization := await self._credentials.authorization():
            sent["Authorization"] = authorization
        request = await self._client.param_serialize(
            method, path, query_params=dict(params or {}), header_params=sent, body=body
        )
        answer = await self._client.call_api(*request, _request_timeout=timeout)
        response: aiohttp.ClientResponse = answer.response
        return response


def _client(credentials: KubeCredentials) -> ApiClient:
    traces = aiohttp.TraceConfig()
    traces.on_request_redirect.append(_refuse_redirect)
    configuration = Configuration()
    configuration.host = credentials.server
    configuration.ssl_ca_cert = credentials.ca_file
    configuration.cert_file = credentials.cert_file
    configuration.key_file = credentials.key_file
    configuration.verify_ssl = not credentials.insecure
    configuration.tls_server_name = credentials.server_name
    configuration.proxy = credentials.proxy
    # many cluster CAs lack what Python 3.13's strict flag demands
    configuration.disable_strict_ssl_verification = True
    configuration.trace_configs = [traces]
    # the environment's proxies are looked up per request otherwise, which costs more than it
    configuration.client_session_kwargs = {"trust_env": False}
    try:
        client = ApiClient(configuration)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        files = ", ".join(
            file
            for file in (credentials.ca_file, credentials.cert_file, credentials.key_file)
            if file
        )
        problem = f"{credentials.source}: unusable CA or client certificate ({files}): {error}"
        raise ConfigError([problem]) from error
    client.user_agent = f"viaduct/{__version__}"
    return client


async def _lines(content: aiohttp.StreamReader, path: str) -> AsyncGenerator[bytes, None]:
    rest = b""
    # silence ends a watch like the server does: going on over a new connection costs little
    with _as_kube_error(f"watch of {path}"), contextlib.suppress(TimeoutError):
        async for chunk in content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line
            if len(rest) > LONGEST_LINE:
                raise KubeApiError(f"watch of {path}: an event of over {LONGEST_LINE} bytes")


class _Redirected(aiohttp.ClientError):
    """kube-apiserver, or what stands in its place, wants us to go elsewhere."""


async def _refuse_redirect(
    _session: aiohttp.ClientSession,
    _context: SimpleNamespace,
    params: aiohttp.TraceRequestRedirectParams,
) -> None:
    """Stop before a redirect is followed: it would carry our credentials elsewhere."""
    params.response.close()
    raise _Redirected


@contextlib.contextmanager
def _as_kube_error(what: str) -> Iterator[None]:
    """Turn what aiohttp raises into a `KubeApiError` about *what*, without addresses."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise KubeApiError(f"{what}: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    match error:
        case _Redirected():
            return "kube-apiserver answered with a redirect, which is not followed"
        case aiohttp.ClientConnectorCertificateError():
            return f"kube-apiserver's certificate is not trusted: {error.certificate_error}"
        case TimeoutError():
            return "kube-apiserver did not answer in time"
        case aiohttp.ClientConnectorError():
            return f"cannot connect to kube-apiserver: {_reason(error.os_error)}"
        case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError():
            return "kube-apiserver closed the connection"
        case _:
            return f"no usable answer from kube-apiserver ({type(error).__name__})"


def _reason(error: OSError) -> str:
    """What the system says, without the address asyncio adds."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__  # a resolver's error has a negative number


class _StatusBody(msgspec.Struct):
    message: str = ""


def _refused(method: str, path: str, status: int, body: bytes) -> KubeApiError:
    try:
        text = msgspec.json.decode(body, type=_StatusBody).message
    except msgspec.DecodeError:  # a proxy's page, or nothing
        text = ""
    message = f"kube-apiserver answered {status} to {method} {path}"
    for more in (text[:500], _hint(status, text)):
        if more:
            message += f": {more}"
    return _BY_STATUS.get(status, KubeApiError)(message, status)


def _hint(status: int, text: str) -> str:
    """What to change after an answer of *status* with *text*; "" where that is not known."""
    if status == HTTPStatus.UNAUTHORIZED:
        return _NOT_ACCEPTED
    refused = _MAY_NOT.search(text) if status == HTTPStatus.FORBIDDEN else None
    if refused is None:
        return ""
    user, namespace = refused["user"], refused["namespace"]
    if user == _ANONYMOUS:
        return "the request came without credentials"
    who = f"user {user}"
    if user.startswith(_SERVICE_ACCOUNT):
        who = f"service account {user.removeprefix(_SERVICE_ACCOUNT).replace(':', '/')}"
    role = f"a Role in namespace {namespace}, or a ClusterRole," if namespace else "a ClusterRole"
    return f"{who} needs {role} that allows it"
