"""Ends of Feldman-Cousins intervals of counts: where the exact sums have them, and what they cover."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import poisson

from nuhist import Workspace, limit
from nuhist.inference.belt_ends import ends, next_values
from nuhist.inference.coverage import coverage
from nuhist.inference.execution import Execution
from nuhist.inference.results import Interval

Array = NDArray[np.float64]
Build = Callable[..., Workspace]

FINE = np.arange(0.0, 40.0, 0.005)


def exact(observed: int, background: float) -> tuple[float, float]:
    """First and last value that the unified ordering accepts at 90 %, on a fine grid (physics/9711021)."""
    counts = np.arange(150)
    mean = FINE[:, None] + background
    best = poisson.logpmf(counts, np.maximum(counts, background))
    statistic = np.asarray(best - poisson.logpmf(counts, mean))
    larger = statistic >= statistic[:, [observed]] - 1e-9
    accepted = FINE[np.sum(poisson.pmf(counts, mean) * larger, axis=1) > 0.10]
    return float(accepted[0]), float(accepted[-1])


def interval(
    counting: Build, observed: int, background: float, signal: float = 1.0, seed: int = 0
) -> Interval:
    workspace = counting([observed], [signal], [background])
    return limit(workspace, method="feldman-cousins", execution=Execution(toys=2000, seed=seed))


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(
    ("observed", "background", "lower", "upper"),
    # Exact sums, to three digits: at n = 3, b = 1 the p-value rises to 0.1 at 0.103 and falls through it at
    # 6.424; those of n = 1, b = 2 and n = 5, b = 3 (in units of 2 events) fall at 2.527 and 3.494.
    [(3, 1.0, 0.103, 6.424), (1, 2.0, None, 2.527), (5, 3.0, None, 2 * 3.494)],
)
def test_ends_of_counts(
    counting: Build, observed: int, background: float, lower: float | None, upper: float
) -> None:
    # Bounds are pyhf's own, 0 to 10: toys whose best fit lies beyond are not ordered by them.
    found = interval(counting, observed, background)
    first, last = exact(observed, background)
    assert last == pytest.approx(upper, abs=0.006)  # the grid of the sums
    # 2000 even toys know shares to 1/1000; a smooth crossing of n = 5 falls by 0.01 per unit.
    assert found.upper == pytest.approx(last, rel=0.005)
    assert found.upper_range is not None
    assert found.upper_range[0] is not None
    assert found.upper_range[0] <= last <= (found.upper_range[1] or np.inf) + 0.005
    if lower is None:
        assert first == 0
        assert (found.lower, found.lower_range) == (None, None)
    else:
        assert first == pytest.approx(lower, abs=0.006)
        assert found.lower == pytest.approx(lower, abs=0.01)
        assert found.lower_range is not None
        assert (found.lower_range[0] or -np.inf) <= lower <= (found.lower_range[1] or np.inf)


@pytest.mark.thorough
def test_ends_are_found_in_any_unit(counting: Build) -> None:
    first, second = interval(counting, 3, 1.0), interval(counting, 3, 1.0, signal=2.5)
    assert first.upper is not None
    # An end is known to 0.002 of its distance from the best fit.
    assert second.upper == pytest.approx(first.upper / 2.5, rel=2e-3)
    wide = counting([3], [1.0], [1.0], bounds=[[0.0, 1e30]])
    found = limit(wide, method="feldman-cousins", execution=Execution(toys=2000))
    assert found.lower == pytest.approx(first.lower, abs=4e-3)
    assert found.upper == pytest.approx(first.upper, rel=2e-3)


@pytest.fixture(scope="module")
def printed(counting: Build) -> list[Interval]:
    """Intervals of 0 to 12 events over a background of 2."""
    return [interval(counting, observed, 2.0) for observed in range(13)]


@pytest.mark.thorough
def test_printed_intervals_cover(printed: list[Interval]) -> None:
    # The sum over the counts of the probability of those whose interval holds the truth. 13 events and more
    # have a probability of 3e-4 with 4 expected.
    truths = np.arange(0.0, 2.0, 0.01)
    held = np.zeros(truths.size)
    for count, found in enumerate(printed):
        upper = np.inf if found.upper is None else found.upper
        inside = (truths >= (found.lower or 0.0)) & (truths <= upper)
        held += inside * poisson.pmf(count, truths + 2.0)
    # 90 %, less 0.005 for the toys.
    assert held.min() >= 0.895


@pytest.mark.thorough
def test_coverage_is_that_of_the_printed_intervals(counting: Build, printed: list[Interval]) -> None:
    truths = (0.42, 1.0, 1.57)
    found = coverage(counting([3], [1.0], [2.0]), truths, execution=Execution(toys=2000, seed=3))
    for point in found.points:
        truth = point.coupling
        held = sum(
            float(poisson.pmf(count, truth + 2.0))
            for count, one in enumerate(printed)
            if (one.lower or 0.0) <= truth <= (np.inf if one.upper is None else one.upper)
        )
        # Near 0.42 and 1.57 an end of one count lies within its error: the error of coverage knows.
        assert abs(point.coverage["feldman-cousins"] - held) <= 1.5 * point.error["feldman-cousins"]


def test_what_is_looked_at_next() -> None:
    values = np.linspace(0.0, 10.0, 11)
    p_values = np.array([1.0, 0.9, 0.8, 0.6, 0.4, 0.2, 0.05, 0.04, 0.01, 0.0, 0.0])
    found = ends(values, p_values, 0.10, 10**6)
    more = next_values(found, values, 0.0, (0.0, 10.0), first=True)
    # Around the end at 6, from 3 to 8, a quarter apart.
    assert more.tolist() == [value for value in np.arange(3.0, 8.0, 0.25) if value % 1]
    more = next_values(found, values, 0.0, (0.0, 10.0), first=False)
    assert more.tolist() == [5.25, 5.5, 5.75]
    # Accepted up to the last value: further out, up to the bound.
    found = ends(values[:6], p_values[:6], 0.10, 10**6)
    assert next_values(found, values[:6], 0.0, (0.0, 7.0), first=True).tolist() == [7.0]
    assert next_values(found, values[:6], 0.0, (0.0, 5.0), first=True).size == 0
