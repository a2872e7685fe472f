"""The files in ``config/``: they load, Prometheus takes them, and the reference is complete."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel

from adapter.rules.load import load_rule_file
from adapter.rules.query import ResourceQueries
from adapter.rules.schema import RuleFile

CONFIG = Path(__file__).parents[3] / "config"
RULE_FILES = sorted(CONFIG.glob("rules.*.yaml"))
SCRAPE_JOB = CONFIG / "prometheus.kubelet-scrape.yaml"


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_rule_files_load_and_tell_when_samples_were_taken(path):
    rule_file = load_rule_file(path.read_text(encoding="utf-8"), path.name)

    queries = ResourceQueries.from_rules(rule_file.resource_rules)

    assert queries.window > 0
    for rule in (
        queries.cpu_containers,
        queries.memory_containers,
        queries.cpu_nodes,
        queries.memory_nodes,
    ):
        assert rule.timestamps is not None


def test_the_scrape_job_keeps_what_the_rules_ask_for():
    job = yaml.safe_load(SCRAPE_JOB.read_text(encoding="utf-8"))["scrape_configs"][0]
    kept = re.compile(job["metric_relabel_configs"][0]["regex"])
    rules = (CONFIG / "rules.kubelet.yaml").read_text(encoding="utf-8")

    asked = set(re.findall(r"\b(\w+)\{<<", rules))

    assert len(asked) == 4
    assert all(kept.fullmatch(name) for name in asked)
    assert job["honor_timestamps"] is True


@pytest.mark.prometheus
def test_promtool_accepts_the_scrape_job(tmp_path):
    """Some builds of Prometheus come without Kubernetes discovery, so that part is replaced."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not on PATH: install Prometheus to check the scrape job")
    config = yaml.safe_load(SCRAPE_JOB.read_text(encoding="utf-8"))
    discovery = config["scrape_configs"][0].pop("kubernetes_sd_configs")
    config["scrape_configs"][0]["static_configs"] = [{"targets": ["127.0.0.1:10250"]}]
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")

    result = subprocess.run(
        ["promtool", "check", "config", "--syntax-only", file],
        check=False,
        capture_output=True,
        text=True,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert discovery == [{"role": "node"}]


def fields_of(model, prefix=""):
    """Every field of *model* and of the sections below it, as a path in the file."""
    for field in model.model_fields.values():
        path = f"{prefix}{field.alias}"
        annotation = str(field.annotation)
        yield path
        below = section_of(field.annotation)
        if below is not None:
            step = "[]" if "tuple" in annotation else ".LABEL" if "dict" in annotation else ""
            yield from fields_of(below, f"{path}{step}.")


def section_of(annotation):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := section_of(part))), None)


def test_the_reference_has_a_heading_for_each_field():
    """Sections that appear twice are described once: see ``rules`` and ``resourceRules.cpu``."""
    readme = (CONFIG / "README.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^#+ `([^`]+)`$", readme, re.MULTILINE))
    fields = {
        path
        for path in fields_of(RuleFile)
        if not path.startswith(
            ("externalRules[]", "resourceRules.memory.", "resourceRules.cpu.resources.")
        )
    }

    assert headings == fields


def test_every_field_says_what_it_is():
    models = {RuleFile}
    while True:
        below = {
            section_of(field.annotation)
            for model in models
            for field in model.model_fields.values()
        } - {None}
        if below <= models:
            break
        models |= below

    undocumented = [
        f"{model.__name__}.{name}"
        for model in models
        for name, field in model.model_fields.items()
        if not field.description
    ]

    assert undocumented == []
