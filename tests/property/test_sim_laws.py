"""Laws of the simulated workloads: integrals add up, samples never go back."""

from hypothesis import given
from hypothesis import strategies as st

from adapter.sim.exposition import go_float
from adapter.sim.housekeeping import Housekeeping
from adapter.sim.patterns import Sine, Steady, Steps

levels = st.floats(0, 16, allow_subnormal=False)
times = st.floats(1.7e9, 1.9e9)
spans = st.floats(0, 7200)


@st.composite
def sines(draw):
    mean = draw(levels)
    share = draw(st.floats(0, 1))
    return Sine(mean, mean * share, draw(st.floats(1, 5000)), draw(st.floats(0, 1)))


patterns = st.one_of(
    st.builds(Steady, levels),
    sines(),
    st.builds(Steps, st.lists(levels, min_size=1, max_size=6), st.floats(1, 600)),
)


@given(patterns, times, spans, spans)
def test_integrals_add_up(pattern, start, first, second):
    middle, end = start + first, start + first + second

    whole = pattern.integral(start, end)

    parts = pattern.integral(start, middle) + pattern.integral(middle, end)
    assert abs(whole - parts) <= 1e-5 * max(1.0, whole)


@given(patterns, times, spans)
def test_averages_lie_between_the_extremes(pattern, start, span):
    least, most = pattern.extremes(start, start + span)

    used = pattern.integral(start, start + span)

    slack = 1e-4 * max(1.0, span)
    assert least * span - slack <= used <= most * span + slack


@given(st.integers(0, 2**32 - 1), times, st.lists(spans, min_size=2, max_size=20))
def test_samples_never_go_back_and_are_never_older_than_one_and_a_half_intervals(
    subject, first, moments
):
    housekeeping = Housekeeping(10.0, seed=3)
    observed = [first + moment for moment in sorted(moments)]

    samples = [housekeeping.newest(subject, first, moment) for moment in observed]

    assert samples == sorted(samples)
    for moment, sample in zip(observed, samples, strict=True):
        assert first - 0.0011 <= sample <= moment
        assert moment - sample <= 15.002


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_written_as_go_writes_them_are_the_same_numbers(value):
    assert float(go_float(value)) == value
