"""Flags of TLS, of certificates and of limits."""

import ssl

import pytest

from adapter.errors import ConfigError
from adapter.settings import parse_settings
from adapter.settings.tls import BROKEN_SUITES, CIPHER_SUITES, openssl_ciphers

GCM = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
PAIR = "--tls-cert-file=c", "--tls-private-key-file=k"


def problems_of(*argv):
    try:
        parse_settings(argv, {})
    except ConfigError as error:
        return " | ".join(error.problems)
    return ""


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        pytest.param(["--tls-min-version=VersionTLS10"], "RFC 8996", id="tls10"),
        pytest.param(["--tls-min-version=VersionTLS11"], "give VersionTLS12", id="tls11"),
        pytest.param(["--tls-min-version=1.2"], '"1.2" is not one of VersionTLS12', id="number"),
        pytest.param(
            [f"--tls-cipher-suites={GCM},TLS_X"], '"TLS_X" is no cipher suite', id="unknown-suite"
        ),
        pytest.param(
            ["--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA"], "names only suites", id="only-rc4"
        ),
        pytest.param(["--tls-sni-cert-key=a"], '"a" must be CERT,KEY', id="sni-one-file"),
        pytest.param(["--tls-sni-cert-key=a,b,c"], "must be CERT,KEY", id="sni-three-files"),
        pytest.param(["--tls-sni-cert-key=a,b:"], "no name after the colon", id="sni-no-name"),
        pytest.param(["--max-connections=0"], "--max-connections 0 must", id="no-connections"),
        pytest.param(["--max-requests-inflight=-1"], "must not be negative", id="in-flight"),
        pytest.param(["--request-timeout=0s"], "--request-timeout must", id="timeout"),
        pytest.param(
            ["--self-managed-certificates", *PAIR], "exclude each other", id="managed-and-files"
        ),
        pytest.param(
            ["--self-managed-certificates", "--service-name="], "needs --service-name", id="no-name"
        ),
        pytest.param(
            ["--self-managed-certificates", "--service-namespace=A/b"],
            '--service-namespace "A/b" is no name',
            id="bad-namespace",
        ),
    ],
)
def test_what_cannot_be_is_refused(argv, says):
    assert says in problems_of(*argv)


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param(["--tls-min-version=VersionTLS13"], id="tls13"),
        pytest.param([f"--tls-cipher-suites={','.join(CIPHER_SUITES)}"], id="all-suites"),
        pytest.param(
            ["--tls-sni-cert-key=a,b", "--tls-sni-cert-key=c,d:x.example,*.y.example"], id="sni"
        ),
        pytest.param(["--max-requests-inflight=0"], id="no-limit"),
        pytest.param(
            ["--self-managed-certificates", "--serving-certificate-secret=a.b-c"], id="managed"
        ),
    ],
)
def test_what_can_be_is_accepted_without_a_word(argv):
    assert parse_settings(argv, {}).warnings == ()


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        pytest.param(
            [f"--tls-cipher-suites=TLS_AES_128_GCM_SHA256,{GCM}"],
            "TLS_AES_128_GCM_SHA256 cannot be chosen",
            id="tls13-suite",
        ),
        pytest.param(
            [f"--tls-cipher-suites=TLS_RSA_WITH_3DES_EDE_CBC_SHA,{GCM}"],
            "TLS_RSA_WITH_3DES_EDE_CBC_SHA left out",
            id="broken-suite",
        ),
        pytest.param(
            [f"--tls-cipher-suites={GCM}", "--tls-min-version=VersionTLS13"],
            "has no effect with",
            id="nothing-left-to-choose",
        ),
    ],
)
def test_what_may_not_be_meant_is_said(argv, says):
    (warning,) = parse_settings(argv, {}).warnings

    assert says in warning


@pytest.mark.parametrize("name", CIPHER_SUITES)
def test_openssl_offers_each_suite_we_map(name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(openssl_ciphers((name,)))

    offered = [each["name"] for each in context.get_ciphers() if each["protocol"] != "TLSv1.3"]

    assert offered == [CIPHER_SUITES[name]]


def test_no_suite_is_both_offered_and_broken():
    assert not BROKEN_SUITES & CIPHER_SUITES.keys()


@pytest.mark.parametrize(
    ("text", "values"),
    [("TLS_AES_128_GCM_SHA256", ""), ("", ""), (GCM, "ECDHE-RSA-AES128-GCM-SHA256")],
)
def test_suites_that_cannot_be_chosen_choose_nothing(text, values):
    assert openssl_ciphers(tuple(filter(None, text.split(",")))) == values
