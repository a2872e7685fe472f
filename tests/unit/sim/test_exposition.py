"""The text of /metrics/resource, read by prometheus_client's parser."""

from itertools import pairwise

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapter.sim.clock import ManualClock
from adapter.sim.exposition import go_float, render_resource_metrics, render_scrape_error
from adapter.sim.faults import Faults
from adapter.sim.housekeeping import Housekeeping
from adapter.sim.layout import Layout
from adapter.sim.report import Reporter
from adapter.sim.workloads import ContainerKey, Truth

FAMILIES = {
    "container_cpu_usage_seconds": "counter",
    "container_memory_working_set_bytes": "gauge",
    "container_start_time_seconds": "gauge",
    "container_swap_limit_bytes": "gauge",
    "container_swap_usage_bytes": "gauge",
    "node_cpu_usage_seconds": "counter",
    "node_memory_working_set_bytes": "gauge",
    "node_swap_usage_bytes": "gauge",
    "pod_cpu_usage_seconds": "counter",
    "pod_memory_working_set_bytes": "gauge",
    "pod_swap_usage_bytes": "gauge",
    "resource_scrape_error": "gauge",
    "scrape_error": "gauge",
}


@pytest.fixture
def truth(clock):
    truth = Truth()
    layout = Layout("default", seed=1, now=clock.time())
    layout.populate(truth, nodes=1, pods_per_node=5, containers_per_pod=2)
    return truth


@pytest.fixture
def clock():
    return ManualClock()


def reporter(truth, *, housekeeping=10.0, faults=None):
    faults = faults or Faults()
    times = Housekeeping(housekeeping, seed=1)
    return Reporter(truth, "node-0000", housekeeping=times, faults=faults)


def container_samples(text, name):
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name:
                labels = sample.labels
                yield ContainerKey(labels["namespace"], labels["pod"], labels["container"]), sample


def test_families_are_those_of_a_kubelet_in_alphabetical_order(truth, clock):
    text = render_resource_metrics(reporter(truth).report(clock.time()))

    families = {family.name: family.type for family in text_string_to_metric_families(text)}

    assert families == FAMILIES
    helps = [line.split()[2:4] for line in text.splitlines() if line.startswith("# HELP")]
    assert [name for name, _ in helps] == sorted(name for name, _ in helps)
    alpha = {name for name, stability in helps if stability == "[ALPHA]"}
    assert {stability for _, stability in helps} == {"[ALPHA]", "[STABLE]"}
    assert alpha == {name for name, _ in helps if "swap" in name} | {"scrape_error"}


def test_samples_have_timestamps_but_start_times_and_errors_have_none(truth, clock):
    text = render_resource_metrics(reporter(truth).report(clock.time()))

    for family in text_string_to_metric_families(text):
        bare = family.name in ("container_start_time_seconds", "resource_scrape_error")
        bare |= family.name == "scrape_error"
        assert all((sample.timestamp is None) is bare for sample in family.samples), family.name


def test_lines_of_a_family_are_sorted_by_container_namespace_and_pod(truth, clock):
    text = render_resource_metrics(reporter(truth).report(clock.time()))

    samples = container_samples(text, "container_cpu_usage_seconds_total")
    keys = [(key.name, key.namespace, key.pod) for key, _ in samples]

    assert keys == sorted(keys)
    assert len(keys) == 10
    first = text.splitlines()[2]
    assert first.startswith('container_cpu_usage_seconds_total{container="app",namespace="team-00"')


def test_counters_integrate_to_the_truth(truth, clock):
    """Average over the interval between any two reported points is what was truly used."""
    kubelet = reporter(truth)
    readings = {}
    for _ in range(30):
        text = render_resource_metrics(kubelet.report(clock.time()))
        for key, sample in container_samples(text, "container_cpu_usage_seconds_total"):
            readings.setdefault(key, []).append((sample.timestamp, sample.value))
        clock.advance(13)

    assert len(readings) == 10
    for key, points in readings.items():
        for (start, before), (end, after) in pairwise(sorted(set(points))):
            average = (after - before) / (end - start)
            assert average == pytest.approx(truth.cpu(key, start, end), abs=1e-9, rel=1e-6)


