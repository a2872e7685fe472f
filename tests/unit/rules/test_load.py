"""Loading a rule file: every problem at once, each at its line and column."""

import pytest

from adapter.errors import ConfigError
from adapter.rules.load import load_rule_file

CPU = "cpu: {containerQuery: 'x{<<.LabelMatchers>>}', resources: {template: <<.Resource>>}}"


def problems_of(text):
    with pytest.raises(ConfigError) as caught:
        load_rule_file(text, "rules.yaml")
    return list(caught.value.problems)


@pytest.mark.parametrize("text", ["", "# nothing\n", "rules:\nexternalRules: null\n", "rules: []"])
def test_empty_sections_serve_nothing(text):
    rule_file = load_rule_file(text, "rules.yaml")

    assert (rule_file.rules, rule_file.external_rules, rule_file.resource_rules) == ((), (), None)


def test_every_problem_is_reported_at_its_place():
    text = """\
rules:
- seriesQuery: 5
  metricQuery: up
  name: {matches: a, as: b, foo: c}
  seriesFilters: [{is: a, isNot: b}, {}]
  resources: {template: "<<.Resoource>>", overrides: {"a-b": {resource: pod}, x: {}}}
resourceRules:
  cpu:
    containerQuery: |
      sum by (<<.GroupBy>>) (
        rate(x{<<.LabelMatcher>>}[1m])
      )
    nodeQuery: 'rate(y<<if>>)'
  memory:
    containerQuery: x
    containerQuery: x
    resources:
  window: 60
"""

    assert problems_of(text) == [
        "rules.yaml:2:16: seriesQuery: must be a text; quote it, not the int 5",
        "rules.yaml:3:3: unknown field 'metricQuery'; did you mean 'metricsQuery'?",
        "rules.yaml:4:29: unknown field 'foo'; known here: matches, as",
        "rules.yaml:5:19: seriesFilters[0]: needs exactly one of 'is' and 'isNot'",
        "rules.yaml:5:38: seriesFilters[1]: needs exactly one of 'is' and 'isNot'",
        "rules.yaml:6:28: template: unknown field .Resoource; did you mean .Resource?",
        "rules.yaml:6:62: a-b: 'a-b' is no label name",
        "rules.yaml:6:82: field 'resource' is missing",
        (
            "rules.yaml:11:18: containerQuery: unknown field .LabelMatcher; "
            "did you mean .LabelMatchers?"
        ),
        "rules.yaml:13:27: nodeQuery: did not expect '>>' here",
        "rules.yaml:16:5: key 'containerQuery' is given twice",
        "rules.yaml:18:11: window: must be a duration such as 1m or 1h30m",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("rules: [", "rules.yaml:2:1: not YAML: ", id="open-list"),
        pytest.param('rules: "a"b"', "rules.yaml:1:11: not YAML: ", id="quote-in-quotes"),
        pytest.param("a: 1\n---\nb: 2", "rules.yaml:2:1: not YAML: expected a single", id="two"),
        pytest.param("a: !!python/name:os.system x", "rules.yaml:1:4: not YAML: ", id="tag"),
        pytest.param("\x00", "rules.yaml:1:1: not YAML: ", id="control-character"),
        pytest.param("[]", "rules.yaml:1:1: the file: must be a mapping, not a list", id="list"),
        pytest.param("rules: {}", "rules.yaml:1:8: rules: must be a list, not a map", id="type"),
        pytest.param("resourceRules: {}", "rules.yaml:1:16: field 'cpu' is missing", id="missing"),
        pytest.param("rule: []", "rules.yaml:1:1: unknown field 'rule'; did you mean", id="typo"),
        pytest.param(
            "rules:\n- metricsQuery: 'a<<printf>>'",
            "rules.yaml:2:21: metricsQuery: 'printf' is not supported",
            id="function",
        ),
        pytest.param(
            "rules:\n- metricsQuery: >\n    sum(\n    <<.Nope>>)",
            "rules.yaml:2:17: metricsQuery: unknown field .Nope",
            id="folded-text-is-placed-at-its-start",
        ),
        pytest.param(
            'rules:\n- resources: {template: "kube"}',
            "rules.yaml:2:25: template: must mention <<.Resource>>",
            id="template",
        ),
        pytest.param(
            "rules:\n- resources: {namespaced: 1}",
            "rules.yaml:2:27: namespaced: must be true or false, not the int 1",
            id="boolean",
        ),
        pytest.param(
            f"resourceRules: {{window: 5 minutes, {CPU}}}",
            'rules.yaml:1:25: window: invalid duration "5 minutes"',
            id="duration",
        ),
    ],
)
def test_says_what_is_wrong_and_where(text, problem):
    assert any(line.startswith(problem) for line in problems_of(text)), problems_of(text)


