"""Templates: ours render as Go's do, or are refused with the place; which ones is written down."""

import json
from pathlib import Path

import pytest

from adapter.promql.template import TemplateError, parse_template

FOLDER = Path(__file__).with_name("templates")
VALUES = json.loads((FOLDER / "cases.json").read_text(encoding="utf-8"))["values"]


def rendered_by_go():
    lines = (FOLDER / "rendered.jsonl").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def render(source, values):
    """The text, or why it is refused."""
    try:
        return parse_template(source, values).render(values)
    except TemplateError as error:
        return error


@pytest.fixture(scope="module")
def answers():
    """Each template, the values' name, Go's text and ours."""
    return [
        (case["template"], name, text, render(case["template"], VALUES[name]))
        for case in rendered_by_go()
        for name, text in case["rendered"].items()
    ]


def test_nothing_is_rendered_in_another_way(answers):
    other = [
        (source, name, text, ours)
        for source, name, text, ours in answers
        if isinstance(ours, str) and ours != text
    ]

    assert other == []


def test_what_go_refuses_is_refused(answers):
    refused = [ours for _, _, text, ours in answers if text is None]

    assert len(refused) > 500
    assert {type(error) for error in refused} == {TemplateError}


def test_a_refusal_has_a_reason_and_a_place(answers):
    refused = [(source, ours) for source, _, _, ours in answers if not isinstance(ours, str)]

    assert all(str(error) for _, error in refused)
    assert all(0 <= error.position <= len(source) for source, error in refused)


def test_the_templates_that_only_we_refuse_are_listed(answers):
    refused = {
        source
        for source, _, text, ours in answers
        if text is not None and not isinstance(ours, str)
    }
    listed = (FOLDER / "refused.txt").read_text(encoding="utf-8").splitlines()

    assert sorted(refused) == sorted(map(json.loads, listed))


def test_most_of_what_go_renders_is_rendered(answers):
    by_go = [(text, ours) for _, _, text, ours in answers if text is not None]

    assert len(by_go) > 2000
    assert sum(text == ours for text, ours in by_go) > 0.8 * len(by_go)
