"""Who asks: the aggregator's word, a client certificate, a bearer token, or nobody known.

Order and rules are those of the Go library (apiserver ``pkg/authentication/request``): the first
that says yes wins; when none does and one of them failed, the answer is 401; only who shows nothing
at all is anonymous. Nothing that proves an identity, or claims one, reaches a handler or a log.
"""

import logging
import ssl
import weakref
from typing import NamedTuple, Protocol

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from adapter.errors import Unauthorized
from adapter.kube.api import KubeApiError
from adapter.kube.authenticationconfig import AuthenticationConfig
from adapter.kube.cabundle import authorities_in
from adapter.model.identity import ANONYMOUS, UserInfo
from adapter.periodic import Clock
from adapter.server.clientcert import ClientCertificate, client_certificate
from adapter.server.identityheaders import (
    IdentityHeaders,
    InvalidHeader,
    as_headers,
    bearer_token,
)
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

USER = web.RequestKey("user", UserInfo)
"""Who asked, kept with a request."""

_UNASKED = web.RequestKey("unasked", bool)

CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"


METHODS = ("front_proxy", "certificate", "token", "anonymous", "refused")
"""How it is told who asks, as own metrics have it."""

Identity = tuple[tuple[str, str], ...]
"""Names and values of headers that say who asks."""


class Configured(Protocol):
    """Where the configuration of the moment comes from."""

    config: AuthenticationConfig
    revision: int


class Tokens(Protocol):
    """Knows whose a bearer token is."""

    async def review(self, token: str) -> UserInfo | None:
        """Whose it is; None when it is nobody's.

        Raises:
            KubeApiError: Nobody can say now.
        """


class _Believed(NamedTuple):
    """What a connection is good for, by the configuration of a revision.

    Attributes:
        revision: That of the configuration.
        certificate: What the client showed.
        front_proxy: Whether it may say who asks.
        user: Whom the certificate speaks of.
        unasked: Whether the client would have been asked for a certificate today, and was not.
    """

    revision: int = -1
    certificate: ClientCertificate | None = None
    front_proxy: bool = False
    user: UserInfo | None = None
    unasked: bool = False


_NOTHING = _Believed()

_MOST_TOLD = 100
"""Certificates that are remembered as complained about, so that each is in the log once."""


