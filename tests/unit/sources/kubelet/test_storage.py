"""Two points of containers: metrics-server's storage tables, and better."""

import pytest
from unit.sources.kubelet.readings import MIB, NOW, POD, T0, batch, node_batch, pod_of, stored

from adapter.model.resources import PodKey
from adapter.model.usage import MetricsPoint
from adapter.sources.kubelet.storage import STALLED_SECONDS, Storage, max_age


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        pytest.param([{"c1": (120, 1, 4 * MIB, 0)}], None, id="long-running-one-point"),
        pytest.param(
            [{"c1": (120, 1, 4 * MIB, 0)}, {"c1": (125, 6, 5 * MIB, 0)}],
            ([("c1", 1.0, 5 * MIB)], 125, 5),
            id="two-points",
        ),
        pytest.param(
            [
                {"c1": (110, 10, 1, 0), "c2": (115, 10, 1, 0)},
                {"c1": (120, 20, 1, 0), "c2": (125, 20, 1, 0)},
            ],
            ([("c1", 1.0, 1), ("c2", 1.0, 1)], 120, 10),
            id="earliest-container-gives-the-time",
        ),
        pytest.param([{"c1": (120, 1, 1, 0)}, {"c1": (120, 1, 1, 0)}], None, id="same-point-twice"),
        pytest.param(
            [{"c1": (10, 1, 4 * MIB, 0)}, {"c1": (25, 5, 5 * MIB, 15)}],
            ([("c1", 0.5, 5 * MIB)], 25, 10),
            id="restarted-and-fresh",
        ),
        pytest.param(
            [
                {"c1": (1115, 20, 1, 0)},
                {"c1": (1125, 40, 1, 0)},
                {"c1": (115, 10, 1, 0)},
            ],
            None,
            id="far-older",
        ),
        pytest.param(
            [
                {"c1": (115, 10, 1, 0)},
                {"c1": (125, 50, 1, 0)},
                {"c1": (120, 35, 5 * MIB, 0)},
            ],
            ([("c1", 5.0, 5 * MIB)], 120, 5),
            id="between-prev-and-last",
        ),
        pytest.param([{"c1": (10, 10, 1, 0)}], ([("c1", 1.0, 1)], 10, 10), id="fresh"),
        pytest.param([{"c1": (-10, 10, 1, 0)}], None, id="start-after-the-sample"),
        pytest.param([{"c1": (9, 10, 1, 0)}], None, id="too-fresh"),
        pytest.param(
            [{"c1": (120, 1, 1, None)}, {"c1": (125, 6, 1, None)}],
            ([("c1", 1.0, 1)], 125, 5),
            id="no-start-time",
        ),
        pytest.param(
            [{"c1": (120, 1, 1, 0)}, {"c1": (125, 2, 1, 0), "c2": (120, 2, 1, 0)}],
            None,
            id="new-container-beside-an-old-one",
        ),
    ],
)
def test_pod_table(batches, expected):
    assert pod_of(stored(*map(batch, batches))) == expected


def test_other_pods_have_no_usage():
    storage = stored(batch({"c1": (120, 1, 1, 0)}), batch({"c1": (125, 6, 1, 0)}))

    assert storage.pod(PodKey("ns1", "pod2"), NOW) is None


def test_a_pod_that_is_gone_from_a_complete_answer_is_gone():
    storage = stored(batch({"c1": (120, 1, 1, 0)}), batch({"c1": (125, 6, 1, 0)}), batch({}))

    assert pod_of(storage) is None
    assert storage.why_no_pod(POD, NOW) is None


def test_a_reset_counter_without_a_start_time_leaves_the_pod_out_for_one_round():
    """metrics-server lists the pod with no containers, which reads as no usage at all."""
    storage = stored(batch({"c1": (110, 20, 1, 0)}), batch({"c1": (120, 10, 1, 0)}))
    assert pod_of(storage) is None

    storage.store("node1", batch({"c1": (130, 20, 1, 0)}), NOW)

    assert pod_of(storage) == ([("c1", 1.0, 1)], 130, 10)


def test_a_repeated_point_keeps_serving_the_pair():
    """cAdvisor reports one reading in two scrapes when its housekeeping is slower."""
    storage = stored(
        batch({"c1": (110, 10, 1, 0)}),
        batch({"c1": (120, 20, 1, 0)}),
        batch({"c1": (120, 20, 1, 0)}),
    )

    assert pod_of(storage) == ([("c1", 1.0, 1)], 120, 10)


