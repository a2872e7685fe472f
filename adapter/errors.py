"""The error tree; one class is one ``metav1.Status`` reason.

::

    AdapterError                 500 InternalError
    ├── BadRequest               400 BadRequest
    ├── Unauthorized             401 Unauthorized
    ├── Forbidden                403 Forbidden
    ├── NotFound                 404 NotFound
    ├── MethodNotAllowed         405 MethodNotAllowed
    ├── NotAcceptable            406 NotAcceptable
    ├── RequestEntityTooLarge    413 RequestEntityTooLarge
    ├── TooManyRequests          429 TooManyRequests
    ├── SourceError              503 ServiceUnavailable
    │   └── SourceTimeout        504 Timeout
    └── ConfigError              500 InternalError (start-up only, never sent)

Messages are sentences for the person who reads ``kubectl describe hpa``: lower case, what was
asked, why it failed, what to change. Addresses of backends and credentials stay out of them.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import ClassVar


class AdapterError(Exception):
    """Base of all errors that may reach an API client.

    Args:
        message: The ``Status.message``.
        name: Name of the object concerned, for ``Status.details``.
        group: API group of the object concerned.
        kind: Resource or kind concerned, as the peers write it (``pods``, ``podmetrics``).
        details: False leaves ``details`` out of the Status; some of kube-apiserver's do.
        causes: What it follows from, for ``Status.details``.

    A client is told to try again after ``retry_after_seconds``; 0 tells it nothing. client-go
    sleeps so long in the worker of an HPA.
    """

    code: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    reason: ClassVar[str] = "InternalError"
    retry_after_seconds: ClassVar[int] = 0

    def __init__(
        self,
        message: str,
        *,
        name: str = "",
        group: str = "",
        kind: str = "",
        details: bool = True,
        causes: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.name = name
        self.group = group
        self.kind = kind
        self.details = details
        self.causes = tuple(causes)


class BadRequest(AdapterError):
    """The request cannot be understood: selector, query parameter."""

    code = HTTPStatus.BAD_REQUEST
    reason = "BadRequest"


class Unauthorized(AdapterError):
    """Who asks could not be established."""

    code = HTTPStatus.UNAUTHORIZED
    reason = "Unauthorized"


class Forbidden(AdapterError):
    """Who asks may not."""

    code = HTTPStatus.FORBIDDEN
    reason = "Forbidden"


class NotFound(AdapterError):
    """The path, object or metric does not exist, or has no value."""

    code = HTTPStatus.NOT_FOUND
    reason = "NotFound"


class MethodNotAllowed(AdapterError):
    """The resource exists but not with this method."""

    code = HTTPStatus.METHOD_NOT_ALLOWED
    reason = "MethodNotAllowed"


class NotAcceptable(AdapterError):
    """None of the accepted representations can be produced."""

    code = HTTPStatus.NOT_ACCEPTABLE
    reason = "NotAcceptable"


class RequestEntityTooLarge(AdapterError):
    """The request brings more than is read."""

    code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    reason = "RequestEntityTooLarge"


class TooManyRequests(AdapterError):
    """More is asked at once than one server takes on."""

    code = HTTPStatus.TOO_MANY_REQUESTS
    reason = "TooManyRequests"
    retry_after_seconds = 1


class SourceError(AdapterError):
    """A metric source failed: refused, broken answer, error answer."""

    code = HTTPStatus.SERVICE_UNAVAILABLE
    reason = "ServiceUnavailable"


class SourceTimeout(SourceError):
    """A metric source did not answer in time."""

    code = HTTPStatus.GATEWAY_TIMEOUT
    reason = "Timeout"


class ConfigError(AdapterError):
    """Flags or rule file are wrong; carries every problem found.

    Args:
        problems: One sentence each, with file, line and column where there is one.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
