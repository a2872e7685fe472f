"""What pydantic finds wrong with a rule file, in words and with hints; and what is no rule file."""

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from adapter.rules.findings import Path, Problem
from adapter.rules.schema import RuleFile
from adapter.rules.spelling import nearest

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "int_type": "a whole number",
    "model_type": "a mapping",
    "string_type": "a text",
    "tuple_type": "a list",
}
_HINTS = {
    ("string_type", "number"): "quote it",
    ("string_type", "a mapping"): "a text with { } or ': ' stands between single quotes",
    ("model_type", "a list"): "remove the dash before its fields",
    ("dict_type", "a list"): "remove the dash before its fields",
    ("tuple_type", "a mapping"): "begin each entry with a dash",
    ("tuple_type", "a text"): "begin each entry with a dash",
}


_BY_WORDS = (
    ("must mention <<.Resource>>", "such as kube_<<.Resource>>"),
    ("is not closed by >>", "end it with >>"),
    ("<<end>> is missing", "each <<if>> and <<range>> ends with <<end>>"),
    ("is no label name", "letters, digits and _ only, no digit at the beginning"),
    ("must be a duration", "quote it, with its unit"),
)

_WORD = re.compile(r"[\w.-]{1,253}", re.ASCII)


def object_problem(data: object) -> Problem | None:
    """Describe a Kubernetes object that was given instead of the rule file in it; else None."""
    if not isinstance(data, dict) or "metadata" not in data:
        return None
    kind, version = data.get("kind"), data.get("apiVersion")
    if not (isinstance(kind, str) and isinstance(version, str)):
        return None
    if kind == "ConfigMap":
        hint = f"the text under 'data' is wanted: {_reading(data)}"
    elif kind in {"List", "ConfigMapList"}:
        hint = f"the text under 'data' of one ConfigMap is wanted: {_reading({})}"
    else:
        hint = "a rule file may have 'rules', 'externalRules' and 'resourceRules'"
    text = f"a Kubernetes object ({_word(kind) or 'of no known kind'}), not a rule file"
    return Problem(("kind",), text, hint, fatal=True, key=True)


def _reading(config_map: dict[str, Any]) -> str:
    """Command that prints the rule file in *config_map*; with placeholders for what it lacks."""
    metadata, data = config_map.get("metadata"), config_map.get("data")
    named = metadata if isinstance(metadata, dict) else {}
    name, namespace = _word(named.get("name")), _word(named.get("namespace"))
    keys = list(data) if isinstance(data, dict) else []
    key = (_word(keys[0]) if len(keys) == 1 else "").replace(".", r"\.")
    where = f" -n {namespace}" if name and namespace else ""
    return f"kubectl get configmap {name or 'NAME'}{where} -o 'jsonpath={{.data.{key or 'KEY'}}}'"


def _word(value: object) -> str:
    """*value* if it can be the name of an object, or a key of a ConfigMap; else ""."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def schema_problem(details: ErrorDetails) -> Problem:
    """Describe one of pydantic's errors."""
    path = tuple(part for part in details["loc"] if part != "[key]")
    name = name_of(path)
    kind = details["type"]
    if kind == "extra_forbidden":
        text = f"unknown field {_shown(path[-1])}"
        return Problem(path, text, _field_hint(path), fatal=True, key=True)
    if kind == "missing":
        text = f"field {name!r} is missing"
        return Problem(path[:-1], text, fatal=True)
    if kind == "invalid_key":
        text = f"field {_shown(path[-1])} is no text"
        return Problem(path, text, "quote it", fatal=True, key=True)
    text, hint = _said(details, path)
    if kind == "template" and not hint:
        hint = "what stands between << and >> is a Go template"
    offset = details.get("ctx", {}).get("offset")
    key = bool(details["loc"]) and details["loc"][-1] == "[key]"
    return Problem(path, f"{name}: {text}", hint, fatal=True, offset=offset, key=key)


def name_of(path: Path) -> str:
    """Last key of *path*, with indexes: ``seriesFilters[1]``."""
    if not path:
        return "the file"
    if isinstance(path[-1], int):
        return f"{name_of(path[:-1])}[{path[-1]}]"
    return path[-1]


def _said(details: ErrorDetails, path: Path) -> tuple[str, str]:
    kind, value = details["type"], details["input"]
    if kind == "enum":
        allowed = [part.strip("'") for part in details["ctx"]["expected"].split()]
        choices = [word.rstrip(",'") for word in allowed if word != "or"]
        close = nearest(str(value), choices)
        hint = f"did you mean {close!r}?" if close else ""
        return f"must be one of {', '.join(choices)}, not {_shown(value)}", hint
    expected = _EXPECTED.get(kind)
    if expected is not None:
        given = _kind_of(value)
        hint = _HINTS.get((kind, "number" if given.startswith("the ") else given), "")
        if given == "a text" and path[-1:] == ("name",):
            hint = "a name that is known is 'metric'"
        return f"must be {expected}, not {given}", hint
    if kind in {"greater_than_equal", "less_than_equal"}:
        limit = details["ctx"].get("ge", details["ctx"].get("le"))
        return f"must be at {'least' if 'ge' in details['ctx'] else 'most'} {limit}", ""
    return _parted(details["msg"], path)


def _parted(message: str, path: Path) -> tuple[str, str]:
    """Part what is wrong from its hint, in the messages of our own validators."""
    if message.startswith("invalid duration") and ": expected" in message:
        text, _, hint = message.partition(": expected ")
        return text, f"write {hint}"
    text, _, hint = message.partition("; ")
    hint = hint or next((told for words, told in _BY_WORDS if words in text), "")
    if not hint and text.startswith("needs exactly one") and path[-2:-1] == ("seriesFilters",):
        hint = "make two entries of it, both of which must hold, or remove one"
    return text, hint


def _kind_of(value: object) -> str:
    kinds = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false"}
    if value is None:
        return "nothing"
    return kinds.get(type(value), f"the {type(value).__name__} {_shown(value)}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _field_hint(path: Path) -> str:
    """Say where the unknown field at the end of *path* belongs, or what is nearest to it."""
    word = str(path[-1])
    if "<<" in word or "{" in word:
        return "a text with << >> or { } stands between single quotes"
    homes = [home for home, field in _all_fields(RuleFile) if field == word]
    if homes:
        return f"it is a field of {_joined(homes)}: is it indented as meant?"
    known = list(_fields_at(path[:-1]))
    close = nearest(word, known)
    if close:
        return f"did you mean {close!r}?"
    return f"known here: {', '.join(known)}" if known else ""


def _joined(homes: list[str]) -> str:
    names = list(dict.fromkeys(repr(home) for home in homes))[:3]
    return " and ".join(names)


def _fields_at(path: Path) -> Iterator[str]:
    model = _model_at(path)
    if model is not None:
        yield from (str(field.alias) for field in model.model_fields.values())


def _model_at(path: Path) -> type[BaseModel] | None:
    model: type[BaseModel] | None = RuleFile
    for part in path:
        if model is None:
            return None
        model = next(
            (
                _model_of(field.annotation)
                for field in model.model_fields.values()
                if field.alias == part
            ),
            model,  # an index of a list, or a label: its type is the field's
        )
    return model


def _all_fields(model: type[BaseModel], home: str = "the file") -> Iterator[tuple[str, str]]:
    """Yield each field of *model* and of what is below it, with the section it is in."""
    for field in model.model_fields.values():
        yield home, str(field.alias)
        below = _model_of(field.annotation)
        if below is not None:
            yield from _all_fields(below, str(field.alias))


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """Find the section class in an annotation such as ``tuple[Section, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_of(part))), None)
