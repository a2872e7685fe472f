"""What ConfigMap and flags say together."""

import pytest

from adapter.errors import ConfigError
from adapter.kube.authenticationconfig import AuthenticationConfig, Overrides, understood
from adapter.sim.pki import CertificateAuthority

NOTHING = Overrides()


@pytest.fixture(scope="module")
def pems(tmp_path_factory):
    return [
        CertificateAuthority(name, tmp_path_factory.mktemp(name)).ca_pem for name in ("a", "b", "c")
    ]


@pytest.fixture
def data(pems):
    return {
        "client-ca-file": pems[0],
        "requestheader-client-ca-file": pems[1],
        "requestheader-allowed-names": '["front-proxy-client"]',
        "requestheader-username-headers": '["X-Remote-User"]',
        "requestheader-uid-headers": '["X-Remote-Uid"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    }


@pytest.fixture
def usual(pems):
    return AuthenticationConfig(
        client_ca=pems[0],
        requestheader_ca=pems[1],
        allowed_names=("front-proxy-client",),
        username_headers=("X-Remote-User",),
        uid_headers=("X-Remote-Uid",),
        group_headers=("X-Remote-Group",),
        extra_prefixes=("X-Remote-Extra-",),
    )


def test_the_config_map_as_it_usually_is(data, usual):
    assert understood(data, AuthenticationConfig(), NOTHING) == (usual, ())


def test_nothing_is_believed_without_keys():
    assert understood({}, AuthenticationConfig(), NOTHING) == (AuthenticationConfig(), ())


@pytest.mark.parametrize(
    ("key", "field", "empty"),
    [
        ("client-ca-file", "client_ca", ""),
        ("requestheader-client-ca-file", "requestheader_ca", ""),
        ("requestheader-allowed-names", "allowed_names", ()),
        ("requestheader-username-headers", "username_headers", ()),
        ("requestheader-uid-headers", "uid_headers", ()),
        ("requestheader-group-headers", "group_headers", ()),
        ("requestheader-extra-headers-prefix", "extra_prefixes", ()),
    ],
)
def test_a_key_that_goes_away_disables_what_it_was_for(data, usual, key, field, empty):
    for value in (None, "", "  " if "ca-file" in key else ""):
        changed = {k: v for k, v in data.items() if k != key} | ({key: value} if value else {})

        config, problems = understood(changed, usual, NOTHING)

        assert problems == ()
        assert getattr(config, field) == empty


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("client-ca-file", "client_ca"),
        ("requestheader-client-ca-file", "requestheader_ca"),
        ("requestheader-allowed-names", "allowed_names"),
        ("requestheader-username-headers", "username_headers"),
    ],
)
@pytest.mark.parametrize("broken", ["[", '{"a": 1}', "[1]", "-----BEGIN CERTIFICATE-----"])
def test_a_broken_key_leaves_what_worked(data, usual, pems, key, field, broken):
    changed = data | {"requestheader-uid-headers": '["X-New"]', key: broken}

    config, (problem,) = understood(changed, usual, NOTHING)

    assert getattr(config, field) == getattr(usual, field)
    assert config.uid_headers == ("X-New",)
    assert problem.startswith(key)


def test_broken_names_do_not_mean_any_name(data):
    """An empty list would allow every certificate of that CA."""
    config, (problem,) = understood(
        data | {"requestheader-allowed-names": "["}, AuthenticationConfig(), NOTHING
    )

    assert config.requestheader_ca == ""
    assert config.client_ca
    assert "requestheader-allowed-names" in problem


def test_flags_beat_keys_one_by_one(data, usual, pems, tmp_path):
    file = tmp_path / "ca.crt"
    file.write_text(pems[2])
    overrides = Overrides(client_ca_file=str(file), allowed_names=("aggregator",))

    config, problems = understood(data, AuthenticationConfig(), overrides)

    assert problems == ()
    assert (config.client_ca, config.allowed_names) == (pems[2], ("aggregator",))
    assert config.requestheader_ca == usual.requestheader_ca
    assert config.username_headers == usual.username_headers


def test_the_usual_headers_where_the_ca_is_a_flags(pems, tmp_path):
    file = tmp_path / "ca.crt"
    file.write_text(pems[2])

    config, _ = understood({}, AuthenticationConfig(), Overrides(requestheader_ca_file=str(file)))

    assert config.username_headers == ("X-Remote-User",)
    assert config.group_headers == ("X-Remote-Group",)
    assert config.extra_prefixes == ("X-Remote-Extra-",)
    assert config.uid_headers == ()


UNUSABLE = pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(None, "No such file or directory", id="missing"),
        pytest.param("nonsense", "no certificate in PEM format", id="no-pem"),
        pytest.param("", "no certificate in PEM format", id="empty"),
        pytest.param(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "certificate number 1 cannot be read",
            id="broken-certificate",
        ),
    ],
)


@UNUSABLE
def test_a_file_that_became_unusable_is_named_and_keeps_what_it_held(
    data, usual, tmp_path, content, why
):
    file = tmp_path / "ca.crt"
    if content is not None:
        file.write_text(content)

    config, (problem,) = understood(data, usual, Overrides(client_ca_file=str(file)))

    assert config == usual
    assert problem == f"--client-ca-file {file}: {why}; what it held before stays in force"


@UNUSABLE
def test_a_file_that_is_unusable_at_start_is_refused(pems, tmp_path, content, why):
    bad, good = tmp_path / "bad.crt", tmp_path / "good.crt"
    good.write_text(pems[0])
    if content is not None:
        bad.write_text(content)

    with pytest.raises(ConfigError) as refused:
        Overrides(client_ca_file=str(good), requestheader_ca_file=str(bad)).check()

    assert refused.value.problems == (f"--requestheader-client-ca-file {bad}: {why}",)


def test_all_files_are_told_at_once(tmp_path):
    with pytest.raises(ConfigError) as refused:
        Overrides(client_ca_file="/a.crt", requestheader_ca_file=str(tmp_path)).check()

    assert refused.value.problems == (
        "--client-ca-file /a.crt: No such file or directory",
        f"--requestheader-client-ca-file {tmp_path}: Is a directory",
    )
    NOTHING.check()


@pytest.mark.parametrize(
    ("key", "value", "instead"),
    [
        ("client-ca-file", "x", "nothing stands in for it"),
        ("requestheader-uid-headers", "[", "nothing stands in for it"),
        ("requestheader-allowed-names", "[", "until it can, the aggregator is not believed"),
    ],
)
def test_what_is_broken_from_the_beginning_kept_nothing(data, usual, key, value, instead):
    _, (first,) = understood(data | {key: value}, AuthenticationConfig(), NOTHING)
    _, (later,) = understood(data | {key: value}, usual, NOTHING)

    assert first.startswith(f"{key} of ConfigMap kube-system/extension-apiserver-authentication: ")
    assert first.endswith(f"; {instead}")
    assert later.endswith("; what it held before stays in force")


def test_tls_accepts_both_kinds_of_certificates(usual, pems):
    assert usual.client_cas().count("BEGIN CERTIFICATE") == 2
    assert AuthenticationConfig().client_cas() == ""
    both = AuthenticationConfig(client_ca=pems[0], requestheader_ca=pems[0])
    assert both.client_cas().count("BEGIN CERTIFICATE") == 1
