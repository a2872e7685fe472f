"""Kubernetes quantities: parse and canonical print (apimachinery ``pkg/api/resource``).

Inside the service numbers are plain cores, bytes and seconds; quantities exist at the edges. The
encoder's hot path does not build a `Quantity` at all: `format_cpu` and `format_memory` write the
same text directly.
"""

import math
import re
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

NANO = 10**9
"""Parts of one: the finest step a quantity can have."""

_MAX_INT64 = 2**63 - 1

MAX_VALUE = _MAX_INT64 // 1000
"""The largest value autoscalers can read: its thousandths have 64 bits."""

_EXACT_MILLI = 2.0**43
"""Below it, the thousandths of a float are a float: 2^53 or less."""

_WHOLE = 1e15
"""From here on only whole numbers are printed; see `format_value`."""

_MAX_EXPONENT = 1000
_MAX_LENGTH = 1000

_DECIMAL_SUFFIXES = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"} | {
    15: "P",
    18: "E",
}
_BINARY_SUFFIXES = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL_EXPONENTS = {suffix: exponent for exponent, suffix in _DECIMAL_SUFFIXES.items()}
_BINARY_POWERS = {suffix: power for power, suffix in enumerate(_BINARY_SUFFIXES) if suffix}

_QUANTITY = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?"
    r"(?:(?P<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?[0-9]+))?",
)


class Format(StrEnum):
    """How a quantity prints; parsing remembers it, arithmetic on values does not need it."""

    DECIMAL_SI = "DecimalSI"
    BINARY_SI = "BinarySI"
    DECIMAL_EXPONENT = "DecimalExponent"


@dataclass(frozen=True, slots=True, order=True)
class Quantity:
    """A fixed-point number and the way it prints; compared and hashed by value alone.

    Attributes:
        nanos: The value in billionths. No upper bound, except that text with a binary suffix is
            capped at 2^63-1 as in apimachinery.
        format: Which suffixes the canonical text uses.

    >>> str(Quantity.parse("1.5")), str(Quantity.parse("1.5Gi")), str(Quantity.parse("12e6"))
    ('1500m', '1536Mi', '12e6')
    >>> Quantity.parse("1000m") == Quantity.parse("1")
    True
    """

    nanos: int
    format: Format = field(default=Format.DECIMAL_SI, compare=False)

    @classmethod
    def parse(cls, text: str) -> "Quantity":
        """Read a quantity in any of its forms.

        What is finer than nano is rounded away from zero, so that asking for very little never
        becomes asking for nothing.

        Raises:
            ValueError: *text* is no quantity.
        """
        match = _QUANTITY.fullmatch(text) if len(text) <= _MAX_LENGTH else None
        digits = (match["whole"] + (match["part"] or "")) if match else ""
        if match is None or not digits:
            raise ValueError(
                f'invalid quantity "{text[:80]}": expected a number with an optional suffix '
                "(n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent such as e3)"
            )
        suffix = match["suffix"] or ""
        scale = -len(match["part"] or "")
        if power := _BINARY_POWERS.get(suffix):
            nanos = _scaled(int(digits) * 1024**power, scale)
            nanos = min(nanos, _MAX_INT64 * NANO)
            # a fraction of a byte has no binary form
            kind = Format.BINARY_SI if nanos >= NANO or not nanos else Format.DECIMAL_SI
        elif match["exponent"] is not None:
            nanos = _scaled(int(digits), scale + _exponent(match["exponent"], text))
            kind = Format.DECIMAL_EXPONENT
        else:
            nanos = _scaled(int(digits), scale + _DECIMAL_EXPONENTS[suffix])
            kind = Format.DECIMAL_SI
        return cls(-nanos if match["sign"] == "-" else nanos, kind)

    @classmethod
    def from_float(
        cls, value: float, *, places: int = 9, kind: Format = Format.DECIMAL_SI
    ) -> "Quantity":
        """Round *value* half to even to *places* (0 to 9) decimal places.

        Raises:
            ValueError: *value* is NaN or infinite, which no quantity can say.

        >>> str(Quantity.from_float(1.005, places=3))
        '1005m'
        """
        if not math.isfinite(value):
            raise ValueError(f"{value} has no quantity")
        return cls(round(value * 10**places) * 10 ** (9 - places), kind)

    def __str__(self) -> str:
        """Canonical text: nothing lost, no fraction, the largest suffix that allows it."""
        sign, magnitude = ("-", -self.nanos) if self.nanos < 0 else ("", self.nanos)
        whole, rest = divmod(magnitude, NANO)
        # below 1024, or with a fraction, a binary suffix would round: apimachinery prints decimal
        if self.format is Format.BINARY_SI and not rest and whole >= 1024:
            return sign + _binary(whole)
        return sign + _decimal(magnitude, si=self.format is not Format.DECIMAL_EXPONENT)

    def __float__(self) -> float:
        """The nearest float."""
        return self.nanos / NANO


