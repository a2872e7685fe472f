"""The steps of ``deploy/README.md`` that an installation begins with, taken as they are written."""

import json
import re

import pytest
import yaml
from integration.manifests import (
    ROOT,
    chart,
    container,
    environment,
    helm_template,
    kustomized,
    one,
    only,
)
from integration.service import NEEDS_KUBECTL, lab

from adapter.settings import parse_settings

pytestmark = NEEDS_KUBECTL

RULES = """
rules:
- seriesQuery: 'jobs_total{namespace!="",pod!=""}'
  resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}
  metricsQuery: sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)
"""
EXTERNAL_RULES = """
externalRules:
- seriesQuery: 'jobs_waiting{namespace!=""}'
  resources: {overrides: {namespace: {resource: namespace}}}
  metricsQuery: sum(<<.Series>>{<<.LabelMatchers>>})
"""
RESOURCE_RULES = """
resourceRules:
  cpu: {nodeQuery: a, resources: {template: <<.Resource>>}}
  memory: {nodeQuery: b, resources: {template: <<.Resource>>}}
"""


def section(heading):
    """The text below a heading of the README, up to the next one."""
    text = (ROOT / "deploy" / "README.md").read_text()
    _, found, rest = text.partition(f"# {heading}\n")
    assert found
    return re.split(r"^##+ ", rest, flags=re.MULTILINE)[0]


