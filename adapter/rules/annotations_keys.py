"""Keys of the annotations that define metrics on an HPA, as kube-metrics-adapter reads them. Pure.

``metric-config.<type>.<metric>.<collector>/<option>``. There a key of another form is skipped
without a word, and so is a metric's second collector; here each is a `Mistake`.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

from adapter.model.autoscaling import HorizontalPodAutoscaler, SourceType
from adapter.rules.spelling import nearest

PREFIX = "metric-config"
FORM = f"{PREFIX}.<type>.<metric>.<collector>/<option>"

TYPES: Mapping[str, SourceType] = {
    "pods": SourceType.PODS,
    "object": SourceType.OBJECT,
    "external": SourceType.EXTERNAL,
}

JSON_PATH = "json-path"
PROMETHEUS = "prometheus"

COLLECTORS: Mapping[SourceType, Mapping[str, str]] = {
    SourceType.PODS: {JSON_PATH: JSON_PATH},
    SourceType.OBJECT: {PROMETHEUS: PROMETHEUS},
    SourceType.EXTERNAL: {
        JSON_PATH: JSON_PATH,
        "http": JSON_PATH,
        "json": JSON_PATH,  # of metrics named http, before there was a label "type"
        PROMETHEUS: PROMETHEUS,
    },
}
"""What a collector may be called, and which one that means."""

UNSUPPORTED = frozenset(
    (
        "aws",
        "clusterscalingschedule",
        "external-rps",
        "hostname",
        "influxdb",
        "nakadi",
        "requests-per-second",
        "scalingschedule",
        "skipper",
        "sqs",
        "sqs-queue-length",
        "zmon",
    )
)
"""Collectors of kube-metrics-adapter that there are not here."""

MOST_METRICS = 100
MOST_ANNOTATIONS = 300
"""What is read of one HPA: all are read where requests are answered, and no author must be able to
stop that. HPAs that people write have a few."""

_LIKENESS = 0.8
_SHORTEST = 4
"""Parts of a key before its slash: the prefix, and three of what `FORM` has."""


class Mistake(NamedTuple):
    """Something wrong with the annotations of an HPA, for the person who wrote them.

    Attributes:
        where: The key, or what is common to several; "" for the HPA as a whole.
        text: What is wrong, a clause.
        hint: How to mend it; may be empty.
        metric: The metric concerned, "" where that is not known.
        fatal: Whether the metric is not served because of it.
    """

    where: str
    text: str
    hint: str = ""
    metric: str = ""
    fatal: bool = True

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{where}{self.text}" + (f"; {self.hint}" if self.hint else "")


class Key(NamedTuple):
    """A key taken apart; *prefix* is all of it before the slash."""

    prefix: str
    type: str
    metric: str
    collector: str
    option: str


def too_much(hpa: HorizontalPodAutoscaler) -> Mistake | None:
    """The mistake of an HPA that is too large to be read; None where it is not."""
    if len(hpa.metrics) <= MOST_METRICS and len(hpa.annotations) <= MOST_ANNOTATIONS:
        return None
    text = f"it has more than {MOST_METRICS} metrics or {MOST_ANNOTATIONS} annotations for them"
    return Mistake("", text, "write rules, or several HPAs")


def concerns_us(key: str) -> bool:
    """Whether an annotation is meant to define a metric, or nearly.

    >>> [concerns_us(f"{prefix}.pods.rps.json-path/port") for prefix in (PREFIX, "metrics-config")]
    [True, True]
    >>> concerns_us("metrics.k8s.io/resource-metrics-path")
    False
    """
    return _is_like_prefix(re.split(r"[./]", key, maxsplit=1)[0])


@lru_cache(maxsize=1024)  # each change of each HPA asks of the same few
def _is_like_prefix(head: str) -> bool:
    return head.startswith(PREFIX) or SequenceMatcher(None, head, PREFIX).ratio() >= _LIKENESS


def parse_key(key: str) -> Key | Mistake:
    """Take *key* apart: the type comes first and the collector last, so a metric may have dots."""
    prefix, slash, option = key.partition("/")
    parts = prefix.split(".")
    if parts[0] != PREFIX:
        return Mistake(key, f"{parts[0]!r} defines no metric", _meant(PREFIX))
    if not slash or not option:
        return Mistake(key, "there is no '/' before the option", _slash_hint(prefix))
    if len(parts) < _SHORTEST or not all(parts):
        return Mistake(key, _missing(parts), f"write {FORM}")
    return Key(prefix, parts[1], ".".join(parts[2:-1]), parts[-1], option)


def did_you_mean(word: str, words: Iterable[str], otherwise: str = "") -> str:
    """A hint at the one of *words* that *word* is like; *otherwise* where none is."""
    close = nearest(word, words)
    return _meant(close) if close else otherwise


def name_hint(metric: str, names: Iterable[str]) -> str:
    """A hint at a name that is like *metric*; keys of annotations have a smaller alphabet."""
    likely = [name for name in names if name.lower().replace("_", "-") == metric]
    if likely:
        return (
            f"it is called {likely[0]!r}, and a key of an annotation can have neither '_' nor "
            "capitals: call the metric by what stands in the key"
        )
    known = sorted(names)
    otherwise = f"it has {', '.join(known[:5])}" if known else "it has no metric of ours"
    return did_you_mean(metric, known, otherwise)


def _meant(word: str) -> str:
    return f"did you mean {word!r}?"


def _slash_hint(prefix: str) -> str:
    head, dot, option = prefix.rpartition(".")
    if dot and len(head.split(".")) >= _SHORTEST:
        return _meant(f"{head}/{option}")
    return f"write {FORM}"


def _missing(parts: list[str]) -> str:
    if not all(parts):
        return "a part between two dots is empty"
    known = {name for names in COLLECTORS.values() for name in names} | UNSUPPORTED
    if len(parts) > 1 and parts[1] not in TYPES:
        return "the type (pods, object or external) is missing"
    if parts[-1] not in known:
        return "the collector, such as json-path or prometheus, is missing"
    return "the metric's name is missing"
