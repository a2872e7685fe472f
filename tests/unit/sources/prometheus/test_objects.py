"""Rows of an answer → objects."""

import json

import pytest

from adapter.promql.response import VectorAnswer
from adapter.sources.prometheus.objects import STEP, ObjectLabels, ObjectTable, Row

FIXED = ObjectLabels("pod", "", "shop")
ANY = ObjectLabels("pod", "namespace", "")


def samples(*rows, at=100.0):
    result = [{"metric": labels, "value": [at, str(value)]} for labels, value in rows]
    body = {"status": "success", "data": {"resultType": "vector", "result": result}}
    return [row for piece in VectorAnswer(json.dumps(body).encode()).pieces() for row in piece]


def table(values, times=None, labels=FIXED):
    read = ObjectTable()
    for _ in read.read(values, times, labels):
        pass
    return read


def test_objects_of_one_namespace():
    read = table(samples(({"pod": "a"}, 1), ({"pod": "b", "x": "y"}, "NaN")))
    assert read.rows[("shop", "a")] == Row(1.0, 100.0)
    assert str(read.rows[("shop", "b")].value) == "nan"


def test_objects_of_all_namespaces():
    read = table(samples(({"pod": "a", "namespace": "n1"}, 1), ({"pod": "a"}, 2)), labels=ANY)
    assert dict(read.rows) == {("n1", "a"): Row(1.0, 100.0)}
    assert (read.unlabelled, read.missing_label) == (1, "namespace")


def test_cluster_scoped_objects_have_no_namespace():
    read = table(samples(({"node": "n"}, 1)), labels=ObjectLabels("node", "", ""))
    assert list(read.rows) == [("", "n")]


def test_rows_without_the_label_are_counted():
    read = table(samples(({}, 1), ({"job": "x"}, 2)))
    assert (read.rows, read.unlabelled, read.missing_label) == ({}, 2, "pod")


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_rows_the_first_by_labels_counts_whatever_their_order(order):
    rows = [({"pod": "a", "c": "1"}, 1), ({"pod": "a", "c": "2"}, 2), ({"pod": "b"}, 3)]
    read = table(samples(*rows[::order]))
    assert read.rows[("shop", "a")].value == 1
    assert read.duplicates == {("shop", "a"): 2}


def test_times_of_samples():
    times = samples(({"pod": "a"}, 90), ({"pod": "a", "c": "2"}, 80), ({"pod": "b"}, "NaN"))
    read = table(samples(({"pod": "a"}, 1), ({"pod": "b"}, 2), ({"pod": "c"}, 3)), times)
    assert [read.rows[("shop", name)].timestamp for name in "abc"] == [80.0, None, None]


def test_a_long_answer_is_read_with_pauses():
    rows = samples(*(({"pod": f"p{n}"}, n) for n in range(2 * STEP)))
    assert len(list(ObjectTable().read(rows, rows, FIXED))) == 4


def test_parts_of_an_answer():
    whole = table(samples(({"pod": "a"}, 1)))
    other = table(samples(({"pod": "b"}, 2), ({}, 3)))
    whole.merge(other)
    assert sorted(whole.rows) == [("shop", "a"), ("shop", "b")]
    assert whole.unlabelled == 1
