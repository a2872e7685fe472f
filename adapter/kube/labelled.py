"""Objects found by their labels, without a look at all of them for each selector."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from adapter.model.labels import Operator, Requirement, Selector

_POSITIVE = {Operator.EQUALS, Operator.DOUBLE_EQUALS, Operator.IN}


class HasLabels(Protocol):
    """An object with labels."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""


T = TypeVar("T", bound=HasLabels)


class Labelled(Generic[T]):
    """Objects that do not change.

    A thousand workloads in a namespace have a selector each, and each asks for a few pods of
    thousands. So values of a label are indexed, once one of the selectors names that label.

    Args:
        objects: The objects.
    """

    def __init__(self, objects: Sequence[T]) -> None:
        self.objects = objects
        self._by_value: dict[str, Mapping[str, Sequence[T]]] = {}

    def selected(self, selector: Selector) -> Sequence[T]:
        """Objects whose labels *selector* matches; in their order where it names no values."""
        if selector.empty:
            return self.objects
        named = [each for each in selector.requirements if each.operator in _POSITIVE]
        candidates = min((self._with(each) for each in named), key=len, default=self.objects)
        return [each for each in candidates if selector.matches(each.labels)]

    def _with(self, requirement: Requirement) -> Sequence[T]:
        """Objects whose label has one of the values that *requirement* names."""
        by_value = self._by_value.get(requirement.key)
        if by_value is None:
            by_value = self._by_value[requirement.key] = self._indexed(requirement.key)
        if len(requirement.values) == 1:
            return by_value.get(requirement.values[0], ())
        return [each for value in requirement.values for each in by_value.get(value, ())]

    def _indexed(self, key: str) -> Mapping[str, Sequence[T]]:
        found: dict[str, list[T]] = defaultdict(list)
        for each in self.objects:
            value = each.labels.get(key)
            if value is not None:
                found[value].append(each)
        return dict(found)
