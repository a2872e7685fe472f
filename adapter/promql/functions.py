"""Values inside a template and the built-in functions on them, with Go's results."""

from collections.abc import Callable, Mapping, Sequence

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


def _index(*args: Value) -> Value:
    if len(args) != 2:
        raise TemplateError("index takes a map or list and one key")
    container, key = args
    match container:
        case Mapping():
            if not isinstance(key, str):
                raise TemplateError(f"index of a map must be a string, not {kind_of(key)}")
            return container.get(key, "")
        case str():
            raise TemplateError("index of a string is not supported")
        case Sequence():
            if isinstance(key, bool) or not isinstance(key, int):
                raise TemplateError(f"index of a list must be an integer, not {kind_of(key)}")
            if not 0 <= key < len(container):
                raise TemplateError(f"index {key} is out of range, the list has {len(container)}")
            return container[key]
        case _:
            raise TemplateError(f"cannot index {kind_of(container)}")


def _len(*args: Value) -> Value:
    if len(args) != 1:
        raise TemplateError("len takes one argument")
    value = args[0]
    if isinstance(value, str):
        return len(value.encode())  # Go counts bytes
    if isinstance(value, Mapping | Sequence):
        return len(value)
    raise TemplateError(f"cannot take len of {kind_of(value)}")


def _eq(*args: Value) -> Value:
    if len(args) < 2:
        raise TemplateError("eq takes two arguments or more")
    return any(_equal("eq", args[0], other) for other in args[1:])


def _ne(*args: Value) -> Value:
    if len(args) != 2:
        raise TemplateError("ne takes two arguments")
    return not _equal("ne", args[0], args[1])


def _equal(function: str, left: Value, right: Value) -> bool:
    if type(left) is not type(right) or not isinstance(left, str | int):
        raise TemplateError(f"{function} cannot compare {kind_of(left)} with {kind_of(right)}")
    return left == right


def _not(*args: Value) -> Value:
    if len(args) != 1:
        raise TemplateError("not takes one argument")
    return not truth(args[0])


FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "eq": _eq,
    "index": _index,
    "len": _len,
    "ne": _ne,
    "not": _not,
}
"""The built-in functions a template may call."""
