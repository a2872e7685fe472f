"""Makes serving certificates and CAs; run as a process of its own by ``issuing.py``.

``cryptography`` costs some 20 MB that would stay in the server for the sake of one signature. What
to make comes as JSON on standard input and goes as JSON to standard output: keys are neither on a
command line nor on a disk.
"""

import ipaddress
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_DAYS = 365

PEMs = tuple[bytes, bytes]
"""A certificate and its key."""


def make_pair(names: Sequence[str], now: datetime) -> PEMs:
    """Certificate and key (PEM) for *names*, DNS names or IP addresses.

    The certificate is its own CA, so a client can be given it as the CA to trust.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(names[0])
    builder = _serving(_builder(subject, subject, key, now, VALID_DAYS), names)
    builder = _extended(builder, _key_usage(ca=True), key, key)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
    return _pem(builder.sign(key, hashes.SHA256()), key)


def make_authority(name: str, now: datetime, days: int) -> PEMs:
    """Certificate and key of a CA called *name* that signs serving certificates only."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    builder = _extended(
        _builder(subject, subject, key, now, days), _key_usage(ca=True), key, key
    ).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
    return _pem(builder.sign(key, hashes.SHA256()), key)


def sign_pair(names: Sequence[str], authority: PEMs, now: datetime, days: int) -> PEMs:
    """Certificate and key for *names*, signed by *authority*."""
    ca = x509.load_pem_x509_certificate(authority[0])
    ca_key = serialization.load_pem_private_key(authority[1], password=None)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        raise TypeError("the CA's key is no elliptic curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _serving(_builder(_name(names[0]), ca.subject, key, now, days), names)
    builder = _extended(builder, _key_usage(ca=False), key, ca_key)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    return _pem(builder.sign(ca_key, hashes.SHA256()), key)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks differ
        .not_valid_after(now + timedelta(days=days))
    )


def _serving(builder: x509.CertificateBuilder, names: Sequence[str]) -> x509.CertificateBuilder:
    alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return builder.add_extension(alternatives, False).add_extension(usage, False)


def _extended(
    builder: x509.CertificateBuilder,
    usage: x509.KeyUsage,
    key: ec.EllipticCurvePrivateKey,
    ca_key: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    """Add what ``VERIFY_X509_STRICT`` asks for."""
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        builder.add_extension(usage, True)
        .add_extension(identifier, False)
        .add_extension(signer, False)
    )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> PEMs:
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _made(wanted: Mapping[str, Any]) -> PEMs:
    now = datetime.fromtimestamp(wanted["now"], UTC)
    if wanted["make"] == "authority":
        return make_authority(wanted["name"], now, wanted["days"])
    if wanted["make"] == "signed":
        authority = wanted["certificate"].encode(), wanted["key"].encode()
        return sign_pair(wanted["names"], authority, now, wanted["days"])
    return make_pair(wanted["names"], now)


def main() -> None:
    """Make what standard input asks for."""
    certificate, key = _made(json.load(sys.stdin))
    json.dump({"certificate": certificate.decode(), "key": key.decode()}, sys.stdout)


if __name__ == "__main__":
    main()
