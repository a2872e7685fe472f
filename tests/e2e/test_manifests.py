"""``deploy/`` against a real kube-apiserver: schemas, Pod Security, rights, certificates.

In a control plane of its own: the APIServices have the names of those the other tests use.
"""

import json
import sys

import pytest
from integration.manifests import (
    NAMESPACE,
    OVERLAYS,
    chart,
    container,
    environment,
    one,
    only,
    overlay,
    values_of,
)

from adapter.sim.ports import free_port
from e2e.control_plane import ControlPlane
from e2e.programs import Program, poll
from e2e.viaduct import as_list

ACCOUNT = f"system:serviceaccount:{NAMESPACE}:viaduct"
FOREIGN = {
    "cert-manager.io": ("v1", ["Certificate", "Issuer"]),
    "monitoring.coreos.com": ("v1", ["ServiceMonitor"]),
}
"""Kinds of operators that need not be installed; their schemas are not looked at."""

APPLY = ("apply", "--server-side", "--validate=strict", "--filename=-")
AVAILABLE_SECONDS = 30.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A control plane with our namespace and the foreign kinds."""
    made = ControlPlane(tmp_path_factory.mktemp("manifests"))
    with made.running():
        crds = [
            _any_kind(group, version, kind)
            for group, (version, kinds) in FOREIGN.items()
            for kind in kinds
        ]
        made.kubectl(*APPLY, stdin=as_list([*crds, *only(overlay("all"), "Namespace")]))
        names = [f"crd/{crd['metadata']['name']}" for crd in crds]
        made.kubectl("wait", "--for=condition=Established", *names)
        yield made


def _any_kind(group, version, kind):
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_server_takes_every_object_of_kustomize(cluster, name):
    """With strict validation: an unknown or misspelt field is an error."""
    printed = cluster.kubectl(*APPLY, "--dry-run=server", stdin=as_list(overlay(name)))

    assert len(printed.rows()) == len(overlay(name))
    assert printed.err == ""


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_server_takes_every_object_of_the_chart(cluster, name):
    objects = chart("--set=serviceMonitor.enabled=true", values=[values_of(name)])

    printed = cluster.kubectl(*APPLY, "--dry-run=server", stdin=as_list(objects))

    assert len(printed.rows()) == len(objects)
    assert printed.err == ""


@pytest.mark.parametrize("name", OVERLAYS)
def test_pod_security_admission_lets_the_pod_in(cluster, name):
    """The namespace enforces the standard "restricted"; a Deployment alone is not asked."""
    template = one(overlay(name), "Deployment")["spec"]["template"]
    metadata = template["metadata"] | {"name": "viaduct", "namespace": NAMESPACE}
    spec = dict(template["spec"])
    for spread in spec["topologySpreadConstraints"]:
        spread.pop("matchLabelKeys")  # the label is put on by the Deployment's controller
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    printed = cluster.kubectl(*APPLY, "--dry-run=server", stdin=json.dumps(pod))
    loose = json.loads(json.dumps(pod))
    del loose["spec"]["containers"][0]["securityContext"]["capabilities"]
    refused = cluster.kubectl.run(*APPLY, "--dry-run=server", stdin=json.dumps(loose))

    assert printed.err == ""
    assert 'violates PodSecurity "restricted' in refused.err


class Deployed(Program):
    """The process the Deployment describes, with the account and the files it would have."""

    def __init__(self, control_plane, directory, objects):
        self.port = free_port()
        rules = directory / "rules"
        rules.mkdir()
        for name, text in one(objects, "ConfigMap")["data"].items():
            (rules / name).write_text(text)
        token = directory / "token"
        token.touch(mode=0o600)
        token.write_text(control_plane.token_of(NAMESPACE, "viaduct"))
        user = {"tokenFile": str(token)}
        here = {
            "VIADUCT_KUBECONFIG": control_plane.kubeconfig_for("deployed", user),
            "VIADUCT_SERVICE_NAMESPACE": NAMESPACE,
            "VIADUCT_BIND_ADDRESS": "127.0.0.1",
            "VIADUCT_SECURE_PORT": self.port,
            "VIADUCT_CERT_DIR": directory / "serving-cert",
            "VIADUCT_SHUTDOWN_DELAY_DURATION": "0s",
            "VIADUCT_CONFIG": rules,
            "VIADUCT_PROMETHEUS_URL": f"http://127.0.0.1:{free_port()}",
        }
        given = environment(objects)
        flags = [
            f"--{name.removeprefix('VIADUCT_').lower().replace('_', '-')}={value}"
            for name, value in (given | here).items()
        ]
        command = [sys.executable, "-m", "adapter", *container(objects).get("args", []), *flags]
        super().__init__("viaduct-deployed", command, directory)


@pytest.fixture(scope="module")
def deployed(cluster):
    """Overlay ``all`` applied for real, its Service led to a process, which then runs."""
    objects = overlay("all")
    cluster.kubectl(*APPLY, stdin=as_list(objects))
    made = Deployed(cluster, cluster.directory, objects)
    # An endpoint may not be a loopback address, but a name may be one's.
    service = {"type": "ExternalName", "externalName": "localhost", "clusterIP": None}
    patch = {"spec": service | {"clusterIPs": None, "ports": None, "selector": None}}
    cluster.admin.patch(f"/api/v1/namespaces/{NAMESPACE}/services/viaduct", patch)
    for document in only(objects, "APIService"):
        path = f"/apis/apiregistration.k8s.io/v1/apiservices/{document['metadata']['name']}"
        cluster.admin.patch(path, {"spec": {"service": {"port": made.port}}})
    made.start()
    try:
        yield made
    finally:
        made.stop()


def _conditions(cluster):
    found = cluster.admin.read("/apis/apiregistration.k8s.io/v1/apiservices")["items"]
    return {
        each["metadata"]["name"]: [
            (condition["status"], condition.get("message"))
            for condition in each.get("status", {}).get("conditions", [])
        ]
        for each in found
        if each["spec"].get("service", {}).get("namespace") == NAMESPACE
    }


def test_every_api_becomes_available_with_the_rights_and_flags_of_the_manifests(cluster, deployed):
    """By the CA that the process itself has written into the APIServices."""

    def available():
        found = _conditions(cluster).values()
        return len(found) == 5 and all(each and each[0][0] == "True" for each in found)

    poll(available, AVAILABLE_SECONDS, lambda: f"{_conditions(cluster)} {deployed.log()}")

    said = deployed.log_file.read_text()
    assert "orbidden" not in said
    for document in only(overlay("all"), "APIService"):
        path = f"/apis/apiregistration.k8s.io/v1/apiservices/{document['metadata']['name']}"
        spec = cluster.admin.read(path)["spec"]
        assert spec["caBundle"]
        assert not spec.get("insecureSkipTLSVerify")


def test_applying_again_leaves_the_ca_alone(cluster, deployed):
    """An upgrade or a tool of GitOps must not take the APIs away, not even for a moment."""
    path = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"
    poll(lambda: cluster.admin.read(path)["spec"].get("caBundle"), AVAILABLE_SECONDS)
    before = cluster.admin.read(path)["spec"]["caBundle"]

    objects = only(overlay("all"), "APIService")
    for document in objects:
        document["spec"]["service"]["port"] = deployed.port
    cluster.kubectl(*APPLY, stdin=as_list(objects))

    assert cluster.admin.read(path)["spec"]["caBundle"] == before


MAY = """
list pods -A
watch pods -A
get pods -A
list nodes
watch nodes
get nodes --subresource=metrics
list services -A
list namespaces
create tokenreviews.authentication.k8s.io
create subjectaccessreviews.authorization.k8s.io
get configmaps/extension-apiserver-authentication -n kube-system
watch configmaps/extension-apiserver-authentication -n kube-system
get secrets/viaduct-serving-certificate -n viaduct-system
update secrets/viaduct-serving-certificate -n viaduct-system
create secrets -n viaduct-system
patch apiservices.apiregistration.k8s.io/v1.metrics.k8s.io
patch apiservices.apiregistration.k8s.io/v1beta1.external.metrics.k8s.io
"""
MAY_NOT = """
get secrets/other -n viaduct-system
list secrets -n viaduct-system
create secrets -n default
get secrets/viaduct-serving-certificate -n kube-system
patch apiservices.apiregistration.k8s.io/v1.apps
delete apiservices.apiregistration.k8s.io/v1.metrics.k8s.io
create apiservices.apiregistration.k8s.io
get nodes --subresource=proxy
get nodes --subresource=stats
get configmaps/other -n kube-system
list configmaps -n kube-system
create pods -n viaduct-system
list deployments.apps -A
patch nodes
impersonate users
list pods.metrics.k8s.io -A
"""


def _can(cluster, question):
    words = ["auth", "can-i", *question.split(), f"--as={ACCOUNT}"]
    return cluster.kubectl.run(*words).out.strip() == "yes"


@pytest.mark.parametrize("question", MAY.strip().splitlines())
def test_the_account_may(cluster, deployed, question):
    assert _can(cluster, question)


@pytest.mark.parametrize("question", MAY_NOT.strip().splitlines())
def test_the_account_may_not(cluster, deployed, question):
    assert not _can(cluster, question)


HPA_CONTROLLER = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"


@pytest.mark.parametrize(
    ("group", "resource", "subresource", "verb"),
    [
        pytest.param("custom.metrics.k8s.io", "pods", "any_metric", "get", id="custom"),
        pytest.param("custom.metrics.k8s.io", "ingresses.networking.k8s.io", "a", "get", id="kind"),
        pytest.param("external.metrics.k8s.io", "any_metric", "", "list", id="external"),
    ],
)
def test_the_hpa_controller_may_read(cluster, deployed, group, resource, subresource, verb):
    """Asked by review: ``kubectl auth can-i`` reads these names otherwise."""
    asked = {"group": group, "resource": resource, "subresource": subresource, "verb": verb}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": HPA_CONTROLLER, "resourceAttributes": {"namespace": "default"} | asked},
    }

    answer = cluster.admin.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)

    assert answer["status"]["allowed"]
    assert "ClusterRole" in answer["status"]["reason"]
