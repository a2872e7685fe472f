"""Which groups are served follows from the rule files and flags, as at the peers."""

import pytest
from integration.service import lab

from adapter.errors import ConfigError

AWAY = "backends: [{name: away, url: 'http://127.0.0.1:9'}]\n"
CUSTOM = """
rules:
- {metric: depth, backend: away, metricsQuery: x, resources: {overrides: {pod: {resource: pod}}}}
"""
EXTERNAL = "externalRules: [{metric: ready, backend: away, metricsQuery: x}]\n"
JSON = """
rules: [{metric: depth, json: {pods: {selector: app=web}, port: 80, query: $.depth}}]
externalRules: [{metric: ready, json: {url: 'http://broker.example', query: $.ready}}]
"""
RESOURCE = """
resourceRules:
  cpu: {nodeQuery: a, resources: {template: <<.Resource>>}}
  memory: {nodeQuery: b, resources: {template: <<.Resource>>}}
"""
ALL = {"metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"}


async def served(tmp_path, text, *flags):
    """The groups that `/apis` lists, by their versions."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(text)
    arguments = [f"--config={rules}", *flags]
    async with lab(flags=lambda _: arguments, nodes=1, pods_per_node=1) as made:
        _, _, body = await made.get("/apis")
        return {
            group["name"]: [each["version"] for each in group["versions"]]
            for group in body["groups"]
        }


@pytest.mark.parametrize(
    ("text", "flags", "groups"),
    [
        (AWAY + CUSTOM, [], {"custom.metrics.k8s.io"}),
        (AWAY + EXTERNAL, [], {"external.metrics.k8s.io"}),
        (AWAY + CUSTOM + EXTERNAL, ["--fallback=primary"], ALL),
        (AWAY + CUSTOM + EXTERNAL + RESOURCE, ["--prometheus-url=http://127.0.0.1:9"], ALL),
        (JSON, [], {"custom.metrics.k8s.io", "external.metrics.k8s.io"}),
        (AWAY, [], {"metrics.k8s.io"}),
        ("", [], {"metrics.k8s.io"}),
    ],
    ids=["custom", "external", "primary", "all", "json", "backends-only", "empty-file"],
)
async def test_groups(tmp_path, text, flags, groups):
    assert (await served(tmp_path, text, *flags)).keys() == groups


async def test_versions(tmp_path):
    found = await served(tmp_path, AWAY + CUSTOM + EXTERNAL)
    assert found["custom.metrics.k8s.io"] == ["v1beta2", "v1beta1"]
    assert found["external.metrics.k8s.io"] == ["v1beta1"]


async def test_rules_need_someone_to_ask(tmp_path):
    text = CUSTOM.replace("backend: away, ", "")
    with pytest.raises(ConfigError, match="rules without a backend ask --prometheus-url"):
        await served(tmp_path, text)


async def test_rules_of_several_files_and_of_directories(tmp_path):
    directory = tmp_path / "more"
    directory.mkdir()
    (directory / "b.yaml").write_text(EXTERNAL)
    (directory / "..data").mkdir()
    groups = await served(tmp_path, AWAY + CUSTOM, f"--config={directory}")
    assert groups.keys() == {"custom.metrics.k8s.io", "external.metrics.k8s.io"}
