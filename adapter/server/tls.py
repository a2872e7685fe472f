"""TLS of this server: its pairs, and whose client certificates are looked at; all of it live.

A connection begins with an outer context, whose ``sni_callback`` puts the inner one of the moment
in its place: it has the pair for the name asked and the client CAs. So both change without a new
listener. What OpenSSL copies from the outer context when a connection begins (version, verify mode
and flags, tickets) does not change with the callback, so it is set in both.
"""

import logging
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from adapter.errors import ConfigError
from adapter.periodic import Clock
from adapter.server.clientcert import VerifiedConnection, VerifiedIssuers
from adapter.server.pairs import (
    CertificateInfo,
    Pair,
    PEMPair,
    distinguished_name,
    load_pair,
    presented_certificate,
    shown_certificate,
    unusable,
)
from adapter.telemetry import Telemetry

log = logging.getLogger(__name__)

_SAY_AGAIN_SECONDS = 3600.0
_REMEMBERED = 100
"""Kinds of refused client certificates of which it is known when they were logged."""

_LONGEST_NAME = 200
"""Characters of a name from a client's certificate that are logged."""


@dataclass(frozen=True, slots=True)
class TLSOptions:
    """What is spoken: oldest version, and cipher suites of TLS 1.2 in OpenSSL's words ("": its)."""

    min_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    ciphers: str = ""


@dataclass(frozen=True, slots=True)
class NamedPairFiles:
    """A pair for clients that ask for one of *names*; none: for those in its certificate."""

    pair: Pair
    names: tuple[str, ...] = ()


