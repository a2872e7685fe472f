"""Who may not, gets nothing; who may, gets it: through the aggregator and at the service itself."""

import http.client
from typing import NamedTuple

import pytest

from adapter.sim.pki import CertificateAuthority
from e2e.lab import TEAM
from e2e.manifests import account, binding, role, user_subject
from e2e.programs import poll

METRICS = "/apis/metrics.k8s.io/v1beta1"
CUSTOM = "/apis/custom.metrics.k8s.io/v1beta2"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1"
KNOWN_SECONDS = 40.0
"""Two scrapes by Prometheus and one discovery of series."""

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_NON_RESOURCE = "nonResourceAttributes"
RULES = [
    (("metrics.k8s.io",), ("pods",), ("get", "list")),
    (("custom.metrics.k8s.io",), ("pods/http_requests_per_second",), ("get",)),
    (("external.metrics.k8s.io",), ("queue_depth",), ("list",)),
]
"""What the account ``reader`` and the user ``jane`` may do, in one namespace."""


class Question(NamedTuple):
    """The same question three times."""

    path: str
    attributes: dict[str, str]
    """As a SubjectAccessReview has them."""
    words: tuple[str, ...] = ()
    """After ``kubectl auth can-i``, which knows no resource whose name is a metric's."""


def resource(verb, group, resource, **more):
    return {"verb": verb, "group": group, "resource": resource, **more}


IN_TEAM = f"--namespace={TEAM}"
QUESTIONS = {
    "pods": Question(
        f"{METRICS}/namespaces/{TEAM}/pods",
        resource("list", "metrics.k8s.io", "pods", namespace=TEAM),
        ("list", "pods.metrics.k8s.io", IN_TEAM),
    ),
    "pod": Question(
        f"{METRICS}/namespaces/{TEAM}/pods/web-0",
        resource("get", "metrics.k8s.io", "pods", namespace=TEAM, name="web-0"),
        ("get", "pods.metrics.k8s.io/web-0", IN_TEAM),
    ),
    "pods-of-all": Question(
        f"{METRICS}/pods",
        resource("list", "metrics.k8s.io", "pods"),
        ("list", "pods.metrics.k8s.io", "--all-namespaces"),
    ),
    "nodes": Question(
        f"{METRICS}/nodes",
        resource("list", "metrics.k8s.io", "nodes"),
        ("list", "nodes.metrics.k8s.io"),
    ),
    "other-namespace": Question(
        f"{METRICS}/namespaces/default/pods",
        resource("list", "metrics.k8s.io", "pods", namespace="default"),
        ("list", "pods.metrics.k8s.io", "--namespace=default"),
    ),
    "custom": Question(
        f"{CUSTOM}/namespaces/{TEAM}/pods/*/http_requests_per_second",
        resource(
            *("get", "custom.metrics.k8s.io", "pods"),
            namespace=TEAM,
            name="*",
            subresource="http_requests_per_second",
        ),
    ),
    "other-custom": Question(
        f"{CUSTOM}/namespaces/{TEAM}/pods/*/other",
        resource(
            *("get", "custom.metrics.k8s.io", "pods"),
            namespace=TEAM,
            name="*",
            subresource="other",
        ),
    ),
    "ingress": Question(
        f"{CUSTOM}/namespaces/{TEAM}/ingresses.networking.k8s.io/front/ingress_requests",
        resource(
            *("get", "custom.metrics.k8s.io", "ingresses.networking.k8s.io"),
            namespace=TEAM,
            name="front",
            subresource="ingress_requests",
        ),
    ),
    "external": Question(
        f"{EXTERNAL}/namespaces/{TEAM}/queue_depth",
        resource("list", "external.metrics.k8s.io", "queue_depth", namespace=TEAM),
    ),
    "discovery": Question(METRICS, {"verb": "get", "path": METRICS}, ("get", METRICS)),
    "own-metrics": Question("/metrics", {"verb": "get", "path": "/metrics"}, ("get", "/metrics")),
}
AT_THE_SERVICE_ONLY = {"own-metrics"}
"""Paths that are kube-apiserver's own when it is asked."""


class User:
    """Somebody with credentials, who asks the aggregator, the service and kubectl."""

    def __init__(self, lab, name, called, user, **identity):
        self.called = called
        self.kubectl = lab.control_plane.kubectl_for(name, user)
        self.through_aggregator = lab.control_plane.client(**identity)
        self.at_service = lab.viaduct.client(**identity)

    def may(self, question):
        """What kube-apiserver says; ``kubectl auth can-i`` must agree where it can ask."""
        kind = "resourceAttributes" if "resource" in question.attributes else _NON_RESOURCE
        document = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {kind: question.attributes},
        }
        allowed = self.through_aggregator.create(REVIEWS, document)["status"]["allowed"]
        if question.words:
            said = self.kubectl.run("auth", "can-i", *question.words).out.split()
            assert said[0] == ("yes" if allowed else "no")
        return allowed


