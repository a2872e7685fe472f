"""Queries in annotations that Prometheus would refuse."""

import pytest
from unit.annotating import (
    EVENTS_SPEC,
    LEGACY_EXAMPLE,
    LEGACY_SPEC,
    OBJECT_EXAMPLE,
    OBJECT_SPEC,
    PROMETHEUS_EXAMPLE,
    QUERY,
    SERVERS,
    hpa,
)

from adapter.rules.annotations import read_annotations


@pytest.mark.parametrize(
    ("example", "spec"),
    [
        pytest.param(PROMETHEUS_EXAMPLE, EVENTS_SPEC, id="external"),
        pytest.param(OBJECT_EXAMPLE, OBJECT_SPEC, id="object"),
        pytest.param(LEGACY_EXAMPLE, LEGACY_SPEC, id="legacy"),
    ],
)
def test_a_query_that_prometheus_would_refuse_is_told_of_and_asked(example, spec):
    """Such as the documented one. Other servers than Prometheus know more than PromQL."""
    documented = {
        key: text.replace("event_service_events", "event-service_events")
        for key, text in example.items()
    }

    found = read_annotations(hpa(documented, spec), SERVERS)

    (definition,), (mistake,) = found.definitions, found.mistakes
    assert definition.source.query == QUERY.replace("event_service_e", "event-service_e")
    assert "is no PromQL: binary expression must contain only scalar" in str(mistake)
    assert "Prometheus will refuse it" in str(mistake)
    assert not mistake.fatal
