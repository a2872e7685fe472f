"""Laws of the exposition parsers.

The strict parser equals prometheus_client's on well-formed text, never crashes on any bytes, and
the fast path, where it answers at all, equals the strict parser.
"""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from adapter.exposition.blocks import Unfamiliar, read_block, split_families
from adapter.exposition.text import Sample, parse_lines
from adapter.sources.kubelet.decode import ResourceDecoder

names = st.from_regex(r"[a-z_][a-z0-9_]{0,10}", fullmatch=True)
label_names = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)
label_values = st.text(
    st.one_of(
        st.sampled_from('\\"\n {}=,#'),
        st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]),
    ),
    max_size=12,
)
numbers = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.integers(-(10**9), 10**9).map(float)
)
timestamps = st.one_of(st.none(), st.integers(0, 4 * 10**12))
samples = st.tuples(
    names, st.dictionaries(label_names, label_values, max_size=3), numbers, timestamps
)


def escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def render(name, labels, value, timestamp) -> str:
    inner = ",".join(f'{label}="{escape(text)}"' for label, text in labels.items())
    line = f"{name}{{{inner}}} {number(value)}" if labels else f"{name} {number(value)}"
    return line if timestamp is None else f"{line} {timestamp}"


def same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or (math.isnan(one) and math.isnan(other))


@given(samples)
def test_equals_the_reference_parser(sample):
    line = render(*sample)

    (ours,) = parse_lines(line.encode())

    (family,) = text_string_to_metric_families(line + "\n")
    (theirs,) = family.samples
    assert isinstance(ours, Sample)
    assert (ours.name, ours.labels) == (theirs.name, theirs.labels)
    assert same(ours.value, theirs.value)
    stamp = None if ours.timestamp_ms is None else ours.timestamp_ms / 1000
    assert same(stamp, theirs.timestamp)


@given(st.lists(samples, max_size=8))
def test_lines_are_independent(entries):
    body = "\n".join(render(*entry) for entry in entries).encode()

    parsed = list(parse_lines(body))

    assert [entry.name for entry in parsed] == [entry[0] for entry in entries]


@given(st.binary(max_size=200))
def test_random_bytes_never_crash(body):
    for entry in parse_lines(body):
        assert entry is not None
    ResourceDecoder().decode(body, received=0.0, seen=0.0)


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.dictionaries(label_names, label_values, max_size=2), numbers, timestamps),
        min_size=1,
        max_size=5,
        unique_by=lambda entry: tuple(sorted(entry[0].items())),
    ),
    st.booleans(),
)
def test_fast_path_agrees_with_the_strict_parser(entries, same_timestamps):
    """Whatever `read_block` accepts is what the strict parser reads."""
    if same_timestamps:
        entries = [(labels, value, 1000) for labels, value, _ in entries]
    lines = [render("m", *entry) for entry in entries]
    body = ("# HELP m text\n# TYPE m gauge\n" + "\n".join(lines) + "\n").encode()
    strict = list(parse_lines(body))
    series = [entry.series.encode() for entry in strict]

    try:
        columns = read_block(split_families(body)[b"m"], series)
    except Unfamiliar:
        return

    assert columns.values == [entry.value for entry in strict]
    stamps = [entry.timestamp_ms for entry in strict]
    assert (columns.timestamps or [None] * len(stamps)) == stamps


CPU = "container_cpu_usage_seconds_total"
MEMORY = "container_memory_working_set_bytes"
START = "container_start_time_seconds"


def body_of(rows) -> bytes:
    def family(name, values):
        lines = "".join(
            f'{name}{{container="c{slot}",namespace="n",pod="p"}} {value} {stamp}\n'
            for slot, (value, stamp) in enumerate(values)
        )
        return f"# HELP {name} text\n# TYPE {name} gauge\n{lines}"

    return (
        family(CPU, [(cpu, stamp) for cpu, _, stamp in rows])
        + family(MEMORY, [(memory, stamp) for _, memory, stamp in rows])
        + family(START, [(stamp // 3, "") for _, _, stamp in rows])
    ).encode()


plain = st.floats(0, 1e12).map(lambda value: round(value, 6))
rows = st.lists(st.tuples(plain, plain, st.integers(1, 10**13)), min_size=1, max_size=6)


@given(rows, st.randoms(use_true_random=False), st.binary(min_size=1, max_size=3), st.booleans())
def test_a_warm_decoder_equals_a_fresh_one(values, random, noise, damage):
    """Also on damaged text: what the fast path cannot vouch for goes the strict way."""
    warm = ResourceDecoder()
    warm.decode(body_of([(1.0, 1.0, 1) for _ in values]), 0.0, 0.0)
    body = body_of(values)
    if damage:
        at = random.randrange(len(body))
        body = body[:at] + noise + body[at + random.randrange(3) :]

    warm.decode(body_of(values), 0.0, 0.0)
    fast = warm.decode(body, 5.0, 6.0)
    strict = ResourceDecoder().decode(body, 5.0, 6.0)

    assert fast.layout.containers == strict.layout.containers
    assert fast.layout.incomplete == strict.layout.incomplete
    assert fast.columns == strict.columns
    assert (fast.node, fast.complete) == (strict.node, strict.complete)


@pytest.mark.parametrize("token", ["true", "null", "[1", "1]", '"1"', "1,2", "NaN", "+1", "01"])
def test_fast_path_refuses_what_is_json_but_no_number(token):
    block = f"m text\n# TYPE m gauge\nm {token} 5\n".encode()

    with pytest.raises(Unfamiliar):
        read_block(block, [b"m"])
