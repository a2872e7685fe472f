"""Wire strings of quantities; expectations recorded from apimachinery v0.36."""

import math

import pytest

from adapter.model.quantity import Format, Quantity, format_cpu, format_memory, format_value

MAX_INT64 = 2**63 - 1

CPU = [
    (0, "0"),
    (1, "1n"),
    (999, "999n"),
    (1000, "1u"),
    (20_000, "20u"),
    (100_000, "100u"),
    (1_500_000, "1500u"),
    (9_214_567, "9214567n"),
    (50_000_000, "50m"),
    (123_456_789, "123456789n"),
    (500_000_000, "500m"),
    (1_000_000_000, "1"),
    (1_000_000_001, "1000000001n"),
    (2_500_000_000, "2500m"),
    (5_000_000_000, "5"),
    (1000 * 10**9, "1k"),
]

MEMORY = [
    (0, "0"),
    (512, "512"),
    (600, "600"),
    (1000, "1k"),
    (1024, "1Ki"),
    (1025, "1025"),
    (1536, "1536"),
    (12_345_678, "12345678"),
    (12_533_760, "12240Ki"),
    (5_242_880, "5Mi"),
    (1_073_741_824, "1Gi"),
    (1_073_741_825, "1073741825"),
    (1_616_273_408, "1578392Ki"),
    (10_737_418_240, "10Gi"),
]


@pytest.mark.parametrize(("nanocores", "text"), CPU, ids=[text for _, text in CPU])
def test_cpu_prints_canonically(nanocores, text):
    assert format_cpu(nanocores / 1e9) == text
    assert str(Quantity(nanocores)) == text


@pytest.mark.parametrize(("count", "text"), MEMORY, ids=[text for _, text in MEMORY])
def test_memory_prints_canonically(count, text):
    assert format_memory(count) == text
    assert str(Quantity(count * 10**9, Format.BINARY_SI)) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        pytest.param(MAX_INT64 - 10, "9223372036854775797", id="below"),
        # metrics-server divides by ten here and prints ...810 and ...820: ours loses nothing
        pytest.param(MAX_INT64 + 10, "9223372036854775817", id="above"),
        pytest.param(MAX_INT64 + 20, "9223372036854775827", id="further-above"),
        pytest.param(2**63, "8Ei", id="power"),
        pytest.param(2**70, "1024Ei", id="no-larger-suffix"),
    ],
)
def test_memory_beyond_int64_is_exact(count, text):
    assert format_memory(count) == text
    assert str(Quantity(count * 10**9, Format.BINARY_SI)) == text


def test_worked_sample_rounds():
    """Of 9 214 567.79 nanocores metrics-server prints 9214567n (cut); we round."""
    cores = (4.857169 - 4.710169) / 15.953
    assert format_cpu(cores) == "9214568n"
    assert format_memory(12_533_760) == "12240Ki"


@pytest.mark.parametrize(
    ("cores", "text"),
    [(0.5e-9, "0"), (1.5e-9, "2n"), (2.5e-9, "2n"), (2.6e-9, "3n"), (1e-12, "0"), (1e12, "1T")],
)
def test_cpu_rounds_half_to_even_nanocores(cores, text):
    assert format_cpu(cores) == text


@pytest.mark.parametrize("cores", [-1.0, -1e-15, math.nan, math.inf, -math.inf])
def test_cpu_that_is_no_amount_is_refused(cores):
    with pytest.raises(ValueError, match="no amount of cpu"):
        format_cpu(cores)


def test_negative_memory_is_refused():
    with pytest.raises(ValueError, match="no amount of memory"):
        format_memory(-1)


@pytest.mark.parametrize(
    ("text", "canonical", "kind"),
    [
        ("0", "0", "DecimalSI"),
        ("-0", "0", "DecimalSI"),
        ("0Ki", "0", "BinarySI"),
        ("+1", "1", "DecimalSI"),
        ("007", "7", "DecimalSI"),
        ("1.", "1", "DecimalSI"),
        (".5", "500m", "DecimalSI"),
        ("1.5", "1500m", "DecimalSI"),
        ("-1.50", "-1500m", "DecimalSI"),
        ("1000", "1k", "DecimalSI"),
        ("1500", "1500", "DecimalSI"),
        ("1e3", "1e3", "DecimalExponent"),
        ("12E6", "12e6", "DecimalExponent"),
        ("1E+4", "10e3", "DecimalExponent"),
        ("1e-4", "100e-6", "DecimalExponent"),
        ("5e0", "5", "DecimalExponent"),
        ("1E", "1E", "DecimalSI"),
        ("1Ei", "1Ei", "BinarySI"),
        ("1000k", "1M", "DecimalSI"),
        ("1.5Gi", "1536Mi", "BinarySI"),
        ("-1.5Gi", "-1536Mi", "BinarySI"),
        ("0.5Ki", "512", "BinarySI"),
        ("1000Ki", "1000Ki", "BinarySI"),
        ("1024Ki", "1Mi", "BinarySI"),
        ("0.0001Ki", "102400u", "DecimalSI"),
        ("1.00000001Mi", "1048576010485760n", "BinarySI"),
        ("8Ei", "9223372036854775807", "BinarySI"),
        ("-9Ei", "-9223372036854775807", "BinarySI"),
        ("10E", "10E", "DecimalSI"),
        ("18446744073709551616", "18446744073709551616", "DecimalSI"),
        ("1e21", "1e21", "DecimalExponent"),
        ("1n", "1n", "DecimalSI"),
        ("0.9n", "1n", "DecimalSI"),
        ("-0.1n", "-1n", "DecimalSI"),
        ("1.0000000001", "1000000001n", "DecimalSI"),
        ("1e-3000", "1e-9", "DecimalExponent"),
        ("0e-3000", "0", "DecimalExponent"),
        ("2u", "2u", "DecimalSI"),
        ("3T", "3T", "DecimalSI"),
        ("4P", "4P", "DecimalSI"),
        ("2Ti", "2Ti", "BinarySI"),
        ("2Pi", "2Pi", "BinarySI"),
    ],
)
def test_parse_and_canonical_print(text, canonical, kind):
    quantity = Quantity.parse(text)

    assert str(quantity) == canonical
    assert quantity.format == kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        ".",
        "k",
        "Ki",
        "e3",
        "1.2.3",
        "1 ",
        " 1",
        "1K",
        "1ki",
        "1KI",
        "1e",
        "1e1.5",
        "1mm",
        "1i",
        "--1",
        "0x10",
        "1_000",
        "NaN",
        "inf",
        "\N{FULLWIDTH DIGIT ONE}",
        "1e9999",
        "9" * 2000,
        "1\n",
    ],
)
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(ValueError, match="invalid quantity"):
        Quantity.parse(text)


