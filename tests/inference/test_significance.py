"""Significance and goodness of fit against closed formulas and exact sums."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm, poisson

from nuhist import Model, Workspace
from nuhist.errors import FitError, ModelError
from nuhist.inference.execution import Execution
from nuhist.inference.significance import goodness_of_fit, significance

Counting = Callable[..., Workspace]

# Standard errors of a fraction of toys with a fixed seed.
ALLOWED = 4.0


@pytest.mark.parametrize(("observed", "background"), [(16, 9.0), (7, 3.0), (130, 100.0)])
def test_one_bin_has_a_closed_formula(counting: Counting, observed: int, background: float) -> None:
    # Z = √(2 (n ln(n/b) − (n − b))): arXiv:1007.1727, eq. (97) with s = n − b.
    expected = np.sqrt(2 * (observed * np.log(observed / background) - (observed - background)))
    found = significance(counting([observed], [background], [background]))
    # The fit gains less than 1e-10 of 2NLL at its end.
    assert found.significance == pytest.approx(expected, rel=1e-6)
    assert found.q0 == pytest.approx(expected**2, rel=1e-6)
    assert found.p_value == pytest.approx(norm.sf(expected), rel=1e-5)
    assert found.best_fit == pytest.approx(observed / background - 1, rel=1e-4)
    assert (found.method, found.toys, found.seed, found.p_value_error) == ("asymptotic", None, None, None)


def test_fewer_than_the_background_is_no_sign(counting: Counting) -> None:
    found = significance(counting([2], [1.0], [5.0]))
    assert found.q0 == 0.0
    assert found.best_fit == 0.0
    assert found.p_value == pytest.approx(0.5)  # arXiv:1007.1727: half of the data fluctuate downwards
    assert found.significance == pytest.approx(0.0, abs=1e-12)


def test_a_signed_parameter_counts_both_sides(counting: Counting) -> None:
    # Three fewer than nine: q0 is 2 (6 ln(6/9) + 3), and both signs of a signed parameter can give it.
    q0 = 2 * (6 * np.log(6 / 9) + 3)
    found = significance(counting([6], [9.0], [9.0], bounds=[[-1.0, 5.0]]))
    assert found.q0 == pytest.approx(q0, rel=1e-6)
    assert found.p_value == pytest.approx(2 * norm.sf(np.sqrt(q0)), rel=1e-5)


@pytest.mark.parametrize("observed", [5, 8])
def test_toys_of_one_bin_are_a_poisson_sum(counting: Counting, observed: int) -> None:
    # q0 grows with n above the background: q0 of toys is as large where n is.
    toys = 20_000
    found = significance(
        counting([observed], [1.0], [3.5], bounds=[[0.0, 40.0]]), execution=Execution(toys=toys, seed=4)
    )
    expected = float(poisson.sf(observed - 1, 3.5))
    assert found.p_value_error == pytest.approx(np.sqrt(expected * (1 - expected) / toys), rel=0.2)
    assert abs(found.p_value - expected) < ALLOWED * np.sqrt(expected * (1 - expected) / toys)
    assert found.significance == pytest.approx(norm.isf(found.p_value), rel=1e-9)
    assert (found.method, found.toys, found.seed) == ("toys", toys, 4)


def test_no_parameter_of_interest(counting: Counting) -> None:
    with pytest.raises(ModelError, match="no parameter of interest"):
        significance(counting([3], [1.0], [2.0], poi=""))


def test_goodness_of_fit_of_many_counts_is_chi2(counting: Counting) -> None:
    # Twenty bins of a few hundred to thousand counts: the saturated statistic follows a χ² with 19
    # degrees of freedom, apart from terms of the order of 1/n.
    rng = np.random.default_rng(2)
    signal, background = np.linspace(100, 300, 20), np.linspace(900, 300, 20)
    observed = rng.poisson(signal + background)
    toys = 4000
    found = goodness_of_fit(
        counting(observed.tolist(), signal.tolist(), background.tolist()),
        execution=Execution(toys=toys, seed=6),
    )
    assert found.degrees_of_freedom == 19
    assert found.p_value is not None
    assert 0.02 < found.p_value < 0.98
    assert found.toys_p_value == pytest.approx(
        found.p_value, abs=ALLOWED * np.sqrt(found.p_value * (1 - found.p_value) / toys)
    )
    assert found.toys_p_value_error == pytest.approx(
        np.sqrt(found.p_value * (1 - found.p_value) / toys), rel=0.2
    )


def test_goodness_of_fit_of_few_counts_needs_toys(counting: Counting) -> None:
    # One bin, no free parameter that matters: the exact distribution is a sum over Poisson counts. Two
    # bins, the signal in the first only, which the fit takes away: the second follows Poisson(1).
    observed = 3
    height = 2 * (1 - observed + observed * np.log(observed))
    counts = np.arange(60)
    heights = 2 * (1 - counts + counts * np.log(np.maximum(counts, 1)))
    expected = poisson.pmf(counts, 1.0)[heights >= height - 1e-9].sum()
    toys = 20_000
    found = goodness_of_fit(
        counting([30, observed], [5.0, 0.0], [10.0, 1.0]), execution=Execution(toys=toys, seed=6)
    )
    assert found.min_chi2 == pytest.approx(height, abs=1e-6)
    # The first bin needs mu ≥ 0, 30 where at least 10 are expected: 2e-5 of the toys fall below.
    assert found.toys_p_value == pytest.approx(expected, abs=ALLOWED * np.sqrt(expected / toys) + 2e-5)
    assert found.p_value is not None
    assert abs(found.p_value - expected) > 0.01  # what the asymptotic formula misses


def test_without_toys_there_is_no_toy_p_value(counting: Counting) -> None:
    found = goodness_of_fit(counting([30, 20], [5.0, 1.0], [20.0, 20.0]))
    assert (found.toys_p_value, found.toys_p_value_error, found.toys, found.seed) == (None, None, None, None)
    assert found.p_value is not None


def test_a_fixed_strength_has_no_significance(counting: Callable[..., Workspace]) -> None:
    with pytest.raises(FitError, match="its parameter of interest is fixed; free it for a significance"):
        significance(Model(counting([5], [1.0], [3.0]), fixed={"mu": 1.0}))
