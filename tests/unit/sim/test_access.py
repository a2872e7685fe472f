"""Who may ask the stand-in kube-apiserver, and the reviews it answers."""

import pytest

from adapter.sim.access import request_attributes
from adapter.transport import client_context

TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
SERVER = "system:serviceaccount:kube-system:viaduct"


async def review(api, path, kind, spec, *, status=201, **options):
    document = {"kind": kind, "apiVersion": "v1", "spec": spec}
    return await api.json(path, method="POST", status=status, json=document, **options)


async def test_token_review_names_the_user(api, cluster):
    token = cluster.issue_token("alice", ["developers"])

    answer = await review(api, TOKEN_REVIEWS, "TokenReview", {"token": token})

    assert answer["kind"] == "TokenReview"
    assert answer["status"]["authenticated"] is True
    user = answer["status"]["user"]
    assert user == {"username": "alice", "groups": ["developers", "system:authenticated"]}
    assert cluster.api.access.token_reviews == [{"token": token}]


async def test_token_review_of_the_servers_own_token(api, cluster):
    spec = {"token": cluster.kubelet_token, "audiences": ["https://kubernetes.default.svc"]}

    answer = await review(api, TOKEN_REVIEWS, "TokenReview", spec)

    assert answer["status"]["user"]["username"] == SERVER
    assert "system:serviceaccounts" in answer["status"]["user"]["groups"]
    assert answer["status"]["audiences"] == ["https://kubernetes.default.svc"]


async def test_unknown_and_revoked_tokens_are_not_authenticated(api, cluster):
    token = cluster.issue_token("alice")
    cluster.identities.revoke(token)

    for bad in (token, "nonsense", ""):
        answer = await review(api, TOKEN_REVIEWS, "TokenReview", {"token": bad})
        assert "authenticated" not in answer["status"]
        assert answer["status"]["error"]


async def test_access_review_follows_the_policy_and_is_recorded(api, cluster):
    def policy(spec):
        return spec["user"] in (SERVER, "alice")

    cluster.api.access.policy = policy
    attributes = {"verb": "get", "group": "metrics.k8s.io", "resource": "pods"}
    specs = [{"user": user, "resourceAttributes": attributes} for user in ("alice", "bob")]

    answers = [await review(api, ACCESS_REVIEWS, "SubjectAccessReview", spec) for spec in specs]

    assert [answer["status"]["allowed"] for answer in answers] == [True, False]
    assert answers[1]["status"]["reason"]
    assert cluster.api.access.access_reviews == specs


@pytest.mark.parametrize(
    ("user", "groups", "allowed"),
    [
        pytest.param("alice", [], True, id="has-a-token"),
        pytest.param("root", ["system:masters"], True, id="master"),
        pytest.param("mallory", ["developers"], False, id="unknown"),
        pytest.param("system:anonymous", ["system:unauthenticated"], False, id="anonymous"),
    ],
)
async def test_default_policy_allows_known_users(api, cluster, user, groups, allowed):
    cluster.issue_token("alice")
    spec = {"user": user, "groups": groups, "resourceAttributes": {"verb": "list"}}

    answer = await review(api, ACCESS_REVIEWS, "SubjectAccessReview", spec)

    assert answer["status"]["allowed"] is allowed


async def test_own_access(api):
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    spec = {"resourceAttributes": {"verb": "list", "resource": "pods"}}

    answer = await review(api, path, "SelfSubjectAccessReview", spec)

    assert answer["status"]["allowed"] is True


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        pytest.param(b"k8s\0", "application/vnd.kubernetes.protobuf", 415, id="protobuf"),
        pytest.param(b"{", "application/json", 400, id="not-json"),
        pytest.param(b"{}", "application/json", 400, id="no-spec"),
        pytest.param(b"[1]", "application/json", 400, id="not-an-object"),
    ],
)
async def test_reviews_that_cannot_be_read(api, body, content_type, status):
    headers = {"Content-Type": content_type}

    document = await api.json(
        TOKEN_REVIEWS, method="POST", data=body, headers=headers, status=status
    )

    assert document["kind"] == "Status"


async def test_unknown_token_is_unauthorized(api):
    status = await api.json("/api/v1/pods", token="nonsense", status=401)

    assert (status["message"], status["reason"]) == ("Unauthorized", "Unauthorized")


async def test_anonymous_may_only_look_at_probes(api):
    status = await api.json("/api/v1/namespaces/a/pods", token=None, status=403)
    for path in ("/healthz", "/livez", "/readyz"):
        async with api.request("GET", path, token=None) as answer:
            assert (answer.status, await answer.text()) == (200, "ok")

    assert status["message"] == (
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" '
        'in API group "" in the namespace "a"'
    )


async def test_forbidden_path(api):
    status = await api.json("/apis", token=None, status=403)

    assert status["message"] == 'forbidden: User "system:anonymous" cannot get path "/apis"'


async def test_client_certificate_is_an_identity(api, cluster):
    pair = cluster.credentials.client_certificate("viewer", ["watchers"])
    asked = []

    def policy(spec):
        asked.append((spec["user"], spec["groups"]))
        return True

    cluster.api.access.policy = policy
    context = client_context(
        ca_file=cluster.ca_file, cert_file=pair.cert_file, key_file=pair.key_file
    )

    await api.json("/api/v1/nodes", token=None, ssl=context)

    assert asked == [("viewer", ["watchers", "system:authenticated"])]


async def test_config_map_tells_how_to_recognise_the_front_proxy(api, cluster):
    path = "/api/v1/namespaces/kube-system/configmaps"
    name = "extension-apiserver-authentication"

    config_map = await api.json(f"{path}/{name}")
    listed = await api.json(f"{path}?fieldSelector=metadata.name%3D{name}")

    data = config_map["data"]
    assert data["client-ca-file"] == cluster.ca_file.read_text()
    assert data["requestheader-client-ca-file"] == cluster.front_proxy.ca_file.read_text()
    assert data["requestheader-allowed-names"] == '["front-proxy-client"]'
    assert data["requestheader-username-headers"] == '["X-Remote-User"]'
    assert data["requestheader-group-headers"] == '["X-Remote-Group"]'
    assert data["requestheader-extra-headers-prefix"] == '["X-Remote-Extra-"]'
    assert [item["data"] for item in listed["items"]] == [data]


@pytest.mark.parametrize(
    ("method", "path", "verb", "rest"),
    [
        pytest.param("GET", "/api/v1/pods", "list", ("", "pods", "", "", ""), id="list"),
        pytest.param("GET", "/api/v1/nodes/n", "get", ("", "nodes", "", "n", ""), id="get"),
        pytest.param(
            "GET", "/api/v1/namespaces/a", "get", ("", "namespaces", "a", "a", ""), id="namespace"
        ),
        pytest.param("POST", "/apis/g/v1/things", "create", ("g", "things", "", "", ""), id="post"),
        pytest.param(
            "DELETE",
            "/apis/g/v1/namespaces/a/things/t",
            "delete",
            ("g", "things", "a", "t", ""),
            id="delete",
        ),
        pytest.param(
            "GET",
            "/apis/custom.metrics.k8s.io/v1beta2/namespaces/a/pods/*/m",
            "get",
            ("custom.metrics.k8s.io", "pods", "a", "*", "m"),
            id="custom-metric",
        ),
    ],
)
def test_attributes_of_requests(method, path, verb, rest):
    attributes = request_attributes(method, path, watch=False)["resourceAttributes"]

    fields = ("group", "resource", "namespace", "name", "subresource")
    assert attributes["verb"] == verb
    assert tuple(attributes[field] for field in fields) == rest
