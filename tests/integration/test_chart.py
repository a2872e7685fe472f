"""The chart's values: what they change, and what is refused with which words."""

import json

import pytest
import yaml
from integration.manifests import (
    CHART,
    by_key,
    chart,
    container,
    environment,
    helm_template,
    normalised,
    one,
    only,
    program,
    rights,
    run,
)

from adapter.settings import parse_settings

CUSTOM_RULE = "rules.inline.rules[0].seriesQuery=a"
EXTERNAL_RULE = "rules.inline.externalRules[0].seriesQuery=a"
RESOURCE_RULE = "rules.shipped={rules.kubelet.yaml}"
SCALED = ("deployment", "replicaset", "statefulset")
URL = "prometheus.url=http://prometheus:9090"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param(["apis.custom=true"], "apis.custom needs rules.inline.rules", id="no rules"),
        pytest.param(
            ["apis.external=true", URL, RESOURCE_RULE],
            "apis.external needs rules.inline.externalRules",
            id="no external rules",
        ),
        pytest.param([URL], "prometheus.url needs rules", id="Prometheus for nothing"),
        pytest.param(["fallback=off"], "fallback=off needs prometheus.url", id="no source"),
        pytest.param(
            [URL, "apis.custom=true", CUSTOM_RULE],
            "set rules.shipped to [rules.kubelet.yaml], or fallback to primary",
            id="nobody serves metrics.k8s.io",
        ),
        pytest.param(
            [RESOURCE_RULE, "rules.existingConfigMap=mine"],
            "rules.existingConfigMap takes the place of",
            id="two sources of rules",
        ),
        pytest.param(["apis.metrics=false"], "nothing would be served", id="no API"),
        pytest.param(
            ["certificates.mode=secret"], "certificates.secret.name is needed", id="no Secret"
        ),
        pytest.param(
            ["serviceAccount.create=false"], "serviceAccount.name is needed", id="no account"
        ),
        pytest.param(["replica=3"], "replica", id="misspelt"),
        pytest.param(["certificates.mode=none"], "certificates", id="unknown mode"),
        pytest.param(["rbac.objects.apps={*}"], "objects", id="wildcard"),
        pytest.param(["prometheus.url=prometheus:9090"], "url", id="no scheme"),
        pytest.param(["shutdownDelay=15"], "shutdownDelay", id="no unit"),
        pytest.param(["jsonSource.ports={http}"], "ports", id="port by name"),
        pytest.param(["hpaAnnotations.namespaces={a b}"], "namespaces", id="no namespace"),
        pytest.param(
            ["replicas=3", "podDisruptionBudget.minAvailable=3"],
            "podDisruptionBudget.minAvailable=3 of replicas=3 lets no pod be drained",
            id="a budget that ends every drain",
        ),
        pytest.param(
            ["podDisruptionBudget.minAvailable=51%"],
            "podDisruptionBudget.minAvailable=51% of replicas=2 lets no pod be drained",
            id="a share, which is rounded up",
        ),
        pytest.param(["podDisruptionBudget.minAvailable=one"], "minAvailable", id="no number"),
        pytest.param(["metricResolution=9.9s"], "at least 10s", id="too often"),
        pytest.param(["metricResolution=500ms"], "at least 10s", id="far too often"),
        pytest.param(
            ["metricResolution=11s"], "--kubelet-request-timeout", id="shorter than a scrape may be"
        ),
        pytest.param(
            ["shutdownDelay=1m"],
            "terminationGracePeriodSeconds=90 must be at least 125, which is shutdownDelay, ",
            id="killed while answering",
        ),
        pytest.param(
            ["extraArgs={--request-timeout=5m}"],
            "terminationGracePeriodSeconds=90 must be at least 320",
            id="killed while answering slowly",
        ),
        pytest.param(
            ["commonLabels.app\\.kubernetes\\.io/name=a"],
            "commonLabels: app.kubernetes.io/name is set",
            id="a label of the selector",
        ),
        pytest.param(
            ["podLabels.app\\.kubernetes\\.io/instance=a"],
            "podLabels: app.kubernetes.io/instance is set",
            id="a label of the selector, of pods",
        ),
        pytest.param(
            ["commonLabels.app\\.kubernetes\\.io/component=a"],
            "commonLabels: app.kubernetes.io/component is set",
            id="the label of APIServices",
        ),
    ],
)
def test_refused(values, words):
    code, _, complained = helm_template(*(f"--set={value}" for value in values))

    assert code != 0
    assert words in complained


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        pytest.param(
            [URL, "apis.custom=true", CUSTOM_RULE, "fallback=primary"],
            {"fallback": "primary", "prometheus_url": "http://prometheus:9090"},
            id="kubelets beside custom rules",
        ),
        pytest.param(
            [URL, RESOURCE_RULE, "fallback=off"], {"fallback": "off"}, id="Prometheus alone"
        ),
        pytest.param(
            [URL, "rules.existingConfigMap=mine", "apis.custom=true", "apis.external=true"],
            {"config": ("/etc/viaduct/rules",)},
            id="rules of one's own",
        ),
        pytest.param(
            [URL, RESOURCE_RULE, "prometheus.inCluster=true"],
            {"prometheus_auth_incluster": True},
            id="the pod's token",
        ),
        pytest.param(
            [
                *(URL, RESOURCE_RULE, "prometheus.tokenSecret.name=a"),
                *("prometheus.caConfigMap.name=b", "prometheus.clientCertificateSecret=c"),
            ],
            {
                "prometheus_token_file": "/etc/viaduct/prometheus-token/token",
                "prometheus_ca_file": "/etc/viaduct/prometheus-ca/ca.crt",
                "prometheus_client_tls_cert_file": "/etc/viaduct/prometheus-client/tls.crt",
                "prometheus_client_tls_key_file": "/etc/viaduct/prometheus-client/tls.key",
            },
            id="credentials for Prometheus",
        ),
        pytest.param(
            ["certificates.mode=secret", "certificates.secret.name=pair"],
            {"tls_cert_file": "/etc/viaduct/serving/tls.crt", "self_managed_certificates": False},
            id="a given pair",
        ),
        pytest.param(
            ["port=8443", "hostNetwork=true", "metricResolution=30s"],
            {"secure_port": 8443, "metric_resolution": 30.0},
            id="host network",
        ),
        pytest.param(
            [
                "extraArgs={/metrics-server,--metric-resolution=20s,--kubelet-insecure-tls}",
                "port=10250",
            ],
            {"secure_port": 10250, "kubelet_insecure_tls": True, "metric_resolution": 20.0},
            id="arguments of metrics-server",
        ),
        pytest.param(
            [
                *("apis.custom=true", "apis.external=true", "apis.metrics=false"),
                "hpaAnnotations.namespaces={shop,checkout}",
                "jsonSource.allow={127.0.0.0/8,metrics.example}",
            ],
            {
                "hpa_annotations": ("shop", "checkout"),
                "json_allow": ("127.0.0.0/8", "metrics.example"),
                "config": (),
            },
            id="metrics of annotations alone",
        ),
        pytest.param(["fullnameOverride=gauge"], {"service_name": "gauge"}, id="another name"),
        pytest.param(
            ["metricResolution=10s", "extraArgs={--kubelet-request-timeout=9s}"],
            {"metric_resolution": 10.0, "kubelet_request_timeout": 9.0},
            id="the shortest period",
        ),
        pytest.param(
            ["shutdownDelay=1m", "terminationGracePeriodSeconds=150"],
            {"shutdown_delay_duration": 60.0},
            id="a long delay",
        ),
    ],
)
def test_values_become_flags(values, fields):
    objects = chart(*(f"--set={value}" for value in values))

    settings = parse_settings(container(objects).get("args", []), environment(objects))

    assert {name: getattr(settings, name) for name in fields} == fields
    pod = one(objects, "Deployment")["spec"]["template"]["spec"]
    mounts = {mount["name"] for mount in container(objects)["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        pytest.param([], 1, id="the default"),
        pytest.param(["replicas=1"], None, id="one replica"),
        pytest.param(["replicas=0"], None, id="none"),
        pytest.param(["replicas=1", "podDisruptionBudget.minAvailable=0"], None, id="no need"),
        pytest.param(["replicas=3", "podDisruptionBudget.minAvailable=2"], 2, id="two of three"),
        pytest.param(["podDisruptionBudget.minAvailable=50%"], "50%", id="half"),
    ],
)
def test_the_disruption_budget_always_lets_a_pod_be_drained(values, kept):
    """A drain waits for ever where the budget keeps as many pods as there are."""
    budgets = only(chart(*(f"--set={value}" for value in values)), "PodDisruptionBudget")

    assert [budget["spec"]["minAvailable"] for budget in budgets] == [kept] * (kept is not None)


