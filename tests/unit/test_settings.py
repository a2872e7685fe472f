"""Flags, environment and their rules, through `parse_settings`."""

import dataclasses

import pytest

from adapter.errors import ConfigError
from adapter.settings import Settings, parse_settings
from adapter.settings.options import declared_flags

FLAGS = {flag.field: flag for flag in declared_flags()}


def problems_of(*argv, env=None):
    try:
        parse_settings(argv, env or {})
    except ConfigError as error:
        return error.problems
    return ()


def test_defaults_are_valid():
    assert parse_settings([], {}) == Settings()


def test_every_field_but_the_warnings_is_a_flag():
    fields = {field.name for field in dataclasses.fields(Settings)}

    assert fields - set(FLAGS) == {"warnings"}


@pytest.mark.parametrize(
    ("argv", "field", "value"),
    [
        pytest.param(["--kubeconfig=/a"], "kubeconfig", "/a", id="equals"),
        pytest.param(["--config=a", "--config", "b"], "config", ("a", "b"), id="rule-files"),
        pytest.param(["--kubeconfig", "/a"], "kubeconfig", "/a", id="next-argument"),
        pytest.param(["--kubeconfig="], "kubeconfig", "", id="empty"),
        pytest.param(["--kubeconfig=a=b"], "kubeconfig", "a=b", id="equals-in-value"),
        pytest.param(["--v=2", "--v=4"], "v", 4, id="last-wins"),
        pytest.param(["--metric_resolution=30s"], "metric_resolution", 30.0, id="underscore"),
        pytest.param(["--metric-resolution", "1m30s"], "metric_resolution", 90.0, id="duration"),
        pytest.param(["--kubelet-insecure-tls"], "kubelet_insecure_tls", True, id="switch"),
        pytest.param(
            ["--kubelet-insecure-tls", "--kubelet-insecure-tls=false"],
            "kubelet_insecure_tls",
            False,
            id="switch-off",
        ),
        pytest.param(["--kubelet-insecure-tls=T"], "kubelet_insecure_tls", True, id="switch-go"),
        pytest.param(["-v", "4"], "v", 4, id="short-next"),
        pytest.param(["-v=4"], "v", 4, id="short-equals"),
        pytest.param(["-v4"], "v", 4, id="short-joined"),
        pytest.param(["--v=4"], "v", 4, id="long-v"),
        pytest.param(["-l", "pool=a,b!=c"], "node_selector", "pool=a,b!=c", id="short-l"),
        pytest.param(["--secure-port=0x1BB"], "secure_port", 443, id="hexadecimal"),
        pytest.param(
            ["--kubelet-preferred-address-types=InternalIP,Hostname"],
            "kubelet_preferred_address_types",
            ("InternalIP", "Hostname"),
            id="list-replaces-the-default",
        ),
        pytest.param(
            [
                "--kubelet-preferred-address-types=InternalIP",
                "--kubelet-preferred-address-types=Hostname,ExternalIP",
            ],
            "kubelet_preferred_address_types",
            ("InternalIP", "Hostname", "ExternalIP"),
            id="list-repeated",
        ),
        pytest.param(
            ["--prometheus-header=A=1,2", "--prometheus-header", "B=3"],
            "prometheus_header",
            ("A=1,2", "B=3"),
            id="array-is-not-split",
        ),
    ],
)
def test_syntax(argv, field, value):
    assert getattr(parse_settings(argv, {}), field) == value


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        pytest.param(
            ["--metric-resolutio=30s"],
            "unknown flag --metric-resolutio: did you mean --metric-resolution?",
            id="misspelt",
        ),
        pytest.param(
            ["--metric-resolutio", "30s"],
            "unknown flag --metric-resolutio: did you mean --metric-resolution?",
            id="misspelt-with-value",
        ),
        pytest.param(
            ["--audit-log-pth=-"],
            "unknown flag --audit-log-pth: did you mean --audit-log-path?",
            id="misspelt-peer-flag",
        ),
        pytest.param(["--xyzzy"], "unknown flag --xyzzy", id="nothing-near"),
        pytest.param(["-kubeconfig=x"], "unknown flag -kubeconfig: write --kubeconfig", id="dash"),
        pytest.param(["-x"], "unknown flag -x", id="short"),
        pytest.param(["--kubeconfig"], "--kubeconfig needs a value", id="no-value"),
        pytest.param(["-v"], "-v needs a value", id="short-without-value"),
        pytest.param(["--v=x"], '--v: "x" is not a whole number', id="integer"),
        pytest.param(
            ["--kubelet-insecure-tls=yes"],
            '--kubelet-insecure-tls: "yes" is neither true nor false',
            id="switch",
        ),
        pytest.param(
            ["--fallback=cold"], '--fallback: "cold" is not one of warm, off, primary', id="choice"
        ),
        pytest.param(
            ["/etc/passwd"],
            'unexpected argument "/etc/passwd": flags start with --',
            id="positional",
        ),
        pytest.param(
            ["--", "--v=4"], 'unexpected argument "--v=4": flags start with --', id="after-dashes"
        ),
    ],
)
def test_arguments_that_cannot_be_understood(argv, problem):
    assert problems_of(*argv) == (problem,)


