"""What a metric takes out of a document: values, aggregates, times, series."""

import math

import pytest

from adapter.jsonpath.errors import ExtractionError, NothingFound
from adapter.jsonpath.evaluation import compile_script
from adapter.jsonpath.expressions import compile_path
from adapter.jsonpath.extraction import (
    MOST_SERIES,
    Aggregate,
    Extraction,
    Reading,
    SeriesExtraction,
)
from adapter.jsonpath.numbers import ValueType

DOCUMENT = {
    "depth": 3,
    "text": "s3cret",
    "nothing": None,
    "values": [4, "1", 2.5],
    "none": [],
    "holes": [1, None],
    "jobs": [{"state": "waiting", "size": 2}, {"state": "running", "size": 5}],
    "age": "1m30s",
    "memory": "1Ki",
    "paused": True,
    "odd": [1, math.nan, 3],
    "at": "2021-10-03T09:37:08Z",
    "since": "s3cret",
}


def extraction(query, aggregate=None, value_type="number", timestamp=None):
    return Extraction(
        compile_path(query),
        aggregate=aggregate and Aggregate(aggregate),
        value_type=ValueType(value_type),
        timestamp=timestamp and compile_path(timestamp),
    )


@pytest.mark.parametrize(
    ("query", "aggregate", "expected"),
    [
        ("$.depth", None, 3),
        ("$.depth", "sum", 3),
        ("$.depth", "count", 1),
        ("$.values", "sum", 7.5),
        ("$.values", "avg", 2.5),
        ("$.values", "min", 1),
        ("$.values", "max", 4),
        ("$.values", "count", 3),
        ("$.values", "first", 4),
        ("$.values[*]", "sum", 7.5),
        ("$.values[1]", None, 1),
        ("$['depth','text']", "first", 3),
        ("$.jobs", "count", 2),
        ("$.jobs[*]", "count", 2),
        ("$.holes", "count", 2),
        ("$.holes", "first", 1),
        ("$.jobs[?@.state == 'waiting']", "count", 1),
        ("$.jobs[?@.state == 'failed']", "count", 0),
        ("$.jobs[?@.state == 'failed'].size", "sum", 0),
        ("$.none", "count", 0),
        ("$.none", "sum", 0),
        ("$.none[*].size", "sum", 0),
        ("$..size", "max", 5),
    ],
)
def test_values(query, aggregate, expected):
    assert extraction(query, aggregate).read(DOCUMENT) == Reading(expected, None)


@pytest.mark.parametrize("aggregate", ["sum", "avg", "min", "max"])
def test_nan_makes_nan_in_any_order(aggregate):
    assert math.isnan(extraction("$.odd", aggregate).read(DOCUMENT).value)
    assert math.isnan(extraction("$.odd[::-1]", aggregate).read(DOCUMENT).value)


@pytest.mark.parametrize(
    ("query", "value_type", "expected"),
    [("$.age", "duration", 90), ("$.memory", "quantity", 1024), ("$.paused", "boolean", 1)],
)
def test_types(query, value_type, expected):
    assert extraction(query, value_type=value_type).read(DOCUMENT).value == expected


@pytest.mark.parametrize(
    ("query", "aggregate", "why"),
    [
        ("$.length", None, "$.length: there is no 'length' in $, which has depth, text, "),
        ("$.nothing", None, "$.nothing is null"),
        ("$.nothing", "count", "$.nothing is null"),
        ("$.nothing[*]", "count", "$.nothing[*]: $.nothing is null; [*] finds nothing in it"),
        ("$.lost[*].size", "sum", "$.lost[*].size: there is no 'lost' in $"),
        ("$.jobs[*].sise", "sum", "none of them has 'sise'"),
        ("$.none", "avg", "$.none is an empty array"),
        ("$.none[*]", "max", "$.none is an empty array"),
        ("$.jobs[?@.size > 9].size", "first", "none of the 2 in $.jobs passes the filter"),
        ("$.none[*]", None, "$.none is an empty array"),
    ],
)
def test_nothing(query, aggregate, why):
    with pytest.raises(NothingFound) as raised:
        extraction(query, aggregate).read(DOCUMENT)

    assert why in str(raised.value)
    assert query in str(raised.value)


@pytest.mark.parametrize(
    ("query", "aggregate", "why"),
    [
        ("$.text", None, "$.text is a string that is no number"),
        ("$.values", None, "$.values is an array of 3: set aggregate (sum, avg, min, max, count, "),
        ("$.values[*]", None, "$.values[*] finds 3 values: set aggregate (sum, avg, "),
        ("$.none", None, "$.none is an array of 0: set aggregate"),
        ("$.jobs[0]", None, "$.jobs[0] is an object, no number"),
        ("$.paused", None, "$.paused is a boolean; valueType: boolean makes 1 and 0 of it"),
        ("$.holes", "sum", "$.holes: value 2 of 2 is null, no number"),
        ("$['text','depth']", "max", "value 1 of 2 is a string that is no number"),
        ("$['text','depth']", "first", "the first value is a string that is no number"),
        ("$['values','odd']", "sum", "value 1 of 2 is an array of 3, no number"),
    ],
)
def test_no_usable_value(query, aggregate, why):
    with pytest.raises(ExtractionError) as raised:
        extraction(query, aggregate).read(DOCUMENT)

    assert not isinstance(raised.value, NothingFound)
    assert why in str(raised.value)
    assert query in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_the_time_of_the_document():
    assert extraction("$.depth", timestamp="$.at").read(DOCUMENT) == Reading(3, 1633253828)


