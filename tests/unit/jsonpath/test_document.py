"""config/jsonpath.md says what is so."""

import json
import re
from pathlib import Path

import pytest

from adapter.jsonpath import documents, extraction, syntax, work
from adapter.jsonpath.arithmetic import CONSTANTS, FUNCTIONS, PRECEDENCE
from adapter.jsonpath.expressions import compile_path
from adapter.jsonpath.numbers import ValueType

TEXT = (Path(__file__).parents[3] / "config" / "jsonpath.md").read_text(encoding="utf-8")
DOCUMENT = json.loads(re.search(r"(?s)```json\n(.*?)```", TEXT)[1])


def section(title):
    return re.search(rf"(?ms)^## {title}\n(.*?)(?=^## |\Z)", TEXT)[1]


EXAMPLES = re.findall(r"(?m)^\| `(\$[^`]*)` \| (.+) \|$", section("What there is"))[1:]


@pytest.mark.parametrize(("query", "found"), EXAMPLES, ids=[query for query, _ in EXAMPLES])
def test_examples(query, found):
    assert compile_path(query).find(DOCUMENT) == json.loads(f"[{found}]")


def test_notations_of_others():
    rows = re.findall(r"(?m)^\| \w+ `(.+?)` \| `(.+?)` \|", TEXT)

    assert len(rows) == 5
    for theirs, ours in rows:
        with pytest.raises(ValueError, match=re.escape(f"write {ours}")):
            compile_path(theirs)


def test_limits():
    limits = dict(re.findall(r"(?m)^\| (.+?) \| (\d+)", section("Limits")))

    assert {name: int(limit) for name, limit in limits.items()} == {
        "length of an expression": syntax.LONGEST,
        "values in a document, arrays and objects included": documents.MOST_NODES,
        "arrays and objects within each other": documents.DEEPEST,
        "steps of one evaluation": work.MOST_STEPS,
        "series of one document": extraction.MOST_SERIES,
    }


REACHES = re.findall(r"`(\$\.items[^`]*)` (?:reaches )?some\s(\d+)", section("Limits"))


@pytest.mark.parametrize(("query", "items"), REACHES, ids=[query for query, _ in REACHES])
def test_figures_of_limits(query, items):
    item = {"name": "a", "depth": 1}
    path = compile_path(query)

    assert path.find({"items": [item] * int(0.9 * int(items))})
    with pytest.raises(ValueError, match="takes more than"):
        path.find({"items": [item] * int(1.1 * int(items))})


def test_types():
    assert re.findall(r"(?m)^\| `(\w+)`", section("Types of values"))[1:] == list(ValueType)


def test_aggregates():
    listed = re.search(r"one number of them: (.*?)\.", section("Several values"))[1]

    assert re.findall(r"`(\w+)`", listed) == list(extraction.Aggregate)


def test_scripts():
    code = " ".join(re.findall(r"(?s)`(.*?)`", section("Scripts")))
    words = set(re.findall(r"[a-z0-9]+|\*\*|[-+*/%]", code))

    assert words >= FUNCTIONS | set(CONSTANTS) | set(PRECEDENCE)
