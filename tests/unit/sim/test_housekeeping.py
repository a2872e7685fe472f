from itertools import pairwise

import pytest

from adapter.sim.housekeeping import Housekeeping

FIRST = 1_790_000_000.123


def sample_times(housekeeping, subject=7, seconds=2000):
    """Every distinct newest sample seen by an observer who looks ten times a second."""
    moments = (FIRST + step / 10 for step in range(1, seconds * 10))
    return sorted({housekeeping.newest(subject, FIRST, moment) for moment in moments})


def test_samples_are_one_to_one_and_a_half_intervals_apart():
    times = sample_times(Housekeeping(10.0, seed=1))

    gaps = [later - earlier for earlier, later in pairwise(times)]

    assert 9.99 <= min(gaps) < 11
    assert 14 < max(gaps) <= 15.01
    assert len(set(gaps)) > len(gaps) / 2


def test_samples_are_never_in_the_future_and_whole_milliseconds():
    housekeeping = Housekeeping(10.0, seed=1)

    for step in range(5000):
        moment = FIRST + step / 7
        newest = housekeeping.newest(7, FIRST, moment)
        assert newest <= moment
        assert moment - newest <= 15.01
        assert newest == round(newest, 3)


def test_times_follow_from_seed_and_subject():
    times = sample_times(Housekeeping(10.0, seed=1))

    assert times == sample_times(Housekeeping(10.0, seed=1))
    assert times != sample_times(Housekeeping(10.0, seed=2))
    assert times != sample_times(Housekeeping(10.0, seed=1), subject=8)


@pytest.mark.parametrize("interval", [0.0, 10.0], ids=["on-demand", "periodic"])
def test_nothing_is_sampled_before_the_first_time(interval):
    housekeeping = Housekeeping(interval, seed=1)

    assert housekeeping.newest(7, FIRST, FIRST - 0.1) is None
    assert housekeeping.newest(7, FIRST, FIRST) == FIRST


def test_on_demand_samples_are_of_the_moment():
    assert Housekeeping(0.0, seed=1).newest(7, FIRST, FIRST + 3.4567) == FIRST + 3.456
