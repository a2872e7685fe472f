"""Whether they may: masters, paths that are open, or whom kube-apiserver allows.

The order is the Go library's (apiserver ``pkg/server/options/authorization.go``). Whatever cannot
be decided is refused.
"""

import logging
import re
from collections.abc import Sequence
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from adapter.errors import Forbidden, NotFound
from adapter.kube.api import KubeApiError
from adapter.model.identity import MASTERS, Attributes, Decision, UserInfo
from adapter.server.audit import ANNOTATIONS, DECISION, REASON
from adapter.server.authn import USER
from adapter.server.requestinfo import attributes_of
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

ATTRIBUTES = web.RequestKey("attributes", Attributes)
"""What a request asks for, kept with it."""

BASES = ("master", "open_path", "allowed", "denied", "failed")
"""What decisions rest on, as own metrics have it."""

_ENCODED_SLASH = "%2f"


class AccessReviews(Protocol):
    """Knows who may do what."""

    async def review(self, user: UserInfo, attributes: Attributes) -> Decision:
        """Whether *user* may.

        Raises:
            KubeApiError: Nobody can say now.
        """


class AllowedPaths:
    """Paths that need no authorization; they are never those of an API group's resources.

    Args:
        paths: Each exact, or with a ``*`` at its end for all that begin so.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        relative = [path.removeprefix("/") for path in paths]
        self._exact = frozenset(path for path in relative if not path.endswith("*"))
        self._beginnings = tuple(path[:-1] for path in relative if path.endswith("*"))

    def __contains__(self, attributes: Attributes) -> bool:
        if attributes.is_resource:
            return False
        path = attributes.path.removeprefix("/")
        return path in self._exact or path.startswith(self._beginnings)


class Authorization:
    """Decides whether a user may.

    Args:
        reviews: Asked when nothing else decides.
        always_allowed: Paths open to everybody, see `AllowedPaths`.
        telemetry: Counts decisions by what they rest on.
    """

    def __init__(
        self, reviews: AccessReviews, *, always_allowed: Sequence[str], telemetry: Telemetry
    ) -> None:
        self._reviews = reviews
        self._open = AllowedPaths(always_allowed)
        self._counters = {basis: telemetry.access.authorizations.labels(basis) for basis in BASES}

    async def decide(self, user: UserInfo, attributes: Attributes) -> Decision:
        """Whether *user* may do what *attributes* say; never raises."""
        decision, basis = await self._decided(user, attributes)
        self._counters[basis].inc()
        return decision

    async def _decided(self, user: UserInfo, attributes: Attributes) -> tuple[Decision, str]:
        if MASTERS in user.groups:
            return Decision(True), "master"
        if attributes in self._open:
            return Decision(True), "open_path"
        try:
            decision = await self._reviews.review(user, attributes)
        except KubeApiError:  # the reviews log that they fail; whoever asks must not read why
            return Decision(False), "failed"
        return decision, "allowed" if decision.allowed else "denied"


def authorized(authorization: Authorization) -> Middleware:
    """Let only those through who may; needs `adapter.server.authn.authenticated` outside of it.

    Raises:
        Forbidden: From the middleware.
        NotFound: For a path that another server could read otherwise than was authorized.
    """

    @web.middleware
    async def authorize(request: web.Request, handler: Handler) -> web.StreamResponse:
        attributes = attributes_of(request.method, request.path, request.query)
        request[ATTRIBUTES] = attributes
        user = request[USER]
        decision = await authorization.decide(user, attributes)
        if (annotations := request.get(ANNOTATIONS)) is not None:
            annotations[DECISION] = "allow" if decision.allowed else "forbid"
            annotations[REASON] = decision.reason
        if not decision.allowed:
            raise forbidden(user, attributes, decision.reason)
        if _ENCODED_SLASH in request.rel_url.raw_path.lower():
            # Go splits paths after decoding, aiohttp before: what was authorized is another thing
            raise NotFound("the server could not find the requested resource")
        return await handler(request)

    return authorize


def forbidden(user: UserInfo, attributes: Attributes, reason: str) -> Forbidden:
    """The refusal in kube-apiserver's words (apiserver ``handlers/responsewriters/errors.go``)."""
    text = _sanitized(f"User {_quoted(user.name)} cannot {_wish(attributes)}")
    if reason:
        text = f"{text}: {reason}"
    if not attributes.is_resource:
        return Forbidden(f"forbidden: {text}")
    group, resource, name = attributes.group, attributes.resource, attributes.name
    subject = f"{resource}.{group}" if group else resource
    if name:
        subject = f"{subject} {_quoted(name)}"
    return Forbidden(f"{subject} is forbidden: {text}", name=name, group=group, kind=resource)


def _wish(attributes: Attributes) -> str:
    if not attributes.is_resource:
        return f"{attributes.verb} path {_quoted(attributes.path)}"
    resource = "/".join(filter(None, (attributes.resource, attributes.subresource)))
    where = "at the cluster scope"
    if attributes.namespace:
        where = f"in the namespace {_quoted(attributes.namespace)}"
    return (
        f"{attributes.verb} resource {_quoted(resource)} in API group "
        f"{_quoted(attributes.group)} {where}"
    )


def _quoted(text: str) -> str:
    r"""*text* as Go's ``%q`` prints it.

    >>> print(_quoted('a"b\n'), _quoted("é\u200b"))
    "a\"b\n" "é\u200b"
    """
    return f'"{_UNPRINTED.sub(_escaped, text)}"'


_UNPRINTED = re.compile(r'[\\"]|[^ -~]')
_SHORT = {char: f"\\{letter}" for char, letter in zip("\a\b\f\n\r\t\v", "abfnrtv", strict=True)}


def _escaped(match: re.Match[str]) -> str:
    char = match.group()
    if char in {"\\", '"'}:
        return f"\\{char}"
    if char in _SHORT:
        return _SHORT[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _sanitized(text: str) -> str:
    """Nothing in it that a browser would take for markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
