"""Bundles of CAs as they are found in ConfigMaps and files."""

import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from adapter.kube.cabundle import as_pem, authorities_in, certificates_in, name_and_key
from adapter.sim.pki import CertificateAuthority


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    return [CertificateAuthority(name, tmp_path_factory.mktemp(name)) for name in ("a", "b")]


def test_all_certificates_whatever_stands_between(authorities):
    first, second = (each.ca_pem for each in authorities)
    bundle = (
        f"# Subject: Zürich\r\n{first}\ntext\n{second.replace(chr(10), chr(13) + chr(10))}{first}"
    )

    found = certificates_in(bundle)

    assert found == {ssl.PEM_cert_to_DER_cert(first), ssl.PEM_cert_to_DER_cert(second)}
    assert certificates_in(as_pem(found)) == found
    assert authorities_in(bundle) == authorities_in(first) | authorities_in(second)


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(lambda pem: "", id="empty"),
        pytest.param(lambda pem: "nonsense", id="no-pem"),
        pytest.param(lambda pem: pem.replace("M", "N", 1), id="no-der"),
        pytest.param(lambda pem: pem.replace("M", "!", 1), id="no-base64"),
        pytest.param(lambda pem: pem.replace("CERTIFICATE", "PRIVATE KEY"), id="something-else"),
        pytest.param(lambda pem: pem.replace("-----END", "-----EN"), id="cut"),
    ],
)
def test_what_is_no_bundle(authorities, damaged):
    with pytest.raises(ValueError, match="certificate"):
        certificates_in(damaged(authorities[0].ca_pem))


def test_nothing_is_no_authority():
    assert authorities_in("") == frozenset()


def test_name_and_key_are_those_of_the_certificate(authorities):
    for authority in authorities:
        certificate = x509.load_pem_x509_certificate(authority.ca_pem.encode())
        key = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

        found = name_and_key(ssl.PEM_cert_to_DER_cert(authority.ca_pem))

        assert found == certificate.subject.public_bytes() + key


@pytest.mark.parametrize("length", [0, 1, 4, 60, 120])
def test_a_certificate_that_is_cut_has_no_name(authorities, length):
    der = ssl.PEM_cert_to_DER_cert(authorities[0].ca_pem)

    with pytest.raises(ValueError, match="not a certificate"):
        name_and_key(der[:length])
