"""The objects in ``deploy/``: kustomize and the chart agree, flags exist, rights are least."""

import re
import tomllib

import pytest
import yaml
from integration.manifests import (
    CHART,
    KUSTOMIZE,
    NAMESPACE,
    OVERLAYS,
    ROOT,
    by_key,
    chart,
    container,
    environment,
    kustomized,
    normalised,
    one,
    only,
    overlay,
    rights,
    run,
    values_of,
)
from integration.service import NEEDS_KUBECTL

from adapter.apis.custom_metrics.handlers import VERSIONS as CUSTOM
from adapter.apis.external_metrics.handlers import VERSIONS as EXTERNAL
from adapter.apis.resource_metrics.handlers import VERSIONS as METRICS
from adapter.rules.load import load_rule_texts
from adapter.settings import parse_settings
from adapter.settings.options import declared_flags
from adapter.sim.demo.processes import find_program

pytestmark = NEEDS_KUBECTL

SERVED = {
    "metrics.k8s.io": METRICS,
    "custom.metrics.k8s.io": CUSTOM,
    "external.metrics.k8s.io": EXTERNAL,
}
GROUPS = {
    "all": list(SERVED),
    "all-cert-manager": list(SERVED),
    "metrics-server": ["metrics.k8s.io"],
    "prometheus-adapter": ["custom.metrics.k8s.io", "external.metrics.k8s.io"],
    "test-insecure": ["metrics.k8s.io"],
}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_chart_renders_the_objects_of_the_overlay(name):
    """Except the namespace, which helm makes itself (``--create-namespace``)."""
    ours = normalised(overlay(name))
    theirs = normalised(chart(values=[values_of(name)]))

    assert ours.pop(("Namespace", "", NAMESPACE))
    assert theirs.keys() == ours.keys()
    for key, document in ours.items():
        assert theirs[key] == document


@pytest.mark.parametrize("name", OVERLAYS)
def test_flags_exist_and_fit_together(name):
    objects = overlay(name)
    known = {flag.variable for flag in declared_flags()}

    given = environment(objects)
    settings = parse_settings(container(objects).get("args", []), given)

    assert given.keys() <= known
    assert not any("unknown" in warning for warning in settings.warnings)
    # what begins at the end of the delay may take its whole time, and stopping a few seconds more
    stopping = settings.shutdown_delay_duration + settings.request_timeout + 5
    assert stopping <= _pod(objects)["terminationGracePeriodSeconds"]
    assert container(objects)["ports"][0]["containerPort"] == settings.secure_port


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_version_that_is_served_is_registered_and_no_other(name):
    registered = {}
    for document in only(overlay(name), "APIService"):
        spec = document["spec"]
        assert document["metadata"]["name"] == f"{spec['version']}.{spec['group']}"
        assert spec["service"] == {"namespace": NAMESPACE, "name": "viaduct", "port": 443}
        assert spec.get("insecureSkipTLSVerify", False) == (name == "test-insecure")
        registered.setdefault(spec["group"], []).append((-spec["versionPriority"], spec["version"]))

    preferred_first = {
        group: tuple(version for _, version in sorted(versions))
        for group, versions in registered.items()
    }
    assert preferred_first == {group: SERVED[group] for group in GROUPS[name]}


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_group_that_is_registered_has_rules(name):
    """Otherwise it would not be served, and no namespace could be deleted."""
    texts = [
        (key, text.encode())
        for document in only(overlay(name), "ConfigMap")
        for key, text in document["data"].items()
    ]

    loaded = load_rule_texts(texts)

    assert loaded.findings == ()
    sections = {
        "custom.metrics.k8s.io": loaded.rule_file.rules,
        "external.metrics.k8s.io": loaded.rule_file.external_rules,
    }
    for group, rules in sections.items():
        assert bool(rules) == (group in GROUPS[name])


ALWAYS = {
    ("", "", "pods"): ("get", "list", "watch"),
    ("", "", "nodes"): ("list", "watch"),
    ("", "ClusterRole", "system:auth-delegator"): ("bound",),
    ("kube-system", "Role", "extension-apiserver-authentication-reader"): ("bound",),
}
OWN_CERTIFICATE = {
    (NAMESPACE, "", "secrets"): ("create",),
    (NAMESPACE, "", "secrets/viaduct-serving-certificate"): ("get", "update"),
}
KUBELETS = {("", "", "nodes/metrics"): ("get",)}
OBJECTS = {("", "", "namespaces"): ("list",), ("", "", "services"): ("list",)}


