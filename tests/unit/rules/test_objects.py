"""A Kubernetes object given for the rule file in it: one error, which says where to look."""

import pytest

from adapter.errors import ConfigError
from adapter.rules.load import load_rule_texts

CONFIG_MAP = """\
apiVersion: v1
data:
  rules.yaml: |
    rules:
    - seriesQuery: up
      metricsQuery: up
kind: ConfigMap
metadata:
  name: viaduct-rules
  namespace: viaduct
"""
CONFIG_MAP_LIST = """\
apiVersion: v1
items:
- apiVersion: v1
  data: {config.yaml: "rules: []"}
  kind: ConfigMap
  metadata: {name: adapter-config}
kind: List
metadata: {resourceVersion: ""}
"""


def problems_of(text):
    loaded = load_rule_texts([("cm.yaml", text.encode())])
    with pytest.raises(ConfigError) as refused:
        loaded.check()
    assert len(loaded.findings) == len(refused.value.problems)
    return refused.value.problems


@pytest.mark.parametrize(
    ("text", "line", "kind", "hint"),
    [
        pytest.param(
            CONFIG_MAP,
            7,
            "ConfigMap",
            "the text under 'data' is wanted: kubectl get configmap viaduct-rules -n viaduct "
            r"-o 'jsonpath={.data.rules\.yaml}'",
            id="as-kubectl-prints-it",
        ),
        pytest.param(
            "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\ndata: {rules: ''}\n",
            1,
            "ConfigMap",
            "the text under 'data' is wanted: kubectl get configmap a -o 'jsonpath={.data.rules}'",
            id="without-namespace",
        ),
        pytest.param(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a}\ndata: {x: '', y: ''}\n",
            2,
            "ConfigMap",
            "the text under 'data' is wanted: kubectl get configmap NAME -o 'jsonpath={.data.KEY}'",
            id="without-a-name-and-with-two-keys",
        ),
        pytest.param(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [a], namespace: $(x)}\n"
            "data: {\"'; x\": ''}\n",
            2,
            "ConfigMap",
            "the text under 'data' is wanted: kubectl get configmap NAME -o 'jsonpath={.data.KEY}'",
            id="names-that-are-none-are-not-repeated",
        ),
        pytest.param(
            CONFIG_MAP_LIST,
            7,
            "List",
            "the text under 'data' of one ConfigMap is wanted: kubectl get configmap NAME -o "
            "'jsonpath={.data.KEY}'",
            id="list",
        ),
        pytest.param(
            "apiVersion: v1\nkind: '; rm'\nmetadata: {}\n",
            2,
            "of no known kind",
            "a rule file may have 'rules', 'externalRules' and 'resourceRules'",
            id="a-kind-that-is-none",
        ),
        pytest.param(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\n"
            "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n",
            2,
            "ClusterRole",
            "a rule file may have 'rules', 'externalRules' and 'resourceRules'",
            id="another-kind",
        ),
    ],
)
def test_an_object_is_one_error(text, line, kind, hint):
    what = f"a Kubernetes object ({kind}), not a rule file"

    assert problems_of(text) == (f"cm.yaml:{line}:1: {what}; {hint}",)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("kind: ConfigMap\nrules: []\n", id="no-version"),
        pytest.param("apiVersion: v1\nkind: 5\nmetadata: {}\n", id="kind-is-no-text"),
        pytest.param("metadata: {name: a}\nrules: []\n", id="metadata-alone"),
    ],
)
def test_what_only_resembles_an_object_is_checked_as_a_rule_file(text):
    assert any("unknown field" in problem for problem in problems_of(text))


def test_other_files_are_still_checked():
    good = "rules:\n- {seriesQuery: up, metricsQuery: 'sum(<<.Serie>>)'}\n"

    loaded = load_rule_texts([("cm.yaml", CONFIG_MAP.encode()), ("r.yaml", good.encode())])

    assert [found.filename for found in loaded.errors] == ["cm.yaml", "r.yaml"]
