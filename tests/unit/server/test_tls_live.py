"""TLS that changes while it serves: pairs, names, client CAs; and what is said about strangers."""

import logging
import os
import ssl

import aiohttp
import pytest
import trustme
from golden.cluster import Cluster
from unit.server.handshakes import CA, VERSIONS, client_with, pem_of, serving, shake

from adapter.errors import ConfigError
from adapter.server.app import start
from adapter.server.pairs import Pair, PEMPair
from adapter.server.tls import NamedPairFiles, TLSOptions
from adapter.sim.clock import ManualClock
from adapter.telemetry import Telemetry


def write(folder, pem, name="tls"):
    """As kubelet mounts a Secret: files are links into a folder that is swapped as a whole."""
    data = folder / f"..{len(list(folder.iterdir()))}"
    data.mkdir()
    (data / f"{name}.crt").write_bytes(pem.certificate)
    (data / f"{name}.key").write_bytes(pem.key)
    link = folder / "..data"
    fresh = folder / "..data_tmp"
    fresh.symlink_to(data.name)
    fresh.replace(link)
    for suffix in ("crt", "key"):
        if not (folder / f"{name}.{suffix}").is_symlink():
            (folder / f"{name}.{suffix}").symlink_to(f"..data/{name}.{suffix}")
    return Pair(folder / f"{name}.crt", folder / f"{name}.key")


def names_shown(tls, name=None):
    client, _ = shake(tls, name=name)
    return {value for _, value in client.getpeercert()["subjectAltName"]}


def test_new_files_are_served_by_the_running_server(tmp_path):
    pair = write(tmp_path, pem_of(CA.issue_cert("old.example")))
    tls = serving(pair)
    assert names_shown(tls) == {"old.example"}

    write(tmp_path, pem_of(CA.issue_cert("new.example")))
    tls.reload()

    assert names_shown(tls) == {"new.example"}


@pytest.mark.parametrize(
    ("certificate", "key", "why"),
    [
        pytest.param(b"junk", None, "there is no certificate in PEM format", id="no-certificate"),
        pytest.param(None, b"junk", "there is no private key in PEM format", id="no-key"),
        pytest.param(
            None, pem_of(CA.issue_cert("x")).key, "key values mismatch", id="do-not-fit"
        ),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", None, "PEM", id="cut"
        ),
    ],
)  # fmt: skip
def test_a_broken_new_pair_leaves_the_old_one_and_is_said_once(
    tmp_path, caplog, certificate, key, why
):
    good = pem_of(CA.issue_cert("old.example"))
    tls = serving(write(tmp_path, good))

    write(tmp_path, PEMPair(certificate or good.certificate, key or good.key))
    for _ in range(3):
        tls.reload()

    assert names_shown(tls) == {"old.example"}
    assert len(caplog.records) == 1
    assert why in caplog.text
    assert str(tmp_path / "tls.crt") in caplog.text
    assert "PRIVATE KEY" not in caplog.text

    write(tmp_path, pem_of(CA.issue_cert("new.example")))
    tls.reload()
    assert names_shown(tls) == {"new.example"}


def test_files_that_vanish_leave_the_pair(tmp_path, caplog):
    pair = write(tmp_path, pem_of(CA.issue_cert("old.example")))
    tls = serving(pair)

    pair.key_file.unlink()
    tls.reload()

    assert names_shown(tls) == {"old.example"}
    assert "tls.key" in caplog.text


def test_client_cas_change_while_files_are_half_replaced(tmp_path):
    """The pair that is served is kept in memory: a CA must not wait for a mended file."""
    pair = write(tmp_path, pem_of(CA.issue_cert("old.example")))
    tls = serving(pair)
    pair.cert_file.unlink()

    tls.set_client_cas(CA.cert_pem.bytes().decode())

    assert names_shown(tls) == {"old.example"}