def own_apis(*groups):
    return {
        ("", "apiregistration.k8s.io", f"apiservices/{version}.{group}"): ("get", "patch")
        for group in groups
        for version in SERVED[group]
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("metrics-server", ALWAYS | OWN_CERTIFICATE | KUBELETS | own_apis("metrics.k8s.io")),
        (
            "prometheus-adapter",
            ALWAYS
            | OWN_CERTIFICATE
            | OBJECTS
            | own_apis("custom.metrics.k8s.io", "external.metrics.k8s.io"),
        ),
        ("all", ALWAYS | OWN_CERTIFICATE | KUBELETS | OBJECTS | own_apis(*SERVED)),
        ("all-cert-manager", ALWAYS | KUBELETS | OBJECTS),
        ("test-insecure", ALWAYS | KUBELETS),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rights_are_these_and_no_more(name, expected):
    assert rights(overlay(name)) == expected


@pytest.mark.parametrize("name", OVERLAYS)
def test_pods_are_restricted(name):
    """What the Pod Security Standard "restricted" asks for, and a read-only root file system."""
    pod = _pod(overlay(name))
    security = container(overlay(name))["securityContext"]

    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod["securityContext"]["runAsNonRoot"]
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    kinds = {kind for volume in pod["volumes"] for kind in volume.keys() - {"name"}}
    assert kinds <= {"emptyDir", "configMap", "secret"}
    writable = [
        mount for mount in container(overlay(name))["volumeMounts"] if "readOnly" not in mount
    ]
    assert [mount["mountPath"] for mount in writable] == ["/tmp"]


def test_a_rolling_update_and_a_drain_leave_no_gap():
    objects = overlay("all")
    deployment = one(objects, "Deployment")["spec"]

    assert deployment["replicas"] == 2
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert one(objects, "PodDisruptionBudget")["spec"]["minAvailable"] == 1
    selectors = [
        deployment["selector"]["matchLabels"],
        one(objects, "Service")["spec"]["selector"],
        one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(
            spread["labelSelector"]["matchLabels"]
            for spread in _pod(objects)["topologySpreadConstraints"]
        ),
    ]
    for selector in selectors:
        assert selector.items() <= deployment["template"]["metadata"]["labels"].items()


def test_the_network_policy_lets_out_what_is_needed():
    ports = {
        name: [
            port["port"]
            for rule in one(overlay(name), "NetworkPolicy")["spec"]["egress"]
            for port in rule["ports"]
        ]
        for name in ("metrics-server", "prometheus-adapter", "all")
    }

    assert ports == {
        "metrics-server": [53, 53, 443, 6443, 10250],
        "prometheus-adapter": [53, 53, 443, 6443, 9090],
        "all": [53, 53, 443, 6443, 10250, 9090],
    }


def test_another_namespace(tmp_path):
    """As deploy/README.md says: all but what must stay in kube-system moves."""
    up = _relative(tmp_path)
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump(
            {
                "namespace": "monitoring",
                "resources": [f"{up}/overlays/all-cert-manager"],
                "transformers": [f"{up}/namespaced"],
                "patches": [
                    {
                        "target": {"kind": "Namespace"},
                        "patch": "$patch: delete\napiVersion: v1\nkind: Namespace\n"
                        "metadata: {name: any}\n",
                    }
                ],
            }
        )
    )
    moved = kustomized(tmp_path)
    rendered = chart(values=[values_of("all-cert-manager")], namespace="monitoring")

    assert normalised(moved) == normalised(rendered)
    assert NAMESPACE not in yaml.safe_dump(moved)


def with_components(folder, *names):
    """Overlay ``all`` with further components."""
    up = _relative(folder)
    components = [f"{up}/components/{name}" for name in names]
    overlaid = {"resources": [f"{up}/overlays/all"], "namespace": NAMESPACE}
    (folder / "kustomization.yaml").write_text(
        yaml.safe_dump(overlaid | {"components": components, "transformers": [f"{up}/namespaced"]})
    )
    return kustomized(folder)


