"""TLS handshakes in memory, with the server's contexts."""

import contextlib
import ssl

import pytest
import trustme

from adapter.server.pairs import PEMPair
from adapter.server.tls import ServingTLS
from adapter.sim.clock import ManualClock
from adapter.telemetry import Telemetry

CA = trustme.CA()


def pem_of(certificate):
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    return PEMPair(chain, certificate.private_key_pem.bytes())


def serving(pair, *, telemetry=None, clock=None, **more):
    return ServingTLS(
        pair, clock=clock or ManualClock(), telemetry=telemetry or Telemetry(), **more
    )


def shake(tls, *, context=None, name=None):
    """A handshake in memory; the client's and the server's connection, or its `ssl.SSLError`."""
    return finish(*begin(tls, context=context, name=name))


def begin(tls, *, context=None, name=None, session=None):
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        CA.configure_trust(context)
        context.check_hostname = False
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(down, up, server_hostname=name, session=session)
    return client, tls.current().wrap_bio(up, down, server_side=True)


def finish(client, server):
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return client, server


def close(client, server):
    """Say goodbye: a session that was cut cannot be resumed."""
    for side in (client, server, client):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.unwrap()


def client_with(certificate, *, newest=ssl.TLSVersion.TLSv1_3):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    CA.configure_trust(context)
    context.check_hostname = False
    context.maximum_version = newest
    certificate.configure_cert(context)
    return context


VERSIONS = [
    pytest.param(ssl.TLSVersion.TLSv1_2, id="tls12"),
    pytest.param(ssl.TLSVersion.TLSv1_3, id="tls13"),
]