def with_token(lab, name):
    token = lab.control_plane.token_of(TEAM, name)
    return User(lab, name, f"system:serviceaccount:{TEAM}:{name}", {"token": token}, token=token)


def with_certificate(lab, name):
    pair = lab.control_plane.authority.issue(name)
    files = {"client-certificate": str(pair.cert_file), "client-key": str(pair.key_file)}
    return User(lab, name, name, files, certificate=pair)


@pytest.fixture(scope="module")
def users(lab):
    lab.apply(
        account(TEAM, "reader"),
        account(TEAM, "nobody"),
        *role(TEAM, "reader", *RULES),
        *role(TEAM, "jane", *RULES, subject=user_subject("jane")),
    )
    for question in ("pods", "custom", "external"):
        poll(lambda path=QUESTIONS[question].path: lab.serves(path), KNOWN_SECONDS)
    made = {name: with_token(lab, name) for name in ("reader", "nobody")}
    return made | {name: with_certificate(lab, name) for name in ("jane", "joe")}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("name", ["reader", "nobody", "jane", "joe"])
def test_answers_agree_with_can_i(users, name, question):
    user = users[name]
    asked = QUESTIONS[question]
    clients = [user.at_service]
    if question not in AT_THE_SERVICE_ONLY:
        clients.append(user.through_aggregator)

    answers = [client.get(asked.path) for client in clients]

    wanted = 200 if user.may(asked) else 403
    assert [answer.status for answer in answers] == [wanted] * len(answers)
    if wanted == 403:
        for answer in answers:
            body = answer.json()
            assert (body["kind"], body["reason"]) == ("Status", "Forbidden")
            assert f'User "{user.called}"' in body["message"]


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("reader", {"pods", "pod", "custom", "external", "discovery"}),
        ("nobody", {"discovery"}),
        ("jane", {"pods", "pod", "custom", "external", "discovery"}),
        ("joe", {"discovery"}),
    ],
)
def test_rights_are_those_that_were_given(users, name, allowed):
    """Else all might be refused, and still agree."""
    user = users[name]

    assert {q for q in QUESTIONS if user.at_service.get(QUESTIONS[q].path).status == 200} == allowed


def test_who_may_view_a_namespace_may_see_what_its_pods_use(lab, users):
    """The right comes with ``deploy/``, into roles that every cluster has."""
    if lab.control_plane.controllers is None:
        pytest.skip("end-to-end suite: no kube-controller-manager, nobody aggregates roles")
    lab.apply(account(TEAM, "viewer"), binding(TEAM, "viewer", "ClusterRole", "view"))
    viewer = with_token(lab, "viewer").at_service

    poll(lambda: viewer.get(QUESTIONS["pods"].path).status == 200, KNOWN_SECONDS)
    assert viewer.get(QUESTIONS["other-namespace"].path).status == 403
    assert viewer.get(QUESTIONS["custom"].path).status == 403


def test_a_client_without_credentials_is_anonymous(lab):
    answer = lab.viaduct.client().get(QUESTIONS["pods"].path)

    assert answer.status == 403
    assert 'User "system:anonymous"' in answer.json()["message"]


def test_a_token_nobody_issued_is_refused(lab):
    answer = lab.viaduct.client(token="invented").get(QUESTIONS["pods"].path)

    assert (answer.status, answer.json()["reason"]) == (401, "Unauthorized")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
def test_probes_need_no_credentials(lab, path):
    assert lab.viaduct.client().get(path).status == 200


MASTER = {"X_Remote_User": "kubernetes-admin", "X_Remote_Group": "system:masters"}


@pytest.mark.parametrize("name", ["nobody", "joe", None])
def test_identity_headers_without_the_proxys_certificate_count_for_nothing(lab, users, name):
    client = lab.viaduct.client() if name is None else users[name].at_service

    assert client.get(QUESTIONS["pods"].path, **MASTER).status == 403


def test_the_proxys_certificate_speaks_for_users(lab):
    client = lab.viaduct.client(certificate=lab.control_plane.front_proxy.key_pair)

    assert client.get(QUESTIONS["pods"].path, **MASTER).status == 200
    nobody = client.get(QUESTIONS["pods"].path, X_Remote_User="nobody-at-all")
    assert nobody.status == 403
    assert 'User "nobody-at-all"' in nobody.json()["message"]


def test_a_certificate_of_an_unknown_ca_opens_nothing(lab, tmp_path):
    stranger = CertificateAuthority("stranger-ca", tmp_path).issue("jane")

    try:
        answer = lab.viaduct.client(certificate=stranger).get(QUESTIONS["pods"].path)
    except (OSError, http.client.HTTPException):
        return  # the handshake ended it
    assert answer.status in {401, 403}
