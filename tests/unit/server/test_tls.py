"""Serving certificates, and the server that shows them."""

import os
import ssl
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
import trustme
from golden.cluster import Cluster

from adapter.errors import ConfigError
from adapter.server import pairs
from adapter.server.app import start
from adapter.server.pairs import LOCAL_NAMES, Pair, self_signed_pair, serving_context
from adapter.server.selfsigned import VALID_DAYS, make_pair


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return self_signed_pair(tmp_path_factory.mktemp("certs"), ["viaduct.kube-system.svc"])


def trusting(cert_file):
    """As strict as Python 3.13 is by default."""
    context = ssl.create_default_context(cafile=str(cert_file))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


async def test_the_self_signed_pair_serves_all_its_names(pair):
    server = await start(
        Cluster().app(), host="127.0.0.1", port=0, ssl_context=serving_context(pair)
    )
    try:
        async with aiohttp.ClientSession() as session:
            for name in ("127.0.0.1", "localhost", "viaduct.kube-system.svc"):
                url = f"https://127.0.0.1:{server.port}/readyz"
                async with session.get(
                    url, ssl=trusting(pair.cert_file), server_hostname=name
                ) as response:
                    assert response.status == 200
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(url, ssl=trusting(pair.cert_file), server_hostname="other")
    finally:
        await server.close()


def test_old_tls_is_refused(pair):
    assert serving_context(pair).minimum_version is ssl.TLSVersion.TLSv1_2


def test_the_key_is_nobody_elses(pair):
    assert stat.S_IMODE(pair.key_file.stat().st_mode) == 0o600


def test_a_pair_that_still_serves_is_kept(pair):
    before = pair.cert_file.read_bytes()

    for names in ([], ["viaduct.kube-system.svc"], ["0:0:0:0:0:0:0:1"]):
        assert self_signed_pair(pair.cert_file.parent, names) == pair

    assert pair.cert_file.read_bytes() == before


def write_pair(folder, names, born):
    certificate, key = make_pair(list(names), born)
    (folder / "apiserver.crt").write_bytes(certificate)
    (folder / "apiserver.key").write_bytes(key)
    return certificate


@pytest.mark.parametrize(
    ("age_days", "kept"),
    [
        pytest.param(0, True, id="fresh"),
        pytest.param(VALID_DAYS - 40, True, id="over-a-month-to-go"),
        pytest.param(VALID_DAYS - 20, False, id="less-than-a-month-to-go"),
        pytest.param(VALID_DAYS + 1, False, id="expired"),
    ],
)
def test_a_pair_is_renewed_before_it_ends(tmp_path, monkeypatch, age_days, kept):
    made = []
    monkeypatch.setattr(pairs, "write_self_signed", lambda *what: made.append(what))
    write_pair(tmp_path, LOCAL_NAMES, datetime.now(UTC) - timedelta(days=age_days))

    self_signed_pair(tmp_path)

    assert (not made) is kept


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda folder: (folder / "apiserver.crt").write_text("junk"), id="bad-cert"),
        pytest.param(lambda folder: (folder / "apiserver.key").unlink(), id="no-key"),
        pytest.param(
            lambda folder: (folder / "apiserver.key").write_bytes(
                make_pair(["x"], datetime.now(UTC))[1]
            ),
            id="other-key",
        ),
        pytest.param(
            lambda folder: write_pair(folder, ["localhost"], datetime.now(UTC)), id="names"
        ),
    ],
)
def test_a_pair_that_cannot_serve_is_replaced(tmp_path, spoil):
    write_pair(tmp_path, LOCAL_NAMES, datetime.now(UTC))
    spoil(tmp_path)

    serving_context(self_signed_pair(tmp_path))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match=r"--cert-dir .*/file/certs"):
        self_signed_pair(tmp_path / "file" / "certs")


def test_a_certificate_that_cannot_be_made_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot make a self-signed certificate"):
        self_signed_pair(tmp_path, ["not a dns name \N{SNOWMAN}"])


@pytest.mark.parametrize(
    ("cert", "key"),
    [
        pytest.param("absent", "absent", id="absent"),
        pytest.param("server.pem", "other.key", id="do-not-fit"),
    ],
)
def test_files_that_do_not_serve_are_named(tmp_path, cert, key):
    ca = trustme.CA()
    ca.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    ca.issue_cert("localhost").private_key_pem.write_to_path(tmp_path / "other.key")

    with pytest.raises(ConfigError, match=f"--tls-cert-file .*{cert}") as raised:
        serving_context(Pair(tmp_path / cert, tmp_path / key))

    assert key in str(raised.value)


def test_making_a_certificate_leaves_no_trace_in_the_server(tmp_path):
    """``cryptography`` would cost every server some 20 MB."""
    program = (
        "import sys; from pathlib import Path; from adapter.server.pairs import self_signed_pair;"
        "self_signed_pair(Path(sys.argv[1])); print('cryptography' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert result.stdout.strip() == "False"
    assert (tmp_path / "apiserver.crt").stat().st_mtime <= time.time()