def test_duration_without_unit_is_refused_with_its_flag():
    (problem,) = problems_of("--metric-resolution=15")

    assert problem.startswith("--metric-resolution: ")
    assert '"15"' in problem


def test_all_problems_are_reported_at_once():
    found = problems_of("--nope", "--v=x", "--kubelet-port=0", "--metric-resolution=1s", "stray")

    # the last two come from one flag: too short, and shorter than the request timeout allows
    assert len(found) == 6


CA = "--kubelet-certificate-authority=a"
CERT = "--kubelet-client-certificate=a"
KEY = "--kubelet-client-key=a"
INSECURE = "--kubelet-insecure-tls"
COMPLETELY = "--deprecated-kubelet-completely-insecure"


@pytest.mark.parametrize(
    ("argv", "count"),
    [
        pytest.param([], 0, id="default"),
        pytest.param([CA, COMPLETELY], 1, id="ca+completely-insecure"),
        pytest.param([CA, INSECURE], 1, id="ca+insecure-tls"),
        pytest.param([CERT, KEY], 0, id="cert+key"),
        pytest.param([CERT, COMPLETELY], 2, id="cert+completely-insecure"),
        pytest.param([KEY, COMPLETELY], 2, id="key+completely-insecure"),
        pytest.param([CERT, KEY, COMPLETELY], 2, id="cert+key+completely-insecure"),
        pytest.param([INSECURE, COMPLETELY], 1, id="insecure-tls+completely-insecure"),
        pytest.param([CERT], 1, id="cert-alone"),
        pytest.param([KEY], 1, id="key-alone"),
        pytest.param(["--kubelet-request-timeout=1s"], 0, id="timeout-1s"),
        pytest.param(["--kubelet-request-timeout=0"], 1, id="timeout-0"),
        pytest.param(["--kubelet-request-timeout=-10s"], 1, id="timeout-negative"),
        pytest.param(
            ["--metric-resolution=10s", "--kubelet-request-timeout=9s"], 0, id="timeout-nine-tenths"
        ),
        pytest.param(
            ["--metric-resolution=10s", "--kubelet-request-timeout=10s"], 1, id="timeout-too-long"
        ),
        pytest.param(
            ["--metric-resolution=9999ms", "--kubelet-request-timeout=1s"], 1, id="resolution-short"
        ),
    ],
)
def test_metrics_servers_validation(argv, count):
    """The error counts of metrics-server's option tests."""
    assert len(problems_of(*argv)) == count


URL = ["--prometheus-url=http://prometheus:9090", "--config=rules.yaml"]


