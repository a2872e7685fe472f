"""Loading a rule file: every problem at once, each at its line and column."""

import pytest

from adapter.errors import ConfigError
from adapter.rules.load import MAX_FINDINGS, load_rule_file, load_rule_texts

ONE_OF = (
    "needs exactly one of 'is' and 'isNot'; "
    "make two entries of it, both of which must hold, or remove one"
)
RULE = """rules:
- seriesQuery: a
  resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
  metricsQuery: sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)
"""
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
        "rules.yaml:2:16: seriesQuery: must be a text, not the int 5; quote it",
        "rules.yaml:3:3: unknown field 'metricQuery'; did you mean 'metricsQuery'?",
        "rules.yaml:4:29: unknown field 'foo'; known here: matches, as",
        f"rules.yaml:5:19: seriesFilters[0]: {ONE_OF}",
        f"rules.yaml:5:38: seriesFilters[1]: {ONE_OF}",
        "rules.yaml:6:28: template: unknown field .Resoource; did you mean .Resource?",
        (
            "rules.yaml:6:55: a-b: 'a-b' is no label name; "
            "letters, digits and _ only, no digit at the beginning"
        ),
        "rules.yaml:6:82: field 'resource' is missing",
        (
            "rules.yaml:11:18: containerQuery: unknown field .LabelMatcher; "
            "did you mean .LabelMatchers?"
        ),
        (
            "rules.yaml:13:27: nodeQuery: did not expect '>>' here; "
            "what stands between << and >> is a Go template"
        ),
        "rules.yaml:16:5: key 'containerQuery' is given twice; remove one of them",
        (
            "rules.yaml:18:11: window: must be a duration such as 1m or 1h30m; "
            "quote it, with its unit"
        ),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("rules: [", "rules.yaml:1:9: not YAML: ", id="open-list"),
        pytest.param('rules: "a"b"', "rules.yaml:1:11: not YAML: ", id="quote-in-quotes"),
        pytest.param("rules:\n---\nb: 2", "rules.yaml:2:1: a second document", id="two"),
        pytest.param("a: !!python/name:os.system x", "rules.yaml:1:4: not YAML: ", id="tag"),
        pytest.param("\x00", "rules.yaml:1:1: not YAML: ", id="control-character"),
        pytest.param("[]", "rules.yaml:1:1: the file: must be a mapping, not a list", id="list"),
        pytest.param("rules: {}", "rules.yaml:1:8: rules: must be a list, not a map", id="type"),
        pytest.param("resourceRules: {}", "rules.yaml:1:16: field 'cpu' is missing", id="missing"),
        pytest.param("rule: []", "rules.yaml:1:1: unknown field 'rule'; did you mean", id="typo"),
        pytest.param(
            "rules:\n- metricsQuery: 'a<<html>>'",
            "rules.yaml:2:21: metricsQuery: 'html' is not supported",
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
            "2:26: containerQuery: not PromQL: expected type matrix in call to function 'rate', "
            'got vector; rendered: rate(x{namespace="default",pod!=""})',
            id="no-promql",
        ),
        pytest.param(
            "{nodeQuery: 'x', resources: *all, timestampQuery: {nodeQuery: 'timestamp(x'}}",
            "{nodeQuery: 'y', resources: *all}",
            "2:92: nodeQuery: not PromQL: unclosed left parenthesis; rendered: timestamp(x",
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
            "2:23: nodeQuery: index 5 is out of range, the list has 1",
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
  metricsQuery: queue
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


def test_a_flood_of_findings_is_cut():
    text = "rules:\n" + "- x: 1\n" * (MAX_FINDINGS + 7)

    findings = load_rule_texts([("rules.yaml", text.encode())]).findings

    assert len(findings) == MAX_FINDINGS + 1
    assert findings[-1].text == "and 7 more; mend these first"


def test_rules_are_known_by_place():
    loaded = load_rule_texts(
        [
            ("a.yaml", RULE.encode()),
            ("b.yaml", b"rules:\n- seriesQuery: b\nexternalRules:\n- seriesQuery: c\n"),
        ]
    )

    assert {name: str(place) for name, place in loaded.places.items()} == {
        "rules[0]": "a.yaml:2",
        "rules[1]": "b.yaml:2",
        "externalRules[0]": "b.yaml:4",
    }
    assert [rule.series_query for rule in loaded.rule_file.rules] == ["a", "b"]
    assert set(loaded.broken) == {"rules[1]", "externalRules[0]"}
    assert [found.filename for found in loaded.findings][:1] == ["b.yaml"]


def test_files_know_each_others_backends_and_rules():
    backend = b"backends: [{name: eu, url: 'http://eu:9090'}]\n"
    uses = f"{RULE}  backend: eu\n".encode()

    loaded = load_rule_texts([("a.yaml", uses), ("b.yaml", uses), ("c.yaml", backend)])

    assert [str(found) for found in loaded.findings] == [
        "b.yaml:2:3: this rule is the same as the one at a.yaml:2; remove one of them"
    ]


def test_resource_rules_stand_in_one_file():
    rule = b"{nodeQuery: up, resources: {template: <<.Resource>>}}"
    section = b"resourceRules: {cpu: &rule " + rule + b", memory: *rule}"

    loaded = load_rule_texts([("a.yaml", section), ("b.yaml", section)])

    assert [(str(found), found.fatal) for found in loaded.findings] == [
        ("b.yaml:1:1: resourceRules: stands in a.yaml:1 already; keep one of the two", True)
    ]