def test_a_new_container_whose_point_repeats_is_no_zero_usage():
    """In metrics-server a zero point becomes prev here: window 292 years, cpu 0."""
    storage = stored(
        batch({"c1": (110, 10, 1, 0)}),
        batch({"c1": (120, 20, 1, 0), "c2": (120, 500, 1, 0)}),
        batch({"c1": (130, 30, 1, 0), "c2": (120, 500, 1, 0)}),
    )
    assert pod_of(storage) is None

    storage.store("node1", batch({"c1": (140, 40, 1, 0), "c2": (140, 520, 1, 0)}), NOW)

    assert pod_of(storage) == ([("c1", 1.0, 1), ("c2", 1.0, 1)], 140, 10)


def test_a_young_container_is_rated_from_its_start_also_at_a_short_resolution():
    """At 15 s metrics-server's rule holds for 5 s of a container's life."""
    assert pod_of(stored(batch({"c1": (40, 20, 1, 0)}), resolution=15.0)) == (
        [("c1", 0.5, 1)],
        40,
        40,
    )


def test_a_restart_a_moment_before_the_last_sample_is_seen():
    """Start times have whole seconds: the new start may seem to lie before the last sample."""
    storage = stored(batch({"c1": (100.3, 5, 1, 0)}), batch({"c1": (105.3, 6, 1, 100)}))

    assert pod_of(storage) is None


def test_containers_are_sorted_and_the_same_object_is_given_until_it_changes():
    storage = stored(
        batch({"b": (110, 10, 1, 0), "a": (110, 10, 1, 0)}),
        batch({"b": (120, 20, 1, 0), "a": (120, 20, 1, 0)}),
    )

    assert [name for name, _, _ in pod_of(storage)[0]] == ["a", "b"]
    assert storage.pod(POD, NOW) is storage.pod(POD, NOW)


class TestKeepingWhatIsGood:
    """A failed or half answer costs nothing but time."""

    GOOD = (batch({"c1": (110, 10, 1, 0)}), batch({"c1": (120, 20, 1, 0)}))
    SERVED = ([("c1", 1.0, 1)], 120, 10)

    def test_the_last_pair_is_served_until_it_is_too_old(self):
        storage = stored(*self.GOOD, resolution=15.0)

        assert pod_of(storage, now=max_age(15.0)) == self.SERVED
        assert pod_of(storage, now=max_age(15.0) + 1) is None
        assert storage.why_no_pod(POD, 61.0) == (
            "container c1: the last sample came 61 s ago (limit 60 s)"
        )

    @pytest.mark.parametrize(("resolution", "seconds"), [(15.0, 60.0), (60.0, 150.0)])
    def test_too_old(self, resolution, seconds):
        assert max_age(resolution) == seconds

    def test_what_a_broken_answer_leaves_out_is_kept(self):
        storage = stored(*self.GOOD, batch({}, complete=False))

        assert pod_of(storage) == self.SERVED

    def test_a_container_with_half_a_reading_keeps_its_pair(self):
        storage = stored(*self.GOOD, batch({}, incomplete=["c1"]))

        assert pod_of(storage) == self.SERVED

    def test_a_pod_with_a_container_never_read_whole_is_left_out(self):
        """Autoscalers sum the containers: a part would be taken for the whole."""
        storage = stored(
            batch({"c1": (110, 10, 1, 0)}, incomplete=["c2"]),
            batch({"c1": (120, 20, 1, 0)}, incomplete=["c2"]),
        )

        assert pod_of(storage) is None
        assert storage.why_no_pod(POD, NOW) == "container c2 has no memory sample"

    def test_what_is_gone_is_not_kept_forever_by_broken_answers(self):
        storage = stored(*self.GOOD)
        for now in (30.0, 60.0, 90.0, 120.0, 151.0):
            other = {("pod2", "c1"): (120 + now, 20 + now, 1, 0)}
            storage.store("node1", batch(other, complete=False, seen=now), now)

        assert storage.pod(POD, 151.0) is None
        assert storage.pod(PodKey("ns1", "pod2"), 151.0) is not None
        assert storage.why_no_pod(POD, 151.0) is None, "forgotten, not only too old"

    def test_readings_resume_after_broken_ones(self):
        storage = stored(*self.GOOD, batch({}, complete=False), batch({"c1": (150, 80, 1, 0)}))

        assert pod_of(storage) == ([("c1", 2.0, 1)], 150, 30)

    def test_a_kubelet_that_repeats_itself_for_minutes_is_not_believed(self):
        storage = Storage(15.0)
        for entry in self.GOOD:
            storage.store("node1", entry, NOW)
        for now in (300.0, STALLED_SECONDS + 1):
            storage.store("node1", batch({"c1": (120, 20, 1, 0)}, seen=now), now)

        assert storage.pod(POD, STALLED_SECONDS + 1) is None
        assert "repeats the same samples" in (storage.why_no_pod(POD, 601.0) or "")


