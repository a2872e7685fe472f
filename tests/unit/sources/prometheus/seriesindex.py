"""A stand-in for what discovery asks of Prometheus: label sets in memory, and questions counted."""

import re

from adapter.errors import SourceError
from adapter.model.resources import ResourceInfo
from adapter.model.restmapper import CORE, RESTMapper
from adapter.promql.matchers import MatchOp
from adapter.promql.selectors import parse_series_selector


class SeriesIndex:
    """The series of one server.

    Attributes:
        series: Label sets, the name as ``__name__``.
        asked: What was asked: ("labels" or a label, selector).
        starts: The starts of the time asked for.
        error: Fails every question while it is set; *broken* those whose selector holds that text.
    """

    def __init__(self, *series):
        self.series = list(series)
        self.asked = []
        self.starts = set()
        self.error = None
        self.broken = None
        self.before_answer = None

    async def label_names(self, selector, start):
        await self._note("labels", selector, start)
        return sorted({label for labels in self._found(selector) for label in labels})

    async def label_values(self, label, selector, start):
        await self._note(label, selector, start)
        return sorted({labels[label] for labels in self._found(selector) if label in labels})

    async def _note(self, what, selector, start):
        self.asked.append((what, selector))
        self.starts.add(start)
        if self.before_answer is not None:
            await self.before_answer()
        if self.error is not None or (self.broken is not None and self.broken in selector):
            raise SourceError(self.error or f"cannot answer {self.broken}")

    def _found(self, text):
        selector = parse_series_selector(text)
        for labels in self.series:
            named = not selector.name or labels["__name__"] == selector.name
            if named and all(_matches(labels, matcher) for matcher in selector.matchers):
                yield labels


def _matches(labels, matcher):
    value = labels.get(matcher.label, "")
    match matcher.op:
        case MatchOp.EQUAL:
            return value == matcher.value
        case MatchOp.NOT_EQUAL:
            return value != matcher.value
        case MatchOp.REGEX:
            return re.fullmatch(matcher.value, value) is not None
        case MatchOp.NOT_REGEX:
            return re.fullmatch(matcher.value, value) is None


class Indexes:
    """Servers by name; "" is the default one."""

    def __init__(self, **named):
        self._named = {name.replace("default", ""): index for name, index in named.items()}

    def get(self, name):
        if name not in self._named:
            raise SourceError(f"backend {name} is not in backends")
        return self._named[name]


EXTENSIONS = (
    ResourceInfo("extensions", "v1beta1", "ingresses", "ingress", "Ingress", namespaced=True),
    ResourceInfo("extensions", "v1beta1", "deployments", "deployment", "Deployment", True),
)
"""What the peer's tests serve besides the core group."""


class View:
    """The resources of a cluster, which a test may change."""

    def __init__(self):
        self.revision = 0
        self.serve(*EXTENSIONS)

    def serve(self, *more):
        self.mapper = RESTMapper([*CORE.resources, *more])
        self.revision += 1


def series(name, *labels):
    """A series called *name* that has *labels*."""
    return {"__name__": name, **{label: f"some-{label}" for label in labels}}


def listed(discovery):
    """What *discovery* lists, as ``resource/metric``."""
    return {
        f"{each.resource}/{each.metric}" + ("" if each.namespaced else " (cluster)")
        for each in discovery.registry.listed_custom()
    }
