"""Bearer tokens by OAuth2 client credentials (RFC 6749 §4.4): fetched, kept, renewed in time."""

import asyncio
import logging
import ssl
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import quote_plus

import aiohttp
import msgspec

from adapter.errors import SourceError, SourceTimeout
from adapter.periodic import Clock
from adapter.sources.followed import FollowedSecret
from adapter.sources.lookups import OwnThreads
from adapter.sources.prometheus.failure import LONGEST_CAUSE, Unavailable, Wording
from adapter.sources.prometheus.options import OAuth2Options
from adapter.sources.prometheus.refresh import Backoff
from adapter.transport import os_cause

log = logging.getLogger(__name__)

EARLY_SECONDS = 30.0
"""How long before its end a token is renewed, so that none ends on its way; at most a tenth."""

RENEWAL_SECONDS = 30.0
"""A refused token is renewed at most once in this time: a new one that is refused, too, stays."""


class _Answer(msgspec.Struct):
    access_token: str = ""
    token_type: str | None = None
    expires_in: float | str | None = None


class _Refusal(msgspec.Struct):
    error: str = ""
    error_description: str | None = None


class _Token(NamedTuple):
    text: str
    renew_at: float
    ends_at: float


class OAuth2Tokens:
    """The token of the moment.

    Args:
        options: Where tokens are given out, and to whom.
        clock: Where time comes from.
        timeout: Seconds a token may take to come.
        tls: Context for the token endpoint.
        wording: What the options are called.
    """

    def __init__(
        self,
        options: OAuth2Options,
        *,
        clock: Clock,
        timeout: float,
        tls: ssl.SSLContext,
        wording: Wording,
    ) -> None:
        self._options = options
        self._clock = clock
        self._timeout = timeout
        self._tls = tls
        self._wording = wording
        self._secret = FollowedSecret(options.secret_file, prefix=wording.prefix)
        self._token: _Token | None = None
        self._lock = asyncio.Lock()
        self._backoff = Backoff(clock)
        self._no_renewal_until = 0.0
        self._in_body = False

    def check(self) -> None:
        """Find out whether the secret can be read.

        Raises:
            OSError: It cannot.
            ValueError: Its file holds no single line of text.
        """
        self._secret.text()

    async def token(self) -> str:
        """The token; fetched by one caller at a time.

        Raises:
            SourceError: None could be had, and the last one has ended; `SourceTimeout` if it took
                too long.
        """
        token = self._token
        if token is not None and self._clock.monotonic() < token.renew_at:
            return token.text
        async with self._lock:
            token = self._token
            if token is None or self._clock.monotonic() >= token.renew_at:
                token = await self._renewed(token)
                self._token = token
        return token.text

    def refused(self, token: str) -> bool:
        """Take note that Prometheus refused *token*; True when it is worth trying another."""
        now = self._clock.monotonic()
        if self._token is None or self._token.text != token:
            return True  # it has been renewed meanwhile, or is about to be
        if now < self._no_renewal_until:
            return False
        self._no_renewal_until = now + RENEWAL_SECONDS
        self._token = None
        return True

    async def _renewed(self, last: _Token | None) -> _Token:
        try:
            self._backoff.check()
            token = await self._fetch()
        except SourceError as error:
            if self._backoff.error is None:
                log.warning("%s", error)
            self._backoff.failed(error)
            if last is not None and self._clock.monotonic() < last.ends_at:
                return last
            # without a token there is no use in asking Prometheus anything
            raise error from (error.__cause__ or Unavailable("no token"))
        self._backoff.succeeded()
        return token

    async def _fetch(self) -> _Token:
        asked = self._clock.monotonic()
        secret = self._secret.text()
        try:
            status, body = await self._ask(secret)
            if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED}:
                # RFC 6749 §2.3.1 wants servers to take the secret as basic auth; some want it in
                # the body. What worked is kept.
                self._in_body = not self._in_body
                status, body = await self._ask(secret)
        except (aiohttp.ClientError, OSError) as error:
            raise self._unreachable(error) from error
        if status != HTTPStatus.OK:
            self._in_body = False
            raise self._error(_refusal(status, body, secret))
        return self._read(body, asked)

    async def _ask(self, secret: str) -> tuple[int, bytes]:
        form = {"grant_type": "client_credentials", **dict(self._options.parameters)}
        if self._options.scopes:
            form["scope"] = " ".join(self._options.scopes)
        headers = {"Accept": "application/json"}
        if self._in_body:
            form |= {"client_id": self._options.client_id, "client_secret": secret}
        else:
            headers["Authorization"] = aiohttp.encode_basic_auth(
                quote_plus(self._options.client_id), quote_plus(secret)
            )
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=OwnThreads()),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
            ) as session,
            session.post(
                self._options.token_url,
                data=form,
                headers=headers,
                ssl=self._tls,
                allow_redirects=False,
            ) as response,
        ):
            return response.status, await response.read()

    def _read(self, body: bytes, asked: float) -> _Token:
        try:
            answer = msgspec.json.decode(body, type=_Answer)
            lifetime = float("inf" if answer.expires_in is None else answer.expires_in)
        except (msgspec.DecodeError, ValueError):
            # not chained: the decoder's text may show a part of the token
            raise self._error("its answer is not that of RFC 6749") from None
        if not answer.access_token or not answer.access_token.isprintable():
            raise self._error("its answer has no access_token")
        kind = answer.token_type or "bearer"
        if kind.lower() != "bearer":
            raise self._error(f"it gives tokens of type {kind[:40]!r}, not bearer")
        early = min(EARLY_SECONDS, lifetime / 10)
        return _Token(answer.access_token, asked + lifetime - early, asked + lifetime)

    def _unreachable(self, error: Exception) -> SourceError:
        match error:
            case TimeoutError():
                text = f"no answer within {self._timeout:.3g} s"
                return SourceTimeout(str(self._error(text)))
            case aiohttp.ClientSSLError() | ssl.SSLError():
                return self._error(f"no TLS with it; check {self._wording.ca_file}")
            case aiohttp.ClientConnectorError():
                return self._error(f"cannot connect to it: {os_cause(error.os_error)}")
            case _:
                return self._error("the connection broke")

    def _error(self, text: str) -> SourceError:
        return SourceError(
            f"{self._wording.prefix}no token for prometheus from its OAuth2 token endpoint: {text}"
        )


def _refusal(status: int, body: bytes, secret: str) -> str:
    """What the endpoint answered, without the secret, should it repeat that."""
    try:
        refusal = msgspec.json.decode(body, type=_Refusal)
    except msgspec.DecodeError:
        refusal = _Refusal()
    told = ": ".join(filter(None, (refusal.error, refusal.error_description)))
    for spelling in (secret, quote_plus(secret)):
        told = told.replace(spelling, "***")
    text = "".join(char for char in told if char.isprintable())[:LONGEST_CAUSE]
    return f"it answered HTTP {status}" + (f": {text}" if text else "")