@pytest.mark.parametrize(
    ("argv", "flag"),
    [
        pytest.param(["--bind-address=localhost"], "--bind-address", id="name-as-address"),
        pytest.param(["--secure-port=65536"], "--secure-port", id="port-too-large"),
        pytest.param(["--secure-port=-1"], "--secure-port", id="port-negative"),
        pytest.param(["--kubelet-port=0"], "--kubelet-port", id="kubelet-port"),
        pytest.param(["--tls-cert-file=a"], "--tls-private-key-file", id="serving-key-missing"),
        pytest.param(["--tls-private-key-file=a"], "--tls-cert-file", id="serving-cert-missing"),
        pytest.param(["--shutdown-delay-duration=-1s"], "--shutdown-delay-duration", id="delay"),
        pytest.param(["--kubelet-max-body-bytes=0"], "--kubelet-max-body-bytes", id="body-limit"),
        pytest.param(
            ["--kubelet-preferred-address-types=InternalIp"],
            "--kubelet-preferred-address-types",
            id="address-type",
        ),
        pytest.param(
            ["--kubelet-preferred-address-types="],
            "--kubelet-preferred-address-types",
            id="no-address-type",
        ),
        pytest.param(["-l", "a=b=c"], "--node-selector", id="selector"),
        pytest.param(
            ["--prometheus-url=prometheus:9090", "--config=a"], "--prometheus-url", id="url-scheme"
        ),
        pytest.param(["--prometheus-url=http://", "--config=a"], "--prometheus-url", id="url-host"),
        pytest.param(
            ["--prometheus-url=http://a:99999", "--config=a"], "--prometheus-url", id="url-port"
        ),
        pytest.param(URL[:1], "--config", id="no-rule-file"),
        pytest.param(["--fallback=off"], "--prometheus-url", id="nothing-to-serve-from"),
        pytest.param(
            [*URL, "--prometheus-auth-incluster", "--prometheus-auth-config=a"],
            "--prometheus-auth-config",
            id="two-credentials",
        ),
        pytest.param(
            [*URL, "--prometheus-client-tls-cert-file=a"],
            "--prometheus-client-tls-key-file",
            id="prometheus-key-missing",
        ),
        pytest.param([*URL, "--prometheus-timeout=0s"], "--prometheus-timeout", id="no-time"),
        pytest.param([*URL, "--prometheus-header==x"], "--prometheus-header", id="header"),
        pytest.param([*URL, "--prometheus-verb=PUT"], "--prometheus-verb", id="verb"),
        pytest.param(["--metrics-relist-interval=0"], "--metrics-relist-interval", id="relist"),
        pytest.param(["--metrics-max-age=-1s"], "--metrics-max-age", id="max-age"),
        pytest.param(["--metrics-max-age=1m"], "--metrics-relist-interval", id="short-max-age"),
        pytest.param(["--metrics-delist-grace=-1s"], "--metrics-delist-grace", id="grace"),
    ],
)
def test_other_rules_name_the_flag_to_change(argv, flag):
    (problem,) = problems_of(*argv)

    assert flag in problem


def test_prometheus_and_its_rules_are_accepted():
    settings = parse_settings([*URL, "--prometheus-header=X-Scope-OrgID=a=b"], {})

    assert settings.prometheus_header == ("X-Scope-OrgID=a=b",)
    assert settings.warnings == ()


def test_credentials_are_never_shown():
    """Neither in errors, nor where settings are logged as a whole."""
    secret = "hunter2"
    url = f"--prometheus-url=ftp://user:{secret}@prometheus"
    header = f"--prometheus-header=={secret}"

    assert secret not in "\n".join(problems_of(url, header, "--config=a"))
    assert secret not in repr(
        Settings(prometheus_url=f"http://u:{secret}@p", prometheus_header=(f"A={secret}",))
    )


@pytest.mark.parametrize(
    ("argv", "env", "field", "value"),
    [
        pytest.param([], {"VIADUCT_KUBELET_PORT": "1"}, "kubelet_port", 1, id="variable"),
        pytest.param(
            ["--kubelet-port=2"], {"VIADUCT_KUBELET_PORT": "1"}, "kubelet_port", 2, id="flag-wins"
        ),
        pytest.param([], {"VIADUCT_KUBELET_PORT": ""}, "kubelet_port", 10250, id="empty"),
        pytest.param(
            [], {"VIADUCT_KUBELET_INSECURE_TLS": "true"}, "kubelet_insecure_tls", True, id="switch"
        ),
        pytest.param(
            [],
            {"VIADUCT_PROMETHEUS_HEADER": "A=1,2\nB=3"},
            "prometheus_header",
            ("A=1,2", "B=3"),
            id="one-header-a-line",
        ),
    ],
)
def test_environment(argv, env, field, value):
    assert getattr(parse_settings(argv, env), field) == value


def test_a_wrong_variable_is_a_problem():
    (problem,) = problems_of(env={"VIADUCT_KUBELET_PORT": "x"})

    assert problem == '--kubelet-port: "x" is not a whole number'


def test_a_misspelt_variable_is_warned_about_but_not_those_of_a_service():
    env = {
        "VIADUCT_PROMETEUS_URL": "http://p",
        "VIADUCT_PORT": "tcp://10.0.0.1:443",
        "VIADUCT_PORT_443_TCP": "tcp://10.0.0.1:443",
        "VIADUCT_SERVICE_PORT": "443",
        "VIADUCT_SERVICE_PORT_HTTPS": "443",
        "PATH": "/bin",
    }

    (warning,) = parse_settings([], env).warnings

    assert warning == (
        "unknown environment variable VIADUCT_PROMETEUS_URL: did you mean VIADUCT_PROMETHEUS_URL?"
    )


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        pytest.param(["--kubelet-insecure-tls"], "not verified", id="unverified-kubelets"),
    ],
)
def test_what_may_not_be_meant_is_warned_about(argv, word):
    (warning,) = parse_settings(argv, {}).warnings

    assert word in warning