def test_an_encrypted_key_is_refused_and_asks_nobody(tmp_path):
    from cryptography.hazmat.primitives import serialization

    pem = pem_of(CA.issue_cert("a.example"))
    key = serialization.load_pem_private_key(pem.key, password=None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )

    with pytest.raises(ConfigError, match="encrypted: give one without a pass phrase"):
        serving(write(tmp_path, PEMPair(pem.certificate, encrypted)))


NAMED = [
    (["plain.example"], ()),
    (["given.example"], ("chosen.example", "*.wild.example")),
    (["found.example", "*.deep.example"], ()),
]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        pytest.param(None, "plain.example", id="no-name"),
        pytest.param("unknown.example", "plain.example", id="unknown-name"),
        pytest.param("chosen.example", "given.example", id="given-name"),
        pytest.param("CHOSEN.example", "given.example", id="capitals"),
        pytest.param("a.wild.example", "given.example", id="wildcard"),
        pytest.param("a.b.wild.example", "plain.example", id="wildcard-is-one-label"),
        pytest.param("given.example", "plain.example", id="not-its-own-name-when-others-are-given"),
        pytest.param("found.example", "found.example", id="name-in-the-certificate"),
        pytest.param("x.deep.example", "found.example", id="wildcard-in-the-certificate"),
    ],
)
def test_the_name_asked_chooses_the_pair(tmp_path, asked, shown):
    pairs = []
    for number, (names, given) in enumerate(NAMED):
        folder = tmp_path / str(number)
        folder.mkdir()
        pairs.append(NamedPairFiles(write(folder, pem_of(CA.issue_cert(*names))), given))

    tls = serving(pairs[0].pair, named=pairs[1:])

    assert shown in names_shown(tls, asked)


def test_a_named_pair_is_hot_reloaded_and_named_in_errors(tmp_path):
    default = write(tmp_path, pem_of(CA.issue_cert("a.example")))
    folder = tmp_path / "named"
    folder.mkdir()
    named = write(folder, pem_of(CA.issue_cert("b.example")))
    tls = serving(default, named=[NamedPairFiles(named)])

    write(folder, pem_of(CA.issue_cert("c.example")))
    tls.reload()

    assert names_shown(tls, "c.example") == {"c.example"}
    assert names_shown(tls, "b.example") == {"a.example"}
    with pytest.raises(ConfigError, match=r"--tls-sni-cert-key .*gone.crt,"):
        serving(default, named=[NamedPairFiles(Pair(folder / "gone.crt", folder / "gone.key"))])


def test_the_first_end_of_a_certificate_is_a_metric():
    from datetime import UTC, datetime

    telemetry = Telemetry()
    ends = datetime(2031, 5, 6, tzinfo=UTC)
    serving(pem_of(CA.issue_cert("a.example", not_after=ends)), telemetry=telemetry)

    metric = "viaduct_serving_certificate_expiration_timestamp_seconds"
    assert telemetry.registry.get_sample_value(metric) == ends.timestamp()


def test_versions_and_suites_are_those_chosen():
    pair = pem_of(CA.issue_cert("a.example"))
    strict = serving(pair, options=TLSOptions(ssl.TLSVersion.TLSv1_3))
    fixed = serving(pair, options=TLSOptions(ciphers="ECDHE-ECDSA-AES256-GCM-SHA384"))
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    CA.configure_trust(old)
    old.check_hostname = False
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_alpn_protocols(["h2", "http/1.1"])

    with pytest.raises(ssl.SSLError):
        shake(strict, context=old)
    client, _ = shake(fixed, context=old)
    assert client.cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    assert client.selected_alpn_protocol() == "http/1.1"


def test_suites_that_do_not_go_with_the_key_are_found_at_the_start():
    rsa_only = TLSOptions(ciphers="ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA")
    only_old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    only_old.maximum_version = ssl.TLSVersion.TLSv1_2
    tls = serving(pem_of(CA.issue_cert("a.example")), options=rsa_only)

    with pytest.raises(ssl.SSLError):  # TLS 1.3 goes on, so the server starts
        shake(tls, context=only_old, name="a.example")


