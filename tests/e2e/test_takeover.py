"""Taking APIs over from the peers and giving them back, by the commands of ``deploy/README.md``."""

import json
import re

import pytest
from integration.manifests import CHART, NAMESPACE, ROOT, clean_run, overlay, program, run

from e2e.control_plane import ControlPlane
from e2e.viaduct import as_list

API = "v1beta1.metrics.k8s.io"
CUSTOM = ("v1beta1.custom.metrics.k8s.io", "v1beta1.external.metrics.k8s.io")
NEEDS_PODS = re.compile(r"^.*rollout status.*\n", re.MULTILINE)
"""Nothing runs pods here."""


@pytest.fixture
def cluster(tmp_path):
    """A control plane of this test alone."""
    made = ControlPlane(tmp_path)
    with made.running():
        yield made


def service(cluster, name):
    """Namespace and name of the Service an APIService sends requests to; None without one."""
    found = cluster.admin.get(f"/apis/apiregistration.k8s.io/v1/apiservices/{name}")
    if found.status == 404:
        return None
    spec = found.json()["spec"]["service"]
    return f"{spec['namespace']}/{spec['name']}"


def registered(cluster):
    """Every API of a metrics group, and who serves it."""
    items = cluster.admin.read("/apis/apiregistration.k8s.io/v1/apiservices")["items"]
    names = [item["metadata"]["name"] for item in items]
    return {name: service(cluster, name) for name in names if "metrics.k8s.io" in name}


