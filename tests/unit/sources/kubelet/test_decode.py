"""Decoding ``/metrics/resource``: metrics-server's decoder table, and what we do better.

Where metrics-server drops a pod for a zero or a node for one bad line, zero is a value here and a
bad line costs itself; each such difference has a test of its own.
"""

import pytest

from adapter.model.times import parse_rfc3339
from adapter.sources.kubelet.batch import ContainerKey
from adapter.sources.kubelet.decode import ResourceDecoder

POD = "coredns-558bd4d5db-4dpjz"
KEY = ContainerKey("kube-system", POD, "coredns")
LABELS = f'{{container="coredns",namespace="kube-system",pod="{POD}"}}'
CPU = f"container_cpu_usage_seconds_total{LABELS} 4.710169 1633253812125\n"
MEMORY = f"container_memory_working_set_bytes{LABELS} 1.253376e+07 1633253812125\n"
START = f"container_start_time_seconds{LABELS} 1.633252712e+9\n"
NODE_CPU = "node_cpu_usage_seconds_total 357.35491 1633253809720\n"
NODE_MEMORY = "node_memory_working_set_bytes 1.616273408e+09 1633253809720\n"

FULL = f"""\
# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time
# TYPE container_cpu_usage_seconds_total counter
{CPU}# HELP container_memory_working_set_bytes [STABLE] Current working set
# TYPE container_memory_working_set_bytes gauge
{MEMORY}# HELP container_start_time_seconds [STABLE] Start time
# TYPE container_start_time_seconds gauge
{START}# HELP node_cpu_usage_seconds_total [STABLE] Cumulative cpu time
# TYPE node_cpu_usage_seconds_total counter
{NODE_CPU}# HELP node_memory_working_set_bytes [STABLE] Current working set
# TYPE node_memory_working_set_bytes gauge
{NODE_MEMORY}# HELP pod_cpu_usage_seconds_total [STABLE] Cumulative cpu time of the pod
# TYPE pod_cpu_usage_seconds_total counter
pod_cpu_usage_seconds_total{{namespace="kube-system",pod="{POD}"}} 4.67812 1633253803935
# HELP resource_scrape_error [STABLE] 1 if there was an error
# TYPE resource_scrape_error gauge
resource_scrape_error 0
# HELP scrape_error [ALPHA] 1 if there was an error
# TYPE scrape_error gauge
scrape_error 0
"""


def decode(text: str, received: float = 0.0):
    return ResourceDecoder().decode(text.encode(), received, seen=7.0)


def reading(batch, key: ContainerKey = KEY):
    """timestamp, cpu, memory, start of one container, or None."""
    if key not in batch.layout.containers:
        return None
    slot = batch.layout.containers.index(key)
    columns = batch.columns
    return (
        columns.timestamp_ms[slot] / 1000,
        columns.cpu[slot],
        columns.memory[slot],
        columns.start[slot],
    )


@pytest.mark.parametrize("warm", [False, True], ids=["strict-path", "fast-path"])
def test_full_body(warm):
    decoder = ResourceDecoder()
    if warm:
        decoder.decode(FULL.encode(), 0.0, 0.0)

    batch = decoder.decode(FULL.encode(), 0.0, 7.0)

    assert reading(batch) == (
        parse_rfc3339("2021-10-03T09:36:52.125Z"),
        4.710169,
        12533760.0,
        parse_rfc3339("2021-10-03T09:18:32Z"),
    )
    assert batch.node is not None
    assert batch.node.timestamp == parse_rfc3339("2021-10-03T09:36:49.720Z")
    assert (batch.node.cpu_seconds, batch.node.memory_bytes) == (357.35491, 1616273408)
    assert batch.node.start_time == 0.0
    assert batch.complete
    assert batch.bad_lines == 0
    assert list(batch.columns.seen) == [7.0]


def test_the_time_of_the_request_stands_in_for_missing_timestamps():
    received = parse_rfc3339("2077-07-07T07:07:07Z")
    text = FULL.replace(" 1633253812125", "").replace(" 1633253809720", "")

    batch = decode(text, received)

    assert reading(batch) == (received, 4.710169, 12533760.0, 1633252712.0)
    assert batch.node is not None
    assert batch.node.timestamp == received


@pytest.mark.parametrize(
    ("text", "has_node", "container"),
    [
        pytest.param(CPU + MEMORY + START, False, True, id="no-node"),
        pytest.param(MEMORY, False, False, id="only-memory"),
        pytest.param(CPU, False, False, id="only-cpu"),
        pytest.param(START, False, False, id="only-start"),
        pytest.param(NODE_CPU + NODE_MEMORY, True, False, id="only-node"),
        pytest.param(NODE_MEMORY, False, False, id="only-node-memory"),
        pytest.param(NODE_CPU, False, False, id="only-node-cpu"),
        pytest.param("", False, False, id="empty"),
    ],
)
def test_what_is_missing_is_absent(text, has_node, container):
    batch = decode(text)

    assert (batch.node is not None) == has_node
    assert (KEY in batch.layout.containers) == container
    assert batch.complete


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(CPU.replace("4.710169", "0") + MEMORY, id="cpu"),
        pytest.param(CPU + MEMORY.replace("1.253376e+07", "0"), id="memory"),
    ],
)
def test_zero_is_a_value_for_a_container(text):
    """metrics-server drops the whole pod; an idle container is legal."""
    assert reading(decode(text)) is not None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(NODE_CPU.replace("357.35491", "0") + NODE_MEMORY, id="cpu"),
        pytest.param(NODE_CPU + NODE_MEMORY.replace("1.616273408e+09", "0"), id="memory"),
    ],
)
def test_zero_is_a_value_for_a_node(text):
    """metrics-server drops the node."""
    assert decode(text).node is not None


