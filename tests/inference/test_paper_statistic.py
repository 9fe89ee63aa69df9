"""The least-squares functions of arXiv:2207.05036, eqs. (10) and (11), and what they give.

The functions are written here in plain NumPy, from counts that come straight from the experiment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize, minimize_scalar

from nuhist import Workspace, fit, limit, load_experiment
from nuhist.experiments.counts import (
    argon37_counts,
    background_counts,
    background_response,
    neutrino_counts,
)
from nuhist.experiments.data import observed_counts
from nuhist.experiments.response import make_response
from nuhist.inference.prepare import make_likelihood
from nuhist.physics.hypotheses import FlavorChoice, RateOptions, get_hypothesis
from nuhist.physics.recoils import breakpoints
from tests.digits import WRITTEN

Array = NDArray[np.float64]
Build = Callable[..., Workspace]

SIGMA_ALPHA, SIGMA_BETA = 0.051, 0.07  # below eq. (10)
SIGMA_ALPHA_37, SIGMA_DELTA = 0.13, 1.0  # below eq. (11)
POINTS = 50


@dataclass(frozen=True)
class Counts:
    """What enters eqs. (10) and (11), per bin; ``moment`` at 10⁻¹¹ μ_B, ``argon`` at 96 events."""

    observed: Array
    background: Array
    scattering: Array
    moment: Array
    argon: Array
    argon_fitted: Array


def paper_counts(name: str, flavor: FlavorChoice = "effective") -> Counts:
    """Counts of an experiment's ``paper`` treatment, from the functions of the experiments layer."""
    experiment = load_experiment(name)
    treatment = experiment.treatment("paper")
    hypothesis = get_hypothesis("magnetic-moment")
    sharp = make_response(experiment, "none", breakpoints(hypothesis, experiment.target))
    nu = neutrino_counts(
        experiment, sharp, hypothesis, flavor, experiment.neutrino_source(treatment), "all", RateOptions()
    )
    best = background_response(experiment)
    return Counts(
        observed=observed_counts(experiment, treatment),
        background=background_counts(experiment, treatment.samples[0], best, nu[0]),
        scattering=nu[0],
        moment=nu[2],
        argon=argon37_counts(experiment, best, 96),
        argon_fitted=argon37_counts(experiment, best, 52.5),
    )


def poisson_chi2(observed: Array, expected: Array) -> float:
    """Twice the log of the likelihood ratio to the saturated model; n ln n is 0 for no events."""
    logs = np.zeros_like(observed)
    some = observed > 0
    logs[some] = observed[some] * np.log(observed[some] / expected[some])
    return float(2 * np.sum(expected - observed + logs))


def equation_10(counts: Counts, mu_squared: float, alpha: float, beta: float) -> float:
    """Eq. (10): alpha and beta are fractional shifts of background and scattering."""
    scattering = counts.scattering + mu_squared * counts.moment
    expected = (1 + alpha) * counts.background + (1 + beta) * scattering
    return poisson_chi2(counts.observed, expected) + (alpha / SIGMA_ALPHA) ** 2 + (beta / SIGMA_BETA) ** 2


def equation_11(counts: Counts, mu_squared: float, alpha: float, beta: float, delta: float) -> float:
    """Eq. (11): alpha, beta, delta are factors, and the background is without ³⁷Ar."""
    scattering = counts.scattering + mu_squared * counts.moment
    background = counts.background - counts.argon_fitted
    expected = alpha * background + beta * scattering + delta * counts.argon
    constraints = ((alpha - 1) / SIGMA_ALPHA_37) ** 2 + ((beta - 1) / SIGMA_BETA) ** 2
    return poisson_chi2(counts.observed, expected) + constraints + ((delta - 1) / SIGMA_DELTA) ** 2


def twice_nll(workspace: Workspace) -> Callable[[Mapping[str, float]], float]:
    """pyhf's 2NLL of a workspace as a function of all of its parameters by name."""
    likelihood = make_likelihood(workspace)

    def value(values: Mapping[str, float]) -> float:
        assert set(values) == set(likelihood.names)
        return likelihood.twice_nll(np.array([values[name] for name in likelihood.names]))

    return value


@pytest.mark.parametrize("experiment", ["lz_ws2022", "lz_ws2022_paper"])
def test_linear_workspace_is_equation_10(built: Build, experiment: str) -> None:
    workspace = built(experiment, hypothesis="magnetic-moment", background="paper", constraint="linear")
    counts, pyhf = paper_counts(experiment), twice_nll(workspace)
    rng = np.random.default_rng(2207)
    rows = rng.uniform([0, -2, -2], [10, 2, 2], size=(POINTS, 3))
    ours = [
        pyhf({"mu_nu_squared": x, f"{experiment}_background_norm": a, "solar_nu_flux": b}) for x, a, b in rows
    ]
    paper = [equation_10(counts, x, SIGMA_ALPHA * a, SIGMA_BETA * b) for x, a, b in rows]
    # Differences reach a few thousand, and counts are written with ten digits.
    np.testing.assert_allclose(
        np.subtract(ours, ours[0]), np.subtract(paper, paper[0]), rtol=WRITTEN, atol=1e-6
    )