def format_cpu(cores: float) -> str:
    """Canonical DecimalSI text of *cores*, rounded half to even to nanocores.

    Raises:
        ValueError: *cores* is negative, NaN or infinite; sources drop such values earlier.

    >>> format_cpu(0.009214568), format_cpu(0.5), format_cpu(2.0)
    ('9214568n', '500m', '2')
    """
    if not 0 <= cores < math.inf:
        raise ValueError(f"{cores} is no amount of cpu")
    nanos = round(cores * 1e9)
    if nanos % 1000:
        return f"{nanos}n"
    if nanos % 1_000_000:
        return f"{nanos // 1000}u"
    if nanos % 1_000_000_000:
        return f"{nanos // 1_000_000}m"
    return _decimal(nanos, si=True)


def format_memory(memory_bytes: int) -> str:
    """Canonical BinarySI text of *memory_bytes*; below 1024 it is decimal, as in apimachinery.

    Raises:
        ValueError: *memory_bytes* is negative.

    >>> format_memory(12533760), format_memory(1000), format_memory(1025)
    ('12240Ki', '1k', '1025')
    """
    if memory_bytes < 0:
        raise ValueError(f"{memory_bytes} is no amount of memory")
    if memory_bytes < 1024:
        return "1k" if memory_bytes == 1000 else str(memory_bytes)
    if memory_bytes & 1023:
        return str(memory_bytes)
    return _binary(memory_bytes)


def format_value(value: float) -> str:
    """Canonical DecimalSI text of a custom or external metric's *value*; no exponent, no fraction.

    Rounded half to even to thousandths, which is what autoscalers read. Three things keep its
    meaning where thousandths cannot:

    - Below a thousandth it is rounded to billionths, and what is less than one of those counts as
      one: very little never becomes nothing.
    - From 10^15 on it is rounded to a whole number, less than the error of a float there:
      apimachinery v0.36 misreads negative quantities of more than 18 digits.
    - Beyond ±`MAX_VALUE` it is that: ``Quantity.MilliValue`` reads anything larger as 0, and very
      much would become nothing.

    Raises:
        ValueError: *value* is NaN or infinite; sources drop such values earlier.

    >>> format_value(10.5), format_value(15000), format_value(0.0166), format_value(0.0005)
    ('10500m', '15k', '17m', '500u')
    """
    if -0.001 < value < 0.001:
        nanos = round(value * 1e9)
        if not nanos and value:
            nanos = 1 if value > 0 else -1
        return _decimal(nanos, si=True)
    millis = _thousandths(value)
    if millis % 1000:
        return f"{millis}m"
    whole = millis // 1000
    return str(whole) if whole % 1000 else _decimal(whole * NANO, si=True)


def _thousandths(value: float) -> int:
    if -_EXACT_MILLI < value < _EXACT_MILLI:
        return round(value * 1000)
    if not math.isfinite(value):
        raise ValueError(f"{value} has no quantity")
    if -_WHOLE < value < _WHOLE:
        return round(Fraction(value) * 1000)
    return max(-MAX_VALUE, min(round(value), MAX_VALUE)) * 1000


def _scaled(number: int, exponent: int) -> int:
    """``number * 10**exponent`` in billionths, rounded up."""
    exponent += 9
    if exponent >= 0:
        return int(number * 10**exponent)
    if -exponent > _MAX_LENGTH + 100:  # smaller than any digits can outweigh
        return 1 if number else 0
    return -int(-number // 10**-exponent)


def _exponent(digits: str, text: str) -> int:
    exponent = int(digits)
    if exponent > _MAX_EXPONENT:
        raise ValueError(f'invalid quantity "{text[:80]}": exponent over {_MAX_EXPONENT}')
    return exponent


def _binary(whole: int) -> str:
    power = 0
    while not whole & 1023 and power < 6:
        whole >>= 10
        power += 1
    return f"{whole}{_BINARY_SUFFIXES[power]}"


def _decimal(nanos: int, *, si: bool) -> str:
    if not nanos:
        return "0"
    exponent = -9
    while not nanos % 1000:
        nanos //= 1000
        exponent += 3
    suffix = _DECIMAL_SUFFIXES.get(exponent) if si else None
    if suffix is None:  # DecimalExponent, or beyond E where SI has no letter
        suffix = f"e{exponent}" if exponent else ""
    return f"{nanos}{suffix}"
