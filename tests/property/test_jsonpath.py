"""Laws of documents, paths, scripts and conversions."""

import json
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapter.jsonpath.documents import read_document
from adapter.jsonpath.errors import DocumentError, ExtractionError, JSONPathError
from adapter.jsonpath.evaluation import compile_script
from adapter.jsonpath.expressions import compile_path
from adapter.jsonpath.extraction import Aggregate, Extraction
from adapter.jsonpath.numbers import ValueType, to_number
from adapter.jsonpath.work import MOST_STEPS, Work
from adapter.model.quantity import format_value
from adapter.model.times import format_duration

keys = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False), keys
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
finite = st.floats(-1e9, 1e9)

pieces = st.sampled_from(
    [
        "$", ".", "..", "a", "b", "*", "[", "]", "[*]", "['a']", '["b"]', "[0]", "[-1]", "[1:]",
        "[::-1]", "[0,1]", "['a','b']", "[?", "?", "@", "@.a", "@.b", "$.a", "==", "!=", "<", ">=",
        "=", "=~", "&&", "||", "&", "|", "!", "(", ")", "1", "-1", "1.5", "1e3", "'x'", '"', "'",
        "true", "null", "where", "`len`", "`", "+", "-", " - ", "/", "%", ",", ":", " ", "\n", "\\",
        "#", "{", "}", "\u00e4", "sum(", "ceil(", "foo", "**",
    ]
)  # fmt: skip
texts = st.lists(pieces, max_size=12).map("".join)


@given(values, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32-le"]))
def test_documents_are_read_as_they_were_written(value, encoding):
    assert read_document(json.dumps(value, ensure_ascii=False).encode(encoding)) == value


def attempt(function, *arguments):
    """What *function* gives, or the error of ours that it raises."""
    try:
        return function(*arguments)
    except (DocumentError, ExtractionError, JSONPathError) as error:
        return error


@given(st.binary(max_size=40) | values.map(lambda value: json.dumps(value).encode()[:-1]))
def test_no_body_does_more_than_be_refused(body):
    result = attempt(read_document, body)

    assert not isinstance(result, DocumentError) or len(str(result)) < 200


@given(texts.map(lambda text: f"${text}") | texts | st.text(max_size=20), values)
def test_no_path_does_more_than_be_refused(text, document):
    """A work of 2000 steps is plenty for such documents, unless somebody doubles and doubles."""
    path = attempt(compile_path, text)
    if isinstance(path, JSONPathError):
        assert path.position is None or 0 <= path.position <= len(text)
        return
    finding = attempt(path.look, document, Work(2000))
    if isinstance(finding, ExtractionError):
        assert "takes more than 2000 steps" in str(finding)
    else:
        assert finding.values or finding.explain()


@given(texts | st.text(max_size=20), values)
def test_no_script_does_more_than_be_refused(text, document):
    script = attempt(compile_script, text)
    if isinstance(script, JSONPathError):
        assert script.position is None or 0 <= script.position <= len(text)
        return
    result = attempt(script.evaluate, document)
    if isinstance(result, ExtractionError):
        assert str(result).startswith(text.strip())
    else:
        assert len(result) == 1


def quoted(step):
    if isinstance(step, int):
        return f"[{step}]"
    return "['" + step.replace("\\", "\\\\").replace("'", "\\'") + "']"


def places(document):
    """Every place of *document*: its path, and what is there."""
    found, waiting = [], [("$", document)]
    while waiting:
        path, value = waiting.pop()
        found.append((path, value))
        if isinstance(value, dict):
            waiting += [(path + quoted(key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(path + quoted(index), inner) for index, inner in enumerate(value)]
    return found


@given(st.data(), values)
def test_each_place_can_be_named(data, document):
    path, value = data.draw(st.sampled_from(places(document)))
    assume(len(path) < 400)

    assert compile_path(path).find(document) == [value]


@given(values)
def test_descent_finds_everything(document):
    found = compile_path("$..*").find(document)
    below = [value for path, value in places(document) if path != "$"]

    assert sorted(map(repr, found)) == sorted(map(repr, below))


@given(st.lists(st.integers(-5, 5)), st.integers(-5, 5))
def test_filters_select_what_compares(numbers, limit):
    document = {"items": [{"n": number} for number in numbers], "limit": limit}
    expected = [number for number in numbers if number >= limit]

    assert compile_path(f"$.items[?@.n >= {limit}].n").find(document) == expected
    assert compile_path("$.items[?@.n >= $.limit].n").find(document) == expected


slices = st.none() | st.integers(-12, 12)


@given(st.lists(st.integers(), max_size=9), slices, slices, slices.filter(lambda step: step != 0))
def test_slices_are_those_of_the_rfc(numbers, start, end, step):
    """For arrays Python's slices and the RFC's are the same."""
    text = ":".join("" if part is None else str(part) for part in (start, end, step))

    assert compile_path(f"$[{text}]").find(numbers) == numbers[start:end:step]


@given(st.lists(finite, min_size=1, max_size=20))
def test_aggregates_agree(numbers):
    def read(aggregate):
        return Extraction(compile_path("$[*]"), aggregate=aggregate).read(numbers).value

    total, count = read(Aggregate.SUM), read(Aggregate.COUNT)
    assert count == len(numbers)
    assert total == pytest.approx(math.fsum(numbers), abs=1e-3)
    assert read(Aggregate.AVG) == total / count
    assert read(Aggregate.MIN) == min(numbers)
    assert read(Aggregate.MAX) == max(numbers)
    assert read(Aggregate.FIRST) == numbers[0]


@given(st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_as_strings(number):
    assert to_number(json.dumps(number), ValueType.NUMBER) == float(number)


@given(st.floats(-1e9, 1e9))
def test_quantities_undo_their_printing(number):
    again = to_number(format_value(number), ValueType.QUANTITY)

    assert again == pytest.approx(number, abs=0.0006)


@given(st.floats(-1e6, 1e6))
def test_durations_undo_their_printing(seconds):
    again = to_number(format_duration(seconds), ValueType.DURATION)

    assert again == pytest.approx(seconds, abs=1e-9)


expressions = st.recursive(
    st.integers(0, 99).map(str) | st.just("$.n"),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map("".join),
        inner.map(lambda text: f"({text})"),
    ),
    max_leaves=10,
)


@given(expressions, st.integers(1, 9))
def test_arithmetic_is_that_of_schools(text, number):
    """Precedence and associativity of these four are Python's."""
    try:
        expected = eval(text.replace("$.n", str(number)), {"__builtins__": {}})
    except ZeroDivisionError:
        with pytest.raises(ExtractionError, match="divides by zero"):
            compile_script(text).evaluate({"n": number})
    else:
        assert compile_script(text).evaluate({"n": number}) == [pytest.approx(expected)]


@given(st.integers(1, 60), st.sampled_from(["[*]", "..*", "[0,-1]", "['a','a']", "..[0]"]))
def test_work_is_bounded(times, segment):
    nested = {"a": 1}
    for _ in range(30):
        nested = [nested, nested]
    work = Work()
    path = compile_path(("$" + segment * times)[:400].rpartition(segment)[0] + segment)
    result = attempt(path.look, nested, work)

    assert not isinstance(result, ExtractionError) or "takes more than" in str(result)
    assert work._left > -MOST_STEPS
