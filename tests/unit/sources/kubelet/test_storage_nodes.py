"""Two points of a node: metrics-server's table, and better."""

import pytest
from unit.sources.kubelet.readings import MIB, NOW, batch, node_batch, node_of, stored


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        pytest.param([node_batch(10, 10)], None, id="one-point"),
        pytest.param(
            [node_batch(10, 10), node_batch(20, 20, 3 * MIB)], (1.0, 3 * MIB, 20, 10), id="two"
        ),
        pytest.param([node_batch(10, 10), node_batch(10, 10)], None, id="same-point-twice"),
        pytest.param([node_batch(10, 10), node_batch(20, 5, start=15)], None, id="restarted"),
        pytest.param([node_batch(15, 50), node_batch(25, 10)], None, id="counter-went-down"),
        pytest.param(
            [node_batch(15, 10), node_batch(35, 50), node_batch(5, 6)], None, id="older-than-prev"
        ),
        pytest.param(
            [node_batch(15, 10), node_batch(35, 50), node_batch(25, 35)],
            (2.5, 2 * MIB, 25, 10),
            id="between-prev-and-last",
        ),
        pytest.param(
            [node_batch(10, 10, start=None), node_batch(20, 20, start=None)],
            (1.0, 2 * MIB, 20, 10),
            id="no-start-time",
        ),
    ],
)
def test_node_table(batches, expected):
    assert node_of(stored(*batches)) == expected


def test_windows_have_whole_milliseconds():
    """The difference of two Unix times in floating point would print as 13.108999968s."""
    storage = stored(node_batch(10.3, 10), node_batch(23.409, 20))

    assert node_of(storage)[3] == 13.109


def test_unknown_node_has_no_usage():
    assert stored(node_batch(10, 10), node_batch(20, 20)).node("node2", NOW) is None


def test_a_node_whose_counter_was_reset_is_served_with_the_next_pair():
    """metrics-server logs `unexpected decrease` and serves nothing for as long as it lasts."""
    storage = stored(node_batch(15, 50), node_batch(25, 10), node_batch(35, 20))

    assert node_of(storage) == (1.0, 2 * MIB, 35, 10)


def test_an_answer_without_the_node_keeps_what_is_known():
    """metrics-server forgets the node at once; a half answer is no reason to stop scaling."""
    storage = stored(node_batch(10, 10), node_batch(20, 20), batch({}))

    assert node_of(storage) == (1.0, 2 * MIB, 20, 10)
