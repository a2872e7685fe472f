"""`metav1.Status`: the body of every error (apimachinery ``pkg/apis/meta/v1/types.go``)."""

from typing import Literal

import msgspec

from adapter.errors import AdapterError


class StatusCause(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of several reasons for a failure."""

    reason: str = ""
    message: str = ""
    field: str = ""


class StatusDetails(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What the failure is about."""

    name: str = ""
    group: str = ""
    kind: str = ""
    causes: tuple[StatusCause, ...] = ()
    retry_after_seconds: int = 0


class Status(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    r"""`metav1.Status`; fields in the order kube-apiserver writes them.

    >>> from adapter.errors import NotFound
    >>> from adapter.model.status import encode_status, Status
    >>> error = NotFound('pods "x" not found', name="x", kind="pods")
    >>> print(encode_status(Status.from_error(error)).decode())
    ... # doctest: +ELLIPSIS
    {"kind":"Status",...,"message":"pods \"x\" not found","reason":"NotFound",...,"code":404}
    """

    kind: Literal["Status"] = "Status"
    api_version: Literal["v1"] = "v1"
    metadata: dict[str, str] = {}
    status: Literal["Success", "Failure"] = "Failure"
    message: str
    reason: str
    details: StatusDetails | msgspec.UnsetType = msgspec.UNSET
    code: int

    @classmethod
    def from_error(cls, error: AdapterError) -> "Status":
        """Describe *error* to an API client."""
        details: StatusDetails | msgspec.UnsetType = msgspec.UNSET
        if error.details:
            details = StatusDetails(
                name=error.name,
                group=error.group,
                kind=error.kind,
                causes=tuple(StatusCause(message=cause) for cause in error.causes),
                retry_after_seconds=error.retry_after_seconds,
            )
        return cls(message=str(error), reason=error.reason, code=int(error.code), details=details)


def encode_status(status: Status) -> bytes:
    """Encode *status* as JSON, without a final newline."""
    return msgspec.json.encode(status)
