"""Why a scrape failed: a class for metrics and logs, and words for a person."""

import asyncio
import socket
import ssl
from enum import StrEnum


class FailureReason(StrEnum):
    """Classes of failures; the ``result`` label of own metrics."""

    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    HTTP = "http"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    NO_ADDRESS = "no_address"


class ScrapeFailed(Exception):
    """One scrape of one kubelet failed.

    Args:
        reason: Its class.
        text: What happened and how to mend it; holds no address and no credential.
        detail: More for the log only, such as addresses.
        retry: Nothing was answered on a connection that had served before: the kubelet closed it
            while it was idle, and a new one may do.
    """

    def __init__(
        self, reason: FailureReason, text: str, detail: str = "", *, retry: bool = False
    ) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.detail = detail
        self.retry = retry


def connect_failure(error: Exception) -> ScrapeFailed:
    """Classify what `asyncio.loop.create_connection` raised."""
    if isinstance(error, ssl.SSLCertVerificationError):
        text = (
            f"its certificate does not verify: {error.verify_message}; give its CA "
            "(--kubelet-certificate-authority) or verify its name (--kubelet-tls-server-name=node)"
        )
        return ScrapeFailed(FailureReason.TLS, text)
    if isinstance(error, ssl.SSLError):
        return ScrapeFailed(FailureReason.TLS, f"tls handshake failed: {error.reason or error}")
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return ScrapeFailed(FailureReason.TIMEOUT, "no connection in time")
    if isinstance(error, socket.gaierror):
        return ScrapeFailed(FailureReason.DNS, "its address cannot be resolved")
    if isinstance(error, ConnectionRefusedError):
        return ScrapeFailed(FailureReason.REFUSED, "connection refused")
    return ScrapeFailed(FailureReason.UNREACHABLE, f"cannot connect: {type(error).__name__}")


def status_failure(status: int, path: str) -> ScrapeFailed:
    """Classify an answer that is not 200."""
    if status == 401:
        text = "the kubelet does not accept our credentials (401); is its token webhook enabled?"
        return ScrapeFailed(FailureReason.UNAUTHORIZED, text)
    if status == 403:
        resource = "nodes/stats" if path.startswith("/stats") else "nodes/metrics"
        text = f"the kubelet forbids it (403); grant get on {resource}"
        return ScrapeFailed(FailureReason.FORBIDDEN, text)
    if status == 404:
        return ScrapeFailed(FailureReason.NOT_FOUND, f"the kubelet has no {path} (404)")
    return ScrapeFailed(FailureReason.HTTP, f"the kubelet answers with status {status}")