class Authentication:
    """Establishes who asks.

    Args:
        configured: CAs, names and headers of the moment.
        tokens: Reviews bearer tokens.
        clock: Tells when a certificate has ended.
        telemetry: Counts how requests were authenticated.
    """

    def __init__(
        self, configured: Configured, tokens: Tokens, *, clock: Clock, telemetry: Telemetry
    ) -> None:
        self._configured = configured
        self._tokens = tokens
        self._clock = clock
        self._counters = {
            method: telemetry.access.authentications.labels(method) for method in METHODS
        }
        self._believed: weakref.WeakKeyDictionary[object, _Believed] = weakref.WeakKeyDictionary()
        self._headers = IdentityHeaders(configured.config)
        self._headers_revision = configured.revision
        self._told: set[tuple[str, str]] = set()

    @property
    def headers(self) -> IdentityHeaders:
        """The headers of identities, as they are configured now."""
        if self._headers_revision != self._configured.revision:
            self._headers = IdentityHeaders(self._configured.config)
            self._headers_revision = self._configured.revision
        return self._headers

    async def establish(self, request: web.Request, passed_on: Identity) -> UserInfo:
        """Who sent *request*; says with it whether to keep its connection.

        Args:
            request: It has headers with credentials yet.
            passed_on: Those of its headers in which the aggregator names users.

        Raises:
            Unauthorized: What proves an identity was shown and does not hold.
        """
        believed = self._certificate(request)
        request[_UNASKED] = believed.unasked
        method, user = await self._established(believed, request, passed_on)
        self._counters[method].inc()
        if user is None:
            raise Unauthorized("Unauthorized", details=False)
        return user

    async def _established(
        self, believed: _Believed, request: web.Request, passed_on: Identity
    ) -> tuple[str, UserInfo | None]:
        if believed.front_proxy:
            try:
                named = self.headers.user(passed_on)
            except InvalidHeader as error:
                log.warning("refused what the aggregator said: %s", error)
                return "refused", None
            if named is not None:
                return "front_proxy", named.authenticated()
        if believed.user is not None:
            return "certificate", believed.user.authenticated()
        token = bearer_token(request.headers.get(hdrs.AUTHORIZATION, ""))
        if token is not None:
            try:
                owner = await self._tokens.review(token)
            except KubeApiError:  # whoever asks logs that it cannot
                owner = None
            return ("refused", None) if owner is None else ("token", owner.authenticated())
        if believed.certificate is not None:
            return "refused", None
        return "anonymous", ANONYMOUS

    def _certificate(self, request: web.Request) -> _Believed:
        """What the certificate of *request*'s connection is good for now."""
        transport = request.transport
        connection = transport.get_extra_info("ssl_object") if transport is not None else None
        if connection is None:
            return _NOTHING
        believed = self._believed.get(connection)
        if believed is None or believed.revision != self._configured.revision:
            certificate = (
                client_certificate(connection) if believed is None else believed.certificate
            )
            believed = self._judged(connection, certificate)
            self._believed[connection] = believed
        if believed.certificate is None or self._clock.time() <= believed.certificate.not_after:
            return believed
        return believed._replace(front_proxy=False, user=None)

    def _judged(
        self, connection: ssl.SSLObject, certificate: ClientCertificate | None
    ) -> _Believed:
        config, revision = self._configured.config, self._configured.revision
        if certificate is None:
            asking = bool(config.client_ca or config.requestheader_ca)
            unasked = asking and connection.context.verify_mode is ssl.CERT_NONE
            return _Believed(revision, unasked=unasked)
        name = certificate.subject.common_name
        of_proxy = certificate.signed_by(authorities_in(config.requestheader_ca))
        front_proxy = of_proxy and (not config.allowed_names or name in config.allowed_names)
        of_client = bool(name) and certificate.signed_by(authorities_in(config.client_ca))
        if not front_proxy and not of_client:
            allowed = ", ".join(config.allowed_names)
            self._tell(
                certificate,
                f"its name is none of those the aggregator may have: {allowed}"
                if of_proxy
                else "its issuer is none of the CAs that are known now",
            )
        user = _certified(certificate) if of_client else None
        return _Believed(revision, certificate, front_proxy, user)

    def _tell(self, certificate: ClientCertificate, why: str) -> None:
        """Log what is wrong with *certificate*, once."""
        told = (certificate.fingerprint, why)
        if told in self._told or len(self._told) >= _MOST_TOLD:
            return
        self._told.add(told)
        log.warning(
            "client certificate of %r by %s is not accepted: %s",
            certificate.subject.common_name,
            certificate.issuer,
            why,
        )


def authenticated(authentication: Authentication) -> Middleware:
    """Establish who asks, and keep it in ``request[USER]``.

    What proves or claims an identity is gone from the headers that handlers see.

    Raises:
        Unauthorized: From the middleware, when it cannot be established.
    """

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        found = authentication.headers.sort(request.headers)
        request[USER] = await authentication.establish(request, found.identity)
        if found.removed:
            request = request.clone(headers=as_headers(found.kept))
        return await handler(request)

    return authenticate


async def leave_unasked(request: web.Request, response: web.StreamResponse) -> None:
    """Close a connection from before the CAs were known; for ``Application.on_response_prepare``.

    kube-apiserver keeps its connections for hours: it would stay a stranger on this one.
    """
    if request.get(_UNASKED, False):
        response.force_close()
        response.headers[hdrs.CONNECTION] = "close"  # aiohttp has set this header before


def _certified(certificate: ClientCertificate) -> UserInfo:
    """Whom a client certificate speaks of (apiserver ``CommonNameUserConversion``)."""
    subject = certificate.subject
    return UserInfo(
        name=subject.common_name,
        uid=subject.uid,
        groups=subject.organizations,
        extra={CREDENTIAL_ID: (f"X509SHA256={certificate.fingerprint}",)},
    )