@pytest.mark.parametrize("experiment", ["lz_ws2022", "lz_ws2022_paper"])
def test_linear_workspace_with_gaussian_argon_is_equation_11(built: Build, experiment: str) -> None:
    workspace = built(
        experiment, hypothesis="magnetic-moment", background="paper", constraint="linear", ar37="gaussian"
    )
    counts, pyhf = paper_counts(experiment), twice_nll(workspace)
    rng = np.random.default_rng(5036)
    # ³⁷Ar from none to three times its expectation; the histosys is linear within its bounds.
    rows = rng.uniform([0, -2, -2, -1], [10, 2, 2, 2], size=(POINTS, 4))
    ours = [
        pyhf({
            "mu_nu_squared": x,
            f"{experiment}_background_norm": a,
            "solar_nu_flux": b,
            f"{experiment}_ar37_norm": d,
        })
        for x, a, b, d in rows
    ]  # fmt: skip
    paper = [equation_11(counts, x, 1 + SIGMA_ALPHA_37 * a, 1 + SIGMA_BETA * b, 1 + d) for x, a, b, d in rows]
    np.testing.assert_allclose(
        np.subtract(ours, ours[0]), np.subtract(paper, paper[0]), rtol=WRITTEN, atol=1e-6
    )


def equation_10_profile(counts: Counts) -> tuple[float, float]:
    """Minimum of eq. (10) over μ² ≥ 0, and the upper end of Δχ² < 2.7055, by SciPy alone."""

    def profiled(mu_squared: float) -> float:
        def chi2(pulls: Array) -> float:
            return equation_10(counts, mu_squared, SIGMA_ALPHA * pulls[0], SIGMA_BETA * pulls[1])

        bounds = [(-4.0, 4.0), (-4.0, 4.0)]
        return float(minimize(chi2, np.zeros(2), method="L-BFGS-B", bounds=bounds, tol=1e-9).fun)

    grid = np.linspace(0, 6, 61)
    heights = [profiled(x) for x in grid]
    near = int(np.argmin(heights))
    inner = minimize_scalar(
        profiled, bounds=(grid[max(near - 1, 0)], grid[near + 1]), method="bounded", options={"xatol": 1e-6}
    )
    lowest = min(float(inner.fun), heights[near])
    # 2.7055: the 0.9 quantile of χ² with one degree of freedom, from tables.
    upper = brentq(lambda x: profiled(x) - lowest - 2.7055, grid[near], 20.0, rtol=1e-6)
    return lowest, float(upper)


@pytest.mark.parametrize(
    ("experiment", "flavor"),
    [("lz_ws2022", "effective"), ("lz_ws2022_paper", "effective"), ("lz_ws2022_paper", "mu")],
)
def test_profile_limit_is_that_of_equation_10(built: Build, experiment: str, flavor: FlavorChoice) -> None:
    workspace = built(
        experiment, hypothesis="magnetic-moment", flavor=flavor, background="paper", constraint="linear"
    )
    lowest, upper = equation_10_profile(paper_counts(experiment, flavor))
    interval = limit(workspace)
    assert interval.min_chi2 == pytest.approx(lowest, abs=1e-4)  # L-BFGS-B takes its gradient by differences
    assert interval.parameter_upper == pytest.approx(upper, rel=1e-3, abs=0)  # nuhist promises 1e-4
    assert interval.upper == pytest.approx(1e-11 * np.sqrt(upper), rel=1e-3, abs=0)


@pytest.mark.parametrize(
    ("experiment", "flavor", "min_chi2", "upper"),
    [
        # An independent calculation (other code, other quadrature) of eq. (10), design notes sec. 2.
        ("lz_ws2022_paper", "effective", 99.1, 0.992e-11),
        ("lz_ws2022_paper", "e", 99.1, 1.367e-11),
        ("lz_ws2022_paper", "mu", 99.1, 2.142e-11),
        ("lz_ws2022_paper", "tau", 99.1, 1.950e-11),
        ("lz_ws2022", "effective", 33.0, 1.24e-11),
    ],
)
def test_limits_of_an_independent_calculation(
    built: Build, experiment: str, flavor: FlavorChoice, min_chi2: float, upper: float
) -> None:
    interval = limit(
        built(
            experiment, hypothesis="magnetic-moment", flavor=flavor, background="paper", constraint="linear"
        )
    )
    # That calculation differs in fluxes and constants: 1 in χ² and 3 % in the limit.
    assert interval.min_chi2 == pytest.approx(min_chi2, abs=1)
    assert interval.upper == pytest.approx(upper, rel=0.03, abs=0)
    assert interval.lower is None
    assert interval.unit == "mu_B"


def test_limits_of_the_flavours_add_up_to_the_effective_one(built: Build) -> None:
    # The moment's cross section knows no flavour, and the flavours' shares of the flux do not depend
    # on energy: share × x is the same for all x = μ², and the shares add up to 1.
    x = {}
    for flavor in ("effective", "e", "mu", "tau"):
        workspace = built(
            "lz_ws2022_paper",
            hypothesis="magnetic-moment",
            flavor=flavor,
            background="paper",
            constraint="linear",
        )
        x[flavor] = limit(workspace).parameter_upper or 0.0
    # nuhist promises 1e-4 for each limit.
    assert 1 / x["effective"] == pytest.approx(1 / x["e"] + 1 / x["mu"] + 1 / x["tau"], rel=5e-4)


def test_components_fit_agrees_with_lz(built: Build) -> None:
    result = fit(built("lz_ws2022", hypothesis="magnetic-moment"))
    after = {sample.sample: sample.after for sample in result.samples}
    # LZ's own fit, arXiv:2207.03764, Table I: 52.5 (+9.6 -8.9) and 222 ± 16 events.
    assert 52.5 - 8.9 < after["ar37"] < 52.5 + 9.6
    assert 222 - 16 < after["beta"] < 222 + 16
    # A model of the data: neither refused at 99 % nor too good to be true.
    assert result.p_value is not None
    assert 0.01 < result.p_value < 0.99
    assert sum(after.values()) == pytest.approx(335, rel=0.05)  # events observed
