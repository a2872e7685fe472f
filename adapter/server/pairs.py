"""Serving pairs: a certificate with its chain, and its key; as files, as text, as a context."""

import ipaddress
import os
import re
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from adapter.errors import ConfigError
from adapter.server.issuing import IssuingError, write_self_signed

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
"""Names every certificate made here has."""

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL
)
_RENEW_SECONDS = 30 * 86400
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)
"""``X509_V_FLAG_NO_CHECK_TIME``, which the ssl module has no name for."""

_LONGEST_FILE = 1024 * 1024
"""Bytes of a certificate or key file; the longest chains are a hundredth of this."""


class Pair(NamedTuple):
    """Files with a certificate (PEM, with its chain) and its key."""

    cert_file: Path
    key_file: Path

    def read(self) -> "PEMPair":
        """What the files hold now.

        Raises:
            OSError: One cannot be read, or is too long to be what it should.
        """
        return PEMPair(_content(self.cert_file), _content(self.key_file))

    def stamp(self) -> tuple[object, ...]:
        """Differs when a file was replaced, also by the symlink swap of a mounted Secret."""
        found = []
        for path in self:
            try:
                status = path.stat()
            except OSError as error:
                found.append((error.errno, 0, 0))
            else:
                found.append((status.st_ino, status.st_mtime_ns, status.st_size))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class PEMPair:
    """A certificate with its chain, and its key, as PEM; never shown."""

    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CertificateInfo:
    """What a certificate says of itself: its end in Unix seconds, its names, who signed it."""

    ends: float
    names: tuple[str, ...]
    issuer: str

    def has_names(self, names: Sequence[str]) -> bool:
        """Whether it is valid for all of *names*."""
        return {*map(_canonical, self.names)}.issuperset(map(_canonical, names))


def load_pair(context: ssl.SSLContext, pair: PEMPair) -> None:
    """Make *context* serve with *pair*.

    Raises:
        ssl.SSLError: It is no pair, or the two do not fit.
    """
    # The ssl module reads files only. An anonymous one is never on a disk, needs no folder that
    # can be written, and holds both halves, so that they cannot be of different ages.
    with os.fdopen(os.memfd_create("serving-pair"), "wb") as file:
        file.write(_blocks(_CERTIFICATE, pair.certificate, "certificate"))
        file.write(_blocks(_KEY, pair.key, "private key"))
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}", password=_refuse_password)


def shown_certificate(
    context: ssl.SSLContext, *, ca: str | None = None, server_name: str | None = None
) -> CertificateInfo:
    """What a client of *context* is shown: found by a handshake with it in memory.

    So it is also known that version, cipher suites and kind of key go together.

    Args:
        context: Of a server, with its pair.
        ca: PEM bundle it must be trusted with; None trusts anything.
        server_name: Name it must then be valid for.

    Raises:
        ssl.SSLError: The handshake fails.
    """
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.set_ciphers("ALL:@SECLEVEL=0")
    if ca is None:
        asking.check_hostname = False
        asking.verify_mode = ssl.CERT_NONE
    else:
        asking.load_verify_locations(cadata=ca)
        asking.verify_flags |= _NO_CHECK_TIME  # whoever wants to know sees when it ends
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(to_client, to_server, server_hostname=server_name)
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):  # flights
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return certificate_info(presented_certificate(client))


def presented_certificate(connection: ssl.SSLObject) -> dict[str, Any]:
    """What the other side's own certificate says, verified or not; empty without one.

    `ssl.SSLObject.getpeercert` is silent about a certificate that was not verified, or whose
    handshake failed, and only the private object has it in all versions of Python.
    """
    private: Any = connection
    inner = private._sslobj  # noqa: SLF001 - see above
    chain = inner.get_unverified_chain() or inner.get_verified_chain()
    return chain[0].get_info() if chain else {}


def certificate_info(certificate: dict[str, Any]) -> CertificateInfo:
    """Understand a certificate as the ``ssl`` module describes it; not an empty one."""
    names = tuple(
        value for kind, value in certificate.get("subjectAltName", ()) if kind != "DirName"
    )
    return CertificateInfo(
        ends=ssl.cert_time_to_seconds(certificate["notAfter"]),
        names=names,
        issuer=distinguished_name(certificate["issuer"]),
    )


