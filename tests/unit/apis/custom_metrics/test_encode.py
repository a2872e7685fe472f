"""Items and selectors, byte for byte; how long a list takes; when discovery's list is made anew."""

import json
import time

import pytest

from adapter.apis.custom_metrics.encode import ValueListEncoder, label_selector
from adapter.errors import BadRequest
from adapter.model.labels import EVERYTHING, Selector, parse_selector
from adapter.model.metrics import MetricValue
from adapter.model.resources import ResourceInfo
from adapter.model.restmapper import BUILTIN
from adapter.sources.base import ObjectQuestion

NOON = 1_795_262_400.9  # 2026-11-21T12:00:00Z and a fraction


def encoded(version, question, values):
    return b"".join(ValueListEncoder(version, question).encode(values)).decode()


def question(
    resource="pods", namespace="shop", name="web-0", metric="m", selector=EVERYTHING
) -> ObjectQuestion:
    info = BUILTIN.resolve(resource)
    assert info is not None
    return ObjectQuestion(info, namespace, (name,), metric, selector, by_name=True)


@pytest.mark.parametrize(
    ("version", "window", "item"),
    [
        pytest.param(
            "v1beta1",
            None,
            '"metricName":"m","timestamp":"2026-11-21T12:00:00Z","value":"1","selector":null',
            id="v1beta1",
        ),
        pytest.param(
            "v1beta1",
            60.0,
            '"metricName":"m","timestamp":"2026-11-21T12:00:00Z","window":60,"value":"1",'
            '"selector":null',
            id="v1beta1-window",
        ),
        pytest.param(
            "v1beta2",
            None,
            '"metric":{"name":"m","selector":null},"timestamp":"2026-11-21T12:00:00Z","value":"1"',
            id="v1beta2",
        ),
        pytest.param(
            "v1beta2",
            29.6,
            '"metric":{"name":"m","selector":null},"timestamp":"2026-11-21T12:00:00Z",'
            '"windowSeconds":30,"value":"1"',
            id="v1beta2-window",
        ),
        pytest.param(
            "v1beta2",
            0.2,
            '"metric":{"name":"m","selector":null},"timestamp":"2026-11-21T12:00:00Z",'
            '"windowSeconds":1,"value":"1"',
            id="v1beta2-short-window",
        ),
    ],
)
def test_items_are_the_bytes_go_writes(version, window, item):
    text = encoded(version, question(), {"web-0": MetricValue(1.0, NOON, window)})

    described = '{"kind":"Pod","namespace":"shop","name":"web-0","apiVersion":"v1"}'
    assert text == (
        f'{{"kind":"MetricValueList","apiVersion":"custom.metrics.k8s.io/{version}","metadata":{{}},'
        f'"items":[{{"describedObject":{described},{item}}}]}}'
    )


@pytest.mark.parametrize(
    ("resource", "namespace", "described"),
    [
        pytest.param(
            "nodes", "", '{"kind":"Node","name":"web-0","apiVersion":"v1"}', id="cluster-scoped"
        ),
        pytest.param(
            "deployments",
            "shop",
            '{"kind":"Deployment","namespace":"shop","name":"web-0","apiVersion":"apps/v1"}',
            id="group",
        ),
    ],
)
def test_described_objects(resource, namespace, described):
    text = encoded(
        "v1beta2", question(resource, namespace), {"web-0": MetricValue(1.0, NOON, None)}
    )

    assert f'"describedObject":{described},' in text


@pytest.mark.parametrize("version", ["v1beta1", "v1beta2"])
@pytest.mark.parametrize("name", ['a"b', "<b>&", "ä\u2028😀", "\\\n\0", "{selector}%s"])
def test_any_name_survives(version, name):
    asked = question(name=name, metric=name)._replace(
        resource=ResourceInfo("", "v1", "pods", "pod", "Pod", namespaced=True)
    )

    text = encoded(version, asked, {name: MetricValue(1.0, NOON)})

    (item,) = json.loads(text)["items"]
    metric = item["metricName"] if version == "v1beta1" else item["metric"]["name"]
    assert (item["describedObject"]["name"], metric) == (name, name)
    assert not {"<", ">", "&", "\u2028"} & set(text)


def test_an_empty_list_has_items():
    assert encoded("v1beta2", question(), {}).endswith('"metadata":{},"items":[]}')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", None, id="everything"),
        pytest.param(" ", None, id="blank"),
        pytest.param("a=b", {"matchLabels": {"a": "b"}}, id="equals"),
        pytest.param("a==b", {"matchLabels": {"a": "b"}}, id="double-equals"),
        pytest.param("b=1,a=", {"matchLabels": {"a": "", "b": "1"}}, id="several"),
        pytest.param(
            "a in (b)",
            {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]},
            id="in-one",
        ),
        pytest.param(
            "a in (c,b)",
            {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "c"]}]},
            id="in",
        ),
        pytest.param(
            "a notin (c,b)",
            {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b", "c"]}]},
            id="not-in",
        ),
        pytest.param("a", {"matchExpressions": [{"key": "a", "operator": "Exists"}]}, id="exists"),
        pytest.param(
            "!a", {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, id="not-exists"
        ),
        pytest.param(
            "a!=b",
            {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]},
            id="not-equals-which-the-peer-refuses",
        ),
        pytest.param(
            "a=b,a=c",
            {
                "matchLabels": {"a": "b"},
                "matchExpressions": [{"key": "a", "operator": "In", "values": ["c"]}],
            },
            id="contradiction-which-the-peer-forgets",
        ),
        pytest.param(
            "z=1,b in (x),!a",
            {
                "matchLabels": {"z": "1"},
                "matchExpressions": [
                    {"key": "a", "operator": "DoesNotExist"},
                    {"key": "b", "operator": "In", "values": ["x"]},
                ],
            },
            id="mixed",
        ),
    ],
)
def test_selectors_are_shown_as_label_selectors(text, expected):
    asked = question(selector=parse_selector(text))

    item = json.loads(encoded("v1beta2", asked, {"web-0": MetricValue(1.0, NOON)}))["items"][0]

    assert item["metric"]["selector"] == expected
    assert list(item["metric"]["selector"] or {}) == list(expected or {})


@pytest.mark.parametrize("text", ["a>1", "a<1"])
def test_what_a_label_selector_cannot_say_is_refused(text):
    with pytest.raises(BadRequest, match="isn't supported in label selectors"):
        label_selector(parse_selector(text))


def test_nothing_is_lost_in_a_label_selector():
    """Every requirement is there once."""
    selector = parse_selector("a=1,b!=2,c in (3,4),d notin (5),e,!f,g==7")

    shown = label_selector(selector)

    assert isinstance(selector, Selector)
    assert shown is not None
    assert len(shown["matchLabels"]) + len(shown["matchExpressions"]) == len(selector.requirements)


def test_a_list_of_ten_thousand_takes_milliseconds():
    """10 ms on an idle machine; the limit only tells that from work that grew."""
    names = tuple(f"web-{number:05}-7d9f8c6b5-x2x4z" for number in range(10_000))
    values = {name: MetricValue(number * 0.37, NOON, 60.0) for number, name in enumerate(names)}
    asked = question()._replace(names=names)
    times = []
    for _ in range(5):
        begun = time.process_time()
        encoded("v1beta2", asked, values)
        times.append(time.process_time() - begun)

    assert min(times) < 0.1