@pytest.mark.parametrize(
    ("timestamp", "why"),
    [
        ("$.since", "timestamp $.since is a string, but no time"),
        ("$.nothing", "timestamp $.nothing is null, but no time"),
        ("$.lost", "timestamp $.lost: there is no 'lost' in $"),
        ("$.values[*]", "timestamp $.values[*] finds 3 values"),
    ],
)
def test_without_its_time_a_value_is_none(timestamp, why):
    """It is no NothingFound either: what the rule says of missing values is of values."""
    with pytest.raises(ExtractionError) as raised:
        extraction("$.depth", timestamp=timestamp).read(DOCUMENT)

    assert not isinstance(raised.value, NothingFound)
    assert why in str(raised.value)


@pytest.mark.parametrize(
    ("script", "aggregate", "expected"),
    [
        ("ceil($.depth / 2)", None, 2),
        ("$.depth", None, 3),
        ("$.values", "max", 4),
        ("$.jobs[*].size", "avg", 3.5),
        ("sum($.values) * 2", "max", 15),
    ],
)
def test_scripts(script, aggregate, expected):
    read = Extraction(compile_script(script), aggregate=aggregate and Aggregate(aggregate)).read

    assert read(DOCUMENT).value == expected


@pytest.mark.parametrize(
    ("script", "error", "why"),
    [
        ("$.depth / 0", ExtractionError, "$.depth / 0: divides by zero"),
        ("$.lost / 2", NothingFound, "$.lost / 2: $.lost: there is no 'lost' in $"),
        ("$.values", ExtractionError, "$.values is an array of 3: set aggregate"),
        ("first($.holes[::-1])", NothingFound, "first($.holes[::-1]) is null"),
    ],
)
def test_scripts_without_a_value(script, error, why):
    with pytest.raises(ExtractionError) as raised:
        Extraction(compile_script(script)).read(DOCUMENT)

    assert type(raised.value) is error
    assert str(raised.value).startswith(why)


QUEUES = {
    "region": "eu",
    "queues": [
        {"name": "mail", "depth": 3, "shard": 1, "durable": True},
        {"name": "bills", "depth": "many", "shard": 2.5, "durable": False},
        {"name": "idle", "shard": 3, "durable": True},
        {"depth": 7, "shard": 4, "durable": True},
        {"name": "last", "depth": 9, "shard": 5, "durable": True},
    ],
}


def series(each="$.queues[*]", **labels):
    return SeriesExtraction(
        extraction("$.depth"),
        each=each and compile_path(each),
        labels={name: compile_path(path) for name, path in labels.items()},
    )


def test_series_of_items():
    """What is wrong with one item costs that item."""
    found = series(queue="$.name").read(QUEUES)

    assert [dict(each.labels) for each in found] == [
        {"queue": "mail"}, {"queue": "bills"}, {"queue": "idle"}, {}, {"queue": "last"},
    ]  # fmt: skip
    assert [each.outcome for each in (found[0], found[4])] == [Reading(3, None), Reading(9, None)]
    assert [type(each.outcome) for each in found[1:4]] == [
        ExtractionError, NothingFound, ExtractionError,
    ]  # fmt: skip
    assert [str(each.outcome) for each in found[1:4]] == [
        f"item {index} of $.queues[*]: {why}"
        for index, why in (
            (2, "$.depth is a string that is no number"),
            (3, "$.depth: there is no 'depth' in $, which has name, shard, durable"),
            (4, "label queue: $.name: there is no 'name' in $, which has depth, shard, durable"),
        )
    ]


def test_labels_are_text():
    found = series("$.queues[:2]", shard="$.shard", durable="$.durable").read(QUEUES)

    assert [dict(each.labels) for each in found] == [
        {"shard": "1", "durable": "true"},
        {"shard": "2.5", "durable": "false"},
    ]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "$.l is null, no text"),
        ([1], "$.l is an array of 1, no text"),
        ({"a": 1}, "$.l is an object, no text"),
        ("x" * 300, "$.l is longer than 256 characters"),
        ("\ud800", "$.l is half a character"),
    ],
    ids=["null", "array", "object", "long", "surrogate"],
)
def test_what_is_no_label(value, why):
    (found,) = series("$[*]", l="$.l").read([{"depth": 1, "l": value}])

    assert str(found.outcome).startswith(f"item 1 of $[*]: label l: {why}")


def test_the_document_as_the_only_item():
    (found,) = series(None, region="$.region").read({"depth": 4, "region": "eu"})
    (broken,) = series(None).read({})

    assert (dict(found.labels), found.outcome) == ({"region": "eu"}, Reading(4, None))
    assert isinstance(broken.outcome, NothingFound)


def test_series_with_the_same_labels_stay_apart():
    found = series("$[*]").read([{"depth": 1}, {"depth": 1}])

    assert [each.outcome.value for each in found] == [1, 1]


@pytest.mark.parametrize(
    ("each", "error", "why"),
    [
        ("$.lost[*]", NothingFound, "$.lost[*]: there is no 'lost' in $, which has region, "),
        ("$.queues[?@.shard > 9]", NothingFound, "none of the 5 in $.queues passes the filter"),
        ("$.queues", ExtractionError, "is an array of 5: its items are $.queues[*]"),
    ],
)
def test_no_items(each, error, why):
    with pytest.raises(ExtractionError) as raised:
        series(each).read(QUEUES)

    assert type(raised.value) is error
    assert why in str(raised.value)


def test_series_are_bounded():
    with pytest.raises(ExtractionError, match=f"{MOST_SERIES} are allowed"):
        series("$[*]").read([{"depth": 1}] * (MOST_SERIES + 1))


def test_work_is_bounded_over_all_items():
    found = series("$[*]", a="$.x[*].y").read([{"x": [{}] * 100}] * 1000)

    assert "takes more than 30000 steps" in str(found[-1].outcome)
