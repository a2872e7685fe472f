"""What a rule makes of missing, odd and old samples."""

import math

import pytest

from adapter.model.metrics import MetricValue
from adapter.rules.policy import Cause, Refusal, ValuePolicy
from adapter.rules.schema import DiscoveryRule

NOW = 10_000.0
GOOD = MetricValue(7.0, NOW - 60)
OLD = MetricValue(7.0, NOW - 301)
ZERO = MetricValue(0.0, NOW)


def policy(**rule):
    return ValuePolicy.of(DiscoveryRule.model_validate(rule))


@pytest.mark.parametrize("sample", [math.nan, math.inf, -math.inf], ids=str)
@pytest.mark.parametrize(
    ("rule", "last", "expected"),
    [
        ({}, GOOD, Cause.NOT_A_NUMBER),
        ({"onNaN": "error"}, GOOD, Cause.NOT_A_NUMBER),
        ({"onNaN": "zero"}, GOOD, ZERO),
        ({"onNaN": "drop"}, GOOD, Cause.EMPTY),
        ({"onNaN": "drop", "onEmpty": "zero"}, GOOD, ZERO),
        ({"onNaN": "drop", "onEmpty": "lastGood"}, GOOD, GOOD),
        ({"onNaN": "lastGood"}, GOOD, GOOD),
        ({"onNaN": "lastGood"}, OLD, Cause.NOT_A_NUMBER),
        ({"onNaN": "lastGood"}, None, Cause.NOT_A_NUMBER),
    ],
)
def test_no_number(sample, rule, last, expected):
    judged = policy(**rule).value(sample, NOW, NOW, last)
    assert (judged.cause if isinstance(judged, Refusal) else judged) == expected


@pytest.mark.parametrize(
    ("rule", "last", "expected"),
    [
        ({}, GOOD, Cause.EMPTY),
        ({"onEmpty": "error"}, GOOD, Cause.EMPTY),
        ({"onEmpty": "zero"}, GOOD, ZERO),
        ({"onEmpty": "lastGood"}, GOOD, GOOD),
        ({"onEmpty": "lastGood"}, OLD, Cause.EMPTY),
        ({"onEmpty": "lastGood", "maxAge": "59s"}, GOOD, Cause.EMPTY),
        ({"onEmpty": "lastGood", "maxAge": "10m"}, OLD, OLD),
        ({"onEmpty": "lastGood"}, None, Cause.EMPTY),
    ],
)
def test_no_sample(rule, last, expected):
    judged = policy(**rule).empty(NOW, last)
    assert (judged.cause if isinstance(judged, Refusal) else judged) == expected


def test_a_good_sample_keeps_its_time_and_gets_the_rules_window():
    judged = policy(window="1m").value(-1.5, NOW - 20, NOW, None)
    assert judged == MetricValue(-1.5, NOW - 20, 60.0)
    assert policy().value(1.0, NOW, NOW, None).window is None


def test_a_sample_that_is_too_old_is_refused_with_its_time():
    strict = policy(maxAge="2m")
    assert strict.value(1.0, NOW - 120, NOW, None) == MetricValue(1.0, NOW - 120)
    refusal = strict.value(1.0, NOW - 421, NOW, GOOD)
    text = "its newest sample is of 1970-01-01T02:39:39Z, maxAge is 2m0s"
    assert refusal == Refusal(Cause.TOO_OLD, text)


def test_a_refusal_for_age_stays_the_same_while_time_goes_on():
    strict = policy(maxAge="2m")
    assert strict.value(1.0, NOW, NOW + 130, None) == strict.value(1.0, NOW, NOW + 145, None)


@pytest.mark.parametrize("timestamp", [-1e300, -1.0, -math.inf])
def test_a_time_that_is_none_is_refused_like_any_old_one(timestamp):
    assert policy(maxAge="2m").value(1.0, timestamp, NOW, None).cause is Cause.TOO_OLD


def test_a_sample_of_unknown_time_is_refused():
    assert policy().value(1.0, None, NOW, None).cause is Cause.NO_TIME


@pytest.mark.parametrize(
    ("sample", "text"), [(math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf")]
)
def test_the_text_names_what_it_is(sample, text):
    assert policy().value(sample, NOW, NOW, None).text == f"its value is {text}"
