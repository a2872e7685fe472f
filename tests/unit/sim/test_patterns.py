import pytest

from adapter.sim.patterns import Sine, Steady, Steps

PATTERNS = [
    pytest.param(Steady(0.25), id="steady"),
    pytest.param(Sine(mean=1.0, amplitude=0.9, period=60.0, phase=0.3), id="sine"),
    pytest.param(Steps([0.1, 2.0, 0.5], seconds=7.0), id="steps"),
]
START = 1_790_000_003.7


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("seconds", [0.5, 15.0, 200.0])
def test_integral_is_the_sum_of_the_values(pattern, seconds):
    pieces = 5_000
    width = seconds / pieces
    summed = sum(pattern.at(START + (i + 0.5) * width) * width for i in range(pieces))

    assert pattern.integral(START, START + seconds) == pytest.approx(summed, rel=1e-3)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("seconds", [0.5, 15.0, 200.0])
def test_extremes_bound_all_values_and_are_reached(pattern, seconds):
    values = [pattern.at(START + seconds * i / 5000) for i in range(5001)]

    least, most = pattern.extremes(START, START + seconds)

    assert least == pytest.approx(min(values), abs=1e-5)
    assert most == pytest.approx(max(values), abs=1e-5)
    assert least - 1e-9 <= min(values) <= max(values) <= most + 1e-9


def test_usage_is_never_negative():
    with pytest.raises(ValueError, match="never negative"):
        Sine(mean=1.0, amplitude=1.1, period=60.0)
    with pytest.raises(ValueError, match="levels of 0 and more"):
        Steps([1.0, -1.0], seconds=5.0)
