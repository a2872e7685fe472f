"""Viaduct and kube-apiserver come back, and everything goes on."""

from e2e.lab import NODES, TEAM
from e2e.manifests import pod
from e2e.programs import poll

AVAILABLE_SECONDS = 40.0
"""The aggregator looks every 30 s when nothing else makes it."""

MEASURED_SECONDS = 60.0
"""In which a new pod must have usage: two scrapes, and what a restart costs them."""

EXPLAINED_SECONDS = 90.0
"""The aggregator looks for documents once a minute, perhaps just while there were none."""

DOCUMENT = "/openapi/v3/apis/metrics.k8s.io/v1beta1"


def explained(lab):
    printed = lab.kubectl.run("explain", "podmetrics")
    return printed.code == 0 and "containers" in printed.out


def outdated_document(lab):
    """The answer to who asks for the document under a hash it no longer has."""
    return lab.admin.get(f"{DOCUMENT}?hash=OUTDATED")


def test_viaduct_restarts_with_other_documents(lab):
    """The aggregator keeps the old addresses of documents for a minute, and follows no redirect."""
    assert lab.viaduct.stop() == 0
    lab.viaduct.start().wait()
    lab.viaduct.have_checked()
    poll(lab.viaduct.available, AVAILABLE_SECONDS, lambda: str(lab.viaduct.conditions()))

    poll(lambda: explained(lab), EXPLAINED_SECONDS)
    answer = outdated_document(lab)
    assert answer.status == 200
    assert "components" in answer.json()


def test_kube_apiserver_restarts(lab):
    before = lab.viaduct.pid
    lab.control_plane.api.stop()
    lab.control_plane.api.start().wait()
    poll(lab.viaduct.available, AVAILABLE_SECONDS, lambda: str(lab.viaduct.conditions()))

    lab.apply(pod(TEAM, "late", "late", NODES[1]))

    def measured():
        printed = lab.kubectl.run("top", "pods", f"--namespace={TEAM}", "--no-headers")
        return printed.code == 0 and "late" in [row[0] for row in printed.rows()]

    poll(measured, MEASURED_SECONDS, lab.viaduct.log)
    assert lab.viaduct.pid == before


def test_viaduct_has_nothing_to_hide(lab):
    """After all that this suite has done to it."""
    said = lab.viaduct.log_file.read_text()

    assert "Traceback" not in said
    assert lab.viaduct.token_file.read_text() not in said
