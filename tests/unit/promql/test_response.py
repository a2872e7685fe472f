"""Answers of the query API."""

import json
import math

import pytest

from adapter.promql.response import PIECE_BYTES, ResponseError, VectorAnswer, decode_error


def vector(rows, **others):
    answer = {"status": "success", "data": {"resultType": "vector", "result": rows}, **others}
    return json.dumps(answer, separators=(",", ":")).encode()


def samples_of(body):
    return [sample for piece in VectorAnswer(body).pieces() for sample in piece]


def test_decodes_labels_value_and_time():
    body = vector([{"metric": {"pod": "a"}, "value": [1700000000.123, "0.25"]}])

    (sample,) = samples_of(body)

    assert (sample.labels, sample.number, sample.timestamp) == (
        {"pod": "a"},
        0.25,
        1700000000.123,
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [("+Inf", math.inf), ("-Inf", -math.inf), ("1e-9", 1e-9), ("-0", 0.0), ("1234567", 1234567)],
)
def test_reads_numbers_as_prometheus_writes_them(text, number):
    (sample,) = samples_of(vector([{"metric": {}, "value": [1, text]}]))

    assert sample.number == number


def test_reads_not_a_number():
    (sample,) = samples_of(vector([{"metric": {}, "value": [1, "NaN"]}]))

    assert math.isnan(sample.number)


def test_refuses_a_value_that_is_no_number():
    (sample,) = samples_of(vector([{"metric": {}, "value": [1, "many"]}]))

    with pytest.raises(ResponseError, match="'many' is no number"):
        _ = sample.number


def test_a_histogram_has_no_single_value():
    (sample,) = samples_of(vector([{"metric": {}, "histogram": [1, {"count": "2"}]}]))

    assert math.isnan(sample.number)


def test_a_large_answer_comes_in_pieces_with_its_warnings():
    """Labels that look like the place of a cut do not mislead it."""
    rows = [
        {"metric": {"pod": f"p{i}", "odd": '"]}]},{"metric":'}, "value": [1, str(i)]}
        for i in range(10_000)
    ]
    answer = VectorAnswer(vector(rows, warnings=["partial"], infos=["hint"]))

    pieces = list(answer.pieces())

    assert len(pieces) == math.ceil(len(vector(rows)) / PIECE_BYTES)
    assert [s.number for piece in pieces for s in piece] == list(range(10_000))
    assert (answer.warnings, answer.infos) == (("partial",), ("hint",))


def test_fields_may_come_in_any_order():
    body = (
        b'{"warnings":["w"],"data":{"result":[{"value":[1,"2"],"metric":{}}],'
        b'"resultType":"vector","stats":{}},"isPartial":false,"status":"success"}'
    )

    answer = VectorAnswer(body)

    assert [s.number for piece in answer.pieces() for s in piece] == [2]
    assert answer.warnings == ("w",)


@pytest.mark.parametrize(
    ("body", "error_type", "message"),
    [
        pytest.param(
            b'{"status":"error","errorType":"bad_data","error":"parse error"}',
            "bad_data",
            "parse error",
            id="error",
        ),
        pytest.param(b'{"status":"error"}', "unknown", "no reason given", id="bare-error"),
        pytest.param(
            b'{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}',
            "",
            "the query gives a scalar, not an instant vector",
            id="scalar",
        ),
        pytest.param(
            b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},'
            b'"values":[[1,"2"]]}]}}',
            "",
            "the query gives a matrix, not an instant vector",
            id="matrix",
        ),
        pytest.param(b"{}", "", "no status: this is not the Prometheus API", id="other-json"),
        pytest.param(b"<html>", "", "not the JSON expected", id="html"),
        pytest.param(b"", "", "not the JSON expected", id="empty"),
        pytest.param(b"null", "", "not the JSON expected", id="null"),
        pytest.param(vector([{"metric": {}, "value": [1, "2"]}])[:-10], "", "truncated", id="half"),
    ],
)
def test_says_why_an_answer_is_no_vector(body, error_type, message):
    with pytest.raises(ResponseError, match=message) as caught:
        samples_of(body)

    assert caught.value.error_type == error_type


def test_a_scalar_is_an_answer_where_it_is_wanted():
    body = b'{"status":"success","data":{"resultType":"scalar","result":[1.5,"2"]},"infos":["i"]}'
    answer = VectorAnswer(body, scalar=True)

    ((sample,),) = answer.pieces()

    assert bytes(sample.metric) == b"null"
    assert (sample.labels, sample.number, sample.timestamp) == ({}, 2.0, 1.5)
    assert answer.infos == ("i",)


def test_a_vector_is_an_answer_where_a_scalar_is():
    body = vector([{"metric": {"pod": "a"}, "value": [1, "2"]}])

    ((sample,),) = VectorAnswer(body, scalar=True).pieces()

    assert (sample.labels, sample.number) == ({"pod": "a"}, 2.0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('{"resultType":"string","result":[1,"2"]}', "gives a string, not an instant vector"),
        ('{"resultType":"matrix","result":[]}', "gives a matrix, not an instant vector"),
        ('{"resultType":"scalar","result":[]}', "not the JSON expected"),
        ('{"resultType":"scalar","result":{}}', "not the JSON expected"),
        ('{"resultType":"scalar","result":["1","2"]}', "not the JSON expected"),
    ],
)
def test_says_why_an_answer_is_no_scalar(data, message):
    body = f'{{"status":"success","data":{data}}}'.encode()

    with pytest.raises(ResponseError, match=message):
        list(VectorAnswer(body, scalar=True).pieces())


def test_tells_an_error_answer_from_other_text():
    error = decode_error(b'{"status":"error","errorType":"timeout","error":"query timed out"}')

    assert (str(error), error.error_type) == ("query timed out", "timeout")
    assert decode_error(b"<html>502</html>") is None
    assert decode_error(b'{"status":"success"}') is None