BACKENDS = "rules.inline.backends[0].name=long,rules.inline.backends[0].url=https://long:10902/x"


@pytest.mark.parametrize(
    ("values", "ports"),
    [
        pytest.param([], [], id="no Prometheus"),
        pytest.param(["prometheus.url=http://p:9090"], [9090], id="its own port"),
        pytest.param(["prometheus.url=http://u:p@p:9091/a:1"], [9090, 9091], id="another"),
        pytest.param(["prometheus.url=http://[fd00::1]:9091"], [9090, 9091], id="an address"),
        pytest.param(["prometheus.url=http://p"], [9090, 80], id="a Service's port, not the pod's"),
        pytest.param(["prometheus.url=https://p/a"], [9090, 443], id="that of https"),
        pytest.param(["prometheus.url=http://p:9091", BACKENDS], [9090, 9091, 10902], id="backend"),
        pytest.param(
            ["prometheus.url=http://p:80", "networkPolicy.prometheusPort=9095"], [9095], id="given"
        ),
    ],
)
def test_the_network_policy_lets_out_to_prometheus(values, ports):
    """Policies see the port behind a Service: that of Prometheus itself is let out, too."""
    given = [*values, RESOURCE_RULE] if values else []

    egress = one(chart(*(f"--set={each}" for each in given)), "NetworkPolicy")["spec"]["egress"]

    found = [rule for rule in egress if rule.get("to") == [{"namespaceSelector": {}}]]
    assert [port["port"] for rule in found for port in rule["ports"]] == ports


