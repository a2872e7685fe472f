"""The aggregator finds Viaduct, and loses it neither with Prometheus nor with the kubelets."""

import pytest

from e2e.lab import NODES, TEAM
from e2e.manifests import namespace, pod
from e2e.programs import poll

PODS = f"/apis/metrics.k8s.io/v1beta1/namespaces/{TEAM}/pods"
STALE_SECONDS = 60.0
"""In which the last samples are too old to be served: a few periods of the scraper."""

CHECKS, CHECKED_SECONDS = 5, 30.0
"""The aggregator asks five times at once, and takes one success."""

DELETED_SECONDS = 30.0


def discoveries(lab):
    """How often Viaduct was asked for what is no resource: its versions, for the most part."""
    client = lab.viaduct.client(certificate=lab.control_plane.admin_pair)
    lines = client.get("/metrics", Accept="text/plain").body.decode().splitlines()
    name = "viaduct_api_requests_total{"
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith(name) and 'resource=""' in line
    )


@pytest.fixture(scope="module")
def outage(lab):
    """Neither Prometheus nor any kubelet answers; gives the conditions that were not True."""
    with lab.viaduct.watched() as unavailable, lab.without_prometheus(), lab.without_kubelets():
        yield unavailable
    poll(lambda: lab.serves(PODS), STALE_SECONDS, lambda: said(lab, PODS))


@pytest.fixture(scope="module")
def long_outage(lab, outage):
    """… and what they said last is too old to be served."""
    poll(lambda: not lab.serves(PODS), STALE_SECONDS, lambda: said(lab, PODS))
    return outage


def said(lab, path):
    return lab.admin.get(path).body.decode()


def test_all_apis_become_available_within_10_seconds(lab):
    assert lab.available_seconds <= 10


def test_a_namespace_is_deleted_without_prometheus_and_kubelets(lab, outage):
    """Discovery is asked for everything that may be in it: one group that hangs stalls them all."""
    if lab.control_plane.controllers is None:
        pytest.skip("end-to-end suite: no kube-controller-manager, nobody deletes namespaces")
    doomed = "/api/v1/namespaces/doomed"
    lab.apply(namespace("doomed"), pod("doomed", "last", "last", NODES[0]))

    lab.admin.delete(doomed)

    poll(lambda: lab.admin.get(doomed).status == 404, DELETED_SECONDS, lambda: said(lab, doomed))


def test_all_apis_stay_available_without_prometheus_and_kubelets(lab, long_outage):
    checks = CHECKS * len(lab.viaduct.conditions())
    before = discoveries(lab)
    lab.viaduct.have_checked()
    poll(lambda: discoveries(lab) > before + checks, CHECKED_SECONDS)

    assert {c.status for c in lab.viaduct.conditions().values()} == {"True"}
    assert long_outage == []


@pytest.mark.parametrize("probe", ["livez", "readyz"])
def test_probes_pass_without_prometheus_and_kubelets(lab, long_outage, probe):
    """A failing readiness would take the endpoints away, and with them the APIs."""
    answer = lab.viaduct.client().get(f"/{probe}?verbose")

    assert answer.status == 200, answer.body.decode()


def test_kubectl_lists_all_apis_without_prometheus_and_kubelets(lab, long_outage):
    printed = lab.kubectl("api-resources", "--api-group=metrics.k8s.io", "--no-headers")

    assert [row[0] for row in printed.rows()] == ["nodes", "pods"]


def test_who_asks_is_told_why_there_is_nothing(lab, long_outage):
    printed = lab.kubectl.run("top", "pod", "web-0", f"--namespace={TEAM}")

    assert printed.code == 1
    assert "prometheus" in printed.err, printed.err
