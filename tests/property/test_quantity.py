"""Laws of quantities: printing loses nothing, wastes nothing, and sorts as the numbers do."""

import re
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from adapter.model.quantity import (
    MAX_VALUE,
    Format,
    Quantity,
    format_cpu,
    format_memory,
    format_value,
)

SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}

nanos = st.one_of(
    st.integers(-(10**30), 10**30),
    st.builds(lambda m, e: m * 10**e, st.integers(-(10**6), 10**6), st.integers(0, 24)),
    st.builds(lambda m, e: m * 1024**e * 10**9, st.integers(-2000, 2000), st.integers(0, 6)),
)
quantities = st.builds(Quantity, nanos, st.sampled_from(Format))


def value_of(text: str) -> Fraction:
    """The number a canonical quantity says, read independently of the parser."""
    digits, suffix = re.fullmatch(r"(-?[0-9]+)(.*)", text).groups()
    if suffix in BINARY:
        return Fraction(int(digits)) * 1024 ** BINARY[suffix]
    exponent = int(suffix[1:]) if suffix.startswith("e") else SUFFIXES[suffix]
    return Fraction(int(digits)) * Fraction(10) ** exponent


@given(quantities)
def test_print_loses_nothing(quantity):
    assert value_of(str(quantity)) == Fraction(quantity.nanos, 10**9)


@given(quantities)
def test_parse_undoes_print(quantity):
    text = str(quantity)
    if text.endswith("i") and abs(quantity.nanos) > (2**63 - 1) * 10**9:
        return  # binary text is capped there, as in apimachinery
    again = Quantity.parse(text)

    assert again == quantity
    if again.format is quantity.format:  # without a suffix, text is DecimalSI
        assert str(again) == text


@given(quantities)
def test_print_uses_the_largest_suffix(quantity):
    """No digits are wasted: one more step of the suffix would need a fraction."""
    text = str(quantity)
    digits, suffix = re.fullmatch(r"-?([0-9]+)(.*)", text).groups()
    mantissa = int(digits)
    whole = quantity.nanos % 10**9 == 0
    if quantity.format is Format.BINARY_SI and whole and abs(quantity.nanos) >= 1024 * 10**9:
        assert mantissa % 1024 or suffix == "Ei"
    else:
        assert mantissa % 1000 or text == "0"


@given(quantities, quantities)
def test_order_is_that_of_the_numbers(one, other):
    left, right = value_of(str(one)), value_of(str(other))

    assert (one < other) is (left < right)
    assert (one == other) is (left == right)


decimal_text = st.builds(
    lambda sign, whole, part: f"{sign}{whole}{part}",
    st.sampled_from(["", "-", "+"]),
    st.integers(0, 10**25).map(str),
    st.one_of(st.just(""), st.from_regex(r"\A\.[0-9]{0,15}\Z")),
)


@given(decimal_text, st.sampled_from([*SUFFIXES, *BINARY]))
def test_parse_rounds_away_from_zero_to_nano(number, suffix):
    factor = (
        Fraction(1024) ** BINARY[suffix] if suffix in BINARY else Fraction(10) ** SUFFIXES[suffix]
    )
    exact = Fraction(number) * factor
    rounded = Quantity.parse(number + suffix)
    got = Fraction(rounded.nanos, 10**9)
    if suffix in BINARY and abs(exact) > 2**63 - 1:
        assert abs(got) == 2**63 - 1
        return

    assert abs(exact) <= abs(got) < abs(exact) + Fraction(1, 10**9)
    assert got * exact >= 0


@given(st.floats(0, 1e15))
def test_format_cpu_is_the_canonical_print(cores):
    assert format_cpu(cores) == str(Quantity(round(cores * 1e9)))


@given(st.integers(0, 10**9).map(lambda n: n / 2))
def test_format_cpu_breaks_ties_to_even(half_nanocores):
    text = format_cpu(half_nanocores / 1e9)

    assert abs(value_of(text) * 10**9 - Fraction(half_nanocores)) <= Fraction(1, 2)


@given(st.one_of(st.integers(0, 2**64), st.integers(0, 2**20).map(lambda pages: pages * 4096)))
def test_format_memory_is_the_canonical_print(count):
    assert format_memory(count) == str(Quantity(count * 10**9, Format.BINARY_SI))


@given(st.text(alphabet="0123456789.+-eEinumkKMGTP ", max_size=12))
def test_any_text_parses_or_is_refused(text):
    try:
        quantity = Quantity.parse(text)
    except ValueError as error:
        assert "invalid quantity" in str(error)  # noqa: PT017 - either way is fine
    else:
        assert Quantity.parse(str(quantity)) == quantity


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_is_printed_as_near_as_clients_can_read(value):
    """Within half a thousandth, nano below that; canonical; never zero for something."""
    text = format_value(value)
    printed = value_of(text)

    bounded = max(-MAX_VALUE, min(Fraction(value), MAX_VALUE))
    step = Fraction(1, 1000) if abs(value) >= 0.001 else Fraction(1, 10**9)
    slack = step / 2 + abs(bounded) * Fraction(1, 2**52)
    assert abs(printed - bounded) <= slack or abs(printed) == Fraction(1, 10**9)
    assert (printed == 0) is (value == 0)
    assert text == str(Quantity.parse(text))
    assert abs(printed) <= MAX_VALUE
    assert len(text.strip("-numkMGTPE")) <= 18
