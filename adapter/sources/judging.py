"""From samples and reasons to what an API answers: the same for every source of rules.

`adapter.rules.policy` judges one value; here are objects and series as a whole: which failure is
told, and when some values are better than none.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from adapter.model.metrics import ExternalMetricValue, MetricValue
from adapter.rules.policy import Cause, Refusal, ValuePolicy
from adapter.rules.schema import OnEmpty
from adapter.sources.base import ObjectQuestion, ObjectValues, no_metric

MOST_LAST_GOOD = 2048
"""Questions whose last good series are held at most; selectors come from clients."""


class Series(NamedTuple):
    """One series; *labels* is None for a scalar, *timestamp* where it was asked for and not told.

    *identity* tells it from the others of its question.
    """

    labels: Mapping[str, str] | None
    value: float
    timestamp: float | None
    identity: Hashable


class SeriesJudge:
    """Applies the policies of external metrics, and remembers what they may need again."""

    def __init__(self) -> None:
        self._last_good: dict[Hashable, dict[Hashable, ExternalMetricValue]] = {}

    def values(
        self, policy: ValuePolicy, question: Hashable, series: Sequence[Series], now: float
    ) -> Sequence[ExternalMetricValue] | Refusal:
        """Judge each series. One that is refused refuses all: the HPA adds them up.

        Args:
            policy: The rule's.
            question: What was asked; two equal ones share their last good values.
            series: What there is.
            now: Unix seconds.
        """
        last = self._last_good.get(question, {})
        values: dict[Hashable, ExternalMetricValue] = {}
        for each in series:
            known = _known(last.get(each.identity))
            judged = policy.value(each.value, each.timestamp, now, known)
            if isinstance(judged, Refusal):
                if judged.cause is Cause.EMPTY:
                    continue
                return judged._replace(text=f"{shown(each.labels)}{judged.text}")
            values[each.identity] = _external(each.labels, judged)
        if not series:
            values = _for_nothing(policy, now, last)
        if policy.keeps_last and values:
            if len(self._last_good) >= MOST_LAST_GOOD:
                self._last_good.clear()
            self._last_good[question] = values
        return list(values.values())

    def last_good(
        self, policy: ValuePolicy, question: Hashable, now: float
    ) -> Sequence[ExternalMetricValue]:
        """What *question* gave last, as far as *policy* lets it serve again."""
        return list(_fresh(policy, now, self._last_good.get(question, {})).values())


def shown(labels: Mapping[str, str] | None) -> str:
    """Which series a sentence is about; nothing where there is only one."""
    if not labels:
        return ""
    return "of {" + ", ".join(f"{key}={text!r}" for key, text in sorted(labels.items())) + "}: "


def object_values(
    question: ObjectQuestion,
    values: Mapping[str, MetricValue],
    refusals: Mapping[str, Refusal],
    notes: Iterable[str] = (),
) -> ObjectValues:
    """Answer for objects: what there is, with a warning of what is not.

    Args:
        question: What was asked.
        values: By name.
        refusals: By name, of all others.
        notes: What else the person who asked should know.

    Raises:
        NotFound: There is nothing, and there is more to say than that.
    """
    odd = {name: each for name, each in refusals.items() if each.cause is not Cause.EMPTY}
    if not values:
        _check_some(question, refusals, odd)
    texts = list(notes)
    if odd:
        name, refusal = next(iter(odd.items()))
        texts.append(
            f"{len(odd)} of {len(question.names)} left out, such as {name}: {refusal.text}"
        )
    if refusals and len(refusals) == len(question.names):
        texts.append(f"no series of {question.metric} is about any of the objects asked for")
    return ObjectValues(values, "; ".join(texts) or None)


def pod_values(
    question: ObjectQuestion,
    judged: Mapping[str, MetricValue | Refusal],
    notes: Iterable[str] = (),
) -> ObjectValues:
    """Answer for pods of which each has a value or a reason of its own.

    An empty list would be the HPA's "no metrics returned"; the reason says more.

    Args:
        question: What was asked.
        judged: By name.
        notes: What else the person who asked should know.

    Raises:
        NotFound: None has a value.
    """
    values = {name: each for name, each in judged.items() if not isinstance(each, Refusal)}
    refusals = {name: each for name, each in judged.items() if isinstance(each, Refusal)}
    if refusals and not values:
        # failures before pods that are merely not read
        name, refusal = min(refusals.items(), key=lambda item: item[1].cause is Cause.EMPTY)
        count = "" if question.by_name else f"none of {len(refusals)} has a value; of {name}: "
        raise no_metric(question.metric, described(question), f"{count}{refusal.text}")
    return object_values(question, values, refusals, notes)


def described(question: ObjectQuestion) -> str:
    """What *question* is about, for `no_metric`."""
    resource = str(question.resource.group_resource)
    return f"{resource} {question.names[0]}" if question.by_name else resource


def _check_some(
    question: ObjectQuestion, refusals: Mapping[str, Refusal], odd: Mapping[str, Refusal]
) -> None:
    if question.by_name:
        (refusal,) = refusals.values()
        raise no_metric(question.metric, described(question), refusal.text)
    if odd:
        name, refusal = next(iter(odd.items()))
        why = f"none of {len(question.names)} has a value; of {name}: {refusal.text}"
        raise no_metric(question.metric, described(question), why)


def _external(labels: Mapping[str, str] | None, value: MetricValue) -> ExternalMetricValue:
    return ExternalMetricValue(labels, value.value, value.timestamp, value.window)


def _known(last: ExternalMetricValue | None) -> MetricValue | None:
    return None if last is None else MetricValue(last.value, last.timestamp, last.window)


def _for_nothing(
    policy: ValuePolicy, now: float, last: Mapping[Hashable, ExternalMetricValue]
) -> dict[Hashable, ExternalMetricValue]:
    """What an answer without series gives: nothing, a zero, or what it gave before."""
    if policy.on_empty is OnEmpty.LAST_GOOD:
        return _fresh(policy, now, last)
    judged = policy.empty(now, None)
    return {} if isinstance(judged, Refusal) else {(): _external({}, judged)}


def _fresh(
    policy: ValuePolicy, now: float, last: Mapping[Hashable, ExternalMetricValue]
) -> dict[Hashable, ExternalMetricValue]:
    if policy.on_empty is not OnEmpty.LAST_GOOD:
        return {}
    oldest = now - policy.last_good_seconds
    return {identity: value for identity, value in last.items() if value.timestamp >= oldest}
