"""Why a document could not be fetched, in a clause for the person who must mend it."""

import errno
import re
import socket
import ssl
from http import HTTPStatus

import aiohttp
from aiohttp import http_exceptions
from yarl import URL

from adapter.errors import SourceError, SourceTimeout
from adapter.rules.json_metric import Access
from adapter.sources.json.body import BrokenBody
from adapter.sources.json.connecting import DeniedAddress
from adapter.transport import is_name_mismatch, os_cause

_HINTS = {
    401: ": the credentials are not accepted; check auth and headers",
    403: ": the credentials do not permit it; check auth and headers",
    404: ": there is no such document; check the path",
    405: ": the document cannot be read with GET",
    406: ": it does not serve application/json",
}

_HOST = re.compile(r"[\w.:-]{1,253}\Z", re.ASCII)

_SPOKE_PLAIN = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}
"""What OpenSSL says of an answer that is no TLS; the wording differs between its versions."""


def place_of(url: URL) -> str:
    """What a server is called: host and port.

    >>> place_of(URL("http://[fd00::1]/path?token=x"))
    '[fd00::1]:80'
    """
    host = url.raw_host or ""
    return f"[{host}]:{url.port}" if ":" in host else f"{host}:{url.port}"


def describe(error: Exception, url: URL, access: Access) -> SourceError:
    """Describe what the HTTP client raised for *url*."""
    place = place_of(url)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        seconds = min(access.connect_timeout, access.timeout)
        return SourceTimeout(f"{place} accepted no connection within {seconds:g} s")
    if isinstance(error, TimeoutError):
        return SourceTimeout(f"{place} did not answer within {access.timeout:g} s")
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, DeniedAddress):
            return error.os_error.denied
        return SourceError(_connect_cause(error, url, place))
    if isinstance(error, BrokenBody):
        return SourceError(f"{place} {error}")
    return SourceError(f"{place} {_answer_cause(error, url)}")


def describe_status(status: int, location: str | None, url: URL) -> SourceError:
    """Describe an answer that brings neither a document nor the 304 that was asked for.

    Its body is not shown, for it may hold anything, secrets included.

    Args:
        status: Its status.
        location: Where it redirects to, if it does.
        url: What was asked.
    """
    place = place_of(url)
    if status == HTTPStatus.NOT_MODIFIED:
        return SourceError(f"{place} answered HTTP 304 though the whole document was asked for")
    text = f"{place} answered HTTP {_with_phrase(status)}"
    if 300 <= status < 400:
        target = f" to {_host_of(location, url)}" if location else ""
        return SourceError(
            f"{text}: a redirect{target}, and redirects are not followed; give the final url"
        )
    return SourceError(text + _HINTS.get(status, ""))


def _with_phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:  # its own phrase is anything a server likes to say
        return str(status)


def _host_of(location: str, url: URL) -> str:
    """Host of *location*; the rest of it may hold secrets."""
    try:
        host = url.join(URL(location)).raw_host or ""
    except ValueError:
        return "a malformed address"
    if host == url.raw_host:
        return "the same host"
    return f"the host {host}" if _HOST.match(host) else "a malformed address"


def _dns_cause(error: OSError) -> str:
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return "no name server answered"
    return "there is no such name, or it has no address"


def _connect_cause(error: aiohttp.ClientConnectorError, url: URL, place: str) -> str:
    cause = error.os_error
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"cannot find {url.raw_host}: {_dns_cause(cause)}"
        case aiohttp.ClientSSLError():
            return f"no TLS with {place}: {_tls_cause(cause)}"
        case _ if cause.errno == errno.ECONNREFUSED:
            return f"{place} refused the connection"
        case _:
            return f"cannot connect to {place}: {os_cause(cause)}"


def _tls_cause(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        if is_name_mismatch(error):
            return "its certificate is for another name; say which by tls.serverName"
        return f"its certificate does not verify: {error.verify_message}; is its CA in tls.caFile?"
    reason = (error.reason if isinstance(error, ssl.SSLError) else None) or "handshake failed"
    if reason in _SPOKE_PLAIN:
        return "what it speaks is no TLS; is it http instead of https?"
    return reason.replace("_", " ").lower()


def _answer_cause(error: Exception, url: URL) -> str:
    match _root(error):
        case http_exceptions.TransferEncodingError():
            return "sent a body that is no proper chunked encoding, or ended within it"
        case http_exceptions.BadStatusLine():
            hint = "; is it https instead of http?" if url.scheme == "http" else ""
            return f"sent an answer that is no HTTP{hint}"
        case _:
            return _connection_cause(error)


def _connection_cause(error: Exception) -> str:
    match error:
        case aiohttp.ClientPayloadError():
            return "closed the connection before its answer was complete"
        case aiohttp.ServerDisconnectedError():
            return "closed the connection without an answer"
        case aiohttp.ClientResponseError():
            return "sent an answer that breaks the rules of HTTP"
        case OSError():
            return f"broke the connection: {os_cause(error)}"
        case _:
            return f"cannot be asked ({type(error).__name__})"


def _root(error: BaseException) -> BaseException:
    """What *error* came from in the end."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error
