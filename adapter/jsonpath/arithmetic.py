"""Operators and functions of scripts: those of spyzhov/ajson that make a number out of numbers."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence

from adapter.jsonpath.errors import ExtractionError


def _remainder(left: float, right: float) -> float:
    """Go's: with the sign of the left."""
    if right == 0:
        raise ZeroDivisionError
    return math.fmod(left, right)


def _round(number: float) -> float:
    """Half away from zero, as Go's ``math.Round``."""
    whole = math.trunc(number)
    return whole + math.copysign(1, number) if abs(number - whole) >= 0.5 else whole


def _average(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


PRECEDENCE: Mapping[str, int] = {"+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "**": 6}
"""Operators, the strongest last; ``**`` alone is right-associative."""

_OF_TWO: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": _remainder,
    "**": math.pow,
}

OF_NUMBER: Mapping[str, Callable[[float], float]] = {
    "abs": abs,
    "cbrt": math.cbrt,
    "ceil": math.ceil,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "round": _round,
    "roundtoeven": round,
    "sqrt": math.sqrt,
    "trunc": math.trunc,
}
"""Functions of one number."""

OF_NUMBERS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "avg": _average,
    "max": max,
    "min": min,
    "sum": sum,
}
"""Functions of an array of numbers; ``min`` and ``max`` are ours, the others ajson's."""

FUNCTIONS = frozenset(OF_NUMBER) | frozenset(OF_NUMBERS) | {"first", "last", "length", "size"}
"""Names of all functions."""

CONSTANTS: Mapping[str, float] = {"e": math.e, "pi": math.pi, "phi": (1 + math.sqrt(5)) / 2}


_ALL: Mapping[str, Callable[..., float]] = {**_OF_TWO, **OF_NUMBER, **OF_NUMBERS}


def compute(name: str, *arguments: float | Sequence[float]) -> float:
    """Apply the operator or function *name*.

    Raises:
        ExtractionError: It has no result for these numbers.
    """
    try:
        return float(_ALL[name](*arguments))
    except ZeroDivisionError:
        raise ExtractionError("divides by zero") from None
    except OverflowError:
        raise ExtractionError(f"{name} gives a number too large for a float") from None
    except ValueError:
        raise ExtractionError(f"{name} has no result for these numbers") from None
