"""OpenAPI: valid, true of what is answered, and served so that kube-aggregator can use it."""

import json
import re

import jsonschema
import pytest
from golden.cluster import FakeClock, serving
from golden.protobuf_cases import CASES, cluster
from openapi_spec_validator import validate
from yarl import URL

from adapter.server.openapi_documents import version_2, version_3

GROUPS = cluster().groups()
VERSIONS = [(group, version) for group in GROUPS for version in group.versions]
IDS = [f"{group.name}-{version}" for group, version in VERSIONS]
V3 = "/openapi/v3"
POD_METRICS = "io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics"


def plain(document):
    return json.loads(json.dumps(document))


@pytest.fixture
async def ask():
    async with serving(cluster().app(clock=FakeClock())) as session:

        async def ask(path, method="GET", **headers):
            url = URL(path, encoded=True)
            async with session.request(
                method, url, headers=headers, allow_redirects=False
            ) as response:
                return response, await response.read()

        yield ask


@pytest.mark.parametrize(("group", "version"), VERSIONS, ids=IDS)
def test_version_3_is_valid(group, version):
    validate(plain(version_3(group, version, "1.2.3")))


def test_version_2_is_valid():
    validate(plain(version_2(GROUPS, "1.2.3")))


def test_types_have_the_names_clients_know():
    document = version_3(GROUPS[2], "v1beta1", "1.2.3")

    schema = document["components"]["schemas"][POD_METRICS]
    kind = {"group": "metrics.k8s.io", "version": "v1beta1", "kind": "PodMetrics"}
    assert schema["x-kubernetes-group-version-kind"] == [kind]
    path = document["paths"]["/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods"]
    assert path["get"]["x-kubernetes-group-version-kind"] == kind
    assert path["get"]["x-kubernetes-action"] == "list"


def test_operations_have_names_of_their_own():
    """kube-apiserver puts the documents of all servers into one."""
    paths = version_2(GROUPS, "1.2.3")["paths"]
    names = [item["get"]["operationId"] for item in paths.values()]

    assert len(set(names)) == len(names)
    assert "listMetricsV1NamespacesNamespacePods" in names


def test_names_of_metrics_are_not_in_it():
    text = json.dumps([version_2(GROUPS, "1"), *(version_3(*each, "1") for each in VERSIONS)])

    assert "queue_" not in text


def strict(schema):
    """The same schema, which allows no property it does not describe."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        made["additionalProperties"] = False
    if made.pop("nullable", False):
        made = {"anyOf": [made, {"type": "null"}]}
    return made


def operation_of(document, path):
    """The operation that a path of a request is one of."""
    (found,) = [
        item["get"]
        for template, item in sorted(document["paths"].items(), key=lambda entry: "{" in entry[0])
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ][:1]
    return found


ANSWERS = [name for name in CASES if not name.endswith("-partial")]


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "no-path"])
async def test_answers_are_what_it_says(ask, name):
    """Errors, too: they are the default."""
    path, _, query = CASES[name][0].partition("?")
    group, version = path.split("/")[2:4]
    _, document = await ask(f"{V3}/apis/{group}/{version}")
    response, body = await ask(f"{path}?{query}", Accept="application/json")
    document = strict(json.loads(document))

    responses = operation_of(document, path)["responses"]
    answer = responses.get(str(response.status), responses["default"])
    schema = {**answer["content"]["application/json"]["schema"], **document}
    jsonschema.validate(json.loads(body), schema)


async def test_every_document_is_in_the_index(ask):
    response, body = await ask(V3)

    paths = json.loads(body)["paths"]
    assert sorted(paths) == sorted(f"apis/{group.name}/{version}" for group, version in VERSIONS)
    assert response.headers["Content-Type"] == "application/json"
    for path, entry in paths.items():
        url = entry["serverRelativeURL"]
        assert re.fullmatch(rf"{V3}/{path}\?hash=[0-9A-F]{{128}}", url)
        answer, document = await ask(url)
        assert answer.status == 200
        assert answer.headers["ETag"] == f'"{url.partition("hash=")[2]}"'
        assert json.loads(document)["openapi"] == "3.0.0"


async def test_a_document_of_a_known_hash_may_be_kept_for_a_year(ask):
    _, body = await ask(V3)
    url = json.loads(body)["paths"]["apis/metrics.k8s.io/v1"]["serverRelativeURL"]

    response, _ = await ask(url)

    assert response.headers["Cache-Control"] == "public, immutable"
    assert response.headers["Expires"] == "Sun, 21 Nov 2027 13:52:05 GMT"  # a year from NOW
    assert response.headers["Vary"] == "Accept"


@pytest.mark.parametrize("query", ["?hash=OLD", "?hash=", ""])
async def test_an_outdated_hash_gets_the_current_document(ask, query):
    """The peers redirect to it, kube-aggregator refuses that, and ``kubectl explain`` fails."""
    path = f"{V3}/apis/metrics.k8s.io/v1beta1"
    current, body = await ask(path)

    response, again = await ask(path + query)

    assert (response.status, again) == (200, body)
    assert response.headers["ETag"] == current.headers["ETag"]
    assert response.headers["Cache-Control"] == "no-cache, private"
    assert "Expires" not in response.headers


@pytest.mark.parametrize("path", ["/openapi/v2", V3, f"{V3}/apis/metrics.k8s.io/v1"])
async def test_what_is_known_is_not_sent_again(ask, path):
    first, _ = await ask(path)

    response, body = await ask(path, **{"If-None-Match": first.headers["ETag"]})

    assert (response.status, body) == (304, b"")
    assert response.headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        pytest.param("", 200, id="nothing"),
        pytest.param("application/json", 200, id="aggregator"),
        pytest.param("application/json, */*", 200, id="kubectl"),
        pytest.param(
            "application/com.github.proto-openapi.spec.v2@v1.0+protobuf, application/json;q=0.9",
            200,
            id="protobuf-first",
        ),
        pytest.param(
            "application/com.github.proto-openapi.spec.v2@v1.0+protobuf", 406, id="protobuf-alone"
        ),
    ],
)
@pytest.mark.parametrize("path", ["/openapi/v2", f"{V3}/apis/metrics.k8s.io/v1"])
async def test_it_is_json(ask, path, accept, status):
    response, body = await ask(path, Accept=accept)

    assert response.status == status
    assert json.loads(body)
    assert response.headers["Content-Type"] == "application/json"


async def test_head_has_the_headers_alone(ask):
    response, body = await ask("/openapi/v2", method="HEAD")

    assert (response.status, body) == (200, b"")
    assert response.headers["ETag"]


async def test_a_document_of_what_is_not_served_is_not_found(ask):
    response, _ = await ask(f"{V3}/apis/apps/v1")

    assert response.status == 404
