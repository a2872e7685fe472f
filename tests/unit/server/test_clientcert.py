"""Which CA has signed a client's certificate, as TLS verified it."""

import asyncio
import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from adapter.kube.cabundle import authorities_in
from adapter.server.clientcert import Subject, client_certificate
from adapter.sim.pki import CertificateAuthority
from adapter.transport import client_context


@pytest.fixture
def ca(tmp_path):
    return CertificateAuthority("ca", tmp_path)


async def shown(ca, key_pair, *, trusted=None):
    """What the server finds of the certificate in *key_pair*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ca.issue("serving", addresses=["127.0.0.1"], server=True))
    context.load_verify_locations(cadata=trusted or ca.ca_pem)
    context.verify_mode = ssl.CERT_OPTIONAL
    found = []

    async def accept(reader, writer):
        await reader.readline()
        found.append(client_certificate(writer.get_extra_info("ssl_object")))
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    cert_file, key_file = key_pair or (None, None)
    asking = client_context(ca_file=ca.ca_file, cert_file=cert_file, key_file=key_file)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=asking)
        writer.write(b"hello\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
    return found[0]


async def test_nothing_shown(ca):
    assert await shown(ca, None) is None


async def test_subject_end_and_fingerprint(ca):
    key_pair = ca.issue("ann", organizations=["dev", "ops"], valid_for=dt.timedelta(days=3))
    written = x509.load_pem_x509_certificate(key_pair.cert_file.read_bytes())

    found = await shown(ca, key_pair)

    assert found.subject == Subject("ann", ("dev", "ops"))
    assert found.issuer == "commonName=ca"
    assert found.not_after == written.not_valid_after_utc.timestamp()
    assert found.fingerprint == written.fingerprint(hashes.SHA256()).hex()
    assert found.signed_by(authorities_in(ca.ca_pem))
    assert not found.signed_by(frozenset())


async def test_a_certificate_is_not_its_own_authority(ca):
    """A leaf among the CAs would otherwise vouch for itself."""
    key_pair = ca.issue("ann")

    found = await shown(ca, key_pair)

    assert not found.signed_by(authorities_in(key_pair.cert_file.read_text()))


async def test_a_ca_issued_anew_with_its_old_key_is_the_same(ca):
    """TLS knows both and names one of them; they must count alike."""
    anew = reissued(ca)
    key_pair = ca.issue("ann")
    for trusted in (ca.ca_pem + anew, anew + ca.ca_pem):
        found = await shown(ca, key_pair, trusted=trusted)

        assert found.signed_by(authorities_in(ca.ca_pem))
        assert found.signed_by(authorities_in(anew))


async def test_another_ca_of_the_same_name_is_another(ca, tmp_path):
    (tmp_path / "x").mkdir()
    other = CertificateAuthority("ca", tmp_path / "x")

    found = await shown(ca, ca.issue("ann"), trusted=other.ca_pem + ca.ca_pem)

    assert found.signed_by(authorities_in(ca.ca_pem))
    assert not found.signed_by(authorities_in(other.ca_pem))


def reissued(ca):
    """The same name and key in another certificate."""
    before = x509.load_pem_x509_certificate(ca.ca_pem.encode())
    builder = x509.CertificateBuilder(
        issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")]),
        subject_name=before.subject,
        public_key=before.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=before.not_valid_before_utc,
        not_valid_after=before.not_valid_after_utc + dt.timedelta(days=1),
        extensions=list(before.extensions),
    )
    certificate = builder.sign(ca._key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
