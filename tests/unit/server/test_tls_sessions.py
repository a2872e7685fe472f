"""Sessions of TLS that are resumed: whose certificate they are of, and which CA signed it."""

import ssl

import pytest
import trustme
from unit.server.handshakes import (
    CA,
    VERSIONS,
    begin,
    client_with,
    close,
    finish,
    pem_of,
    serving,
    shake,
)

from adapter.kube.cabundle import authorities_in
from adapter.server import clientcert
from adapter.server.clientcert import client_certificate


@pytest.mark.parametrize("newest", VERSIONS)
def test_no_session_is_resumed_across_a_change_of_cas(newest):
    """Its certificate was verified by CAs that may be the very ones that were taken away."""
    ca, other = trustme.CA(), trustme.CA()
    tls = serving(pem_of(CA.issue_cert("a.example")))
    tls.set_client_cas(ca.cert_pem.bytes().decode())
    context = client_with(ca.issue_cert("someone"), newest=newest)
    client, server = shake(tls, context=context)
    session = client.session
    close(client, server)

    tls.set_client_cas(other.cert_pem.bytes().decode())
    again, server = begin(tls, context=context, session=session)

    with pytest.raises(ssl.SSLError):
        finish(again, server)
    assert not server.session_reused


def resumed(tls, context, session):
    """The server's side of a handshake that resumes *session* if it may."""
    client, server = finish(*begin(tls, context=context, session=session))
    close(client, server)
    return server


def authorities(*cas):
    return authorities_in("".join(ca.cert_pem.bytes().decode() for ca in cas))


@pytest.mark.parametrize("newest", VERSIONS)
def test_a_resumed_session_is_of_the_same_certificate_and_ca(newest):
    """TLS 1.2 resumes sessions by their IDs; the client then shows no certificate."""
    ca, other = trustme.CA(), trustme.CA()
    intermediate = ca.create_child_ca()
    tls = serving(pem_of(CA.issue_cert("a.example")))
    tls.set_client_cas((ca.cert_pem.bytes() + other.cert_pem.bytes()).decode())
    context = client_with(intermediate.issue_cert(common_name="ann"), newest=newest)
    client, server = shake(tls, context=context)
    before = client_certificate(server)
    close(client, server)
    for _ in range(2):
        server = resumed(tls, context, client.session)

        assert server.session_reused is (newest is ssl.TLSVersion.TLSv1_2)
        assert client_certificate(server) == before
    assert before.signed_by(authorities(ca))
    assert not before.signed_by(authorities(other))


def test_a_session_without_a_certificate_stays_without_one_when_it_is_resumed():
    tls = serving(pem_of(CA.issue_cert("a.example")))
    tls.set_client_cas(CA.cert_pem.bytes().decode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    CA.configure_trust(context)
    context.check_hostname = False
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    client, server = shake(tls, context=context)
    close(client, server)

    server = resumed(tls, context, client.session)

    assert server.session_reused
    assert client_certificate(server) is None


def test_no_session_is_resumed_whose_ca_is_not_known_any_more(monkeypatch):
    """What is remembered of them is bounded."""
    monkeypatch.setattr(clientcert, "MOST_REMEMBERED", 3)
    tls = serving(pem_of(CA.issue_cert("a.example")))
    tls.set_client_cas(CA.cert_pem.bytes().decode())
    clients, reused = [], []
    for number in range(8):
        certificate = CA.issue_cert(common_name=f"client-{number}")
        context = client_with(certificate, newest=ssl.TLSVersion.TLSv1_2)
        client, server = shake(tls, context=context)
        close(client, server)
        clients.append((context, client.session))
        for asking, session in clients:
            server = resumed(tls, asking, session)
            reused.append(server.session_reused)
            assert client_certificate(server).signed_by(authorities(CA))

    assert {*reused} == {True, False}