@pytest.mark.parametrize(
    ("cpu", "memory", "problem"),
    [
        pytest.param(
            "{containerQuery: 'rate(x{<<.LabelMatchers>>})', resources: *all}",
            "{containerQuery: 'y', resources: *all}",
            "2:25: containerQuery: not PromQL: expected type matrix in call to function 'rate', "
            'got vector; rendered: rate(x{namespace="default",pod!=""})',
            id="no-promql",
        ),
        pytest.param(
            "{nodeQuery: 'x', resources: *all, timestampQuery: {nodeQuery: 'timestamp(x'}}",
            "{nodeQuery: 'y', resources: *all}",
            "2:91: nodeQuery: not PromQL: unclosed left parenthesis; rendered: timestamp(x",
            id="timestamp-query",
        ),
        pytest.param(
            "{containerQuery: 'x', resources: {overrides: {ns: {resource: namespaces}}}}",
            "{containerQuery: 'y', resources: *all}",
            "2:41: resources: no label names pods; add an override such as 'pod: {resource: pod}'",
            id="unmapped-label",
        ),
        pytest.param(
            "{containerQuery: 'x', resources: *all}",
            "{nodeQuery: 'y', resources: *all}",
            "3:11: memory: has no 'containerQuery' but cpu has; "
            "without both nothing can be answered",
            id="half-a-pair",
        ),
        pytest.param(
            "{resources: *all}",
            "{resources: *all}",
            "2:8: cpu: needs a 'containerQuery' or a 'nodeQuery'",
            id="no-query",
        ),
        pytest.param(
            "{nodeQuery: '<<index .GroupBySlice 5>>', resources: *all}",
            "{nodeQuery: 'y', resources: *all}",
            "2:20: nodeQuery: index 5 is out of range, the list has 1",
            id="fails-to-render",
        ),
    ],
)
def test_resource_rules_are_rendered_and_checked(cpu, memory, problem):
    text = f"""resourceRules:
  cpu: {cpu}
  memory: {memory}
""".replace("*all", "{template: <<.Resource>>}")

    assert f"rules.yaml:{problem}" in problems_of(text)


def test_values_arrive_with_their_types_and_defaults():
    text = f"""
resourceRules:
  {CPU}
  memory:
    containerQuery: y
    containerLabel: container
    timestampQuery: {{containerQuery: timestamp(y)}}
    resources: {{overrides: {{namespace: {{resource: namespace}}, p: {{resource: pods}}}}}}
  window: 1m30s
externalRules:
- seriesQuery: queue
  resources: {{namespaced: false}}
"""

    rule_file = load_rule_file(text, "rules.yaml")

    rules = rule_file.resource_rules
    assert rules.window == 90.0
    assert rules.memory.timestamp_query.container_query == "timestamp(y)"
    assert rules.memory.resources.overrides["p"].resource == "pods"
    assert rules.cpu.container_label == ""
    assert rule_file.external_rules[0].resources.namespaced is False


def test_anchors_and_merges_are_understood():
    text = """
resourceRules:
  cpu: &rule {nodeQuery: x, resources: {overrides: {node: {resource: node}}}}
  memory:
    <<: *rule
    nodeQuery: y
"""

    rules = load_rule_file(text, "rules.yaml").resource_rules

    assert (rules.memory.node_query, rules.memory.resources) == ("y", rules.cpu.resources)