def test_decimal_beyond_exa_keeps_its_value():
    """SI has no letter there; an exponent says it."""
    assert str(Quantity.parse("1000E")) == "1e21"


def test_equality_and_hash_go_by_value():
    assert Quantity.parse("1Ki") == Quantity.parse("1024") == Quantity.parse("1.024e3")
    assert len({Quantity.parse("1"), Quantity.parse("1000m")}) == 1
    assert Quantity.parse("1k") < Quantity.parse("1Ki") < Quantity.parse("1.1k")


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (1.005, 3, "1005m"),
        (0.0166, 3, "17m"),
        (-0.5, 3, "-500m"),
        (1000000.0, 3, "1M"),
        (0.0004, 3, "0"),
        (0.1, 9, "100m"),
        (2.5, 0, "2"),
    ],
)
def test_from_float_rounds_half_to_even(value, places, text):
    assert str(Quantity.from_float(value, places=places)) == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_from_float_refuses_what_no_quantity_can_say(value):
    with pytest.raises(ValueError, match="has no quantity"):
        Quantity.from_float(value)


def test_float_of_a_quantity():
    assert float(Quantity.parse("1500m")) == 1.5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(0.0, "0", id="zero"),
        pytest.param(-0.0, "0", id="minus-zero"),
        pytest.param(0.0166, "17m", id="rounded-not-truncated"),
        pytest.param(0.5, "500m", id="half"),
        pytest.param(1.005, "1005m", id="not-lost-to-binary-fractions"),
        pytest.param(0.0125, "12m", id="half-to-even-down"),
        pytest.param(0.0135, "14m", id="half-to-even-up"),
        pytest.param(10.0, "10", id="whole"),
        pytest.param(10.5, "10500m", id="fraction"),
        pytest.param(1500.0, "1500", id="no-suffix-that-would-need-a-fraction"),
        pytest.param(1110.0, "1110", id="whole-thousand-and-more"),
        pytest.param(10_000.0, "10k", id="kilo"),
        pytest.param(15_000.0, "15k", id="kilo-15"),
        pytest.param(1e6, "1M", id="mega"),
        pytest.param(1_234_567.0, "1234567", id="seven-digits"),
        pytest.param(-0.5, "-500m", id="negative"),
        pytest.param(-2e9, "-2G", id="negative-giga"),
        pytest.param(9.2e15, "9200T", id="nearly-the-largest"),
        pytest.param(0.0005, "500u", id="below-a-thousandth"),
        pytest.param(0.0004, "400u", id="nothing-in-the-peer"),
        pytest.param(-0.0005, "-500u", id="negative-below-a-thousandth"),
        pytest.param(0.000333333333, "333333n", id="nano"),
        pytest.param(0.0009999999999, "1m", id="rounded-to-a-thousandth"),
        pytest.param(1e-12, "1n", id="less-than-nano-is-no-zero"),
        pytest.param(-5e-324, "-1n", id="the-smallest-float"),
        pytest.param(2.0**53 + 2, "9007199254740994", id="beyond-exact-thousandths"),
        pytest.param(1e14 + 0.5, "100000000000000500m", id="large-with-a-fraction"),
        pytest.param(1e14 + 3, "100000000000003", id="large-without-a-fraction"),
        pytest.param(-1e15 - 0.5, "-1P", id="whole-from-a-thousand-billions"),
        pytest.param(1e16, "9223372036854775", id="more-than-a-client-can-read"),
        pytest.param(-1e300, "-9223372036854775", id="less-than-a-client-can-read"),
    ],
)
def test_values_of_metrics(value, text):
    assert format_value(value) == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_value_of_a_metric(value):
    with pytest.raises(ValueError, match="has no quantity"):
        format_value(value)