def certificates_of(bundle: str) -> list[tuple[str, CertificateInfo]]:
    """The CA certificates of a PEM *bundle*, in its order; one that cannot be read is left out."""
    found = []
    for block in _CERTIFICATE.findall(bundle.encode()):
        pem = block.decode() + "\n"
        reader = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            reader.load_verify_locations(cadata=pem)
        except ssl.SSLError:
            continue
        # the standard library tells what is in certificates of CAs only
        found += [(pem, certificate_info(dict(ca))) for ca in reader.get_ca_certs()]
    return found


def distinguished_name(parts: Sequence[Sequence[tuple[str, str]]]) -> str:
    """A name as people write it.

    >>> distinguished_name(((("organizationName", "shop"),), (("commonName", "shop-ca"),)))
    'O=shop,CN=shop-ca'
    """
    short = {"commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU"}
    return ",".join(f"{short.get(key, key)}={value}" for part in parts for key, value in part)


def serving_context(pair: Pair) -> ssl.SSLContext:
    """Build a context to serve with *pair*: TLS 1.2 or newer, without client certificates.

    Raises:
        ConfigError: A file cannot be read, or the two do not fit.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        load_pair(context, pair.read())
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError([unusable(pair, error)]) from error
    return context


def unusable(pair: Pair, error: OSError, *, named: bool = False) -> str:
    """Say that *pair* cannot be served with; *named*: it is one of ``--tls-sni-cert-key``."""
    files = f"--tls-cert-file {pair.cert_file} and --tls-private-key-file {pair.key_file}"
    if named:
        files = f"--tls-sni-cert-key {pair.cert_file},{pair.key_file}"
    missing = f"{error.filename}: " if error.filename else ""
    return f"cannot serve with {files}: {missing}{error.strerror or error}"


def self_signed_pair(cert_dir: Path, names: Sequence[str] = ()) -> Pair:
    """The self-signed pair in *cert_dir*, made when there is none that still serves.

    A pair is kept while it has all the names and a month to go.

    Args:
        cert_dir: Where ``apiserver.crt`` and ``apiserver.key`` are kept (``--cert-dir``).
        names: DNS names and IP addresses the certificate must have beside `LOCAL_NAMES`.

    Raises:
        ConfigError: The folder cannot be written.
    """
    pair = Pair(cert_dir / "apiserver.crt", cert_dir / "apiserver.key")
    wanted = list(dict.fromkeys([*names, *LOCAL_NAMES]))
    if _still_serves(pair, wanted):
        return pair
    try:
        cert_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            [f"cannot make --cert-dir {cert_dir}: {error.strerror}; give another folder"]
        ) from error
    try:
        write_self_signed(pair.cert_file, pair.key_file, wanted, time.time())
    except IssuingError as error:
        raise ConfigError(
            [f"cannot make a self-signed certificate in {cert_dir}: {error}"]
        ) from error
    return pair


def _still_serves(pair: Pair, names: Sequence[str]) -> bool:
    try:
        info = shown_certificate(serving_context(pair))
    except (ConfigError, OSError):
        return False
    return info.has_names(names) and info.ends - time.time() > _RENEW_SECONDS


def _blocks(pattern: re.Pattern[bytes], content: bytes, what: str) -> bytes:
    """Nothing else: a key file that also holds certificates would lengthen the chain."""
    found = pattern.findall(content)
    if not found:
        raise ssl.SSLError(0, f"there is no {what} in PEM format")
    return b"".join(block + b"\n" for block in found)


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_LONGEST_FILE + 1)
    if len(content) > _LONGEST_FILE:
        raise OSError(0, f"over {_LONGEST_FILE} bytes long", str(path))
    return content


def _refuse_password() -> str:
    """Fail at an encrypted key, where OpenSSL would ask on the terminal and wait."""
    raise ssl.SSLError(0, "the key is encrypted: give one without a pass phrase")


def _canonical(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower()
