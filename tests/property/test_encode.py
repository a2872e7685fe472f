"""The encoder writes the quantities `model.quantity` defines, and JSON that reads back the same."""

import json

from hypothesis import given
from hypothesis import strategies as st

from adapter.apis.gojson import encode_json
from adapter.apis.resource_metrics.encode import encode_pod_values
from adapter.model.metrics import ContainerMetrics, Origin, PodMetrics
from adapter.model.quantity import format_cpu, format_memory

CPU = st.one_of(
    st.floats(0, 1e6),
    st.integers(0, 10**14).map(lambda nanocores: nanocores / 1e9),
    st.integers(0, 10**8).map(lambda millicores: millicores / 1e3),
)
MEMORY = st.one_of(
    st.integers(0, 2**63),
    st.builds(lambda number, power: number << power, st.integers(0, 5000), st.integers(0, 45)),
)


@given(cpu=CPU, memory=MEMORY)
def test_quantities_of_a_list_are_the_canonical_ones(cpu, memory):
    pod = PodMetrics(
        namespace="ns",
        name="pod",
        timestamp=0.0,
        window=1.0,
        containers=(ContainerMetrics("app", cpu, memory),),
        origin=Origin.KUBELET,
    )

    usage = json.loads("{" + encode_pod_values(pod)[1:] + "}")["containers"][0]["usage"]

    assert usage == {"cpu": format_cpu(cpu), "memory": format_memory(memory)}


TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(value=st.dictionaries(TEXT, TEXT))
def test_json_reads_back_the_same_and_is_safe_in_html(value):
    text = encode_json(value)

    assert json.loads(text) == value
    assert not any(character in text.decode() for character in "<>&\u2028\u2029")
