"""Series of external metrics: which queries are sent, and what is made of their answers."""

import pytest
from unit.sources.prometheus.answering import Answering, FoundSeries, OneBackend

from adapter.errors import BadRequest, Forbidden, NotFound
from adapter.model.labels import EVERYTHING, parse_selector
from adapter.sources.prometheus.cache import KEEP_SECONDS
from adapter.sources.prometheus.external import PrometheusExternalSource

NAMESPACED = "{overrides: {namespace: {resource: namespace}}}"


def rules(query="sum(<<.Series>>{<<.LabelMatchers>>}) by (queue)", resources=NAMESPACED, more=""):
    return f"""
externalRules:
- seriesQuery: ready
  resources: {resources}
  metricsQuery: '{query}'
  {more}
"""


class Lab:
    def __init__(self, text, clock, telemetry):
        self.backend = Answering(clock)
        self.discovery = FoundSeries(text)
        self.backends = OneBackend(self.backend)
        self.source = PrometheusExternalSource(
            self.discovery, self.backends, clock=clock, telemetry=telemetry
        )

    async def ask(self, namespace="shop", selector="", metric="ready"):
        parsed = parse_selector(selector) if selector else EVERYTHING
        return await self.source.series(metric, namespace, parsed)

    async def values(self, **more):
        answer = await self.ask(**more)
        return [(series.labels, series.value) for series in answer.values]


@pytest.fixture
async def make(clock, telemetry):
    labs = []

    def build(text):
        labs.append(Lab(text, clock, telemetry))
        return labs[-1]

    yield build
    for lab in labs:
        await lab.source.close()


def queues(**values):
    return lambda _: [({"queue": name}, value) for name, value in values.items()]


async def test_series_of_the_namespace_that_asks(make, clock):
    lab = make(rules())
    lab.backend.answer = queues(a=42, b=7)
    found = [({"queue": "a"}, 42.0), ({"queue": "b"}, 7.0)]
    assert await lab.values() == found
    assert await lab.values() == found
    assert lab.backend.asked == ['sum(ready{namespace="shop"}) by (queue)']
    clock.advance(KEEP_SECONDS)
    await lab.values(selector="queue in (a,b)")
    assert lab.backend.asked[1] == 'sum(ready{queue=~"a|b",namespace="shop"}) by (queue)'


async def test_one_answer_for_all_namespaces(make):
    lab = make(rules(resources="{namespaced: false}"))
    lab.backend.answer = queues(a=42)
    for namespace in ("shop", "bank"):
        assert await lab.values(namespace=namespace) == [({"queue": "a"}, 42.0)]
    assert lab.backend.asked == ["sum(ready{}) by (queue)"]


async def test_series_of_another_namespace_for_some(make):
    lab = make(rules(more="sourceNamespace: queues\n  allowedNamespaces: [shop]"))
    await lab.ask()
    assert lab.backend.asked == ['sum(ready{namespace="queues"}) by (queue)']
    with pytest.raises(Forbidden, match="ready is not for namespace bank: allowedNamespaces"):
        await lab.ask(namespace="bank")


async def test_a_label_of_the_namespace(make):
    lab = make(rules(resources="{}", more="namespaceLabel: exported_namespace"))
    await lab.ask()
    assert lab.backend.asked == ['sum(ready{exported_namespace="shop"}) by (queue)']


async def test_a_namespace_that_cannot_be_told(make):
    with pytest.raises(NotFound, match=r"no label names namespaces.*resources\.namespaced: false"):
        await make(rules(resources="{}")).ask()


async def test_a_scalar_has_no_labels(make):
    lab = make(rules("scalar(sum(<<.Series>>{<<.LabelMatchers>>}))"))
    lab.backend.answer = lambda _: 99.5
    assert await lab.values() == [(None, 99.5)]


async def test_one_series_that_is_no_number_spoils_the_sum(make):
    lab = make(rules())
    lab.backend.answer = queues(a=1, b="NaN")
    with pytest.raises(NotFound, match=r"of {queue='b'}: its value is NaN"):
        await lab.ask()


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("onNaN: zero", [({"queue": "a"}, 1.0), ({"queue": "b"}, 0.0)]),
        ("onNaN: drop", [({"queue": "a"}, 1.0)]),
    ],
)
async def test_unless_the_rule_says_otherwise(make, policy, expected):
    lab = make(rules(more=policy))
    lab.backend.answer = queues(a=1, b="NaN")
    assert await lab.values() == expected


@pytest.mark.parametrize(("policy", "expected"), [("", []), ("onEmpty: zero", [({}, 0.0)])])
async def test_no_series(make, policy, expected):
    assert await make(rules(more=policy)).values() == expected


async def test_last_good_series(make, clock):
    lab = make(rules(more="onEmpty: lastGood\n  onNaN: lastGood"))
    lab.backend.answer = queues(a=1, b=2)
    await lab.ask()
    clock.advance(KEEP_SECONDS)
    lab.backend.answer = queues(a=3, b="NaN")
    assert await lab.values() == [({"queue": "a"}, 3.0), ({"queue": "b"}, 2.0)]
    clock.advance(KEEP_SECONDS)
    lab.backend.answer = queues()
    assert await lab.values() == [({"queue": "a"}, 3.0), ({"queue": "b"}, 2.0)]
    clock.advance(301)
    assert await lab.values() == []


async def test_series_that_are_too_old(make, clock):
    lab = make(rules("<<.Series>>{<<.LabelMatchers>>}", more="maxAge: 1m"))
    lab.backend.answer = lambda promql: [
        ({"queue": "a"}, clock.time() - 61 if promql.startswith("timestamp(") else 7)
    ]
    with pytest.raises(NotFound, match=r"its newest sample is of \S+Z, maxAge is 1m0s"):
        await lab.ask()


async def test_times_are_found_by_labels_whatever_the_name(make, clock):
    more = "timestampQuery: timestamp(<<.Series>>{<<.LabelMatchers>>})"
    lab = make(rules("<<.Series>>{<<.LabelMatchers>>}", more=more))
    taken = clock.time() - 20
    lab.backend.answer = lambda promql: [
        ({"queue": "a"}, taken)
        if promql.startswith("timestamp(")
        else ({"__name__": "ready", "queue": "a"}, 7)
    ]
    (series,) = (await lab.ask()).values
    assert (series.labels, series.timestamp) == ({"__name__": "ready", "queue": "a"}, taken)


async def test_selectors_that_promql_has_no_word_for(make):
    with pytest.raises(BadRequest, match="cannot select metrics by"):
        await make(rules()).ask(selector="app.kubernetes.io/name=x")


async def test_a_metric_nobody_gives(make):
    lab = make(rules())
    with pytest.raises(NotFound) as caught:
        await lab.ask(metric="reddy")
    assert str(caught.value) == (
        "the server could not find the metric reddy for namespace shop: no rule gives it"
    )
    assert lab.discovery.requested == 1


async def test_the_backend_of_the_rule_is_asked(make):
    lab = make(rules(more="backend: away"))
    await lab.ask()
    assert lab.backends.names == ["away"]