def test_labels_may_be_unset():
    """As a parent chart or a second file of values does."""
    unset = [
        f"--set={each}=null" for each in ("commonLabels", "podLabels", "serviceMonitor.labels")
    ]

    assert normalised(chart(*unset)) == normalised(chart())


def test_headers_come_from_a_secret_and_are_never_written_down():
    objects = chart(
        f"--set={URL}", f"--set={RESOURCE_RULE}", "--set=prometheus.headersSecret.name=mine"
    )

    (header,) = [
        each for each in container(objects)["env"] if each["name"] == "VIADUCT_PROMETHEUS_HEADER"
    ]
    assert header["valueFrom"] == {"secretKeyRef": {"name": "mine", "key": "headers"}}


def test_everything_that_may_be_switched_off():
    values = [
        *("rbac.create=false", "serviceAccount.create=false", "serviceAccount.name=mine"),
        *("networkPolicy.enabled=false", "podDisruptionBudget.enabled=false"),
        *("apis.register=false", "priorityClassName="),
    ]
    objects = chart(*(f"--set={value}" for value in values))

    assert [kind for kind, _, _ in by_key(objects)] == ["Service", "Deployment"]
    pod = one(objects, "Deployment")["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "mine"
    assert "priorityClassName" not in pod


def test_named_namespaces_are_all_that_annotations_need():
    objects = chart(
        "--set=hpaAnnotations.namespaces={shop,checkout}",
        "--set=hpaAnnotations.scaled.argoproj\\.io={rollouts}",
    )

    found = {key: verbs for key, verbs in rights(objects).items() if key[0] in {"shop", "checkout"}}

    hpas = {
        ("autoscaling", "horizontalpodautoscalers"): ("list", "watch"),
        **{("apps", f"{name}s/scale"): ("get",) for name in SCALED},
        ("argoproj.io", "rollouts/scale"): ("get",),
        ("", "events"): ("create",),
    }
    namespaces = ("shop", "checkout")
    assert found == {(each, *key): verbs for each in namespaces for key, verbs in hpas.items()}
    everywhere = {key[2] for key in rights(objects) if not key[0]}
    assert not everywhere & {"events", "horizontalpodautoscalers"}


def test_ports_of_pods_that_publish_documents():
    objects = chart("--set=jsonSource.enabled=true", "--set=jsonSource.ports={8080,9000}")

    *_, rule = one(objects, "NetworkPolicy")["spec"]["egress"]
    assert [port["port"] for port in rule["ports"]] == [8080, 9000]
    assert rule["to"] == [{"namespaceSelector": {}}]


def test_another_name_is_used_everywhere():
    objects = chart(
        "--set=fullnameOverride=gauge",
        "--set=apis.custom=true",
        f"--set={CUSTOM_RULE}",
        f"--set={URL}",
        f"--set={RESOURCE_RULE}",
    )

    for kind, namespace, name in by_key(objects):
        assert kind == "APIService" or name.startswith("gauge"), (kind, namespace, name)
    for document in only(objects, "APIService"):
        assert document["spec"]["service"]["name"] == "gauge"
    (rule,) = [
        rule for role in only(objects, "Role") for rule in role["rules"] if "resourceNames" in rule
    ]
    assert rule["resourceNames"] == ["gauge-serving-certificate"]


def test_rendering_twice_gives_the_same():
    """No random or time-dependent value, which tools of GitOps would see as drift."""
    flags = [
        "--set=apis.custom=true",
        f"--set={CUSTOM_RULE}",
        f"--set={URL}",
        f"--set={RESOURCE_RULE}",
    ]

    assert helm_template(*flags) == helm_template(*flags)


def test_nulls_and_empty_maps_are_not_rendered():
    """They are dropped when stored, so that tools of GitOps would see drift for ever."""

    def empty(value, path=""):
        if isinstance(value, dict):
            return [
                found for name, each in value.items() for found in empty(each, f"{path}/{name}")
            ]
        if isinstance(value, list):
            return [found for each in value for found in empty(each, f"{path}[]")]
        return [path] if value is None else []

    assert [found for document in chart() for found in empty(document)] == []


def test_rules_change_the_pod_template():
    """Rule files are read at the start, so a change must restart the pods."""
    flags = ["--set=apis.custom=true", f"--set={URL}", f"--set={RESOURCE_RULE}"]
    first, second = (
        one(chart(*flags, f"--set=rules.inline.rules[0].seriesQuery={query}"), "Deployment")
        for query in ("a", "b")
    )

    assert first["spec"]["template"] != second["spec"]["template"]


def test_lint():
    code, printed, complained = run(
        program("helm"), "lint", "--strict", "--kube-version=1.33.0", str(CHART)
    )

    assert code == 0, printed + complained


def test_every_value_is_in_the_schema_and_the_other_way_round():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())

    def compare(value, part, path):
        properties = part.get("properties")
        if not isinstance(value, dict) or properties is None:
            return
        assert part["additionalProperties"] is False, path
        if not value:
            return  # nothing by default: what may be given stands in the schema alone
        assert value.keys() == properties.keys() - {"global"}, path
        for name, each in value.items():
            compare(each, properties[name], f"{path}.{name}")

    compare(values, schema, "")
