"""Scripts: ajson's grammar, as far as it makes a number out of numbers."""

import math

import pytest

from adapter.jsonpath.errors import ExtractionError, JSONPathError, NothingFound
from adapter.jsonpath.evaluation import compile_script
from adapter.jsonpath.work import Work

DOCUMENT = {
    "active processes": 3,
    "total processes": 9,
    "a": 7,
    "b": "2",
    "a-b": 100,
    "values": [4, 1, 2.5],
    "none": [],
    "holes": [1, None],
    "null": None,
    "text": "s3cret",
    "jobs": [{"size": 1}, {"size": 2}],
    "flag": True,
}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("ceil($['active processes'] / $['total processes'] * 100)", 34),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 3 - 2", 5),
        ("2 ** 3 ** 2", 512),
        ("-2 ** 2", 4),  # the sign belongs to the number, as in ajson
        ("2 * -$.a", -14),
        ("7 % 4", 3),
        ("-7 % 4", -3),  # Go's
        ("1e3 + 1.5", 1001.5),
        ("$.a-1", 6),
        ("$.a*2", 14),
        ("$.a/$.b", 3.5),
        ("$['a-b']/4", 25),
        ('$["a-b"] - $.a', 93),
        ("avg($.values)", 2.5),
        ("sum($.values)", 7.5),
        ("max($.values) - min($.values)", 3),
        ("length($.values)", 3),
        ("size($.jobs[*])", 2),
        ("sum($..size)", 3),
        ("sum($.jobs[?@.size > 1].size)", 2),
        ("sum($.jobs[?@.size > 9].size)", 0),
        ("length($.none)", 0),
        ("first($.values) + last($.values)", 6.5),
        ("avg($.a)", 7),
        ("round(2.5) + round(-2.5)", 0),
        ("round(0.49999999999999994)", 0),
        ("roundtoeven(2.5)", 2),
        ("floor(2.7) + trunc(-2.7)", 0),
        ("sqrt(16) + cbrt(27) + abs(-1)", 8),
        ("log10(1000) + log2(8) + log(e) + exp(0)", 8),
        ("CEIL(PI)", 4),
        ("phi * 2", 1 + math.sqrt(5)),
        ("1 / 3 * 3", 1),
    ],
)
def test_scripts(script, expected):
    assert compile_script(script).evaluate(DOCUMENT) == [pytest.approx(expected)]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("$.values", [4, 1, 2.5]),
        ("$.jobs[*].size", [1, 2]),
        ("$.text", "s3cret"),
        ("$.none[*]", []),
    ],
)
def test_a_mere_path_finds_what_it_finds(script, expected):
    assert compile_script(script).evaluate(DOCUMENT) == [expected]


@pytest.mark.parametrize(
    ("script", "position", "why"),
    [
        ("", 0, "a number, $ or a function is expected, but the script ends"),
        ("1 +", 3, "but the script ends"),
        ("1 2", 2, "unexpected '2'; operators are + - * / % **"),
        ("sum($.a", 7, "')' is expected, but the script ends"),
        ("sum $.a", 4, "'(' is expected instead of '$.a'"),
        ("1 == 2", 2, "unexpected '=='; operators are + - * / % **, and no comparisons or bits"),
        ("1 & 2", 2, "unexpected '&'"),
        ("1 << 2", 2, "unexpected '<<'"),
        ("'a' + 1", 0, 'instead of "\'"'),
        ("rand(1)", 0, "rand is not supported; functions are abs, avg, cbrt, ceil, "),
        ("factorial(9)", 0, "factorial is not supported"),
        ("$.a-b", 4, "b is not supported"),
        ("$.a-b", 4, "a key with a hyphen is written $['a-b']"),
        ("1 + $.a[?@.b=1]", 12, "equality is written =="),
        ("1 + $.a[", 7, "unexpected '['"),
        ("(" * 21 + "1" + ")" * 21, 21, "more than 20 parentheses within each other"),
        ("1" + "+1" * 60, 100, "the script has too many parts"),
        ("1" * 501, None, "longer than 500 characters"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_what_is_refused(script, position, why):
    with pytest.raises(JSONPathError) as raised:
        compile_script(script)

    assert why in str(raised.value)
    assert raised.value.position == position


@pytest.mark.parametrize(
    "text", ["$" + "['a'a" * 90, "$[" + "'a" * 200, "$[" * 200, "$.a[" + "[" * 400]
)
def test_hostile_paths_do_not_run_long(text):
    with pytest.raises(JSONPathError):
        compile_script(text)


@pytest.mark.parametrize(
    ("script", "error", "why"),
    [
        ("$.a / ($.a - 7)", ExtractionError, "divides by zero"),
        ("$.a % 0", ExtractionError, "divides by zero"),
        ("sqrt(0 - 1)", ExtractionError, "sqrt has no result for these numbers"),
        ("log(0)", ExtractionError, "log has no result for these numbers"),
        ("0 ** -1", ExtractionError, "** has no result for these numbers"),
        ("9 ** 9 ** 9", ExtractionError, "** gives a number too large for a float"),
        ("exp(1000)", ExtractionError, "exp gives a number too large for a float"),
        ("$.values + 1", ExtractionError, "the value left of + is an array of 3: make one number"),
        ("1 - $.text", ExtractionError, "the value right of - is a string that is no number"),
        ("abs($.flag)", ExtractionError, "the value in abs() is a boolean"),
        ("sum($.holes)", ExtractionError, "the value in sum() is null, no number"),
        ("$.null + 1", NothingFound, "$.null is null"),
        ("last($.holes) + 1", NothingFound, "the value left of + is null"),
        ("$.lost + 1", NothingFound, "$.lost: there is no 'lost' in $, which has"),
        ("avg($.none)", NothingFound, "avg() is of an empty array"),
        ("max($.jobs[?@.size > 9].size)", NothingFound, "max() is of an empty array"),
    ],
)
def test_scripts_without_a_result(script, error, why):
    with pytest.raises(ExtractionError) as raised:
        compile_script(script).evaluate(DOCUMENT)

    assert type(raised.value) is error
    assert str(raised.value).startswith(f"{script}: {why}")
    assert "s3cret" not in str(raised.value)


def test_work_is_bounded():
    script = compile_script("+".join(["sum($.values)"] * 15))

    assert script.evaluate(DOCUMENT) == [7.5 * 15]
    with pytest.raises(ExtractionError, match="takes more than 50 steps"):
        script.evaluate(DOCUMENT, Work(50))
