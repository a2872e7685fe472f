"""A rule with an error of form is still checked for everything else, in the same run."""

import pytest

from adapter.rules.load import load_rule_texts

MAPPED = "resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}"


def findings(text):
    loaded = load_rule_texts([("r.yaml", text.encode())])
    assert loaded.rule_file.rules == ()
    return [(found.line, found.text) for found in loaded.findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            f"""
rules:
- seriesQuery: 'depth{{job="x"'
  {MAPPED}
  name: {{matches: "^(.*"}}
  metricsQuery: 'sum(<<.Series>>{{<<.LabelMatchers>>}})'
  window: often
""",
            [
                (3, "seriesQuery: not a series selector"),
                (5, "matches: not a regular expression"),
                (6, "metricsQuery: the answer has no label 'pod'"),
                (7, "window: invalid duration"),
            ],
            id="all-at-once",
        ),
        pytest.param(
            f"""
rules:
- seriesQuery: depth
  {MAPPED}
  metricQuery: '<<.Series>>{{<<.LabelMatchers>>}}'
""",
            [(5, "unknown field 'metricQuery'")],
            id="nothing-that-follows-from-a-misspelt-field",
        ),
        pytest.param(
            """
rules:
- seriesQuery: depth
  resources: {template: <<.Resorce>>}
  metricsQuery: '<<.Series>>{<<.LabelMatchers>>}'
""",
            [(4, "template: unknown field .Resorce")],
            id="nothing-that-follows-from-a-lost-mapping",
        ),
        pytest.param(
            f"""
rules:
- seriesQuery: depth
  {MAPPED}
  seriesFilters:
  - {{is: a, isNot: b}}
  - {{is: "(" }}
  metricsQuery: '<<.Series>>{{<<.LabelMatchers>>}}'
""",
            [
                (6, "seriesFilters[0]: needs exactly one of 'is' and 'isNot'"),
            ],
            id="entries-of-a-list",
        ),
        pytest.param("rules:\n- 5\n", [(2, "rules[0]: must be a mapping")], id="no-rule-at-all"),
    ],
)
def test_what_is_found(text, expected):
    found = findings(text)
    beginnings = [each[: len(text)] for (_, each), (_, text) in zip(found, expected, strict=True)]
    assert beginnings == [text for _, text in expected]
    assert [line for line, _ in found] == [line for line, _ in expected]
