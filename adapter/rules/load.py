"""YAML text → `RuleFile`, with every problem at once and each at its line and column."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from adapter.errors import ConfigError
from adapter.rules.check import check_resource_rules
from adapter.rules.positions import Document, Position
from adapter.rules.schema import RuleFile


def load_rule_file(text: str, filename: str) -> RuleFile:
    """Read a rule file.

    Args:
        text: Its content.
        filename: Its name, for messages.

    Raises:
        ConfigError: With every problem found, each as ``file:line:column: text``.
    """
    try:
        document = Document(text)
    except yaml.YAMLError as error:
        raise ConfigError([f"{filename}:{_yaml_problem(error)}"]) from None
    problems = [(position, f"key {key!r} is given twice") for key, position in document.duplicates]
    try:
        rule_file = RuleFile.model_validate({} if document.data is None else document.data)
        if rule_file.resource_rules is not None:
            for problem in check_resource_rules(rule_file.resource_rules):
                name = problem.path[-1]
                text = f"{name}: {problem.text}"
                problems.append((document.position(problem.path), text))
    except ValidationError as error:
        problems += (_describe(document, details) for details in error.errors())
        rule_file = RuleFile()
    if problems:
        raise ConfigError(
            [f"{filename}:{place.line}:{place.column}: {what}" for place, what in sorted(problems)]
        )
    return rule_file


def _yaml_problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        return f"{mark.line + 1}:{mark.column + 1}: not YAML: {what}"
    return f"1:1: not YAML: {error}"


def _describe(document: Document, details: ErrorDetails) -> tuple[Position, str]:
    """Turn pydantic's account of one problem into a position and a sentence."""
    path = tuple(part for part in details["loc"] if part != "[key]")
    name = _name(path)
    kind = details["type"]
    context: dict[str, Any] = details.get("ctx", {})
    if kind == "extra_forbidden":
        return document.key_position(path), f"unknown field {name!r}{_hint(path)}"
    if kind == "missing":
        return document.position(path[:-1]), f"field {name!r} is missing"
    if kind == "template":
        offset = context.get("offset")
        return document.position(path, offset), f"{name}: {_text(details)}"
    return document.position(path), f"{name}: {_text(details)}"


def _name(path: tuple[int | str, ...]) -> str:
    if not path:
        return "the file"
    if isinstance(path[-1], int):
        return f"{_name(path[:-1])}[{path[-1]}]"
    return path[-1]


_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "string_type": "a text; quote it",
    "tuple_type": "a list",
}


def _text(details: ErrorDetails) -> str:
    expected = _EXPECTED.get(details["type"])
    if expected is None:
        return details["msg"]
    value = details["input"]
    kinds = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false"}
    given = kinds.get(type(value), f"the {type(value).__name__} {value!r}")
    return f"must be {expected}, not {given}"


def _hint(path: tuple[int | str, ...]) -> str:
    """Offer the field nearest to the unknown one at the end of *path*."""
    known = list(_fields_at(path[:-1]))
    close = get_close_matches(str(path[-1]), known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known here: {', '.join(known)}" if known else ""


def _fields_at(path: tuple[int | str, ...]) -> Iterator[str]:
    model: type[BaseModel] | None = RuleFile
    for part in path:
        if model is None:
            return
        model = next(
            (
                _model_of(field.annotation)
                for field in model.model_fields.values()
                if field.alias == part
            ),
            model,  # an index of a list, or a label: its type is the field's
        )
    if model is not None:
        yield from (str(field.alias) for field in model.model_fields.values())


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """Find the section class in an annotation such as ``tuple[Section, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_of(part))), None)
