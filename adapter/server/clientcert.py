"""The certificate a client showed, and whether a CA we trust for a purpose has signed it.

TLS accepts certificates of every CA we know. Which of them it was decides what a certificate means,
so it is looked for in the chain that TLS verified; purpose (``clientAuth``), signatures and
validity were verified with it. As connections live for hours, the end of validity is looked at
again with every request, as Go does.

A session of TLS 1.2 can be resumed by its ID, which Python cannot switch off. No certificate is
shown then, and OpenSSL has kept the first of the chain only, so the others are remembered here.
"""

import hashlib
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from adapter.kube.cabundle import name_and_key

_DER = 2
"""``_ssl.ENCODING_DER``, for what Python has before 3.13."""

MOST_REMEMBERED = 4096
"""Certificates whose CAs are remembered: some 150 bytes for each."""

_UID = "1.3.6.1.4.1.57683.2"
"""Attribute of a subject that holds the user's uid (Kubernetes 1.33)."""


class Subject(NamedTuple):
    """Of whom a certificate speaks."""

    common_name: str
    organizations: tuple[str, ...] = ()
    uid: str = ""


class ClientCertificate(NamedTuple):
    """A certificate that TLS verified.

    Attributes:
        subject: Whose it is.
        issuer: Who signed it, for logs.
        not_after: When it ends, in Unix seconds.
        chain: The certificate and those above it up to the trusted one, in DER form.
    """

    subject: Subject
    issuer: str
    not_after: float
    chain: tuple[bytes, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in hexadecimal."""
        return hashlib.sha256(self.chain[0]).hexdigest()

    def signed_by(self, authorities: frozenset[bytes]) -> bool:
        """Whether one of *authorities*, by their names and keys, stands above it."""
        return not authorities.isdisjoint(map(name_and_key, self.chain[1:]))


class VerifiedConnection(ssl.SSLObject):
    """A connection whose session may be resumed.

    Attributes:
        issuers: The certificates above the client's, in DER form, if it was resumed.
    """

    issuers: tuple[bytes, ...] = ()


class VerifiedIssuers:
    """Who stands above the client certificates that were verified, for sessions that are resumed.

    They are those of one context, which remembers the sessions: what it has verified holds as long
    as its CAs, and so as long as itself.
    """

    def __init__(self) -> None:
        self._issuers: dict[bytes, tuple[bytes, ...]] = {}
        self._shared: dict[tuple[bytes, ...], tuple[bytes, ...]] = {}

    @property
    def full(self) -> bool:
        """Whether it is time for another context, with nothing to resume."""
        return len(self._issuers) >= MOST_REMEMBERED

    def complete(self, connection: VerifiedConnection) -> None:
        """Remember who stands above *connection*'s certificate, or tell it, after a handshake."""
        own = connection.getpeercert(binary_form=True)
        if own is None or connection.version() == "TLSv1.3":  # without tickets nothing is resumed
            return
        digest = hashlib.sha256(own).digest()
        if connection.session_reused:
            connection.issuers = self._issuers.get(digest, ())
        else:
            issuers = _verified_chain(connection)[1:]
            self._issuers[digest] = self._shared.setdefault(issuers, issuers)


def client_certificate(connection: ssl.SSLObject) -> ClientCertificate | None:
    """The certificate of *connection*'s client; None when it showed none."""
    shown = cast("Mapping[str, Any] | None", connection.getpeercert())
    own = connection.getpeercert(binary_form=True)
    if not shown or own is None:
        return None
    issuers = connection.issuers if isinstance(connection, VerifiedConnection) else ()
    return ClientCertificate(
        subject=_subject(shown.get("subject", ())),
        issuer=_text(shown.get("issuer", ())),
        not_after=ssl.cert_time_to_seconds(shown["notAfter"]),
        chain=_verified_chain(connection) or (own, *issuers),
    )


def _verified_chain(connection: Any) -> tuple[bytes, ...]:
    if hasattr(connection, "get_verified_chain"):  # Python 3.13
        return tuple(connection.get_verified_chain())
    # the only way before; python/cpython issue 109109 made it public without a change
    found = connection._sslobj.get_verified_chain()  # noqa: SLF001
    return tuple(each.public_bytes(_DER) for each in found or ())


def _pairs(name: Sequence[Sequence[tuple[str, str]]]) -> list[tuple[str, str]]:
    return [pair for part in name for pair in part]


def _subject(name: Sequence[Sequence[tuple[str, str]]]) -> Subject:
    values: dict[str, list[str]] = {}
    for key, value in _pairs(name):
        values.setdefault(key, []).append(value)
    return Subject(
        common_name=values.get("commonName", [""])[-1],  # of several, as Go, the last
        organizations=tuple(values.get("organizationName", ())),
        uid=values.get(_UID, [""])[-1],
    )


def _text(name: Sequence[Sequence[tuple[str, str]]]) -> str:
    return ",".join(f"{key}={value}" for key, value in _pairs(name))
