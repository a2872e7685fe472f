"""What can go wrong between us and Prometheus, in words for the person who must mend it."""

import ssl
from enum import StrEnum
from typing import NamedTuple

import aiohttp

from adapter.errors import SourceError, SourceTimeout
from adapter.promql.response import ResponseError, decode_error
from adapter.transport import is_name_mismatch, os_cause

LONGEST_CAUSE = 300
"""Characters of Prometheus' own text we pass on; it repeats the query, which may be long."""


class Wording(NamedTuple):
    """What the options of one server are called, so that a text names what to mend.

    Attributes:
        prefix: Begins every text; empty for the server of the command line.
        url: The address.
        ca_file: The CA bundle.
        credentials: What proves who we are.
    """

    prefix: str
    url: str
    ca_file: str
    credentials: str


COMMAND_LINE = Wording(
    "", "--prometheus-url", "--prometheus-ca-file", "the --prometheus-* token or user"
)
"""The server that flags describe."""


def backend_wording(name: str) -> Wording:
    """Words for the entry *name* of ``backends`` in the rule file."""
    return Wording(f"backend {name}: ", "its url", "its tls.caFile", "its auth")


class Unavailable(Exception):
    """An answer that comes from a proxy in front of a Prometheus that does not serve."""


class QueryRefused(SourceError):
    """Prometheus answered that it will not evaluate this query; another one it may."""


class Result(StrEnum):
    """How a request ended, for own metrics."""

    OK = "ok"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    CREDENTIALS = "credentials"
    REFUSED = "http_error"
    BROKEN = "broken_answer"


def describe_transport(
    error: Exception, seconds: float, wording: Wording = COMMAND_LINE
) -> tuple[Result, SourceError]:
    """Describe an exception of the HTTP client, without any address."""
    if isinstance(error, TimeoutError):
        text = f"{wording.prefix}prometheus did not answer within {seconds:.3g} s"
        return Result.TIMEOUT, SourceTimeout(text)
    result, text = _transport_cause(error, wording)
    return result, SourceError(wording.prefix + text)


def _transport_cause(error: Exception, wording: Wording) -> tuple[Result, str]:
    match error:
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return Result.TLS, f"no TLS with prometheus: {_tls_cause(error, wording)}"
        case aiohttp.ClientConnectorDNSError():
            return Result.UNREACHABLE, f"cannot resolve the host of {wording.url}"
        case aiohttp.ClientConnectorError():
            cause = os_cause(error.os_error)
            return Result.UNREACHABLE, f"cannot connect to prometheus: {cause}"
        case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError():
            text = "prometheus closed the connection before its answer was complete"
            return Result.UNREACHABLE, text
        case OSError():
            return Result.UNREACHABLE, f"lost the connection to prometheus: {os_cause(error)}"
        case _:
            text = f"prometheus' answer is not HTTP as expected ({type(error).__name__})"
            return Result.BROKEN, text


_GATEWAY = {502, 503, 504}
"""Statuses of a proxy in front of a server that is down, and of one that is starting."""


def describe_status(
    status: int, body: bytes, wording: Wording = COMMAND_LINE
) -> tuple[Result, SourceError]:
    """Describe an answer whose status is not 200, with Prometheus' own text where it has one."""
    answer = decode_error(body)
    if answer is not None:
        return Result.REFUSED, describe_answer(answer, wording)
    hint = {
        301: f": a redirect; is {wording.url} the address of the API?",
        302: ": a redirect, often to a login page; are the credentials right?",
        401: f": the credentials are not accepted; check {wording.credentials}",
        403: ": the credentials do not permit queries",
        404: f": no Prometheus API there; is the path of {wording.url} right?",
        503: ": it is starting, or down behind a proxy",
    }.get(status, "")
    error = SourceError(f"{wording.prefix}prometheus answered HTTP {status}{hint}")
    if status in _GATEWAY:
        error.__cause__ = Unavailable(f"HTTP {status}")
    return Result.REFUSED, error


def describe_answer(answer: ResponseError, wording: Wording = COMMAND_LINE) -> SourceError:
    """Describe an answer that is no vector."""
    text = str(answer)
    if len(text) > LONGEST_CAUSE:
        text = text[:LONGEST_CAUSE] + " …"
    if not answer.error_type:
        return SourceError(f"{wording.prefix}cannot use prometheus' answer: {text}")
    kind = SourceTimeout if answer.error_type == "timeout" else QueryRefused
    return kind(f"{wording.prefix}prometheus refused the query: {answer.error_type}: {text}")


def _tls_cause(error: Exception, wording: Wording) -> str:
    cause: BaseException | None = error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
    if isinstance(cause, ssl.SSLCertVerificationError):
        if is_name_mismatch(cause):
            return f"its certificate is for another host than {wording.url} names"
        return f"certificate verify failed: {cause.verify_message} (check {wording.ca_file})"
    reason = cause.reason if isinstance(cause, ssl.SSLError) else None
    return (reason or "handshake failed").replace("_", " ").lower()


def is_outage(error: SourceError) -> bool:
    """Whether Prometheus gave no answer at all, so that asking something else is of no use."""
    return isinstance(error.__cause__, aiohttp.ClientError | OSError | Unavailable)
