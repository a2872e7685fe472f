"""Who asked for what, and what came of it: events of ``audit.k8s.io/v1`` at level ``Metadata``.

Fields and their order are those apiserver writes (``pkg/apis/audit/v1/types.go``,
``pkg/audit/request.go``).
"""

import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from adapter.apis.gojson import escape_html
from adapter.model.identity import Attributes, UserInfo
from adapter.model.status import Status
from adapter.periodic import Clock
from adapter.server.auditcut import MAX_URI, cut, cut_all, cut_user
from adapter.server.auditpolicy import API_VERSION, Level, Policy, Stage
from adapter.server.authn import USER
from adapter.server.limits import when_sent
from adapter.server.requestinfo import attributes_of
from adapter.server.responses import FAILURE
from adapter.server.sourceips import source_ips

log = logging.getLogger(__name__)

AUDIT_ID = "Audit-ID"
"""The header that names a request to all servers it passes through; answers repeat it."""

ANNOTATIONS = web.RequestKey("audit-annotations", dict[str, str])
"""What the event of a request will say besides; there while requests are audited."""

DECISION, REASON = "authorization.k8s.io/decision", "authorization.k8s.io/reason"
"""Annotations: ``allow`` or ``forbid``, and what the authorizer said about it."""

TRUNCATED = "audit.k8s.io/truncated"
"""Annotation of an event of which something is cut, as apiserver's (``plugin/pkg/audit/truncate``).

apiserver cuts bodies, and loses events that are long without. What is long here a client made so.
"""

MAX_AUDIT_ID = 256

_LONG_LINE = 16 * 1024
"""Bytes of a line up to which it is written whole."""

_ENDED_EARLY = "Connection closed early"


class Lines(Protocol):
    """Takes lines of the audit."""

    def put(self, line: bytes) -> None:
        """Have *line* written, soon."""


class Event(NamedTuple):
    """What is known of a request when its answer is sent; times are Unix seconds.

    *truncated* says that something in it was cut.
    """

    audit_id: str
    request_uri: str
    user: UserInfo | None
    attributes: Attributes
    source_ips: tuple[str, ...]
    user_agent: str
    response_status: Mapping[str, Any]
    received: float
    completed: float
    annotations: Mapping[str, str]
    truncated: bool = False


Format = Callable[[Event, Stage], bytes]
"""Makes the line of a stage of an event."""


class Audit:
    """Decides what is recorded, and records it.

    Args:
        policy: Says of which requests.
        lines: Where to.
        line: How; `json_line` or `legacy_line`.
    """

    def __init__(self, policy: Policy, lines: Lines, line: Format) -> None:
        self._policy = policy
        self._lines = lines
        self._line = line

    def record(self, event: Event) -> None:
        """Record what the policy wants.

        That a request was received is recorded with its completion: only then is it known who
        asked. Its time is that of the arrival.
        """
        decision = self._policy.decide(event.user, event.attributes)
        if decision.level is Level.NONE:
            return
        for stage in (Stage.REQUEST_RECEIVED, Stage.RESPONSE_COMPLETE):
            if stage not in decision.omit_stages:
                line = self._line(event, stage)
                if len(line) > _LONG_LINE:
                    line = self._line(_shortened(event), stage)
                self._lines.put(line)


def audited(audit: Audit | None, clock: Clock) -> Middleware:
    """Give every request an ID, and record it; without *audit* the ID is all.

    It belongs outside of what turns errors into answers.
    """

    @web.middleware
    async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
        audit_id = _audit_id(request)
        received = clock.time()
        if audit is not None:
            request[ANNOTATIONS] = {}
        response: web.StreamResponse | None = None

        def record() -> None:
            if audit is not None:
                event = _event(request, response, audit_id, (received, clock.time()))
                audit.record(event)

        try:
            response = await handler(request)
        finally:
            if response is None:  # whoever asked has left
                record()
        response.headers.setdefault(AUDIT_ID, audit_id)
        if audit is not None and not when_sent(request, record):
            record()
        return response

    return identify


def json_line(event: Event, stage: Stage) -> bytes:
    """An ``Event`` as JSON."""
    received = stage is Stage.REQUEST_RECEIVED
    fields = {
        "kind": "Event",
        "apiVersion": API_VERSION,
        "level": Level.METADATA.value,
        "auditID": event.audit_id,
        "stage": stage.value,
        "requestURI": event.request_uri,
        "verb": event.attributes.verb,
        "user": _user(event.user),
        "sourceIPs": event.source_ips,
        "userAgent": event.user_agent,
        "objectRef": _object(event.attributes),
        "responseStatus": None if received else event.response_status,
        "requestReceivedTimestamp": _micro_time(event.received),
        "stageTimestamp": _micro_time(event.received if received else event.completed),
        "annotations": _annotations(event, stage),
    }
    always = {"user"}
    written = {name: value for name, value in fields.items() if value or name in always}
    return escape_html(msgspec.json.encode(written)) + b"\n"


