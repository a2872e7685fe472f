"""What discovery shows of thousands of metrics."""

import logging

import pytest

from adapter.apis.base import APIResource
from adapter.apis.listing import MAX_LISTED, Listing


def resource(name):
    return APIResource(name, "MetricValueList", namespaced=True, verbs=("get",))


def names(count):
    """Names in any order but that of the alphabet."""
    return tuple(f"metric_{number:06}" for number in reversed(range(count)))


class Source:
    def __init__(self, count):
        self.metrics = names(count)

    def listed(self):
        return self.metrics


@pytest.mark.parametrize(
    ("count", "shown"),
    [(1, 1), (MAX_LISTED, MAX_LISTED), (MAX_LISTED + 1, MAX_LISTED), (3 * MAX_LISTED, MAX_LISTED)],
)
def test_the_first_by_name_are_shown(count, shown):
    listing = Listing("x.example.com", Source(count).listed, resource, resource("none"))

    assert [each.name for each in listing.resources()] == sorted(names(count))[:shown]


def test_that_some_are_not_shown_is_said_once(caplog):
    source = Source(MAX_LISTED + 7)
    listing = Listing("x.example.com", source.listed, resource, resource("none"))

    with caplog.at_level(logging.INFO):
        for count in (MAX_LISTED + 7, MAX_LISTED + 8, MAX_LISTED + 9, 3, 4):
            source.metrics = names(count)
            listing.resources()

    warned, mended = [record.getMessage() for record in caplog.records]
    assert "x.example.com has 10007 metrics" in warned
    assert mended == "discovery lists all 3 metrics of x.example.com again"
