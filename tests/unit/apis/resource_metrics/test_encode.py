"""Fragments: bytes as Go's ``encoding/json`` writes them, encoded once, forgotten when gone."""

import json

import pytest

from adapter.apis.lists import encode_list
from adapter.apis.resource_metrics.encode import (
    FragmentCache,
    encode_node_name,
    encode_node_values,
    encode_pod_name,
    encode_pod_values,
    stamped,
)
from adapter.apis.resource_metrics.fragments import MAX_LABEL_TEXTS
from adapter.kube.listers import PodMeta
from adapter.model.metrics import ContainerMetrics, NodeMetrics, Origin, PodMetrics
from adapter.model.resources import PodKey

KEY = PodKey("default", "busy")
LABELS = {"k8s-app": "kube-dns", "app": "dns"}


def pod(name="busy", cpu=0.009214568, containers=("app",)):
    return PodMetrics(
        namespace="default",
        name=name,
        timestamp=1633253828.078,
        window=15.953,
        containers=tuple(ContainerMetrics(text, cpu, 12533760) for text in containers),
        origin=Origin.KUBELET,
    )


@pytest.fixture
def cache():
    return FragmentCache(encode_pod_name, encode_pod_values)


def encoded(cache, labels, metrics, key=KEY):
    return b"".join(stamped([cache.fragment(key, labels, metrics).item], 1_767_225_620.9))


def test_pod_item_is_written_as_go_does(cache):
    assert encoded(cache, LABELS, pod(containers=("app", "proxy"))) == (
        b'{"metadata":{"name":"busy","namespace":"default",'
        b'"creationTimestamp":"2026-01-01T00:00:20Z","labels":{"app":"dns","k8s-app":"kube-dns"}},'
        b'"timestamp":"2021-10-03T09:37:08Z","window":"15.953s","containers":['
        b'{"name":"app","usage":{"cpu":"9214568n","memory":"12240Ki"}},'
        b'{"name":"proxy","usage":{"cpu":"9214568n","memory":"12240Ki"}}]}'
    )


def test_node_item_is_written_as_go_does():
    cache = FragmentCache(encode_node_name, encode_node_values)
    node = NodeMetrics(
        name="n1", timestamp=0.0, window=60.5, cpu=2.5, memory=1000, origin=Origin.PROMETHEUS
    )

    assert encoded(cache, {}, node, key="n1") == (
        b'{"metadata":{"name":"n1","creationTimestamp":"2026-01-01T00:00:20Z"},'
        b'"timestamp":"1970-01-01T00:00:00Z","window":"1m0.5s",'
        b'"usage":{"cpu":"2500m","memory":"1k"}}'
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("<a>&b", rb'"\u003ca\u003e\u0026b"', id="html"),
        pytest.param("\u2028\u2029", rb'"\u2028\u2029"', id="line-separators"),
        pytest.param('q"\\', rb'"q\"\\"', id="quotes"),
        pytest.param("\x00\x1f\n", rb'"\u0000\u001f\n"', id="control"),
        pytest.param("é漢", '"é漢"'.encode(), id="not-ascii"),
    ],
)
def test_texts_are_escaped_as_go_does(cache, text, expected):
    """Names are DNS labels and labels are tame, but a source may be wrong about a container."""
    item = encoded(cache, {text: text}, pod(containers=(text,)), key=PodKey(text, text))

    assert item.count(expected) == 5
    assert json.loads(item)["containers"][0]["name"] == text


def test_the_same_sample_and_labels_are_encoded_once(cache):
    metrics = pod()

    assert cache.fragment(KEY, LABELS, metrics) is cache.fragment(KEY, LABELS, metrics)


def test_a_new_sample_or_new_labels_are_encoded_again(cache):
    first = encoded(cache, LABELS, pod(cpu=1.0))
    second = encoded(cache, LABELS, pod(cpu=2.0))
    third = encoded(cache, {"app": "other"}, pod(cpu=2.0))

    assert (b'"cpu":"1"' in first, b'"cpu":"2"' in second) == (True, True)
    assert json.loads(third)["metadata"]["labels"] == {"app": "other"}


def test_a_list_takes_new_samples_and_labels_too(cache):
    """Lists look into the cache by themselves; they must not see less than `fragment`."""

    def listed(labels, metrics):
        chunks = cache.chunks([KEY], [PodMeta(*KEY, labels)], [metrics])
        return json.loads(
            next(fragment.item for chunk in chunks for fragment in chunk).replace(b"\0", b"")
        )

    assert listed(LABELS, pod(cpu=1.0))["containers"][0]["usage"]["cpu"] == "1"
    assert listed(LABELS, pod(cpu=2.0))["containers"][0]["usage"]["cpu"] == "2"
    assert listed({}, pod(cpu=2.0))["metadata"].get("labels") is None


@pytest.mark.parametrize("count", [0, 1, 511, 512, 513, 1300])
def test_lists_of_any_length_are_one_document(cache, count):
    """Every third pod has no sample, so some chunks end with one that is left out."""
    metas = [PodMeta("default", f"p{number:04}", LABELS) for number in range(count)]
    metrics = [pod(meta.name) if number % 3 else None for number, meta in enumerate(metas)]
    chunks = cache.chunks([meta.key for meta in metas], metas, metrics)
    items = ([fragment.item for fragment in chunk] for chunk in chunks)

    text = b"".join(stamped(encode_list("PodMetricsList", "metrics.k8s.io/v1", items), 0.0))

    names = [item["metadata"]["name"] for item in json.loads(text)["items"]]
    assert names == [meta.name for number, meta in enumerate(metas) if number % 3]
    assert b"\0" not in text


def test_label_sets_are_told_apart_however_many_there_are(cache):
    for number in range(MAX_LABEL_TEXTS + 10):
        labels = {"app": str(number)}  # gone after this round: its id may come back
        item = cache.fragment(PodKey("default", f"p{number}"), labels, pod()).item
        assert b'"labels":{"app":"%d"}' % number in item


def test_what_is_gone_is_forgotten(cache):
    """However many pods come and go, the cache holds at most twice what exists, or 1024."""
    for generation in range(10):
        live = {PodKey("default", f"g{generation}-{number}") for number in range(400)}
        for key in live:
            cache.fragment(key, LABELS, pod(key.name))
        cache.forget(live.__contains__)
        assert len(cache) <= 1024 + 400

    cache.fragment(KEY, LABELS, pod())
    for number in range(1024):
        cache.fragment(PodKey("x", str(number)), LABELS, pod())
    cache.forget(KEY.__eq__)

    assert len(cache) == 1
