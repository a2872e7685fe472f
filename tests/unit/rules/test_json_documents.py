"""What the documents in ``config/`` say of JSON is so: recipes, choices, figures, flags.

The documents of a recipe go in, its answers come out.
"""

import json
import re

import pytest
from integration.recipes import RECIPES, recipes

from adapter.jsonpath.documents import read_document
from adapter.jsonpath.extraction import Aggregate
from adapter.jsonpath.numbers import ValueType
from adapter.rules.json_lint import SHORTEST_INTERVAL
from adapter.rules.json_rules import (
    MAX_AGE_INTERVALS,
    MAX_AGE_SECONDS,
    compile_pods_metric,
    compile_url_metric,
)
from adapter.rules.json_section import JsonSection
from adapter.rules.load import load_rule_texts
from adapter.settings.options import declared_flags

README = (RECIPES.parent / "README.md").read_text(encoding="utf-8")

ALL = [recipe for recipe in recipes() if recipe.documents]
LABEL = re.compile(r'(\w+)="([^"]*)"')


def answers(recipe):
    """Values by metric, then by pod, or by labels as a text."""
    loaded = load_rule_texts([(recipe.name, recipe.text.encode())])
    documents = {pod: read_document(text.encode()) for pod, text in recipe.documents.items()}
    found = {}
    for number, rule in enumerate(loaded.rule_file.rules):
        metric = compile_pods_metric(rule, f"rules[{number}]", number)
        found[rule.metric] = {
            pod: metric.extraction.read(document).value for pod, document in documents.items()
        }
    for number, rule in enumerate(loaded.rule_file.external_rules):
        metric = compile_url_metric(rule, f"externalRules[{number}]", number)
        found[rule.metric] = {
            json.dumps(dict(series.labels), sort_keys=True): series.outcome.value
            for series in metric.extraction.read(documents[""])
        }
    return found


def asked(question):
    """Name, selector and answer of *question*, in the form of `answers`."""
    path, _, query = question.path.partition("?")
    wanted = dict(re.findall(r"(\w+)%3D(\w+)", query))
    answer = {
        json.dumps(dict(LABEL.findall(what)), sort_keys=True) if what.startswith("{") else what: one
        for what, one in question.answer.items()
    }
    return path.rpartition("/")[2], wanted, answer


def selects(labels, wanted):
    return not wanted or wanted.items() <= json.loads(labels).items()


def test_there_is_one_for_pods_and_one_for_a_url():
    assert {bool(recipe.documents.get("")) for recipe in ALL} == {True, False}


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
def test_the_answers_of_a_recipe_are_what_it_says(recipe):
    given = answers(recipe)

    for question in recipe.questions:
        name, wanted, answer = asked(question)
        assert {
            what: value for what, value in given[name].items() if selects(what, wanted)
        } == answer


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
def test_recipes_need_no_prometheus(recipe):
    rule_file = load_rule_texts([(recipe.name, recipe.text.encode())]).rule_file

    assert all(rule.json_ for rule in (*rule_file.rules, *rule_file.external_rules))


def section(heading):
    _, _, rest = README.partition(f"\n{heading}\n")
    assert rest, heading
    return re.split(rf"(?m)^{heading.split()[0]} ", rest)[0]


def test_the_choices_are_described():
    types = section("#### `rules[].json.valueType`")
    aggregates = section("#### `rules[].json.aggregate`")

    assert re.findall(r"(?m)^\| `(\w+)` \|", types) == [choice.value for choice in ValueType]
    assert re.findall(r"`(\w+)`", aggregates) == [choice.value for choice in Aggregate]


def test_figures_are_those_of_the_code():
    words = " ".join(README.split())
    fields = JsonSection.model_fields

    assert f"{MAX_AGE_INTERVALS:g} times `interval`, at least {MAX_AGE_SECONDS:g} s" in words
    assert f"{SHORTEST_INTERVAL:g} s at least. Default `{fields['interval'].default:g}s`" in words
    assert f"`{fields['timeout'].default:g}s`" in section("#### `rules[].json.timeout`")


def test_the_flags_exist():
    used = set(re.findall(r"--([a-z][a-z0-9-]*)", section("## Numbers from JSON")))

    assert used - {flag.name for flag in declared_flags()} == set()


def test_the_example_has_nothing_to_complain_about():
    (text,) = re.findall(r"(?ms)^```yaml\n(.*?)^```", section("## Numbers from JSON"))

    loaded = load_rule_texts([("example.yaml", text.encode())])

    assert loaded.findings == ()
    assert loaded.rule_file.rules
    assert loaded.rule_file.external_rules
