"""Laws of the PromQL we write and the answers we read."""

import json

import promql_parser
from hypothesis import given
from hypothesis import strategies as st

from adapter.promql.matchers import Matcher, MatchOp, quote
from adapter.promql.response import ResponseError, VectorAnswer
from adapter.promql.template import TemplateError, parse_template

# Prometheus' own strings are UTF-8, so halves of surrogate pairs do not occur in them.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LABELS = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)


@given(TEXTS)
def test_a_quoted_value_is_read_back(text):
    parsed = promql_parser.parse(f"up{{label={quote(text)}}}")

    assert [(m.name, m.value) for m in parsed.matchers.matchers] == [("label", text)]


@given(LABELS, st.sampled_from([MatchOp.EQUAL, MatchOp.NOT_EQUAL]), TEXTS)
def test_a_value_never_leaves_its_matcher(label, op, text):
    parsed = promql_parser.parse(f'up{{before="1",{Matcher(label, op, text)},after="2"}}')

    assert [m.value for m in parsed.matchers.matchers] == ["1", text, "2"]


@given(st.text(st.sampled_from('<>-. $rangeifdl"`x(),:=/*|1\n')))
def test_a_template_is_parsed_or_refused(text):
    """Nothing else ever comes out, and the position is one of the template."""
    position = 0
    try:
        parse_template(text, {"Series"})
    except TemplateError as error:
        position = error.position

    assert 0 <= position <= len(text)


ROWS = st.lists(
    st.tuples(
        st.dictionaries(LABELS, TEXTS, max_size=3),
        st.floats(0, 2e9).map(lambda time: round(time, 3)),
        st.one_of(st.floats().map(repr), st.sampled_from(["NaN", "+Inf", "-Inf", "0"])),
    )
)


@given(ROWS, st.lists(TEXTS, max_size=2), st.integers(1, 200))
def test_pieces_together_are_the_whole(rows, warnings, piece_bytes):
    """Whatever the labels hold, where the body is cut makes no difference."""
    result = [{"metric": labels, "value": [time, value]} for labels, time, value in rows]
    answer = {
        "status": "success",
        "data": {"resultType": "vector", "result": result},
        "warnings": warnings,
    }
    body = json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()

    decoder = VectorAnswer(body, piece_bytes)
    samples = [sample for piece in decoder.pieces() for sample in piece]

    assert [(s.labels, *s.value) for s in samples] == rows
    assert decoder.warnings == tuple(warnings)


@given(ROWS.filter(len), st.data())
def test_half_an_answer_is_refused(rows, data):
    result = [{"metric": labels, "value": [time, value]} for labels, time, value in rows]
    answer = {"status": "success", "data": {"resultType": "vector", "result": result}}
    body = json.dumps(answer, separators=(",", ":")).encode()
    half = body[: data.draw(st.integers(0, len(body) - 1))]

    try:
        list(VectorAnswer(half, 40).pieces())
    except ResponseError:
        return
    raise AssertionError("half an answer was taken for a whole one")
