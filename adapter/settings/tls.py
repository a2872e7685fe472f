"""What the TLS flags of the peers say, in the words of Go: versions, cipher suites, names."""

from typing import NamedTuple

TLS_VERSIONS = ("VersionTLS12", "VersionTLS13")
"""What ``--tls-min-version`` may be."""

OLD_TLS_VERSIONS = ("VersionTLS10", "VersionTLS11")
"""What Go still knows, and no client of ours needs (RFC 8996)."""

TLS13_SUITES = frozenset(
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
)
"""Suites of TLS 1.3; neither Go nor Python lets them be chosen."""

CIPHER_SUITES = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    # the names Go gave the two above before it had the hash in them
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256": "ECDHE-ECDSA-AES128-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256": "ECDHE-RSA-AES128-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_RSA_WITH_AES_128_CBC_SHA256": "AES128-SHA256",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
}
"""Go's names (``crypto/tls``) and OpenSSL's, for TLS 1.2."""

BROKEN_SUITES = frozenset(
    {
        "TLS_RSA_WITH_RC4_128_SHA",
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
        "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
        "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    }
)
"""What Go still knows and OpenSSL no longer offers; argument lists of the peers may name them."""


def unknown_suites(names: tuple[str, ...]) -> list[str]:
    """Those of *names* that are no cipher suite, or none of Go's."""
    known = CIPHER_SUITES.keys() | TLS13_SUITES | BROKEN_SUITES
    return [name for name in names if name not in known]


def openssl_ciphers(names: tuple[str, ...]) -> str:
    """OpenSSL's list for Go's *names*; "" when none of them can be chosen.

    >>> openssl_ciphers(("TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"))
    'ECDHE-RSA-AES128-GCM-SHA256'
    """
    chosen = [CIPHER_SUITES[name] for name in names if name in CIPHER_SUITES]
    return ":".join(dict.fromkeys(chosen))


class NamedPair(NamedTuple):
    """A value of ``--tls-sni-cert-key``: files, and the names they are for (none: their own)."""

    cert_file: str
    key_file: str
    names: tuple[str, ...]


def parse_named_pair(text: str) -> NamedPair:
    """Read ``cert,key`` or ``cert,key:name,*.name`` (component-base ``NamedCertKey``).

    Raises:
        ValueError: It is written otherwise.

    >>> parse_named_pair("a.crt,a.key:a.example,*.a.example").names
    ('a.example', '*.a.example')
    """
    files, colon, rest = text.partition(":")
    names = tuple(name.strip().lower() for name in rest.split(",") if name.strip())
    if colon and not names:
        raise ValueError(f'"{text}" has no name after the colon: leave it out, or give names')
    cert_file, comma, key_file = (part.strip() for part in files.partition(","))
    if not (comma and cert_file and key_file) or "," in key_file:
        raise ValueError(f'"{text}" must be CERT,KEY or CERT,KEY:NAME,…')
    return NamedPair(cert_file, key_file, names)