def block(start):
    """The one block of YAML below "Install" that starts with *start*."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", section("Install"), re.MULTILINE | re.DOTALL)
    (found,) = [each for each in blocks if each.startswith(start)]
    return found


def example():
    """The overlay the README shows."""
    return block("# kustomization.yaml")


def followed(folder, written, rules):
    """Objects of the overlay *written*, beside our folder and the rules of someone."""
    (folder / "viaduct").symlink_to(ROOT, target_is_directory=True)
    (folder / "kustomization.yaml").write_text(written)
    (folder / "rules.yaml").write_text(rules)
    return kustomized(folder)


def mounted_rules(objects):
    """The ConfigMap that the Deployment mounts, among those there are."""
    volumes = one(objects, "Deployment")["spec"]["template"]["spec"]["volumes"]
    (name,) = [volume["configMap"]["name"] for volume in volumes if "configMap" in volume]
    (found,) = [each for each in only(objects, "ConfigMap") if each["metadata"]["name"] == name]
    return found["data"]


def registered(objects):
    """Versions by group that the APIServices name."""
    found = {}
    for document in only(objects, "APIService"):
        found.setdefault(document["spec"]["group"], set()).add(document["spec"]["version"])
    return found


async def served(objects, folder):
    """Versions by group that the process of the Deployment lists, without the Prometheus."""
    rules = folder / "mounted"
    rules.mkdir()
    for name, text in mounted_rules(objects).items():
        (rules / name).write_text(text)
    given = environment(objects)
    assert given["VIADUCT_CONFIG"] == "/etc/viaduct/rules"
    assert given["VIADUCT_PROMETHEUS_URL"]
    flags = [f"--config={rules}", "--prometheus-url=http://127.0.0.1:9"]
    async with lab(flags=lambda _: flags, nodes=1, pods_per_node=1) as made:
        _, _, body = await made.get("/apis")
    return {
        group["name"]: {each["version"] for each in group["versions"]} for group in body["groups"]
    }


async def test_the_overlay_of_the_readme_serves_every_api_it_registers(tmp_path):
    """What is registered and not served is False for ever, and no namespace can be deleted."""
    objects = followed(tmp_path, example(), RULES + EXTERNAL_RULES)

    assert set(mounted_rules(objects)) == {"rules.yaml", "rules.kubelet.yaml"}
    assert mounted_rules(objects)["rules.yaml"] == RULES + EXTERNAL_RULES
    assert len(registered(objects)) == 3
    assert await served(objects, tmp_path) == registered(objects)


async def test_rules_with_resource_rules_of_their_own_take_the_place_of_those_shipped(tmp_path):
    written = example()
    assert "behavior: merge" in written
    written = written.replace("behavior: merge", "behavior: replace")
    objects = followed(tmp_path, written, RULES + EXTERNAL_RULES + RESOURCE_RULES)

    assert set(mounted_rules(objects)) == {"rules.yaml"}
    assert await served(objects, tmp_path) == registered(objects)


async def test_an_api_without_rules_is_left_out_by_the_patch_of_the_readme(tmp_path):
    written = yaml.safe_load(example())
    written["patches"] += yaml.safe_load(block("- target:"))

    objects = followed(tmp_path, yaml.safe_dump(written), RULES)

    assert registered(objects).keys() == {"metrics.k8s.io", "custom.metrics.k8s.io"}
    assert await served(objects, tmp_path) == registered(objects)


METRICS_SERVER = """
--cert-dir=/tmp --secure-port=10250 --kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname
--kubelet-use-node-status-port --metric-resolution=15s
"""
PROMETHEUS_ADAPTER = """
--cert-dir=/var/run/serving-cert --config=/etc/adapter/config.yaml --metrics-relist-interval=1m
--prometheus-url=https://prometheus.monitoring.svc:9090/ --secure-port=6443
--tls-cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
"""
PROMETHEUS_ADAPTER_CHART = """
/adapter --secure-port=6443 --tls-cert-file=/var/run/serving-cert/tls.crt
--tls-private-key-file=/var/run/serving-cert/tls.key --cert-dir=/tmp/cert
--prometheus-url=http://prometheus.default.svc:9090 --metrics-relist-interval=1m --v=4
--config=/etc/adapter/config.yaml
"""


DROPPED = (
    *("cert-dir", "config", "prometheus-url", "secure-port"),
    *("shutdown-delay-duration", "tls-cert-file", "tls-private-key-file"),
)
"""What would not agree with the rest of the objects."""


def test_the_readme_names_the_flags_that_an_argument_list_must_lose():
    rows = re.findall(r"^\| (`--.*?) \|", section("Install"), re.MULTILINE)

    assert sorted(flag for row in rows for flag in re.findall("--([a-z-]+)", row)) == [*DROPPED]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(METRICS_SERVER, id="metrics-server"),
        pytest.param(PROMETHEUS_ADAPTER, id="prometheus-adapter"),
        pytest.param(PROMETHEUS_ADAPTER_CHART, id="prometheus-adapter's chart"),
    ],
)
def test_the_argument_list_of_a_peer_works_without_the_flags_of_the_table(text):
    kept = [word for word in text.split() if word.partition("=")[0][2:] not in DROPPED]
    values = ["prometheus.url=http://prometheus:9090", "rules.shipped={rules.kubelet.yaml}"]
    flags = [f"--set={each}" for each in values]

    objects = chart(*flags, f"--set-json=extraArgs={json.dumps(kept)}")

    settings = parse_settings(container(objects)["args"], environment(objects))
    assert settings.secure_port == container(objects)["ports"][0]["containerPort"]
    assert settings.config == ("/etc/viaduct/rules",)
    assert settings.cert_dir == "/tmp/serving-cert"
    assert settings.prometheus_url == "http://prometheus:9090"
    assert len(kept) < len(text.split())


@pytest.mark.parametrize("flag", DROPPED)
@pytest.mark.parametrize(
    "spell",
    [
        pytest.param(lambda flag: [f"--{flag}=1"], id="one word"),
        pytest.param(lambda flag: ["--v=4", f"--{flag}", "1"], id="two words"),
        pytest.param(lambda flag: [f"--{flag.replace('-', '_')}=1"], id="underscores"),
    ],
)
def test_the_chart_refuses_the_flags_of_the_table(flag, spell):
    code, _, complained = helm_template(f"--set-json=extraArgs={json.dumps(spell(flag))}")

    assert code != 0
    assert f"extraArgs: leave out --{flag}: " in complained
