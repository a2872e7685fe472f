"""Values inside a template, with Go's rules of printing and truth."""

from collections.abc import Mapping, Sequence

Value = str | int | bool | Sequence[str] | Mapping[str, str] | None
"""What a template can hold. None is Go's ``<no value>``."""


class TemplateError(ValueError):
    """A template cannot be understood or rendered.

    Args:
        message: What is wrong.
        position: Offset of the place in the template, in characters from 0.
    """

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


def format_value(value: object) -> str:
    """Print *value* as a template does.

    >>> format_value(["a", "b"]), format_value({"b": "2", "a": "1"}), format_value(None)
    ('[a b]', 'map[a:1 b:2]', '<no value>')
    """
    match value:
        case str():
            return value
        case None:
            return "<no value>"
        case bool():
            return "true" if value else "false"
        case Mapping():
            return "map[" + " ".join(f"{key}:{value[key]}" for key in sorted(value)) + "]"
        case Sequence():
            return "[" + " ".join(map(str, value)) + "]"
        case _:
            return str(value)


def truth(value: Value) -> bool:
    """Whether ``if`` takes *value* for true: not empty, not zero, there at all."""
    return bool(value)


def field_of(value: Value, name: str) -> Value:
    """Look up ``.name`` in *value*; a map without the key gives no value.

    Raises:
        TemplateError: *value* has no fields.
    """
    if isinstance(value, Mapping):
        return value.get(name)
    raise TemplateError(f"cannot take field .{name} of {kind_of(value)}")


def kind_of(value: Value) -> str:
    """Name the kind of *value* for a message."""
    match value:
        case str():
            return "a string"
        case None:
            return "nothing"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case Mapping():
            return "a map"
        case _:
            return "a list"