def test_json_documents_and_annotations_take_rights_of_their_own(tmp_path):
    objects = with_components(tmp_path, "json-source", "hpa-annotations")
    base = overlay("all")

    assert {key: verbs for key, verbs in rights(objects).items() if key not in rights(base)} == {
        ("", "autoscaling", "horizontalpodautoscalers"): ("list", "watch"),
        ("", "apps", "deployments/scale"): ("get",),
        ("", "apps", "replicasets/scale"): ("get",),
        ("", "apps", "statefulsets/scale"): ("get",),
        ("", "", "events"): ("create",),
    }
    settings = parse_settings(container(objects).get("args", []), environment(objects))
    assert settings.hpa_annotations == ("*",)
    allowed, before = (one(each, "NetworkPolicy")["spec"]["egress"] for each in (objects, base))
    assert allowed == [
        *before,
        {"to": [{"namespaceSelector": {}}], "ports": [{"port": 8080, "protocol": "TCP"}]},
    ]


def test_components_that_no_overlay_takes(tmp_path):
    names = ("nodes-5000", "service-monitor", "json-source", "hpa-annotations")
    overlaid = with_components(tmp_path, *names)
    flags = [
        *("--set=serviceMonitor.enabled=true", "--set=jsonSource.enabled=true"),
        "--set=hpaAnnotations.namespaces={*}",
    ]
    requests = container(overlaid)["resources"]["requests"]
    flags += [f"--set=resources.requests.{name}={value}" for name, value in requests.items()]

    rendered = normalised(chart(*flags, values=[values_of("all")]))

    found = normalised(overlaid)
    assert found.pop(("Namespace", "", NAMESPACE))
    assert found == rendered
    used = {
        component.rpartition("/")[2]
        for name in OVERLAYS
        for component in yaml.safe_load(
            (KUSTOMIZE / "overlays" / name / "kustomization.yaml").read_text()
        )["components"]
    }
    unused = {path.name for path in (KUSTOMIZE / "components").iterdir()} - used
    assert unused == {*names, "nodes-1000"}


def test_copies_of_rule_files_are_those_of_config():
    """kustomize and helm read no file outside their folders; after a change copy it again."""
    copies = [
        KUSTOMIZE / "components" / "resource-rules" / "rules.kubelet.yaml",
        *(CHART / "files").iterdir(),
    ]

    for copy in copies:
        assert copy.read_text() == (ROOT / "config" / copy.name).read_text(), copy


def test_versions_are_the_package_s():
    described = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert (described["version"], described["appVersion"]) == (VERSION, VERSION)
    assert container(overlay("all"))["image"] == f"viaduct:{VERSION}"


def test_each_object_has_one_name_in_all_overlays():
    """Nothing is left behind when one overlay is applied over another, but what it lacks."""
    everything = by_key(overlay("all")).keys()

    for name in ("metrics-server", "prometheus-adapter"):
        found = {key for key in by_key(overlay(name)) if key[0] != "ConfigMap"}
        assert found <= everything


def test_the_image_is_what_the_manifests_expect():
    text = (ROOT / "deploy" / "image" / "Dockerfile").read_text()

    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", bases[0])
    assert re.search(r"^USER \d+:\d+$", text, re.MULTILINE)
    assert text.endswith('ENTRYPOINT ["viaduct"]\n')
    port = container(overlay("all"))["ports"][0]["containerPort"]
    assert f"\nEXPOSE {port}\n" in text
    build = text.rpartition("\nFROM ")[0]
    copied = {
        word
        for line in re.findall(r"^COPY (.*) \S+$", build, re.MULTILINE)
        for word in line.split()
    }
    ignored = (ROOT / "deploy" / "image" / "Dockerfile.dockerignore").read_text()
    assert copied == set(re.findall(r"^!(\S+)$", ignored, re.MULTILINE))


def test_the_image_passes_hadolint():
    hadolint = find_program("hadolint")
    if hadolint is None:
        pytest.skip("no hadolint on PATH")

    code, printed, complained = run(hadolint, str(ROOT / "deploy" / "image" / "Dockerfile"))

    assert (code, printed, complained) == (0, "", "")


def _pod(objects):
    return one(objects, "Deployment")["spec"]["template"]["spec"]


def _relative(folder):
    """Way from *folder* to kustomize's, which wants relative ones."""
    return "/".join([".."] * len(folder.resolve().parts[1:])) + str(KUSTOMIZE)