def peer(namespace, name, *apis):
    """A peer as its manifests install it."""
    labels = {"app": name}
    container = {"name": name, "image": "registry.example/peer:1"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    return [deployment, *(_foreign(api, namespace, name) for api in apis)]


def _foreign(api, namespace, name):
    version, _, group = api.partition(".")
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": api},
        "spec": {
            "group": group,
            "version": version,
            "service": {"namespace": namespace, "name": name},
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    }


def own_secret(cluster):
    """The Secret that a running Viaduct has made before it is ready."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "viaduct-serving-certificate", "namespace": NAMESPACE},
        "stringData": {"ca.crt": cluster.authority.ca_pem},
    }
    cluster.kubectl("apply", "--filename=-", stdin=as_list([secret]))


def commands(heading):
    """The shell commands below a heading of the README, a text for each block."""
    text = (ROOT / "deploy" / "README.md").read_text()
    section = re.split(r"^#+ ", text.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert blocks
    # the last of a namespace would wait for discovery, which no server of an API answers here
    blocks = [block.replace("kubectl delete", "kubectl delete --wait=false") for block in blocks]
    return [NEEDS_PODS.sub("", block) for block in blocks]


def follow(cluster, text, folder=ROOT):
    """Run commands of the README."""
    code, printed, complained = clean_run(
        *("sh", "-euc", text), folder=folder, KUBECONFIG=str(cluster.kubectl.kubeconfig)
    )
    assert code == 0, (text, printed, complained)


def test_metrics_server(cluster):
    cluster.kubectl(
        *("apply", "--filename=-"),
        stdin=as_list(peer("kube-system", "metrics-server", API)),
    )
    begin, switch, keep = commands("Taking over from metrics-server")

    follow(cluster, begin)
    assert registered(cluster) == {API: "kube-system/metrics-server"}

    own_secret(cluster)
    follow(cluster, switch)
    follow(cluster, keep)
    ours = f"{NAMESPACE}/viaduct"
    assert registered(cluster) == {API: ours, "v1.metrics.k8s.io": ours}
    spec = cluster.admin.read(f"/apis/apiregistration.k8s.io/v1/apiservices/{API}")["spec"]
    assert spec["caBundle"]
    assert not spec.get("insecureSkipTLSVerify")

    (back,) = commands("Going back to metrics-server")
    follow(cluster, back)
    assert registered(cluster) == {API: "kube-system/metrics-server"}
    assert _left(cluster, "metrics-server") == []


def test_prometheus_adapter(cluster, tmp_path):
    cluster.kubectl("create", "namespace", "monitoring")
    theirs = peer("monitoring", "prometheus-adapter", *CUSTOM)
    cluster.kubectl("apply", "--filename=-", stdin=as_list(theirs))
    folder = tmp_path / "own"
    folder.mkdir()
    up = "/".join([".."] * len(folder.resolve().parts[1:]))
    (folder / "kustomization.yaml").write_text(
        f"resources: ['{up}{ROOT}/deploy/kustomize/overlays/prometheus-adapter']\n"
    )
    (switch,) = commands("Taking over from prometheus-adapter")
    begin, patch = switch.split("CA=", 1)

    follow(cluster, begin, folder)
    assert set(registered(cluster).values()) == {"monitoring/prometheus-adapter"}
    own_secret(cluster)
    follow(cluster, f"CA={patch}", folder)
    assert set(registered(cluster).values()) == {f"{NAMESPACE}/viaduct"}
    assert len(registered(cluster)) == 3

    (back,) = commands("Going back to prometheus-adapter")
    follow(cluster, back, folder)
    assert registered(cluster) == dict.fromkeys(CUSTOM, "monitoring/prometheus-adapter")


def test_removing_it(cluster):
    cluster.kubectl("apply", "--filename=-", stdin=as_list(overlay("all")))
    (remove,) = commands("Removing it")

    follow(cluster, remove)

    assert registered(cluster) == {}
    assert _left(cluster, "all") == []


def _left(cluster, name):
    """What of an overlay is still there; namespaces go by a controller of their own."""
    found = cluster.kubectl(
        *("get", "--filename=-", "--ignore-not-found", "--output=name"),
        stdin=as_list(overlay(name)),
    )
    ending = ("namespace/", "apiservice")
    return [line for line in found.out.split() if not line.startswith(ending)]


OLD_CHART = """
{{- if .Values.apiService.create }}
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  group: metrics.k8s.io
  version: v1beta1
  service: {name: metrics-server, namespace: old}
  insecureSkipTLSVerify: true
  groupPriorityMinimum: 100
  versionPriority: 100
{{- end }}
"""


@pytest.fixture
def helm(cluster, tmp_path):
    """A helm for a cluster; OLD is a chart of metrics-server, NEW ours."""
    binary = program("helm")
    old = tmp_path / "metrics-server"
    (old / "templates").mkdir(parents=True)
    (old / "Chart.yaml").write_text("{apiVersion: v2, name: metrics-server, version: 1.0.0}")
    (old / "values.yaml").write_text("apiService: {create: true}")
    (old / "templates" / "api.yaml").write_text(OLD_CHART)
    for name in ("old", NAMESPACE):
        cluster.kubectl("create", "namespace", name)

    def run_helm(words, *more):
        charts = {"OLD": str(old), "NEW": str(CHART)}
        words = [charts.get(word, word) for word in words.split()]
        return run(binary, f"--kubeconfig={cluster.kubectl.kubeconfig}", *words, *more)

    return run_helm


def test_helm_releases(cluster, helm):
    """In the order of the README; at no moment is the API registered with nobody."""

    def done(words):
        code, printed, complained = helm(words)
        assert code == 0, complained
        return printed

    done("install metrics-server OLD -n old")
    code, _, complained = helm(f"install viaduct NEW -n {NAMESPACE}")
    assert code != 0
    assert "cannot be imported into the current release" in complained
    done(f"uninstall viaduct -n {NAMESPACE} --ignore-not-found")

    said = done(f"install viaduct NEW -n {NAMESPACE} --set apis.register=false")
    assert f"{API}, served by old/metrics-server" in said
    _keep(cluster)
    done("upgrade metrics-server OLD -n old --reuse-values --set apiService.create=false")
    assert service(cluster, API) == "old/metrics-server"
    flags = "--reuse-values --set apis.register=true --take-ownership"
    done(f"upgrade viaduct NEW -n {NAMESPACE} {flags}")
    _lead(cluster, NAMESPACE, "viaduct")
    done(f"upgrade viaduct NEW -n {NAMESPACE} --reuse-values")
    done("uninstall metrics-server -n old")
    assert service(cluster, API) == f"{NAMESPACE}/viaduct"

    done("install metrics-server OLD -n old --set apiService.create=false")
    _keep(cluster)
    done(f"upgrade viaduct NEW -n {NAMESPACE} --reuse-values --set apis.register=false")
    assert registered(cluster) == {API: f"{NAMESPACE}/viaduct"}
    flags = "--reuse-values --set apiService.create=true --take-ownership"
    done(f"upgrade metrics-server OLD -n old {flags}")
    _lead(cluster, "old", "metrics-server")
    done(f"uninstall viaduct -n {NAMESPACE}")
    assert service(cluster, API) == "old/metrics-server"


def _keep(cluster):
    cluster.kubectl("annotate", "apiservice", API, "helm.sh/resource-policy=keep", "--overwrite")


def _lead(cluster, namespace, name):
    """Helm takes an object over without changing it, as it does with all kinds it does not know."""
    spec = {"service": {"namespace": namespace, "name": name}, "caBundle": None}
    patch = json.dumps({"spec": spec | {"insecureSkipTLSVerify": None}})
    cluster.kubectl("patch", "apiservice", API, "--type=merge", f"--patch={patch}")
