"""Bearer tokens: whose they are, by asking kube-apiserver (TokenReview)."""

import hashlib
import hmac
import secrets

import msgspec

from adapter.kube.api import KubeApi, KubeApiError
from adapter.kube.reviewing import Reviews
from adapter.model.identity import UserInfo
from adapter.periodic import Clock
from adapter.telemetry import Telemetry

PATH = "/apis/authentication.k8s.io/v1/tokenreviews"

LONGEST_TOKEN = 32 * 1024
"""Characters of a token that is asked about; service account tokens have about a thousand."""


class _User(msgspec.Struct, frozen=True):
    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] | None = None
    extra: dict[str, tuple[str, ...]] | None = None


class _Status(msgspec.Struct, frozen=True):
    authenticated: bool = False
    user: _User = _User()


class _TokenReview(msgspec.Struct, frozen=True):
    status: _Status


_DECODER = msgspec.json.Decoder(_TokenReview)


AT_ONCE = 48
"""Reviews asked for at once, half of the connections to kube-apiserver: tokens that nobody knows
are anybody's, and must not keep the reviews of access waiting. Strangers have 32 at most."""


class TokenReviewer:
    """Says whose a token is; remembers it for a while, under a keyed hash of the token.

    Args:
        api: Where to ask; its user needs ``create`` on ``tokenreviews``.
        ttl: Seconds an answer is kept, whatever it is.
        clock: Where time comes from.
        telemetry: Own metrics.
    """

    def __init__(self, api: KubeApi, *, ttl: float, clock: Clock, telemetry: Telemetry) -> None:
        # a key of this process: the hashes mean nothing to whoever reads its memory dump
        self._secret = secrets.token_bytes(32)
        self._reviews: Reviews[UserInfo | None] = Reviews(
            api,
            kind="TokenReview",
            path=PATH,
            seconds=lambda _: ttl,
            at_once=AT_ONCE,
            clock=clock,
            telemetry=telemetry,
        )

    async def review(self, token: str) -> UserInfo | None:
        """Whose *token* is; None when it is nobody's, expired or revoked.

        Raises:
            KubeApiError: kube-apiserver could not be asked.
        """
        content = token.encode("utf-8", "surrogateescape")
        if len(content) > LONGEST_TOKEN or not token.isprintable() or not token.isascii():
            return None
        key = hmac.digest(self._secret, content, hashlib.sha256)
        return await self._reviews.outcome(key, lambda: _body(token), _read)


def _body(token: str) -> bytes:
    return msgspec.json.encode(
        {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token},
        }
    )


def _read(answer: bytes) -> UserInfo | None:
    try:
        status = _DECODER.decode(answer).status
    except msgspec.DecodeError as error:
        raise KubeApiError(f"kube-apiserver's answer is no TokenReview: {error}") from None
    if not status.authenticated or not status.user.username:
        return None
    user = status.user
    return UserInfo(user.username, user.uid, user.groups or (), user.extra or {})
