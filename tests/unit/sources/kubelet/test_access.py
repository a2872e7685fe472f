"""What the kubelet flags change of our credentials: the rows of metrics-server's options tests."""

import ssl

import pytest
import trustme

from adapter.errors import ConfigError
from adapter.kube.credentials import KubeCredentials
from adapter.periodic import SystemClock
from adapter.sources.kubelet.access import KubeletAccess


@pytest.fixture
def credentials(tmp_path):
    token = tmp_path / "token"
    token.write_text("secret\n")
    return KubeCredentials(
        "https://kube",
        "a test",
        SystemClock(),
        ca_file="cluster-ca.crt",
        cert_file="kube.crt",
        key_file="kube.key",
        token_file=str(token),
    )


def test_default_takes_over_everything(credentials):
    access = KubeletAccess.build(credentials)

    assert access.scheme == "https"
    assert access.token() == "secret"
    assert (access.ca_file, access.cert_file, access.key_file) == (
        "cluster-ca.crt",
        "kube.crt",
        "kube.key",
    )
    assert not access.insecure


def test_insecure_tls_clears_the_ca(credentials):
    access = KubeletAccess.build(credentials, insecure_tls=True)

    assert access.insecure
    assert access.ca_file is None
    assert access.token() == "secret"


def test_a_ca_replaces_the_clusters(credentials):
    assert KubeletAccess.build(credentials, ca_file="mine.crt").ca_file == "mine.crt"


def test_completely_insecure_sends_no_credentials(credentials):
    access = KubeletAccess.build(credentials, completely_insecure=True)

    assert access.scheme == "http"
    assert access.token() is None
    assert (access.ca_file, access.cert_file, access.key_file) == (None, None, None)
    assert access.tls_context() is None


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"cert_file": "mine.crt"}, ("mine.crt", "kube.key")),
        ({"key_file": "mine.key"}, ("kube.crt", "mine.key")),
        ({"cert_file": "mine.crt", "key_file": "mine.key"}, ("mine.crt", "mine.key")),
    ],
    ids=["certificate", "key", "both"],
)
def test_client_pair_flags_override_independently(credentials, flags, expected):
    access = KubeletAccess.build(credentials, **flags)

    assert (access.cert_file, access.key_file) == expected


def test_context_verifies_unless_told_otherwise(tmp_path):
    ca_file = tmp_path / "ca.crt"
    trustme.CA().cert_pem.write_to_path(str(ca_file))

    strict = KubeletAccess(ca_file=str(ca_file)).tls_context()
    lax = KubeletAccess(insecure=True).tls_context()

    assert strict is not None
    assert (strict.verify_mode, strict.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert not strict.verify_flags & ssl.VERIFY_X509_STRICT
    assert lax is not None
    assert (lax.verify_mode, lax.check_hostname) == (ssl.CERT_NONE, False)


def test_a_missing_file_names_the_flags(tmp_path):
    with pytest.raises(ConfigError, match="--kubelet-certificate-authority"):
        KubeletAccess(ca_file=str(tmp_path / "none.crt")).tls_context()
