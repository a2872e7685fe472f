"""Argument lists of metrics-server and prometheus-adapter must work unchanged."""

import pytest

from adapter.settings import parse_settings
from adapter.settings.flags import Kind
from adapter.settings.options import declared_flags
from adapter.settings.peers import accepted_flags


@pytest.mark.parametrize("program", ["/adapter", "/metrics-server", "/usr/bin/viaduct"])
def test_the_programs_own_path_is_ignored_with_a_warning(program):
    settings = parse_settings([program, "--v=4"], {})

    assert settings.v == 4
    assert settings.warnings == (f'ignored the argument "{program}"',)


def test_lister_kubeconfig_stands_in_for_an_empty_kubeconfig():
    assert parse_settings(["--lister-kubeconfig=a"], {}).kubeconfig == "a"
    assert parse_settings(["--kubeconfig=", "--lister-kubeconfig=a"], {}).kubeconfig == "a"
    assert parse_settings(["--kubeconfig=b", "--lister-kubeconfig=a"], {}).kubeconfig == "b"


def test_flags_of_the_peers_without_meaning_give_one_warning():
    argv = []
    for name, switch in accepted_flags().items():
        argv += [f"--{name}"] if switch else [f"--{name}", "value"]

    (warning,) = parse_settings([*argv, "--v=4"], {}).warnings

    listed = warning.partition(": ")[2].split(", ")
    assert listed == [f"--{name}" for name in accepted_flags()]


def test_no_flag_is_declared_twice():
    aliases = [alias for flag in declared_flags() for alias in flag.aliases]

    assert not accepted_flags().keys() & {flag.name for flag in declared_flags()}
    assert not accepted_flags().keys() & set(aliases)


METRICS_SERVER_CHART = """
--secure-port=10250 --cert-dir=/tmp --kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname
--kubelet-use-node-status-port --metric-resolution=15s --kubelet-insecure-tls
--requestheader-client-ca-file=/ca.crt --tls-min-version=VersionTLS12
--authorization-always-allow-paths=/metrics --profiling=false
"""

PROMETHEUS_ADAPTER_CHART = """
/adapter --secure-port=6443 --cert-dir=/tmp/cert --prometheus-url=http://prometheus.default.svc:9090
--metrics-relist-interval=1m --v=4 --config=/etc/adapter/config.yaml --logtostderr=true
--tls-cert-file=/c --tls-private-key-file=/k --client-qps=100 --client-burst 200
"""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(METRICS_SERVER_CHART, id="metrics-server"),
        pytest.param(PROMETHEUS_ADAPTER_CHART, id="prometheus-adapter"),
    ],
)
def test_argument_lists_of_the_peers_charts_work(text):
    settings = parse_settings(text.split(), {})

    assert len([text for text in settings.warnings if text.startswith("accepted")]) == 1


# Complete lists of the peers' flags, by their own documentation; s: switch, v: takes a value.
METRICS_SERVER_FLAGS = """
v:kubeconfig v:metric-resolution s:version v:kubelet-port s:kubelet-use-node-status-port
v:kubelet-preferred-address-types v:kubelet-request-timeout s:kubelet-insecure-tls
v:kubelet-certificate-authority v:kubelet-client-certificate v:kubelet-client-key
s:deprecated-kubelet-completely-insecure v:node-selector v:advertise-address
v:cors-allowed-origins v:external-hostname v:goaway-chance v:livez-grace-period
v:max-requests-inflight v:max-mutating-requests-inflight v:min-request-timeout v:request-timeout
v:shutdown-delay-duration s:shutdown-send-retry-after v:shutdown-watch-termination-grace-period
v:storage-initialization-timeout v:strict-transport-security-directives v:feature-gates
v:emulated-version v:min-compatibility-version s:emulation-forward-compatible
s:runtime-config-emulation-forward-compatible v:bind-address v:secure-port v:cert-dir
v:tls-cert-file v:tls-private-key-file v:tls-sni-cert-key v:tls-min-version v:tls-cipher-suites
v:tls-curve-preferences s:disable-http2-serving v:http2-max-streams-per-connection
s:permit-address-sharing s:permit-port-sharing v:authentication-kubeconfig
s:authentication-skip-lookup s:authentication-tolerate-lookup-failure
v:authentication-token-webhook-cache-ttl v:client-ca-file v:requestheader-client-ca-file
v:requestheader-allowed-names v:requestheader-username-headers v:requestheader-group-headers
v:requestheader-extra-headers-prefix v:requestheader-uid-headers v:authorization-kubeconfig
v:authorization-always-allow-paths v:authorization-webhook-cache-authorized-ttl
v:authorization-webhook-cache-unauthorized-ttl v:audit-log-path v:audit-log-format v:audit-log-mode
v:audit-log-maxage v:audit-log-maxbackup v:audit-log-maxsize s:audit-log-compress
v:audit-log-batch-buffer-size v:audit-log-batch-max-size v:audit-log-batch-max-wait
s:audit-log-batch-throttle-enable v:audit-log-batch-throttle-qps v:audit-log-batch-throttle-burst
s:audit-log-truncate-enabled v:audit-log-truncate-max-batch-size
v:audit-log-truncate-max-event-size v:audit-log-version v:audit-policy-file
v:audit-webhook-config-file v:audit-webhook-mode v:audit-webhook-initial-backoff
v:audit-webhook-batch-buffer-size v:audit-webhook-batch-max-size v:audit-webhook-batch-max-wait
s:audit-webhook-batch-throttle-enable v:audit-webhook-batch-throttle-qps
v:audit-webhook-batch-throttle-burst s:audit-webhook-truncate-enabled
v:audit-webhook-truncate-max-batch-size v:audit-webhook-truncate-max-event-size
v:audit-webhook-version s:profiling s:contention-profiling v:debug-socket-path
s:enable-priority-and-fairness v:logging-format v:v v:vmodule v:log-flush-frequency
s:log-json-split-stream s:log-text-split-stream v:log-json-info-buffer-size
v:log-text-info-buffer-size
"""

PROMETHEUS_ADAPTER_FLAGS = """
v:prometheus-url s:prometheus-auth-incluster v:prometheus-auth-config v:prometheus-ca-file
v:prometheus-client-tls-cert-file v:prometheus-client-tls-key-file v:prometheus-token-file
v:prometheus-header v:prometheus-verb v:config v:metrics-relist-interval v:metrics-max-age
s:disable-http2 v:v v:vmodule v:log-flush-frequency v:lister-kubeconfig v:discovery-interval
v:client-qps v:client-burst v:audit-webhook-batch-initial-backoff
"""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(METRICS_SERVER_FLAGS, id="metrics-server"),
        pytest.param(PROMETHEUS_ADAPTER_FLAGS, id="prometheus-adapter"),
    ],
)
def test_every_flag_of_the_peers_is_known_with_its_shape(text):
    """A switch that took a value, or the reverse, would swallow or lose the next argument."""
    known = {flag.name: flag.kind is Kind.SWITCH for flag in declared_flags()} | accepted_flags()
    known |= {alias: False for flag in declared_flags() for alias in flag.aliases}
    wanted = {word[2:]: word[0] == "s" for word in text.split()}

    assert {name: known.get(name) for name in wanted} == wanted
