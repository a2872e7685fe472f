"""Bundles of CA certificates: PEM texts to the certificates in them, and who those CAs are."""

import base64
import binascii
import re
import ssl
from functools import lru_cache

_BLOCK = re.compile(
    r"-----BEGIN CERTIFICATE-----(?P<body>[^-]*)-----END CERTIFICATE-----", re.DOTALL
)
_EXPLICIT_VERSION = 0xA0
_LONG_FORM = 0x80


@lru_cache(maxsize=16)
def certificates_in(pem: str) -> frozenset[bytes]:
    """Certificates of a bundle in their DER form; texts between them are ignored.

    Raises:
        ValueError: There is none, or one cannot be used.
    """
    found = set()
    for number, block in enumerate(_BLOCK.finditer(pem), start=1):
        try:
            der = base64.b64decode("".join(block["body"].split()), validate=True)
            # as TLS will do with it; a context of its own, because one only ever adds
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=der)
        except (binascii.Error, ssl.SSLError):
            raise ValueError(f"certificate number {number} cannot be read") from None
        found.add(der)
    if not found:
        raise ValueError("no certificate in PEM format")
    return frozenset(found)


@lru_cache(maxsize=16)
def authorities_in(pem: str) -> frozenset[bytes]:
    """The CAs of a bundle, each as `name_and_key` gives it; none for ""."""
    return frozenset(map(name_and_key, certificates_in(pem))) if pem else frozenset()


@lru_cache(maxsize=64)
def name_and_key(der: bytes) -> bytes:
    """Subject and public key of a certificate (DER), which together are what a CA is.

    A CA that is issued anew with its old key is the same to whoever verifies a signature; and TLS,
    when it knows both, names either. Read by hand, because a library for it costs 20 MB.

    Raises:
        ValueError: *der* is no certificate.
    """
    try:
        start, _ = _content(der, _content(der, 0)[0])  # Certificate, TBSCertificate
        if der[start] == _EXPLICIT_VERSION:
            start = _content(der, start)[1]
        for _ in ("serialNumber", "signature", "issuer", "validity"):
            start = _content(der, start)[1]
        subject_ends = _content(der, start)[1]
        return der[start : _content(der, subject_ends)[1]]
    except IndexError:
        raise ValueError("not a certificate: it ends too early") from None


def as_pem(certificates: frozenset[bytes]) -> str:
    """A bundle of *certificates*, always in the same order; "" for none."""
    return "".join(ssl.DER_cert_to_PEM_cert(der) for der in sorted(certificates))


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at *at* begins and ends (X.690 §8.1)."""
    length = der[at + 1]
    begins = at + 2
    if length & _LONG_FORM:
        digits = length & ~_LONG_FORM
        length = int.from_bytes(der[begins : begins + digits])
        begins += digits
    if begins + length > len(der):
        raise IndexError
    return begins, begins + length
