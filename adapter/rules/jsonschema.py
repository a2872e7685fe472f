"""JSON Schema of the rule file, for editors: completion, descriptions, and errors while typing."""

import re
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from adapter.model.times import format_duration
from adapter.rules.schema import RuleFile

TITLE = "Viaduct rule file"

_CODE = re.compile("``?([^`]+)``?")
_SNAKE = re.compile("(?<=[a-z])_([a-z])")


def json_schema() -> dict[str, Any]:
    """Schema (draft 2020-12) of a rule file, derived from the models that read it.

    It knows types, names and choices. What needs more than one field, a template or PromQL is
    checked by ``viaduct check`` alone. A field that is null counts as absent when read; here only
    whole sections may be null.
    """
    schema: dict[str, Any] = _cleaned(RuleFile.model_json_schema(by_alias=True))
    for section in schema["properties"].values():
        _allow_null(section)
    schema["$schema"] = GenerateJsonSchema.schema_dialect
    schema["title"] = TITLE
    return dict(sorted(schema.items()))


def _cleaned(value: Any, *, names: bool = False) -> Any:
    """Leave out what says nothing; *names*: keys are names of fields, not words of the schema."""
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if not isinstance(value, dict):
        return value
    if names:
        return {name: _cleaned(item) for name, item in value.items()}
    found = {}
    for word, item in value.items():
        if word == "title" or (word == "default" and _says_nothing(item)):
            continue
        if word == "description":
            found[word] = _text(item)
        elif word == "default" and isinstance(item, float):
            found[word] = format_duration(item)  # the only numbers with a fraction
        else:
            found[word] = _cleaned(item, names=word in {"properties", "$defs"})
    return found


def _says_nothing(default: object) -> bool:
    return default is None or default in ("", 0.0, []) or isinstance(default, dict)


def _text(description: str) -> str:
    """Take out line breaks and marks, and write names of fields as in the file."""
    words = " ".join(description.split())
    return _CODE.sub(lambda match: _SNAKE.sub(lambda part: part[1].upper(), match[1]), words)


def _allow_null(section: dict[str, Any]) -> None:
    if section.get("type") == "array":
        section["type"] = ["array", "null"]