@pytest.mark.parametrize("newest", VERSIONS)
def test_client_cas_are_exchanged_live(newest):
    first, second = trustme.CA(), trustme.CA()
    tls = serving(pem_of(CA.issue_cert("a.example")))
    clients = [client_with(ca.issue_cert("someone"), newest=newest) for ca in (first, second)]
    _, server = shake(tls, context=clients[0])
    assert server.getpeercert() is None  # none is asked for

    both = first.cert_pem.bytes() + second.cert_pem.bytes()
    for bundle, accepted in (
        (first.cert_pem.bytes(), [True, False]),
        (both, [True, True]),
        (second.cert_pem.bytes(), [False, True]),
    ):
        tls.set_client_cas(bundle.decode())
        found = []
        for client in clients:
            try:
                _, server = shake(tls, context=client)
                found.append(bool(server.getpeercert()))
            except ssl.SSLError:
                found.append(False)
        assert found == accepted


def test_a_client_without_a_certificate_is_let_in_where_cas_are_set():
    tls = serving(pem_of(CA.issue_cert("a.example")))
    tls.set_client_cas(CA.cert_pem.bytes().decode())

    _, server = shake(tls)

    assert not server.getpeercert()


def test_cas_that_cannot_be_read_change_nothing():
    tls = serving(pem_of(CA.issue_cert("a.example")))
    tls.set_client_cas(CA.cert_pem.bytes().decode())

    with pytest.raises(ssl.SSLError):
        tls.set_client_cas("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")

    _, server = shake(tls, context=client_with(CA.issue_cert("someone")))
    assert server.getpeercert()


@pytest.mark.parametrize("newest", VERSIONS)
def test_an_unknown_client_certificate_is_told_with_issuer_and_cas(caplog, newest):
    expected = trustme.CA(organization_name="the cluster")
    stranger = trustme.CA(organization_name="some\nother \x1b[31m company")
    telemetry, clock = Telemetry(), ManualClock()
    tls = serving(pem_of(CA.issue_cert("a.example")), telemetry=telemetry, clock=clock)
    tls.set_client_cas(expected.cert_pem.bytes().decode())
    client = client_with(stranger.issue_cert(common_name="impostor"), newest=newest)

    def fail():
        with pytest.raises(ssl.SSLError):
            shake(tls, context=client)

    for _ in range(3):
        fail()

    (record,) = caplog.records
    text = record.getMessage()
    assert record.levelno == logging.WARNING
    for part in ("impostor", "some?other ?[31m company", "O=the cluster", "local issuer"):
        assert part in text
    metric = "viaduct_tls_handshake_failures_total"
    reason = {"reason": "client-certificate"}
    assert telemetry.registry.get_sample_value(metric, reason) == 3

    clock.advance(3600)
    fail()
    assert len(caplog.records) == 2


async def test_a_server_goes_on_while_its_certificate_changes():
    telemetry = Telemetry()
    tls = serving(pem_of(CA.issue_cert("localhost")), telemetry=telemetry)
    server = await start(Cluster().app(), host="127.0.0.1", port=0, tls=tls)
    other = trustme.CA()
    seen = []
    async with aiohttp.ClientSession() as session:
        for ca in (CA, other):
            tls.use(pem_of(ca.issue_cert("localhost")))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            ca.configure_trust(context)
            url = f"https://127.0.0.1:{server.port}/livez"
            async with session.get(url, ssl=context, server_hostname="localhost") as response:
                seen.append(response.status)
    await server.close()

    assert seen == [200, 200]


def test_a_pair_is_never_shown():
    pair = pem_of(CA.issue_cert("a.example"))

    assert "PRIVATE" not in repr(pair)
    assert "BEGIN" not in repr(pair)


def test_reading_is_only_done_when_a_file_was_replaced(tmp_path, monkeypatch):
    tls = serving(write(tmp_path, pem_of(CA.issue_cert("a.example"))))
    real, read = Pair.read, []
    monkeypatch.setattr(Pair, "read", lambda pair: read.append(pair) or real(pair))

    tls.reload()
    assert read == []

    os.utime(tmp_path / "tls.crt", (1, 1))
    tls.reload()
    assert len(read) == 1
