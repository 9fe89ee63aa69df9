"""Coverage of intervals, on models where it is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import poisson

from nuhist import Workspace
from nuhist.errors import ConfigError
from nuhist.inference.coverage import coverage
from nuhist.inference.execution import Execution

Counting = Callable[..., Workspace]

TOYS = 8000


@pytest.mark.thorough
def test_feldman_cousins_covers(counting: Counting) -> None:
    # Means of 40,000 events and more: nearly continuous, so that 90 % is not missed for want of a count.
    workspace = counting([40200], [1000.0], [40000.0], bounds=[[0.0, 5.0]])
    found = coverage(workspace, [0.0, 0.3, 1.0], execution=Execution(toys=TOYS, seed=5))
    assert [point.coupling for point in found.points] == [0.0, 0.3, 1.0]
    for point in found.points:
        share, error = point.coverage["feldman-cousins"], point.error["feldman-cousins"]
        assert error == pytest.approx(np.sqrt(2 * 0.09 / TOYS), rel=0.15)
        # As many toys calibrate as test: √2. Both counts at an end, 2 φ(1.645)/200 = 0.1 %, may be in or out.
        assert abs(share - 0.90) < 3 * error + 0.001


@pytest.mark.thorough
def test_profile_at_a_boundary_and_far_from_it(counting: Counting) -> None:
    # At mu = 0 half of the toys have a statistic of 0 and the others that of a χ², so 2.71 is exceeded by
    # 5 % and not by 10 %; far from it by 10 %.
    workspace = counting([420], [100.0], [400.0], bounds=[[0.0, 5.0]])
    found = coverage(workspace, [0.0, 1.0], execution=Execution(toys=TOYS, seed=2))
    boundary, inside = (point.coverage["profile"] for point in found.points)
    assert boundary == pytest.approx(0.95, abs=0.01)
    assert inside == pytest.approx(0.90, abs=3 * np.sqrt(0.09 / TOYS) + 0.01)


def test_profile_coverage_is_an_exact_sum(counting: Counting) -> None:
    # A few counts: which of them 2.7055 accepts at mu = 2 is known, and so is their probability.
    background, truth = 3.0, 2.0
    counts = np.arange(60)
    best = np.maximum(counts, background)
    statistic = 2 * (poisson.logpmf(counts, best) - poisson.logpmf(counts, truth + background))
    expected = poisson.pmf(counts, truth + background)[statistic <= 2.7055].sum()
    found = coverage(counting([4], [1.0], [background]), [truth], execution=Execution(toys=TOYS, seed=1))
    share = found.points[0].coverage["profile"]
    assert share == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / TOYS))
    # Feldman and Cousins never cover less: counts are discrete.
    assert found.points[0].coverage["feldman-cousins"] > 0.90 - 4 * np.sqrt(0.09 / TOYS)


def test_the_result_says_how(counting: Counting) -> None:
    workspace = counting([4], [1.0], [3.0])
    found = coverage(workspace, [1.0], confidence_level=0.68, execution=Execution(toys=500, seed=9))
    assert (found.confidence_level, found.toys, found.seed) == (0.68, 500, 9)
    assert found.workspace_digest == workspace.digest
    assert set(found.points[0].coverage) == {"profile", "feldman-cousins", "cls"}
    again = coverage(workspace, [1.0], confidence_level=0.68, execution=Execution(toys=500, seed=9, jobs=2))
    assert again == found


@pytest.mark.parametrize(
    ("couplings", "message"),
    [
        ([], "couplings: name at least one"),
        ([-1.0], "-1 lies outside the bounds of mu, 0 to 10"),
        ([1.0, 11.0], "11 lies outside the bounds of mu, 0 to 10"),
    ],
)
def test_couplings_that_cannot_be_true(counting: Counting, couplings: list[float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        coverage(counting([4], [1.0], [3.0]), couplings, execution=Execution(toys=10))


def test_not_a_number_is_no_coupling(counting: Counting) -> None:
    with pytest.raises(ConfigError, match=r"couplings\[0\] = nan: expected a number"):
        coverage(counting([4], [1.0], [3.0]), [float("nan")], execution=Execution(toys=10))
