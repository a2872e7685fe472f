"""Who asks the stand-in kube-apiserver, and may they."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import hdrs, web

from adapter.errors import Unauthorized

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"

Policy = Callable[[Mapping[str, Any]], bool]
"""Decides about the ``spec`` of a SubjectAccessReview."""


@dataclass(frozen=True, slots=True)
class User:
    """An identity with its groups and extra values."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def authenticated(self) -> "User":
        """This user as a member of the group every authenticated user is in."""
        groups = tuple(dict.fromkeys((*self.groups, AUTHENTICATED)))
        return User(self.name, groups, self.uid, self.extra)


USER = web.RequestKey("user", User)
"""Who asked, kept with a request."""

ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


class Identities:
    """Bearer tokens and the users behind them."""

    def __init__(self) -> None:
        self._users: dict[str, User] = {}

    def issue(self, user: User) -> str:
        """Make a token for *user*."""
        token = secrets.token_urlsafe(32)
        self._users[token] = user.authenticated()
        return token

    def revoke(self, token: str) -> None:
        """Make *token* worthless."""
        self._users.pop(token, None)

    def lookup(self, token: str) -> User | None:
        """Whose token it is."""
        return self._users.get(token)

    def knows(self, name: str) -> bool:
        """Whether any token of a user called *name* was issued."""
        return any(user.name == name for user in self._users.values())

    def authenticate(self, request: web.Request) -> User:
        """Client certificate, bearer token, anonymous: in this order.

        Raises:
            Unauthorized: A token that nobody issued.
        """
        peer = request.transport.get_extra_info("peercert") if request.transport else None
        if peer:
            subject = [pair for part in peer["subject"] for pair in part]
            name = next(value for key, value in subject if key == "commonName")
            groups = tuple(value for key, value in subject if key == "organizationName")
            return User(name, groups).authenticated()
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer":
            return ANONYMOUS
        user = self.lookup(token.strip())
        if user is None:
            raise Unauthorized("Unauthorized", details=False)
        return user


_PUBLIC = ("/healthz", "/livez", "/readyz", "/version")
_DISCOVERY = ("/api", "/apis", "/openapi")


def allow_known_users(identities: Identities) -> Policy:
    """Make the default policy: masters and users with a token may do everything.

    Everybody who is authenticated may discover, as ClusterRole ``system:discovery`` says.
    """

    def decide(spec: Mapping[str, Any]) -> bool:
        if MASTERS in spec.get("groups", ()) or identities.knows(spec.get("user", "")):
            return True
        path = spec.get("nonResourceAttributes", {}).get("path", "")
        discovers = any(path == top or path.startswith(f"{top}/") for top in _DISCOVERY)
        return path in _PUBLIC or (discovers and AUTHENTICATED in spec.get("groups", ()))

    return decide
