"""Headers in which the aggregator says who asks, and what no handler may see of any request.

The rules are apiserver's (``pkg/authentication/request/headerrequest``), but for one: a user named
twice is refused, where Go takes the first. The aggregator never does that, so somebody else did.
"""

import re
import urllib.parse
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple, TypeVar

from aiohttp import hdrs
from multidict import CIMultiDict, MultiMapping

from adapter.kube.authenticationconfig import AuthenticationConfig
from adapter.model.identity import NO_EXTRA, UserInfo

_AUTHORIZATION = hdrs.AUTHORIZATION.lower()

_NEVER_KEPT = ("x-remote-", "impersonate-")
"""Beginnings of names (lower case) that go in any case: what others call identities, and wishes to
be somebody else, which kube-apiserver has dealt with before it asks us."""

_REMEMBERED = 1000
"""Names and users of which it is known what they mean."""

_LONGEST_NAME = 64
_LONGEST_IDENTITY = 8192
"""Characters of what is remembered: clients choose the names, and each may be as long as a header
can be."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")


class _Fate(Enum):
    """What becomes of a header."""

    KEPT = "kept"
    IDENTITY = "identity"
    DROPPED = "dropped"


class InvalidHeader(Exception):
    """A header of an identity means nothing, or two things; the message names it, not its value."""


class Sorted(NamedTuple):
    """Headers of a request by what becomes of them.

    Attributes:
        identity: Names and values that say who asks, when the aggregator sent them.
        kept: What handlers may see.
        removed: Whether anything is not kept.
    """

    identity: tuple[tuple[str, str], ...]
    kept: Sequence[tuple[str, str]]
    removed: bool


class IdentityHeaders:
    """Sorts and reads headers by one configuration.

    The same few users ask again and again, so what their headers mean is remembered.

    Args:
        config: Names of the headers; letter case does not count.
    """

    def __init__(self, config: AuthenticationConfig) -> None:
        self._names = _lower(config.username_headers)
        self._uids = _lower(config.uid_headers)
        self._groups = _lower(config.group_headers)
        self._prefixes = tuple(filter(None, _lower(config.extra_prefixes)))
        self._listed = frozenset((*self._names, *self._uids, *self._groups))
        self._fates: dict[str, _Fate] = {}
        self._users: dict[tuple[tuple[str, str], ...], UserInfo | None] = {}

    def sort(self, headers: MultiMapping[str]) -> Sorted:
        """Tell identities and credentials in *headers* from the rest."""
        identity, kept, removed = [], [], False
        for pair in headers.items():
            fate = self._fates.get(pair[0]) or self._fate(pair[0])
            if fate is _Fate.KEPT:
                kept.append(pair)
                continue
            removed = True
            if fate is _Fate.IDENTITY:
                identity.append(pair)
        return Sorted(tuple(identity), kept, removed)

    def user(self, identity: tuple[tuple[str, str], ...]) -> UserInfo | None:
        """Whom the headers *identity* name; None when they name nobody.

        The caller makes sure that they come from the aggregator.

        Raises:
            InvalidHeader: One is ambiguous or no text.
        """
        if identity in self._users:
            return self._users[identity]
        found = self._read(identity)
        if sum(len(name) + len(value) for name, value in identity) <= _LONGEST_IDENTITY:
            _remember(self._users, identity, found)
        return found

    def _fate(self, name: str) -> "_Fate":
        lower = name.lower()
        if lower in self._listed or lower.startswith(self._prefixes):
            fate = _Fate.IDENTITY
        elif lower == _AUTHORIZATION or lower.startswith(_NEVER_KEPT):
            fate = _Fate.DROPPED
        else:
            fate = _Fate.KEPT
        if len(name) <= _LONGEST_NAME:
            _remember(self._fates, name, fate)
        return fate

    def _read(self, identity: tuple[tuple[str, str], ...]) -> UserInfo | None:
        values: dict[str, list[str]] = {}
        for header, value in identity:
            values.setdefault(header.lower(), []).append(_text(header, value))
        name = _single(values, self._names)
        if not name:
            return None
        groups = [group for header in self._groups for group in values.get(header, ()) if group]
        return UserInfo(
            name=name,
            uid=_single(values, self._uids),
            groups=tuple(groups),
            extra=self._extra(values),
        )

    def _extra(self, values: Mapping[str, Sequence[str]]) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for prefix in self._prefixes:
            for header, given in values.items():
                if header.startswith(prefix):
                    key = _unescaped(header[len(prefix) :])
                    found[key] = (*found.get(key, ()), *given)
        return found or NO_EXTRA


def as_headers(kept: Sequence[tuple[str, str]]) -> CIMultiDict[str]:
    """*kept* as headers of a request; what was not UTF-8 is made so."""
    return CIMultiDict((name, _printable(value)) for name, value in kept)


def bearer_token(authorization: str) -> str | None:
    """The token of an ``Authorization`` header; None when there is none in it.

    >>> bearer_token("bearer abc"), bearer_token("Basic abc"), bearer_token("Bearer ")
    ('abc', None, None)
    """
    scheme, _, rest = authorization.strip().partition(" ")
    token = rest.partition(" ")[0]
    return token if scheme.lower() == "bearer" and token else None


def _remember(known: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Keep it; of what is known already, all is forgotten once that is much."""
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = value


def _single(values: Mapping[str, Sequence[str]], names: Sequence[str]) -> str:
    """The first value that is not empty; "" for none.

    Raises:
        InvalidHeader: A header is given more than once.
    """
    for name in names:
        given = values.get(name, ())
        if len(given) > 1:
            raise InvalidHeader(f"{name} is given {len(given)} times")
        if given and given[0]:
            return given[0]
    return ""


def _lower(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


def _text(header: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:  # bytes that were not UTF-8 are surrogates in aiohttp's headers
        raise InvalidHeader(f"{header} is not UTF-8") from None
    return value


def _printable(value: str) -> str:
    if value.isascii():
        return value
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _unescaped(key: str) -> str:
    """Undo percent-encoding; a key that is not well encoded is taken as it is."""
    return key if _BAD_ESCAPE.search(key) else urllib.parse.unquote(key)
