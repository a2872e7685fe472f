"""The documents in ``config/``: what they say of rules is what the code does."""

import json
import re

import jsonschema
import pytest
import yaml
from golden.adapter_purpose import ON_PURPOSE, UNLIKE
from integration.recipes import CUSTOM, EXTERNAL, RECIPES, path_of_hpa, recipes

from adapter.exposition.text import parse_lines
from adapter.kube.objects import KEPT_SECONDS
from adapter.promql.functions import CHOICES, FUNCTIONS
from adapter.rulefiles import read_rule_files
from adapter.rules.load import load_rule_texts
from adapter.rules.preview import preview, series_of
from adapter.rules.schema import DiscoveryRule, OnEmpty, OnNaN
from adapter.rules.sections import QUERY_FIELDS
from adapter.settings.options import declared_flags
from adapter.settings.peers import accepted_flags
from adapter.sources.prometheus.cache import KEEP_SECONDS
from adapter.sources.prometheus.demand import TOO_LARGE
from adapter.sources.prometheus.refresh import FIRST_PAUSE, LONGEST_PAUSE

CONFIG = RECIPES.parent
README = "README.md"
COMING = "coming-from-prometheus-adapter.md"
ALL = recipes()


def read(name):
    return (CONFIG / name).read_text(encoding="utf-8")


def section(document, heading):
    """Text below *heading*, up to the next one of its level."""
    level = heading.split()[0]
    _, _, rest = read(document).partition(f"\n{heading}\n")
    assert rest, f"{document} has no {heading}"
    return re.split(rf"(?m)^{level} ", rest)[0]


def spans(text):
    return set(re.findall(r"`([^`\n]+)`", text))


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
def test_recipes_have_nothing_to_complain_about(recipe):
    loaded = load_rule_texts([(recipe.name, recipe.text.encode())])

    assert loaded.findings == ()
    assert preview(loaded, None)


def test_recipes_go_together():
    loaded = load_rule_texts(read_rule_files([str(RECIPES)]))

    assert loaded.findings == ()
    assert not [served.name for served in preview(loaded, None) if served.hidden_by]


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
def test_recipes_name_their_schema_and_follow_it(recipe):
    schema = recipe.text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    validator = jsonschema.Draft202012Validator(json.loads((RECIPES / schema).read_text()))

    assert list(validator.iter_errors(yaml.safe_load(recipe.text))) == []


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
def test_recipes_ask_for_each_metric_they_serve(recipe):
    """And their HPA asks for one of those."""
    loaded = load_rule_texts([(recipe.name, recipe.text.encode())])
    exposed = "\n".join(f"{series} {value}" for series, value, *_ in recipe.series)
    series = series_of((line.name, line.labels) for line in parse_lines(exposed.encode()))
    served = {served.name for served in preview(loaded, series)}
    asked = {question.path.partition("?")[0].rpartition("/")[2] for question in recipe.questions}
    of_hpa = {
        path_of_hpa(metric, "shop").partition("?")[0].rpartition("/")[2]
        for metric in recipe.metrics
    }

    assert asked == served
    assert of_hpa
    assert of_hpa <= served
    assert all(question.path.startswith((CUSTOM, EXTERNAL)) for question in recipe.questions)


def test_the_page_of_recipes_names_each_of_them_once():
    linked = re.findall(r"\]\(([\w-]+\.yaml)\)", read("recipes/README.md"))

    assert sorted(linked) == sorted(f"{recipe.name}.yaml" for recipe in ALL)


def test_the_hpa_on_the_page_is_that_of_its_recipe():
    (text,) = re.findall(r"(?ms)^```yaml\n(.*?)^```", read("recipes/README.md"))
    (recipe,) = [recipe for recipe in ALL if recipe.name == "requests-per-second"]

    assert yaml.safe_load(text)["spec"]["metrics"] == recipe.metrics


def test_every_field_of_a_rule_is_in_a_recipe():
    used = set()
    for recipe in ALL:
        rules = load_rule_texts([(recipe.name, recipe.text.encode())]).rule_file
        for rule in (*rules.rules, *rules.external_rules):
            used |= rule.model_fields_set

    assert set(DiscoveryRule.model_fields) - used == set()


def test_the_variables_and_functions_of_templates_are_described():
    text = section(README, "## Templates")
    variables = set(re.findall(r"(?m)^\| `\.(\w+)` \|", text))
    keywords = {"if", "else if", "else", "range", "end"}

    assert variables == QUERY_FIELDS
    assert {*FUNCTIONS, *CHOICES, *keywords} <= spans(text)


@pytest.mark.parametrize(
    ("field", "choices"), [pytest.param("onEmpty", OnEmpty), pytest.param("onNaN", OnNaN)]
)
def test_the_choices_of_a_field_are_described(field, choices):
    text = section(README, f"### `rules[].{field}`")

    assert re.findall(r"(?m)^\| `(\w+)` \|", text) == [choice.value for choice in choices]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param(README, f"Default: {KEEP_SECONDS:g} s", id="cacheTTL"),
        pytest.param(README, f"{TOO_LARGE:,} rows", id="rows"),
        pytest.param(COMING, f"kept for {KEEP_SECONDS:g} s", id="kept"),
        pytest.param(COMING, f"kept for {KEPT_SECONDS:g} s", id="lists"),
        pytest.param(COMING, f"after {FIRST_PAUSE:g} to {LONGEST_PAUSE:g} s", id="pauses"),
    ],
)
def test_figures_are_those_of_the_code(document, words):
    assert words in " ".join(read(document).split())


def test_every_deliberate_difference_is_on_the_page():
    """By the reason the recorded answers of the peer are compared with."""
    page = " ".join(read(COMING).split())
    reasons = {purpose.why for purpose in ON_PURPOSE.values()} | set(UNLIKE.values())

    assert [why for why in sorted(reasons) if why not in page] == []


def test_the_flags_that_are_ignored_are_named():
    (named,) = re.findall(r"(?ms)^```\n(.*?)^```", section(COMING, "## Flags"))

    assert named.split() == list(accepted_flags())


def test_the_flags_on_the_page_exist():
    known = {flag.name for flag in declared_flags()} | {*accepted_flags(), "help", "raw"}
    known |= {alias for flag in declared_flags() for alias in flag.aliases}
    used = set(re.findall(r"--([a-z][a-z0-9-]*)", read(COMING)))

    assert used - known == set()
