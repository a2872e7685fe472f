"""Audit policies mean what they mean to kube-apiserver."""

import pytest
import yaml

from adapter.errors import ConfigError
from adapter.model.identity import Attributes, UserInfo
from adapter.server.auditpolicy import Level, Stage, read_policy

USER = UserInfo("ann", groups=("dev", "system:authenticated"))
POD = Attributes(
    "get",
    namespace="shop",
    group="custom.metrics.k8s.io",
    version="v1beta2",
    resource="pods",
    subresource="hits",
    name="web-0",
    path="/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/pods/web-0/hits",
    is_resource=True,
)
NODES = Attributes("list", group="metrics.k8s.io", version="v1", resource="nodes", is_resource=True)
HEALTH = Attributes("get", path="/healthz/ping")


@pytest.fixture
def policy(tmp_path):
    def read(*rules, **more):
        path = tmp_path / "policy.yaml"
        head = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy"}
        path.write_text(yaml.safe_dump({**head, "rules": list(rules), **more}))
        return read_policy(str(path))

    return read


@pytest.mark.parametrize(
    ("rule", "attributes", "matches"),
    [
        pytest.param({}, POD, True, id="everything"),
        pytest.param({"users": ["ann", "bob"]}, POD, True, id="user"),
        pytest.param({"users": ["bob"]}, POD, False, id="other-user"),
        pytest.param({"userGroups": ["ops", "dev"]}, POD, True, id="group"),
        pytest.param({"userGroups": ["ops"]}, POD, False, id="other-group"),
        pytest.param({"verbs": ["get"]}, POD, True, id="verb"),
        pytest.param({"verbs": ["list"]}, POD, False, id="other-verb"),
        pytest.param({"namespaces": ["shop"]}, POD, True, id="namespace"),
        pytest.param({"namespaces": ["other"]}, POD, False, id="other-namespace"),
        pytest.param({"namespaces": [""]}, NODES, True, id="no-namespace"),
        pytest.param({"namespaces": [""]}, HEALTH, False, id="namespace-of-a-path"),
        pytest.param({"resources": [{"group": "metrics.k8s.io"}]}, NODES, True, id="api-group"),
        pytest.param({"resources": [{"group": ""}]}, NODES, False, id="core-group"),
        pytest.param({"resources": [{"group": "*"}]}, POD, True, id="any-group"),
        pytest.param(
            {"resources": [{"group": "*", "resources": ["nodes"]}]}, NODES, True, id="resource"
        ),
        pytest.param(
            {"resources": [{"group": "*", "resources": ["pods"]}]}, POD, False, id="subresource"
        ),
        pytest.param(
            {"resources": [{"group": "*", "resources": ["pods/hits"]}]}, POD, True, id="both"
        ),
        pytest.param(
            {"resources": [{"group": "*", "resources": ["pods/*"]}]}, POD, True, id="any-sub"
        ),
        pytest.param(
            {"resources": [{"group": "*", "resources": ["*/hits"]}]}, POD, True, id="any-resource"
        ),
        pytest.param({"resources": [{"group": "*", "resources": ["*"]}]}, POD, True, id="any"),
        pytest.param(
            {"resources": [{"group": "*", "resources": ["*"], "resourceNames": ["web-0"]}]},
            POD,
            True,
            id="name",
        ),
        pytest.param(
            {"resources": [{"group": "*", "resources": ["*"], "resourceNames": ["web-1"]}]},
            POD,
            False,
            id="other-name",
        ),
        pytest.param({"nonResourceURLs": ["/healthz*"]}, HEALTH, True, id="path-beginning"),
        pytest.param({"nonResourceURLs": ["/healthz"]}, HEALTH, False, id="path-exact"),
        pytest.param({"nonResourceURLs": ["*"]}, HEALTH, True, id="any-path"),
        pytest.param({"nonResourceURLs": ["*"]}, POD, False, id="path-of-a-resource"),
    ],
)
def test_a_rule_matches_what_it_says(policy, rule, attributes, matches):
    decision = policy({"level": "Metadata", **rule}).decide(USER, attributes)

    assert decision.level is (Level.METADATA if matches else Level.NONE)


def test_the_first_rule_that_matches_decides(policy):
    found = policy({"level": "None", "verbs": ["get"]}, {"level": "Metadata"})

    assert found.decide(USER, POD).level is Level.NONE
    assert found.decide(USER, NODES).level is Level.METADATA


def test_who_is_not_known_matches_no_user(policy):
    found = policy(
        {"level": "Metadata", "users": ["ann"]}, {"level": "Metadata", "userGroups": ["x"]}
    )

    assert found.decide(None, POD).level is Level.NONE


def test_stages_are_left_out_by_the_policy_and_by_the_rule(policy):
    found = policy({"level": "Metadata", "omitStages": ["Panic"]}, omitStages=["RequestReceived"])

    assert found.decide(USER, POD).omit_stages == {Stage.PANIC, Stage.REQUEST_RECEIVED}


@pytest.mark.parametrize("level", ["Request", "RequestResponse"])
def test_levels_of_bodies_are_known(policy, level):
    assert policy({"level": level}).wants_bodies
    assert not policy({"level": "Metadata"}).wants_bodies


@pytest.mark.parametrize(
    ("rules", "more", "problem"),
    [
        pytest.param([], {}, "it has no rules", id="no-rules"),
        pytest.param([{"level": "All"}], {}, "Invalid enum value 'All'", id="level"),
        pytest.param([{}], {}, "missing required field `level`", id="no-level"),
        pytest.param(
            [{"level": "None"}], {"kind": "Role"}, "a Role of audit.k8s.io/v1, not a", id="kind"
        ),
        pytest.param(
            [{"level": "None"}],
            {"apiVersion": "audit.k8s.io/v1beta1"},
            "not a Policy of audit.k8s.io/v1",
            id="version",
        ),
        pytest.param(
            [{"level": "None", "nonResourceURLs": ["/x"], "namespaces": ["n"]}],
            {},
            "rules[0]: nonResourceURLs cannot be together",
            id="both-kinds",
        ),
        pytest.param(
            [{"level": "None", "nonResourceURLs": ["x"]}], {}, "must begin with /", id="relative"
        ),
        pytest.param(
            [{"level": "None", "nonResourceURLs": ["/a*b"]}], {}, "only at its end", id="star"
        ),
        pytest.param(
            [{"level": "None", "resources": [{"group": "apps/v1"}]}],
            {},
            "without a version",
            id="group-version",
        ),
        pytest.param(
            [{"level": "None", "resources": [{"resourceNames": ["a"]}]}],
            {},
            "needs resources",
            id="names-alone",
        ),
        pytest.param(
            [{"level": "None"}], {"omitStages": ["Never"]}, "Invalid enum value", id="stage"
        ),
    ],
)
def test_a_wrong_policy_is_refused(policy, rules, more, problem):
    with pytest.raises(ConfigError) as refused:
        policy(*rules, **more)

    assert problem in str(refused.value)
    assert "--audit-policy-file" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [("rules: [", "is no YAML"), ("- a", "Expected `object`"), ("", "Expected `object`")],
)
def test_a_file_that_is_no_policy_is_refused(tmp_path, content, problem):
    path = tmp_path / "policy.yaml"
    path.write_text(content)

    with pytest.raises(ConfigError, match=problem):
        read_policy(str(path))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        read_policy(str(tmp_path / "absent"))
