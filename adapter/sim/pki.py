"""Certificate authorities and certificates of the simulated cluster, as files in its directory."""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALIDITY = dt.timedelta(days=30)
_BACKDATED = dt.timedelta(hours=1)
"""Certificates begin this much earlier than now: clocks of containers differ."""


class KeyPair(NamedTuple):
    """PEM files of a certificate and its key."""

    cert_file: Path
    key_file: Path


class CertificateAuthority:
    """A self-signed CA and the certificates it issues.

    All its certificates share one key: making a key per kubelet would cost more than the
    signatures, and nothing here is secret.

    Args:
        name: Common name; also the prefix of the CA's own file.
        directory: Where the PEM files go.
        issuer: The CA above it; None makes a root.
    """

    def __init__(
        self, name: str, directory: Path, issuer: "CertificateAuthority | None" = None
    ) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self._key_file = directory / f"{name}-leaf.key"
        self._key_file.write_bytes(_pem_key(self._leaf_key))
        self._key_file.chmod(0o600)
        self.ca_file = directory / f"{name}.crt"
        certificate = (issuer or self).certify(self._name, self._key.public_key(), self._identifier)
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def ca_pem(self) -> str:
        """The CA's certificate as PEM text."""
        return self.ca_file.read_text()

    def issue(
        self,
        common_name: str,
        *,
        organizations: Sequence[str] = (),
        dns: Sequence[str] = (),
        addresses: Sequence[str] = (),
        server: bool = False,
        valid_for: dt.timedelta = _VALIDITY,
    ) -> KeyPair:
        """Issue a certificate.

        Args:
            common_name: Subject CN; for client certificates the user's name; "" leaves it out.
            organizations: Subject O; for client certificates the groups.
            dns: DNS names in the subject alternative name.
            addresses: IP addresses in the subject alternative name.
            server: Usable by a server; otherwise by a client.
            valid_for: How long from now; a little less than nothing makes one that has ended.
        """
        names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
        if common_name:
            names.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            self._builder(x509.Name(names), self._leaf_key.public_key(), valid_for)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._identifier),
                critical=False,
            )
        )
        general_names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns]
        general_names += [x509.IPAddress(ipaddress.ip_address(text)) for text in addresses]
        if general_names:
            names_extension = x509.SubjectAlternativeName(general_names)
            builder = builder.add_extension(names_extension, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        stem = common_name.replace(":", "-") or "nameless"
        cert_file = self._directory / f"{stem}.crt"
        if cert_file.exists():  # another of that name is perhaps in use
            cert_file = self._directory / f"{stem}-{certificate.serial_number}.crt"
        cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return KeyPair(cert_file, self._key_file)

    def certify(
        self,
        name: x509.Name,
        public_key: ec.EllipticCurvePublicKey,
        identifier: x509.SubjectKeyIdentifier,
    ) -> x509.Certificate:
        """The certificate of a CA with that name and key: another's, or our own."""
        return (
            self._builder(name, public_key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(ca=True), critical=True)
            .add_extension(identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _builder(
        self,
        subject: x509.Name,
        public_key: ec.EllipticCurvePublicKey,
        valid_for: dt.timedelta = _VALIDITY,
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BACKDATED)
            .not_valid_after(now + valid_for)
        )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
