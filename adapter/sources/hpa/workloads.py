"""Which of the HPAs that define one metric scale a pod. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from adapter.model.labels import Operator, Selector
from adapter.rules.annotations import Definition
from adapter.rules.json_metric import PodsMetric

_Label = tuple[str, str]

_EXACT = {Operator.EQUALS, Operator.DOUBLE_EQUALS, Operator.IN}


class Bound(NamedTuple):
    """A definition, and its metric with the selector of the pods that its HPA scales."""

    definition: Definition
    metric: PodsMetric


class Workloads:
    """What HPAs of one namespace define under one name, by the labels of pods.

    There may be a thousand, each with a workload of its own, and each asks every few seconds.

    Args:
        bound: What they define; of those that scale a pod, the earlier come first.
        failed: Why the pods of further HPAs are not known.
    """

    def __init__(self, bound: Iterable[Bound], failed: Sequence[str]) -> None:
        self.failed = failed
        self._bound = list(bound)
        # each is found by that one of its labels which the fewest others have
        labels = [_labels(each.metric.selector) for each in self._bound]
        usual = Counter(label for each in labels for label in each)
        self._by_label: dict[_Label | None, list[int]] = defaultdict(list)
        for number, each in enumerate(labels):
            self._by_label[min(each, key=usual.__getitem__, default=None)].append(number)

    def of(self, labels: Mapping[str, str]) -> Sequence[Bound]:
        """Those that are about a pod with *labels*."""
        numbers = [*self._by_label.get(None, ())]
        for label in labels.items():
            numbers += self._by_label.get(label, ())
        found = (self._bound[number] for number in sorted(numbers))
        return [each for each in found if each.metric.selector.matches(labels)]


def _labels(selector: Selector) -> Sequence[_Label]:
    """Labels that all pods have which *selector* selects."""
    return [
        (each.key, each.values[0])
        for each in selector.requirements
        if each.operator in _EXACT and len(each.values) == 1
    ]
