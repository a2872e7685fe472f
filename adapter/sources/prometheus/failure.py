"""What can go wrong between us and Prometheus, in words for the person who must mend it."""

import errno
import os
import socket
import ssl
from enum import StrEnum

import aiohttp

from adapter.errors import SourceError, SourceTimeout
from adapter.promql.response import ResponseError, decode_error

LONGEST_CAUSE = 300
"""Characters of Prometheus' own text we pass on; it repeats the query, which may be long."""


class Result(StrEnum):
    """How a request ended, for own metrics."""

    OK = "ok"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    REFUSED = "http_error"
    BROKEN = "broken_answer"


def describe_transport(error: Exception, seconds: float) -> tuple[Result, SourceError]:
    """Describe an exception of the HTTP client, without any address."""
    if isinstance(error, TimeoutError):
        text = f"prometheus did not answer within {seconds:g} s"
        return Result.TIMEOUT, SourceTimeout(text)
    result, text = _transport_cause(error)
    return result, SourceError(text)


def _transport_cause(error: Exception) -> tuple[Result, str]:
    match error:
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return Result.TLS, f"no TLS with prometheus: {_tls_cause(error)}"
        case aiohttp.ClientConnectorDNSError():
            return Result.UNREACHABLE, "cannot resolve the host of --prometheus-url"
        case aiohttp.ClientConnectorError():
            cause = _os_cause(error.os_error)
            return Result.UNREACHABLE, f"cannot connect to prometheus: {cause}"
        case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError():
            text = "prometheus closed the connection before its answer was complete"
            return Result.UNREACHABLE, text
        case OSError():
            return Result.UNREACHABLE, f"lost the connection to prometheus: {_os_cause(error)}"
        case _:
            text = f"prometheus' answer is not HTTP as expected ({type(error).__name__})"
            return Result.BROKEN, text


def describe_status(status: int, body: bytes) -> tuple[Result, SourceError]:
    """Describe an answer whose status is not 200, with Prometheus' own text where it has one."""
    answer = decode_error(body)
    if answer is not None:
        return Result.REFUSED, describe_answer(answer)
    hint = {
        301: ": a redirect; is --prometheus-url the address of the API?",
        302: ": a redirect, often to a login page; are the credentials right?",
        401: ": the credentials are not accepted; check the --prometheus-* token or user",
        403: ": the credentials do not permit queries",
        404: ": no Prometheus API there; is the path of --prometheus-url right?",
    }.get(status, "")
    return Result.REFUSED, SourceError(f"prometheus answered HTTP {status}{hint}")


def describe_answer(answer: ResponseError) -> SourceError:
    """Describe an answer that is no vector."""
    text = str(answer)
    if len(text) > LONGEST_CAUSE:
        text = text[:LONGEST_CAUSE] + " …"
    if not answer.error_type:
        return SourceError(f"cannot use prometheus' answer: {text}")
    kind = SourceTimeout if answer.error_type == "timeout" else SourceError
    return kind(f"prometheus refused the query: {answer.error_type}: {text}")


_NAME_MISMATCHES = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def _tls_cause(error: Exception) -> str:
    cause: BaseException | None = error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in _NAME_MISMATCHES:
            return "its certificate is for another host than --prometheus-url names"
        return f"certificate verify failed: {cause.verify_message} (check --prometheus-ca-file)"
    reason = cause.reason if isinstance(cause, ssl.SSLError) else None
    return (reason or "handshake failed").replace("_", " ").lower()


def _os_cause(error: OSError) -> str:
    """Name an error of the operating system; asyncio's own text holds the address."""
    if isinstance(error, socket.gaierror):
        return "its host cannot be resolved"
    number = error.errno
    if number is None:
        return "the connection broke"
    return os.strerror(number).lower() if number in errno.errorcode else "network error"


def is_outage(error: SourceError) -> bool:
    """Whether Prometheus gave no answer at all, so that asking something else is of no use."""
    return isinstance(error.__cause__, aiohttp.ClientError | OSError)