def legacy_line(event: Event, stage: Stage) -> bytes:
    """An event as one line of text (apiserver ``pkg/audit/format.go``)."""
    user = event.user
    answered = event.response_status.get("code", "") if stage is Stage.RESPONSE_COMPLETE else ""
    groups = ",".join(map(_quoted, user.groups)) if user is not None and user.groups else "<none>"
    fields = {
        "id": event.audit_id,
        "stage": stage.value,
        "ip": event.source_ips[0] if event.source_ips else "<unknown>",
        "method": event.attributes.verb,
        "user": user.name if user is not None and user.name else "<none>",
        "groups": groups,
        "as": "<self>",
        "asgroups": "<lookup>",
        "user-agent": event.user_agent,
        "namespace": event.attributes.namespace or "<none>",
        "uri": event.request_uri,
        "response": str(answered or "<deferred>"),
    }
    text = " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())
    moment = _micro_time(event.received)[:-1].rstrip("0").rstrip(".")  # as RFC3339Nano
    return f"{moment}Z AUDIT: {text}\n".encode()


def _event(
    request: web.Request,
    response: web.StreamResponse | None,
    audit_id: str,
    times: tuple[float, float],
) -> Event:
    user = request.get(USER)
    annotations = request.get(ANNOTATIONS, {})
    return Event(
        audit_id=audit_id,
        request_uri=_printable(request.raw_path),
        user=user,
        attributes=_attributes(request),
        source_ips=source_ips(request),
        user_agent=cut(_printable(request.headers.get(hdrs.USER_AGENT, ""))),
        response_status=_response_status(response, request.get(FAILURE)),
        received=times[0],
        completed=times[1],
        annotations=annotations,
    )


def _shortened(event: Event) -> Event:
    """*event* with nothing in it that a client made long."""
    attributes = event.attributes
    short = event._replace(
        request_uri=cut(event.request_uri, MAX_URI),
        attributes=attributes._replace(
            namespace=cut(attributes.namespace),
            group=cut(attributes.group),
            version=cut(attributes.version),
            resource=cut(attributes.resource),
            subresource=cut(attributes.subresource),
            name=cut(attributes.name),
        ),
        response_status=cut_all(event.response_status),
        annotations=cut_all(event.annotations),
        user=cut_user(event.user),
    )
    return event if short == event else short._replace(truncated=True)


def _attributes(request: web.Request) -> Attributes:
    found = attributes_of(request.method, _printable(request.path), request.query)
    return found._replace(name=_printable(found.name))  # may come from the query


def _audit_id(request: web.Request) -> str:
    given = request.headers.get(AUDIT_ID, "")
    # what cannot be a header of the answer gets another
    if 0 < len(given) <= MAX_AUDIT_ID and given.isascii() and given.isprintable():
        return given
    return str(uuid.uuid4())


def _annotations(event: Event, stage: Stage) -> Mapping[str, str]:
    found = {} if stage is Stage.REQUEST_RECEIVED else dict(event.annotations)
    if event.truncated:
        found[TRUNCATED] = "true"
    return dict(sorted(found.items()))


def _user(user: UserInfo | None) -> Mapping[str, Any]:
    if user is None:
        return {}
    extra = {key: list(values) for key, values in user.extra.items()}
    fields = {"username": user.name, "uid": user.uid, "groups": user.groups, "extra": extra}
    return {name: value for name, value in fields.items() if value}


def _object(attributes: Attributes) -> Mapping[str, str]:
    if not attributes.is_resource:
        return {}
    fields = {
        "resource": attributes.resource,
        "namespace": attributes.namespace,
        "name": attributes.name,
        "apiGroup": attributes.group,
        "apiVersion": attributes.version,
        "subresource": attributes.subresource,
    }
    return {name: value for name, value in fields.items() if value}


def _response_status(
    response: web.StreamResponse | None, failure: Status | None
) -> Mapping[str, Any]:
    if response is None:
        return {"metadata": {}, "status": "Success", "message": _ENDED_EARLY, "code": 200}
    if failure is None:
        return {"metadata": {}, "code": response.status}
    fields: dict[str, Any] = msgspec.to_builtins(failure)
    return {name: fields[name] for name in _STATUS_FIELDS if name in fields}


_STATUS_FIELDS = ("metadata", "status", "message", "reason", "details", "code")


def _micro_time(unix: float) -> str:
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def _printable(text: str) -> str:
    """*text* without the surrogates that stand for bytes that are no UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
