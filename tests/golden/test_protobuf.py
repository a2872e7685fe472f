"""Answers in protobuf are the bytes Go writes (k8s.io/metrics and apimachinery v0.36)."""

import base64
import json
from pathlib import Path

import pytest
from golden.cluster import serving
from golden.messages import read_document
from golden.protobuf_cases import CASES, PROTOBUF, cluster
from yarl import URL

FOLDER = Path(__file__).with_name("protobuf")


def golden(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def without_nulls(value):
    """JSON without what protobuf has no word for: null, and a list that is empty."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    return value


@pytest.fixture
async def ask():
    async with serving(cluster().app()) as session:

        async def ask(path, accept):
            headers = {"Accept": accept, "Accept-Encoding": "identity"}
            async with session.get(URL(path, encoded=True), headers=headers) as response:
                return response, await response.read()

        yield ask


def test_every_case_is_kept():
    assert sorted(CASES) == sorted(path.stem for path in FOLDER.glob("*.json"))


@pytest.mark.parametrize("name", CASES)
async def test_answer_is_the_one_go_writes(ask, name):
    kept = golden(name)

    response, body = await ask(kept["path"], kept["accept"])

    assert body == base64.b64decode(kept["protobuf"])
    assert response.status == kept["status"]
    assert response.headers["Content-Type"] == PROTOBUF
    assert response.headers["Cache-Control"] == "no-cache, private"


@pytest.mark.parametrize("name", CASES)
async def test_both_representations_say_the_same(ask, name):
    """The bytes beside were made from this JSON; here they are read back."""
    kept = golden(name)

    _, body = await ask(kept["path"], kept["accept"].replace(PROTOBUF, "application/json"))

    assert json.loads(body) == kept["json"]
    read = read_document(base64.b64decode(kept["protobuf"]))
    if name.startswith("external"):  # no labels and null are the same in protobuf
        for item in kept["json"]["items"]:
            item["metricLabels"] = item["metricLabels"] or None
    if name == "pods-partial":  # only JSON repeats the kind of the items
        for item in kept["json"]["items"]:
            del item["kind"], item["apiVersion"]
    assert without_nulls(read) == without_nulls(kept["json"])


async def test_v1_is_written_as_v1beta1_is(ask):
    (path, accept) = CASES["pods"]
    _, older = await ask(path, accept)
    _, newer = await ask(path.replace("v1beta1", "v1"), accept)

    assert read_document(newer) == {**read_document(older), "apiVersion": "metrics.k8s.io/v1"}


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        pytest.param(f"{PROTOBUF}, */*", PROTOBUF, id="controllers"),
        pytest.param(f"{PROTOBUF},application/json", PROTOBUF, id="typed-clients"),
        pytest.param(f"application/json,{PROTOBUF}", "application/json", id="json-first"),
        pytest.param(f"{PROTOBUF};q=0.5,application/json", "application/json", id="quality"),
        pytest.param("*/*", "application/json", id="any"),
        pytest.param("application/*", "application/json", id="any-application"),
        pytest.param(
            f"{PROTOBUF};as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1;g=meta.k8s.io",
            "application/json",
            id="a-table-has-no-protobuf",
        ),
    ],
)
async def test_protobuf_is_sent_where_it_is_preferred(ask, accept, content_type):
    response, _ = await ask(CASES["nodes"][0], accept)

    assert (response.status, response.headers["Content-Type"]) == (200, content_type)


async def test_an_error_has_the_representation_of_an_answer(ask):
    """Clients that read nothing but protobuf learn why."""
    _, body = await ask(CASES["no-pod"][0], PROTOBUF)

    assert read_document(body)["message"] == 'pods "absent" not found'


async def test_what_cannot_be_protobuf_says_what_it_can_be(ask):
    response, body = await ask("/apis/metrics.k8s.io", PROTOBUF)

    assert response.status == 406
    assert json.loads(body)["message"].endswith("s: application/json, application/yaml")