def test_half_a_container_is_remembered_as_incomplete():
    assert decode(CPU).layout.incomplete == {KEY: "memory"}
    assert decode(MEMORY).layout.incomplete == {KEY: "cpu"}
    assert decode(START).layout.incomplete == {}, "it only ever started: terminated, or an init one"


BROKEN = [
    pytest.param(
        'container_start_time_seconds{container="x",namespace="n",pod="p"} '
        "-6.7953645788713455e+09 -62135596800000",
        id="negative-timestamp",
    ),
    pytest.param('container_cpu_usage_seconds_total{container="x",namespace="n"', id="cut-labels"),
    pytest.param("container_cpu_usage_seconds_total 5 1633253812125", id="no-labels"),
    pytest.param(
        'container_cpu_usage_seconds_total{container="x",namespace="n",pod="p"} NaN 1', id="nan"
    ),
    pytest.param(
        'container_cpu_usage_seconds_total{container="x",namespace="n",pod="p"} +Inf 1', id="inf"
    ),
    pytest.param(
        'container_memory_working_set_bytes{container="x",namespace="n",pod="p"} -1 1',
        id="negative",
    ),
    pytest.param("!!! rubbish", id="rubbish"),
    pytest.param("\x00\x01\x02", id="binary"),
]


@pytest.mark.parametrize("line", BROKEN)
@pytest.mark.parametrize("warm", [False, True], ids=["strict-path", "fast-path"])
def test_a_bad_line_costs_only_itself(line, warm):
    """metrics-server drops the node and all its pods for one such line."""
    decoder = ResourceDecoder()
    if warm:
        decoder.decode(FULL.encode(), 0.0, 0.0)

    batch = decoder.decode((FULL + line + "\n").encode(), 0.0, 7.0)

    assert reading(batch) is not None
    assert batch.node is not None
    assert batch.bad_lines == 1
    assert not batch.complete
    assert batch.first_problem


def test_a_label_whose_name_ends_alike_is_not_mistaken():
    """metrics-server looks for the text ``pod="`` and finds it in ``apod="`` as well."""
    text = (CPU + MEMORY).replace('{container="', '{apod="wrong",container="')

    assert reading(decode(text)) is not None


def test_escapes_in_labels_are_undone():
    text = (CPU + MEMORY).replace(POD, r"a\"b\\c")

    assert decode(text).layout.containers[0].pod == 'a"b\\c'


@pytest.mark.parametrize("name", ["scrape_error", "resource_scrape_error"])
@pytest.mark.parametrize("warm", [False, True], ids=["strict-path", "fast-path"])
def test_the_kubelets_own_error_makes_the_answer_incomplete(name, warm):
    decoder = ResourceDecoder()
    if warm:
        decoder.decode(FULL.encode(), 0.0, 0.0)

    batch = decoder.decode(FULL.replace(f"\n{name} 0", f"\n{name} 1").encode(), 0.0, 7.0)

    assert not batch.complete


@pytest.mark.parametrize("cut", [300, 700, 1000])
def test_text_cut_in_the_middle_is_incomplete(cut):
    assert not decode(FULL[:cut]).complete


def test_the_layout_is_shared_while_the_series_stay_the_same():
    decoder = ResourceDecoder()

    first = decoder.decode(FULL.encode(), 0.0, 0.0)
    second = decoder.decode(FULL.replace("4.710169", "4.8").encode(), 0.0, 1.0)
    other = decoder.decode(FULL.replace(POD, "other").encode(), 0.0, 2.0)

    assert second.layout is first.layout
    assert other.layout is not first.layout
    assert second.columns.cpu[0] == 4.8


def test_a_new_start_time_is_seen_on_the_fast_path():
    decoder = ResourceDecoder()
    for _ in range(2):
        decoder.decode(FULL.encode(), 0.0, 0.0)

    restarted = decoder.decode(FULL.replace("1.633252712e+9", "1.633253999e+9").encode(), 0.0, 0.0)
    again = decoder.decode(FULL.encode(), 0.0, 0.0)

    assert list(restarted.columns.start) == [1633253999.0]
    assert list(again.columns.start) == [1633252712.0]


def test_old_kubelets_give_start_times_a_timestamp():
    text = FULL.replace("1.633252712e+9\n", "1.633252712e+9 1633252712000\n")
    decoder = ResourceDecoder()

    for _ in range(2):
        batch = decoder.decode(text.encode(), 0.0, 0.0)
        assert reading(batch)[3] == 1633252712.0
        assert reading(batch)[0] == 1633253812.125


def test_seventy_pods_and_one_node():
    """The client test of metrics-server: one answer, exactly one node and 70 pods."""
    lines = [NODE_CPU, NODE_MEMORY]
    for pod in range(70):
        lines += [line.replace(POD, f"pod-{pod}") for line in (CPU, MEMORY, START)]

    batch = decode("".join(lines))

    assert len(batch.layout.pods) == 70
    assert batch.node is not None
