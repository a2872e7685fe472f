"""Compares an answer with a recorded one: status, headers, body, order of keys, layout.

Times, windows and quantities differ from run to run. Times and windows must have the right form;
cpu and values of metrics must be near the recorded ones, memory equal to it (all were steady when
they were recorded). An expected message that ends with "…" stands for any longer one.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from golden.messages import MAGIC, as_json_text

from adapter.model.quantity import Quantity
from adapter.model.times import parse_duration

ADAPTER_OPERATIONS = Path(__file__).with_name("adapter_operations")
IDENTITY = Path(__file__).with_name("identity")
METRICS_SERVER = Path(__file__).with_name("metrics_server")
PROMETHEUS_ADAPTER = Path(__file__).with_name("prometheus_adapter")

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_CELLS = ("name", "cpu", "memory", "window")
_VARYING_TEXT = (
    (re.compile(r'"[0-9]{4}-[0-9-]{5}T[0-9:]{8}Z"'), '"<time>"'),
    (re.compile(r"window: [0-9a-z.]+"), "window: <window>"),
    (re.compile(r"cpu: \S+"), "cpu: <cpu>"),
)


@dataclass(frozen=True)
class Answer:
    """What a server answered; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Golden:
    """One recorded exchange; *identity* is what the client showed, in words."""

    name: str
    identity: str
    method: str
    path: str
    request_headers: Mapping[str, str]
    answer: Answer

    @classmethod
    def load(cls, name: str, folder: Path = METRICS_SERVER) -> "Golden":
        """Read ``<name>.json``."""
        record = json.loads((folder / f"{name}.json").read_text())
        text = record["raw"] if "raw" in record else _text(record["body"])
        return cls(
            name=name,
            identity=record["request"]["identity"],
            method=record["request"]["method"],
            path=record["request"]["path"],
            request_headers=record["request"]["headers"],
            answer=Answer(record["status"], record["headers"], text),
        )

    def changed(self, change: Callable[[Any], Any], status: int | None = None) -> "Golden":
        """The same with a different body, laid out alike, and perhaps another status."""
        text = _like(self.answer.text, change(self.answer.body))
        answer = replace(self.answer, text=text, status=status or self.answer.status)
        return replace(self, answer=answer)


def names(folder: Path = METRICS_SERVER) -> list[str]:
    """Every recorded exchange."""
    return sorted(path.stem for path in folder.glob("*.json"))


def differences(golden: Golden, answer: Answer, *, tolerance: float = 0.001) -> list[str]:
    """What is different in *answer*, a sentence each; empty when it is as recorded.

    Args:
        golden: What is expected.
        answer: What was answered.
        tolerance: Relative difference of cpu and metric values that passes.
    """
    found = []
    expected = golden.answer
    if answer.status != expected.status:
        found.append(f"status {answer.status}, not {expected.status}")
    for name, value in expected.headers.items():
        actual = answer.headers.get(name)
        same = (actual is not None) if name == "etag" else actual == value
        if not same:
            found.append(f"{name}: {actual}, not {value}")
    if "x-content-type-options" not in expected.headers and (
        "x-content-type-options" in answer.headers
    ):
        found.append("x-content-type-options is set")
    if _is_json(expected.text):
        found += _layout(expected.text, answer.text)
        found += _unlike(expected.body, _parsed(answer.text), "", tolerance)
    elif _constant(answer.text) != _constant(expected.text):
        found.append(f"text {answer.text!r}, not {expected.text!r}")
    return found


def as_text(body: bytes) -> str:
    """An answer's text; of protobuf the JSON it stands for."""
    return as_json_text(body) if body.startswith(MAGIC) else body.decode()


def _text(body: Any) -> str:
    if "base64" in body:
        return as_text(base64.b64decode(body["base64"]))
    text = body["text"]
    assert isinstance(text, str)
    return text


def _is_json(text: str) -> bool:
    return text.startswith("{")


def _parsed(text: str) -> Any:
    return json.loads(text) if _is_json(text) else text


def _constant(text: str) -> str:
    """Text with what varies taken out, for YAML; quantities of YAML are compared as JSON's."""
    for pattern, constant in _VARYING_TEXT:
        text = pattern.sub(constant, text)
    return text


def _like(layout: str, body: Any) -> str:
    if layout.startswith("{\n"):
        text = json.dumps(body, indent=2, ensure_ascii=False)
    else:
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return text + ("\n" if layout.endswith("\n") else "")


def _layout(expected: str, actual: str) -> Iterator[str]:
    """White space: compact or indented, final newline or none."""
    if not _is_json(actual) or actual != _like(expected, json.loads(actual)):
        yield f"laid out as {_ends(actual)}, not {_ends(expected)}"


def _ends(text: str) -> str:
    return f"{text[:40]!r}…{text[-3:]!r}"


def _unlike(expected: Any, actual: Any, path: str, tolerance: float) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(actual, dict):
        if list(expected) != list(actual):
            yield f"{path} has keys {list(actual)}, not {list(expected)}"
            return
        for key, value in expected.items():
            yield from _unlike(value, actual[key], f"{path}.{key}", tolerance)
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            yield f"{path} has {len(actual)} elements, not {len(expected)}"
            return
        kinds = _CELLS if path.endswith(".cells") else range(len(expected))
        for kind, one, other in zip(kinds, expected, actual, strict=True):
            yield from _unlike(one, other, f"{path}.{kind}", tolerance)
    elif not _alike(expected, actual, path.rpartition(".")[2], tolerance):
        yield f"{path} is {actual!r}, not {expected!r}"


def _alike(expected: Any, actual: Any, key: str, tolerance: float) -> bool:
    if not isinstance(expected, str) or not isinstance(actual, str):
        return type(expected) is type(actual) and expected == actual
    match key:
        case "timestamp" | "creationTimestamp":
            alike = bool(_TIME.fullmatch(actual))
        case "window":
            alike = 0 < parse_duration(actual) <= 60
        case "message" if expected.endswith("…"):
            alike = actual.startswith(expected[:-1]) and len(actual) >= len(expected)
        case "cpu" | "value":
            one, other = (float(Quantity.parse(text)) for text in (expected, actual))
            alike = abs(one - other) <= tolerance * abs(one)
        case "serverAddress":
            alike = bool(re.fullmatch(r":[0-9]+", actual))
        case _:
            alike = expected == actual
    return alike
