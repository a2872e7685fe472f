"""The recipes in ``config/recipes``: rule files whose comments say what they are for.

A comment has the series or JSON documents the rules are about, what is asked of them and answered,
and how an HPA refers to the metric. All of it can be read, so that a test can hold the recipe to
it.
"""

import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import yaml

from adapter.model.quantity import Quantity

RECIPES = Path(__file__).parents[2] / "config" / "recipes"
CUSTOM = "/apis/custom.metrics.k8s.io/v1beta2"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1"

_RESOURCES = {
    "Brand": "brands.example.com",
    "Deployment": "deployments.apps",
    "Ingress": "ingresses.networking.k8s.io",
    "Node": "nodes",
    "Service": "services",
}
_SERIES = re.compile(
    r"(?P<series>\w+\{.*\})  (?P<value>[+\d.]+)(?P<rate>/s)?(?: \((?P<age>\d+) s ago\))?"
)
_DOCUMENT = re.compile(r"Document(?: of (?P<pod>\S+))?:")
_ASKED = re.compile(r"kubectl get --raw '(.*)'")
_ANSWERED = re.compile(r"(?P<what>\S.*?)  (?P<value>\S+)")


class Exposed(NamedTuple):
    """A series: a gauge, or with *rate* a counter; its last sample is *age* seconds old."""

    series: str
    value: float
    rate: bool
    age: int


class Question(NamedTuple):
    """A path and the values that are answered, by object or by labels."""

    path: str
    answer: Mapping[str, float]


class Recipe(NamedTuple):
    """One file; *documents* are JSON by pod, or that of a URL by the empty name."""

    name: str
    text: str
    title: str
    series: Sequence[Exposed]
    documents: Mapping[str, str]
    questions: Sequence[Question]
    metrics: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, path: Path) -> "Recipe":
        text = path.read_text(encoding="utf-8")
        comment = [line[2:] for line in text.splitlines() if line.startswith("#")]
        blocks = list(_blocks(comment))
        questions = [
            Question(asked[1], dict(map(_answered, block.splitlines())))
            for intro, block in blocks
            if (asked := _ASKED.fullmatch(intro))
        ]
        series = "".join(block for intro, block in blocks if intro == "Series:")
        documents = {
            found["pod"] or "": block
            for intro, block in blocks
            if (found := _DOCUMENT.fullmatch(intro))
        }
        assert bool(series) != bool(documents), f"{path.name}: series or documents"
        (metrics,) = (block for intro, block in blocks if intro.startswith("In spec.metrics"))
        return cls(
            name=path.stem,
            text=text,
            title=comment[1],
            series=[_exposed(line) for line in series.splitlines()],
            documents=documents,
            questions=questions,
            metrics=yaml.safe_load(metrics),
        )


def recipes() -> list[Recipe]:
    """All of them, by name."""
    return [Recipe.read(path) for path in sorted(RECIPES.glob("*.yaml"))]


def path_of_hpa(metric: Mapping[str, Any], namespace: str) -> str:
    """What the controller asks for an element of ``spec.metrics`` (k8s.io/metrics/pkg/client)."""
    kind = metric["type"]
    source = metric[kind.lower()]
    name = source["metric"]["name"]
    labels = source["metric"].get("selector", {}).get("matchLabels", {})
    selector = quote(",".join(f"{label}={value}" for label, value in labels.items()))
    if kind == "External":
        path = f"{EXTERNAL}/namespaces/{namespace}/{name}"
        return f"{path}?labelSelector={selector}" if selector else path
    what = "pods/*"
    if kind == "Object":
        described = source["describedObject"]
        what = f"{_RESOURCES[described['kind']]}/{described['name']}"
    path = f"{CUSTOM}/namespaces/{namespace}/{what}/{name}"
    return f"{path}?metricLabelSelector={selector}" if selector else path


def _blocks(lines):
    """Indented blocks of a comment, each with the last line before it."""
    text = "\n".join(lines)
    for match in re.finditer(r"(?m)^(\S.*)\n\n((?:    .*\n?)+)", text):
        yield match[1], textwrap.dedent(match[2])


def _exposed(line):
    match = _SERIES.fullmatch(line)
    assert match, f"not a series as they are written in recipes: {line}"
    return Exposed(
        match["series"], float(match["value"]), bool(match["rate"]), int(match["age"] or 0)
    )


def _answered(line):
    match = _ANSWERED.fullmatch(line)
    assert match, f"not an answer as they are written in recipes: {line}"
    return match["what"], float(Quantity.parse(match["value"]))
