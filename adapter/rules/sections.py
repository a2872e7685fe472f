"""What every section of the rule file is made of: strictness, and the texts that have a grammar."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from adapter.model.times import parse_prometheus_duration
from adapter.promql.matchers import LABEL_NAME
from adapter.promql.template import TemplateError, parse_template

MAPPING_FIELDS = frozenset({"Group", "Resource"})
"""What ``resources.template`` may refer to."""

QUERY_FIELDS = frozenset(
    {"GroupBy", "GroupBySlice", "LabelMatchers", "LabelValuesByName", "Series", "SeriesMatchers"}
)
"""What a query may refer to."""


class Section(BaseModel):
    """A mapping of the file: unknown keys and wrong types are refused, null counts as absent."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        use_attribute_docstrings=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None}


def _check_query(text: str) -> str:
    return _check_template(text, QUERY_FIELDS)


def _check_template(text: str, fields: frozenset[str]) -> str:
    try:
        parse_template(text, fields)
    except TemplateError as error:
        context = {"text": str(error), "offset": error.position}
        raise PydanticCustomError("template", "{text}", context) from None
    return text


def _check_mapping(text: str) -> str:
    _check_template(text, MAPPING_FIELDS)
    if text and "Resource" not in parse_template(text, MAPPING_FIELDS).fields:
        raise PydanticCustomError("template", "must mention <<.Resource>>")
    return text


def _check_label(text: str) -> str:
    if text and not LABEL_NAME.match(text):
        raise PydanticCustomError("label", "{text} is no label name", {"text": repr(text)})
    return text


def _parse_duration(value: object) -> float:
    if value == 0 and not isinstance(value, bool):
        return 0.0  # Prometheus takes a bare 0
    if not isinstance(value, str):
        raise PydanticCustomError("duration", "must be a duration such as 1m or 1h30m")
    try:
        return parse_prometheus_duration(value)
    except ValueError as error:
        raise PydanticCustomError("duration", "{text}", {"text": str(error)}) from None


Query = Annotated[str, AfterValidator(_check_query)]
"""A PromQL template."""

LabelTemplate = Annotated[str, AfterValidator(_check_mapping)]
"""A template that gives a label name."""

LabelName = Annotated[str, AfterValidator(_check_label)]
"""A Prometheus label name, or empty."""

_DURATION_UNITS = ("y", "w", "d", "h", "m", "s", "ms")
_DURATION = {
    "type": "string",
    "pattern": f"^(0|(?=[0-9]){''.join(f'([0-9]+{unit})?' for unit in _DURATION_UNITS)})$",
    "examples": ["30s", "5m", "1h30m"],
}

Seconds = Annotated[float, BeforeValidator(_parse_duration), WithJsonSchema(_DURATION)]
"""A Prometheus duration in the file, seconds once loaded."""
