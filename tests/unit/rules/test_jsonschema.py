"""The JSON Schema in ``config/``: current, and true of the rule files there are."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from adapter.rules.jsonschema import json_schema

ROOT = Path(__file__).parents[3]
KEPT = ROOT / "config" / "rules.schema.json"
SHIPPED = sorted((ROOT / "config").glob("rules.*.yaml"))
GOLDEN = sorted((ROOT / "tests" / "golden").glob("rules/*.txt")) + sorted(
    (ROOT / "tests" / "golden").glob("listing/*.txt")
)


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(KEPT.read_text(encoding="utf-8"))
    found = jsonschema.Draft202012Validator(schema)
    found.check_schema(schema)
    return found


def test_the_kept_schema_is_current():
    """After a change of the models: make schema."""
    assert json.loads(KEPT.read_text(encoding="utf-8")) == json_schema()


@pytest.mark.parametrize("path", [*SHIPPED, *GOLDEN], ids=lambda path: path.stem)
def test_rule_files_are_valid(validator, path):
    text = path.read_text(encoding="utf-8").partition("\n----------\n")[0]

    assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_files_name_their_schema(path):
    first = path.read_text(encoding="utf-8").splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")

    assert (path.parent / schema).resolve() == KEPT


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        pytest.param("rules:\n", True, id="empty-section"),
        pytest.param("rules: [{window: 1h30m}]", True, id="duration"),
        pytest.param("rules: [{window: 5min}]", False, id="unknown-unit"),
        pytest.param("rules: [{window: ''}]", False, id="empty-duration"),
        pytest.param("rules: [{metricQuery: up}]", False, id="misspelt"),
        pytest.param("rules: [{onEmpty: zero}]", True, id="choice"),
        pytest.param("rules: [{onEmpty: none}]", False, id="no-choice"),
        pytest.param("rules: [{seriesFilters: [{is: a, isNot: b}]}]", False, id="exclusive"),
        pytest.param("backends: [{name: a, url: b, concurrency: 0}]", False, id="range"),
        pytest.param("resourceRules: {cpu: {}}", False, id="missing"),
        pytest.param("rules: [{json: {port: 80, query: a}}]", True, id="port"),
        pytest.param("rules: [{json: {port: http, query: a}}]", True, id="port-by-name"),
        pytest.param("rules: [{json: {port: 65536, query: a}}]", False, id="no-port"),
        pytest.param("rules: [{json: {port: Web_1, query: a}}]", False, id="no-name-of-a-port"),
        pytest.param("rules: [{json: {port: 80}}]", False, id="json-without-query"),
    ],
)
def test_the_schema_tells_right_from_wrong(validator, text, valid):
    assert validator.is_valid(yaml.safe_load(text)) is valid


def test_editors_show_what_each_field_is():
    schema = json_schema()
    models = [model for model in schema["$defs"].values() if model["type"] == "object"]
    fields = [field for model in models for field in model["properties"].items()]
    silent = [name for name, field in fields if "description" not in field and "$ref" not in field]

    assert silent == []
    assert "_" not in schema["$defs"]["DiscoveryRule"]["properties"]["maxAge"]["description"]
