"""What the result of a query means for a metric that has one value. Pure."""

import math
from collections.abc import Sequence

from adapter.model.metrics import ExternalMetricValue, MetricValue
from adapter.rules.policy import Cause, Refusal


def only_value(series: Sequence[ExternalMetricValue]) -> MetricValue | Refusal:
    """The value of the one series there is.

    kube-metrics-adapter takes the first of several, which is any of them, and an infinite one.
    """
    if not series:
        return Refusal(Cause.EMPTY, "its query has no result")
    if len(series) > 1:
        text = (
            f"its query gives {len(series)} series where there can be only one: aggregate them, "
            "such as by sum(...)"
        )
        return Refusal(Cause.FAILED, text)
    [only] = series
    if not math.isfinite(only.value):
        named = "NaN" if math.isnan(only.value) else f"{only.value:+}".replace("inf", "Inf")
        return Refusal(Cause.NOT_A_NUMBER, f"the result of its query is {named}")
    return MetricValue(only.value, only.timestamp, only.window)


def divided(value: MetricValue, replicas: int) -> MetricValue | Refusal:
    """*value* for each of *replicas*."""
    if replicas <= 0:
        return Refusal(Cause.EMPTY, "it is to be divided by the replicas of its workload: 0")
    return MetricValue(value.value / replicas, value.timestamp, value.window)