class ServingTLS:
    """The contexts to serve with.

    Args:
        pair: What is shown unless another pair has the name asked: files, or their content.
        named: Pairs for certain names.
        options: What is spoken.
        clock: Spaces what is logged again and again.
        telemetry: Counts refusals, tells when the first certificate ends.

    Raises:
        ConfigError: A pair cannot be served with.
    """

    def __init__(
        self,
        pair: Pair | PEMPair,
        *,
        named: Sequence[NamedPairFiles] = (),
        options: TLSOptions = TLSOptions(),
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._options = options
        self._clock = clock
        self._telemetry = telemetry
        self._client_cas = ""
        self._refusals = _Refusals(clock, telemetry)
        self._by_name: dict[str, _ServedPair] = {}
        self._pairs = [_ServedPair(pair)]
        self._pairs += [_ServedPair(each.pair, each.names, named=True) for each in named]
        for served in self._pairs:
            try:
                served.take(served.read(), self._inner)
            except OSError as error:
                raise ConfigError([served.unusable(error)]) from error
        self.context = self._outer()
        self._pairs_changed()

    def current(self) -> ssl.SSLContext:
        """The context a new connection begins with."""
        if self._issuers.full:
            self.context = self._outer()
        return self.context

    def set_client_cas(self, pem: str) -> None:
        """Look at client certificates that these CAs signed, from the next connection on.

        A certificate of another CA ends the handshake (OpenSSL offers Python no other way), so
        that is logged with its issuer. Without a certificate a connection goes on.

        Args:
            pem: Bundle of CA certificates; "" asks for no certificates.

        Raises:
            ssl.SSLError: It is no such bundle; all stays as it was.
        """
        if pem == self._client_cas:
            return
        _new_context(self._options, pem)  # fails before anything is changed
        self._client_cas = pem
        for served in self._pairs:
            served.rebuild(self._inner)
        # a new one: TLS 1.2 sessions end with the CAs that they were verified with
        self.context = self._outer()

    def use(self, pair: PEMPair) -> None:
        """Serve with *pair* instead of the first one, from the next connection on.

        Raises:
            ssl.SSLError: It cannot be served with; all stays as it was.
        """
        self._pairs[0].take(pair, self._inner)
        self._pairs_changed()

    def reload(self) -> None:
        """Serve with what the files hold now. A pair that cannot be used is said once, not used."""
        changed = [served.reload(self._inner) for served in self._pairs]
        if any(changed):
            self._pairs_changed()

    def _inner(self, pair: PEMPair) -> ssl.SSLContext:
        context = _new_context(self._options, self._client_cas)
        load_pair(context, pair)
        return context

    def _outer(self) -> ssl.SSLContext:
        context = _new_context(self._options, self._client_cas)
        self._issuers = VerifiedIssuers()
        context.sslobject_class = _telling(self._issuers.complete, self._refusals.report)
        context.sni_callback = self._choose
        return context

    def _choose(
        self, connection: ssl.SSLObject, server_name: str | None, _: ssl.SSLContext
    ) -> None:
        # also called without a name, for probes by IP address
        connection.context = self._context_for((server_name or "").lower())

    def _context_for(self, name: str) -> ssl.SSLContext:
        for wanted in (name, f"*.{name.partition('.')[2]}"):
            if (served := self._by_name.get(wanted)) is not None:
                return served.context
        return self._pairs[0].context

    def _pairs_changed(self) -> None:
        self._by_name = {}
        # names given beat names found, and the first pair with a name keeps it (as in Go)
        for given in (True, False):
            for served in self._pairs[1:]:
                for name in served.names if given else served.info.names:
                    if given or not served.names:
                        self._by_name.setdefault(name.lower(), served)
        ends = min(served.info.ends for served in self._pairs)
        self._telemetry.serving_certificate_end.set(ends)


class _ServedPair:
    """A pair that is served: where it is from, and the context it is in."""

    context: ssl.SSLContext
    info: CertificateInfo

    def __init__(
        self, source: Pair | PEMPair, names: tuple[str, ...] = (), *, named: bool = False
    ) -> None:
        self.names = names
        self._named = named
        self._files = source if isinstance(source, Pair) else None
        self._pem = PEMPair(b"", b"") if isinstance(source, Pair) else source
        self._stamp = self._files.stamp() if self._files is not None else ()

    def read(self) -> PEMPair:
        """The pair of the moment; `OSError` when its files cannot be read."""
        return self._pem if self._files is None else self._files.read()

    def take(self, pair: PEMPair, build: Callable[[PEMPair], ssl.SSLContext]) -> None:
        """Serve with *pair*; `ssl.SSLError` when that is impossible."""
        context = build(pair)
        self.info = shown_certificate(context)
        self.context, self._pem = context, pair

    def rebuild(self, build: Callable[[PEMPair], ssl.SSLContext]) -> None:
        """Make the context anew of what is served: the files may be half replaced by now."""
        self.context = build(self._pem)

    def reload(self, build: Callable[[PEMPair], ssl.SSLContext]) -> bool:
        """Take what the files hold when they were replaced; whether anything changed."""
        if self._files is None or (stamp := self._files.stamp()) == self._stamp:
            return False
        self._stamp = stamp
        try:
            if (pair := self._files.read()) == self._pem:
                return False
            self.take(pair, build)
        except OSError as error:
            log.error(  # noqa: TRY400 - a traceback would tell nothing more
                "%s; the certificate before it stays in use", self.unusable(error)
            )
            return False
        log.info("serving with the new certificate in %s", self._files.cert_file)
        return True

    def unusable(self, error: OSError) -> str:
        """Say that it cannot be served with."""
        if self._files is None:
            return f"cannot serve with the certificate: {error.strerror or error}"
        return unusable(self._files, error, named=self._named)


class _Refusals:
    """Tells which client certificates are refused, each kind once an hour."""

    def __init__(self, clock: Clock, telemetry: Telemetry) -> None:
        self._clock = clock
        self._counter = telemetry.tls_handshake_failures.labels("client-certificate")
        self._said: dict[tuple[str, str], float] = {}

    def report(self, connection: ssl.SSLObject, error: ssl.SSLCertVerificationError) -> None:
        """Tell that *connection* showed a certificate that is not accepted."""
        self._counter.inc()
        certificate = presented_certificate(connection)
        issuer = _shown(certificate.get("issuer", ()))
        kind = (issuer, error.verify_message)
        now = self._clock.monotonic()
        if now - self._said.get(kind, -_SAY_AGAIN_SECONDS) < _SAY_AGAIN_SECONDS:
            return
        if len(self._said) >= _REMEMBERED:
            self._said.clear()
        self._said[kind] = now
        cas: Any = connection.context.get_ca_certs()
        log.warning(
            'refused a client certificate "%s" of the issuer "%s": %s. Accepted are those of %s: '
            "client-ca-file and requestheader-client-ca-file, by flag or in the ConfigMap "
            "kube-system/extension-apiserver-authentication. A connection with another one ends "
            "before its token is seen",
            _shown(certificate.get("subject", ())),
            issuer,
            error.verify_message,
            ", ".join(sorted(f'"{_shown(ca["subject"])}"' for ca in cas)) or "no CA",
        )


def _shown(name: Sequence[Sequence[tuple[str, str]]]) -> str:
    """A name that a stranger chose, fit for a log line."""
    text = distinguished_name(name)[:_LONGEST_NAME]
    return "".join(char if char.isprintable() else "?" for char in text) or "unknown"


def _new_context(options: TLSOptions, client_cas: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = options.min_version
    if options.ciphers:
        context.set_ciphers(options.ciphers)
    context.set_alpn_protocols(["http/1.1"])
    # Who resumes a session shows no certificate, so that it is unknown which CA signed it; where
    # that cannot be switched off, `VerifiedIssuers` knows.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    # many cluster CAs lack what Python 3.13's strict flag demands
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    # a client CA need not be a root: an intermediate one is trusted by itself, as in Go
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if client_cas:
        context.load_verify_locations(cadata=client_cas)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _telling(
    complete: Callable[[VerifiedConnection], None],
    refused: Callable[[ssl.SSLObject, ssl.SSLCertVerificationError], None],
) -> type[ssl.SSLObject]:
    """A class of connections that tell of handshakes, and of certificates they refuse."""

    class TellingConnection(VerifiedConnection):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except ssl.SSLCertVerificationError as error:
                refused(self, error)
                raise
            complete(self)

    return TellingConnection
