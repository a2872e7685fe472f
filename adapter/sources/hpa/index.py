"""The metrics that HPAs define, by what questions name."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from adapter.model.autoscaling import SourceType
from adapter.model.labels import Operator, Selector
from adapter.rules.annotations import Definition, Mistake, Source

HpaKey = tuple[str, str]
"""Namespace and name of an HPA."""

_ONE_VALUE = {Operator.EQUALS, Operator.DOUBLE_EQUALS, Operator.IN}


class Index:
    """What all HPAs define; never changed.

    Two HPAs of a namespace may define a metric of one name: pods of one workload are not those of
    the other, and other metrics differ in the labels of their selectors. Where they do not differ,
    nobody could tell which of the two an HPA means. Then both have a mistake, and none is served.

    Args:
        definitions: All there are.
        mistakes: By HPA; what comes of comparing HPAs is added.

    Attributes:
        mistakes: By HPA, only of those that have any.
        external: Names of external metrics.
        pods: Names of metrics of pods.
        objects: Names of metrics of other objects, with ``apiVersion`` and kind of these.
        mistaken: Names of metrics that a mistake is about.
        sources: Where values come from.
    """

    def __init__(
        self,
        definitions: Iterable[Definition] = (),
        mistakes: Mapping[HpaKey, Sequence[Mistake]] | None = None,
    ) -> None:
        found = {key: list(each) for key, each in (mistakes or {}).items() if each}
        self._by_metric: dict[tuple[SourceType, str, str], list[Definition]] = defaultdict(list)
        self._by_labels: dict[tuple[object, ...], list[Definition]] = defaultdict(list)
        for same in _by_identity(definitions):
            if len(same) > 1 and len({each.meaning for each in same}) > 1:
                for each in same:
                    mistake = _conflict(each, same)
                    found.setdefault((each.namespace, each.hpa), []).append(mistake)
                continue
            for each in same:
                key = each.type, each.namespace, each.metric
                self._by_metric[key].append(each)
                self._by_labels[*key, frozenset(each.labels.items())].append(each)
        served = [each for same in self._by_metric.values() for each in same]
        self.mistakes: Mapping[HpaKey, Sequence[Mistake]] = found
        self.external = frozenset(_names(served, SourceType.EXTERNAL))
        self.pods = frozenset(_names(served, SourceType.PODS))
        self.objects = frozenset(
            (each.metric, each.described.api_version, each.described.kind)
            for each in served
            if each.described is not None
        )
        self.mistaken = frozenset(each.metric for all_ in found.values() for each in all_)
        self.sources: frozenset[Source] = frozenset(each.source for each in served)

    def find(
        self, kind: SourceType, namespace: str, metric: str, selector: Selector
    ) -> Sequence[Definition]:
        """The definitions that a question means.

        An HPA asks with the labels it gives itself: then those with just these labels are meant,
        else all whose labels *selector* matches.
        """
        labels = _labels(selector)
        if labels is not None:
            exact = self._by_labels.get((kind, namespace, metric, frozenset(labels.items())))
            if exact:
                return exact
        found = self._by_metric.get((kind, namespace, metric), ())
        return [each for each in found if selector.matches(each.labels)]

    def why_not(self, namespace: str, metric: str) -> str:
        """Why no HPA of *namespace* gives *metric*, a clause."""
        for (place, hpa), mistakes in self.mistakes.items():
            for mistake in mistakes:
                if place == namespace and mistake.metric == metric and mistake.fatal:
                    return f"the annotations of HPA {hpa} are to be mended: {mistake}"
        for kind in SourceType:
            for each in self._by_metric.get((kind, namespace, metric), ()):
                return f"HPA {each.hpa} defines it {_about(each)}"
        return (
            f"no HPA of namespace {namespace} defines it by annotations, or --hpa-annotations does "
            "not name the namespace"
        )


def _about(definition: Definition) -> str:
    """What tells *definition* from what was asked for."""
    if definition.described is not None:
        return f"for {definition.described.kind} {definition.described.name} alone"
    labels = ",".join(f"{key}={text}" for key, text in sorted(definition.labels.items()))
    where = f"with the labels {labels}" if labels else "without labels"
    return f"{where}, as a metric of type {definition.type.value}"


def _names(definitions: Iterable[Definition], kind: SourceType) -> Iterator[str]:
    return (each.metric for each in definitions if each.type is kind)


def _labels(selector: Selector) -> Mapping[str, str] | None:
    """Labels that *selector* writes down as a whole; None where it does more than that."""
    if any(
        each.operator not in _ONE_VALUE or len(each.values) != 1 for each in selector.requirements
    ):
        return None
    labels = {each.key: each.values[0] for each in selector.requirements}
    return labels if len(labels) == len(selector.requirements) else None


def _by_identity(definitions: Iterable[Definition]) -> Iterable[Sequence[Definition]]:
    """Definitions that one question means, together."""
    found: dict[tuple[object, ...], list[Definition]] = defaultdict(list)
    for each in definitions:
        # which pods an HPA's workload has is known only when they are asked for
        about = each.target if each.type is SourceType.PODS else each.described
        labels = frozenset(each.labels.items())
        found[each.type, each.namespace, each.metric, labels, about].append(each)
    return found.values()


def _conflict(one: Definition, same: Sequence[Definition]) -> Mistake:
    others = sorted({each.hpa for each in same if each.meaning != one.meaning})
    where = f"metric {one.metric}"
    if others == [one.hpa]:
        return Mistake(where, "it is defined twice", "give one a further label", one.metric)
    text = f"HPA {others[0]} defines it differently, for the same selector"
    if one.type is SourceType.PODS:
        text = f"HPA {others[0]} defines it differently, for the same {one.target.kind}"
    hint = "call one of them by another name, or give it a further label in matchLabels"
    return Mistake(where, text, hint, one.metric)
