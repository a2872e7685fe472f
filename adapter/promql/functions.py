"""The built-in functions of a template, with Go's results."""

from collections.abc import Callable, Mapping, Sequence

from adapter.promql.printf import print_format, print_line, print_values
from adapter.promql.values import TemplateError, Value, kind_of, truth


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
    if left is None and right is None:
        return True
    if left is None or right is None:
        left, right = (right, left) if left is None else (left, right)
        if isinstance(left, str | int):
            return False
    if type(left) is not type(right) or not isinstance(left, str | int):
        raise TemplateError(f"{function} cannot compare {kind_of(left)} with {kind_of(right)}")
    return left == right


def _ordered(function: str, test: Callable[[int], bool]) -> Callable[..., Value]:
    """Make a comparison: *test* gets -1, 0 or 1, as the left is less, equal or greater."""

    def compare(*args: Value) -> Value:
        if len(args) != 2:
            raise TemplateError(f"{function} takes two arguments")
        match args:
            case (str(left), str(right)):
                return test((left > right) - (left < right))
            case (int(left), int(right)) if bool not in {type(left), type(right)}:
                return test((left > right) - (left < right))
            case _:
                kinds = " with ".join(map(kind_of, args))
                raise TemplateError(f"{function} cannot compare {kinds}")

    return compare


def _not(*args: Value) -> Value:
    if len(args) != 1:
        raise TemplateError("not takes one argument")
    return not truth(args[0])


FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "eq": _eq,
    "ge": _ordered("ge", lambda order: order >= 0),
    "gt": _ordered("gt", lambda order: order > 0),
    "index": _index,
    "le": _ordered("le", lambda order: order <= 0),
    "len": _len,
    "lt": _ordered("lt", lambda order: order < 0),
    "ne": _ne,
    "not": _not,
    "print": print_values,
    "printf": print_format,
    "println": print_line,
}
"""Functions of their arguments' values."""

CHOICES: Mapping[str, bool] = {"and": False, "or": True}
"""Functions that return the first argument with this truth, or else the last; what stands behind
it is not evaluated."""