def test_memory_is_the_truth_at_the_time_of_the_sample(truth, clock):
    kubelet = reporter(truth)
    for _ in range(20):
        text = render_resource_metrics(kubelet.report(clock.time()))
        for key, sample in container_samples(text, "container_memory_working_set_bytes"):
            assert sample.value == truth.memory(key, sample.timestamp)
        clock.advance(37)


def test_scrapes_close_together_report_the_same_points(truth, clock):
    """Housekeeping: a point stays the newest one for 10 to 15 s, at times of its own."""
    kubelet = reporter(truth)

    def points():
        text = render_resource_metrics(kubelet.report(clock.time()))
        samples = container_samples(text, "container_cpu_usage_seconds_total")
        return {key: sample.timestamp for key, sample in samples}

    first = points()
    clock.advance(5)
    second = points()
    clock.advance(10.1)
    third = points()

    assert any(first[key] == second[key] for key in first)
    assert all(first[key] != third[key] for key in first)
    assert len(set(first.values())) == len(first)


def test_node_and_pods_are_reported_with_what_they_use(truth, clock):
    text = render_resource_metrics(reporter(truth).report(clock.time()))
    families = {f.name: f.samples for f in text_string_to_metric_families(text)}
    [node] = families["node_memory_working_set_bytes"]
    pods = families["pod_memory_working_set_bytes"]

    assert node.value == truth.memory("node-0000", node.timestamp)
    assert len(pods) == 5
    for sample in pods:
        key = (sample.labels["namespace"], sample.labels["pod"])
        [pod] = [pod for pod in truth.pods() if pod.key == key]
        assert sample.value == pod.memory_bytes(sample.timestamp)


def test_a_restarted_container_is_missing_for_a_moment_then_counts_from_zero(truth, clock):
    kubelet = reporter(truth)
    key = truth.containers()[0]
    truth.restart_container(key, clock.time())

    def counters():
        text = render_resource_metrics(kubelet.report(clock.time()))
        return dict(container_samples(text, "container_cpu_usage_seconds_total"))

    assert key not in counters()
    clock.advance(15)
    sample = counters()[key]

    restarted = clock.time() - 15
    expected = truth.cpu(key, restarted, sample.timestamp) * (sample.timestamp - restarted)
    assert sample.value == pytest.approx(expected, abs=2e-9)


def test_without_timestamps_every_line_ends_with_its_value(truth, clock):
    text = render_resource_metrics(reporter(truth).report(clock.time()), timestamps=False)

    families = list(text_string_to_metric_families(text))

    assert [f.name for f in families] == list(FAMILIES)
    assert all(sample.timestamp is None for family in families for sample in family.samples)


def test_a_kubelet_that_could_not_collect_reports_only_that():
    families = list(text_string_to_metric_families(render_scrape_error()))

    assert [f.name for f in families] == ["resource_scrape_error", "scrape_error"]
    assert all(family.samples[0].value == 1 for family in families)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(0.0, "0", id="zero"),
        pytest.param(1.0, "1", id="whole"),
        pytest.param(0.000123, "0.000123", id="small"),
        pytest.param(999999.0, "999999", id="below-exponent"),
        pytest.param(1e6, "1e+06", id="exponent"),
        pytest.param(1616273408.0, "1.616273408e+09", id="memory"),
        pytest.param(1234567.25, "1.23456725e+06", id="fraction"),
        pytest.param(-12533760.0, "-1.253376e+07", id="negative"),
        pytest.param(1e21, "1e+21", id="huge"),
        pytest.param(5e-7, "5e-07", id="tiny"),
    ],
)
def test_numbers_are_written_as_go_writes_them(value, text):
    assert go_float(value) == text
    assert float(text) == value