class TestTwoKubeletsReportOnePod:
    """After a move both may; metrics-server takes whichever answered first."""

    def store(self, order) -> Storage:
        storage = Storage(60.0)
        entries = {"old": (0, 10.0), "new": (100, 2.0)}
        for at in (200, 210):
            for node in order:
                start, rate = entries[node]
                cpu = (at - start) * rate
                storage.store(node, batch({"c1": (at, cpu, 1, start)}), NOW)
        return storage

    @pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
    def test_the_one_that_started_it_last_wins(self, order):
        assert pod_of(self.store(order)) == ([("c1", 2.0, 1)], 210, 10)

    def test_when_it_goes_the_other_serves(self):
        storage = self.store(("old", "new"))

        storage.forget("new")

        assert pod_of(storage) == ([("c1", 10.0, 1)], 210, 10)


@pytest.mark.parametrize(
    ("batches", "ready"),
    [
        pytest.param([node_batch(10, 10), node_batch(20, 20)], (True, False), id="nodes-only"),
        pytest.param(
            [batch({"c1": (110, 1, 1, 0)}), batch({"c1": (120, 2, 1, 0)})],
            (False, True),
            id="pods-only",
        ),
        pytest.param(
            [batch({"c1": (110, 1, 1, 0)}, MetricsPoint(0.0, T0, 1.0, 1))],
            (False, False),
            id="first",
        ),
        pytest.param(
            [
                batch({"c1": (110, 1, 1, 0)}, MetricsPoint(0.0, T0, 1.0, 1)),
                batch({"c1": (120, 1, 1, 0)}, MetricsPoint(0.0, T0 + 10, 1.0, 1)),
            ],
            (True, True),
            id="both",
        ),
    ],
)
def test_readiness_table(batches, ready):
    nodes, containers = stored(*batches).points(NOW)

    assert (nodes > 0, containers > 0) == ready


def test_servable_points_are_counted():
    storage = stored(batch({"c1": (110, 1, 1, 0), "c2": (110, 1, 1, 0)}, MetricsPoint(0, T0, 1, 1)))
    assert storage.points(NOW) == (0, 0)

    storage.store(
        "node1",
        batch({"c1": (120, 2, 1, 0), "c2": (120, 2, 1, 0)}, MetricsPoint(0, T0 + 9, 2, 1)),
        NOW,
    )

    assert storage.points(NOW) == (1, 2)
    assert storage.points(NOW + max_age(60.0) + 1) == (0, 0)


@pytest.mark.parametrize(
    ("batches", "points"),
    [
        pytest.param([node_batch(10, 10)], (0, 0), id="one-of-a-node"),
        pytest.param([node_batch(10, 10), node_batch(20, 20)], (1, 0), id="two-of-a-node"),
        pytest.param([batch({"c1": (120, 1, 1, 0), "c2": (120, 1, 1, 0)})], (0, 0), id="one"),
        pytest.param(
            [
                batch({"c1": (120, 1, 1, 0), "c2": (120, 1, 1, 0)}),
                batch({"c1": (125, 2, 1, 0), "c2": (125, 2, 1, 0)}),
            ],
            (0, 2),
            id="two",
        ),
    ],
)
def test_points_gauge_table(batches, points):
    assert stored(*batches).points(NOW) == points


def test_worked_sample_of_a_real_kubelet():
    """(4.857169 - 4.710169) s in 15.953 s."""
    storage = stored(
        batch({"coredns": (12.125, 4.710169, 12533760, -1000)}),
        batch({"coredns": (28.078, 4.857169, 12533760, -1000)}),
        resolution=15.0,
    )

    containers, _, window = pod_of(storage)

    assert containers[0][1] == pytest.approx(0.00921456779, abs=1e-11)
    assert window == 15.953
