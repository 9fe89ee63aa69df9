"""Fits: traps of minimisers, workspaces of others, and min_chi2 against a calculation by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from iminuit import Minuit
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize

from nuhist import Model, Workspace, fit, limit
from nuhist.errors import ConfigError, ModelError
from nuhist.histfactory.polynomial import polynomial_modifier
from nuhist.histfactory.validation import validate

Array = NDArray[np.float64]
Make = Callable[..., Workspace]
SCALE = 1e4  # of a signed parameter, nuhist.physics.hypotheses


def values(workspace: Workspace) -> dict[str, float]:
    """Fitted parameters by name."""
    return {entry.name: entry.value for entry in fit(workspace).parameters}


@pytest.mark.parametrize("start", [0.0, 0.1, 1.0, 50.0])
def test_a_start_on_the_bound_is_no_trap(counting: Make, start: float) -> None:
    # Minuit that starts on a bound stays there and reports success.
    result = fit(counting([30], [2], [10], bounds=[[0, 50]], inits=[start]))
    assert result.best_fit == pytest.approx(10, rel=1e-4)  # (30 − 10)/2
    assert result.min_chi2 == pytest.approx(0, abs=1e-8)
    (parameter,) = result.parameters
    # Standard deviation of a count over its signal, from the curvature: √30/2.
    assert parameter.uncertainty == pytest.approx(np.sqrt(30) / 2, rel=1e-3)


def test_a_best_fit_on_the_bound_has_no_uncertainty(counting: Make) -> None:
    (parameter,) = fit(counting([3], [2], [10], bounds=[[0, 50]])).parameters
    assert parameter.value == pytest.approx(0, abs=1e-6)
    assert parameter.uncertainty is None


STANDARD, LINEAR, QUADRATIC = np.array([20.0, 20.0]), np.array([-1.0, 0.5]), np.array([1.0, 1.0])


def signed(observed: list[float], start: float) -> Workspace:
    """A signed coupling with two minima, in two bins, by the recipe of the millicharge."""
    modifier = polynomial_modifier("q_nu_scaled", STANDARD, LINEAR, QUADRATIC, SCALE, 12.0).to_spec()
    sample = {"name": "nu", "data": STANDARD.tolist(), "modifiers": [modifier]}
    parameter = {"name": "q_nu_scaled", "bounds": [[-12 / SCALE, 12 / SCALE]], "inits": [start / SCALE]}
    spec = {
        "channels": [{"name": "toy", "samples": [sample]}],
        "observations": [{"name": "toy", "data": observed}],
        "measurements": [{"name": "toy", "config": {"poi": "q_nu_scaled", "parameters": [parameter]}}],
        "version": "1.0.0",
    }
    validate(spec, "toy")
    return Workspace(spec)


def signed_chi2(q: Array, observed: Array) -> Array:
    """Poisson χ² of that model for many q, shape (q,)."""
    expected = STANDARD + q[:, None] * LINEAR + q[:, None] ** 2 * QUADRATIC
    return np.asarray(2 * np.sum(expected - observed + observed * np.log(observed / expected), axis=1))


@pytest.mark.thorough(keep=8)
@pytest.mark.parametrize("start", [-11.0, -3.0, 0.0, 0.1, 3.0, 11.0])
@pytest.mark.parametrize("observed", [[32.0, 27.0], [26.0, 31.0], [60.0, 50.0], [12.0, 13.0]])
def test_the_global_minimum_of_two(observed: list[float], start: float) -> None:
    grid = np.linspace(-12, 12, 240_001)
    heights = signed_chi2(grid, np.array(observed))
    lowest = int(np.argmin(heights))
    result = fit(signed(observed, start))
    assert result.best_fit is not None
    # Grid of 1e-4; near a flat minimum the fit's 1e-12 in χ² is 1e-3 in q at the worst.
    assert result.best_fit == pytest.approx(1e-13 * grid[lowest], abs=2e-16)
    assert result.min_chi2 == pytest.approx(heights[lowest], abs=1e-5)  # 1e-6 of the yields
    assert result.unit == "e_0"


def test_the_interval_spans_both_minima() -> None:
    observed = [30.0, 29.0]
    grid = np.linspace(-12, 12, 240_001)
    heights = signed_chi2(grid, np.array(observed))
    inside = grid[heights - heights.min() < 2.7055]
    assert np.sum(np.diff(inside) > 1e-3) == 1  # two separate regions
    interval = limit(signed(observed, 0.1))
    assert interval.lower == pytest.approx(1e-13 * inside[0], rel=1e-3, abs=0)
    assert interval.upper == pytest.approx(1e-13 * inside[-1], rel=1e-3, abs=0)
    assert interval.notes == ("2 separate regions; the interval spans them all",)


@pytest.mark.parametrize("start", [-12.0, 0.1, 1.31, 12.0])
def test_the_millicharge_of_lz_from_bad_starts(built: Make, start: float) -> None:
    workspace = built("lz_ws2022", hypothesis="millicharge-fea", background="paper")
    spec = dict(workspace.spec)
    config = dict(spec["measurements"][0]["config"])
    config["parameters"] = [
        {**entry, "inits": [start / SCALE]} if entry["name"] == "q_nu_scaled" else entry
        for entry in config["parameters"]
    ]
    moved = Workspace({**spec, "measurements": [{"name": "nuhist", "config": config}]})
    best, usual = fit(moved), fit(workspace)
    assert best.twice_nll == pytest.approx(usual.twice_nll, abs=1e-6)
    assert best.best_fit == pytest.approx(usual.best_fit, abs=1e-16)


def test_without_a_parameter_of_interest(counting: Make) -> None:
    workspace = counting([30], [2], [10], poi="", bounds=[[0, 50]])
    result = fit(workspace)
    assert (result.parameter, result.coupling, result.unit, result.best_fit) == (None,) * 4
    assert values(workspace)["mu"] == pytest.approx(10, rel=1e-4)
    with pytest.raises(ModelError, match="has no parameter of interest"):
        limit(workspace)
    with pytest.raises(ModelError, match="has no parameter of interest"):
        fit(workspace, test_poi=1.0)


def test_a_constant_parameter_stays(counting: Make) -> None:
    result = fit(counting([30], [2], [10], fixed=True, inits=[3], bounds=[[0, 50]]))
    (parameter,) = result.parameters
    assert (parameter.value, parameter.uncertainty) == (3.0, None)
    # 2 (λ − n + n ln(n/λ)) at λ = 16.
    assert result.min_chi2 == pytest.approx(2 * (16 - 30 + 30 * np.log(30 / 16)), rel=1e-9)
    assert result.degrees_of_freedom == 1


def test_a_parameter_held_for_the_test(counting: Make) -> None:
    result = fit(counting([30], [2], [10], bounds=[[0, 50]]), test_poi=5.0)
    (parameter,) = result.parameters
    assert parameter.value == 5.0
    assert parameter.uncertainty is None
    assert result.min_chi2 == pytest.approx(2 * (20 - 30 + 30 * np.log(30 / 20)), rel=1e-9)


NUMBERS: dict[str, list[float]] = {
    "observed a": [14.0, 22.0], "observed b": [7.0, 9.0, 3.0],
    "signal a": [5.0, 3.0], "background a": [10.0, 20.0], "background b": [6.0, 8.0, 4.0],
    "staterror": [1.5, 2.0], "shapesys": [1.0, 2.0, 0.5],
}  # fmt: skip


def foreign() -> Workspace:
    """Two channels with every kind of constraint, and a parameter that nuhist has never heard of."""
    lumi = {"name": "lumi", "type": "lumi", "data": None}
    signal = {
        "name": "signal",
        "data": NUMBERS["signal a"],
        "modifiers": [{"name": "SigXsec", "type": "normfactor", "data": None}, lumi],
    }
    norm = {"name": "scale", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    stat = {"name": "stat_a", "type": "staterror", "data": NUMBERS["staterror"]}
    shape = {"name": "shape_b", "type": "shapesys", "data": NUMBERS["shapesys"]}
    parameters: list[dict[str, Any]] = [
        {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.5, 1.5]], "inits": [1.0]}
    ]
    spec = {
        "channels": [
            {"name": "a", "samples": [signal, {"name": "bkg", "data": NUMBERS["background a"],
                                               "modifiers": [norm, stat, lumi]}]},
            {"name": "b", "samples": [{"name": "bkg", "data": NUMBERS["background b"],
                                       "modifiers": [norm, shape]}]},
        ],
        "observations": [{"name": "a", "data": NUMBERS["observed a"]},
                         {"name": "b", "data": NUMBERS["observed b"]}],
        "measurements": [{"name": "foreign", "config": {"poi": "SigXsec", "parameters": parameters}}],
        "version": "1.0.0",
    }  # fmt: skip
    validate(spec, "foreign")
    return Workspace(spec, origin="foreign.json")


def foreign_chi2(x: Array) -> float:
    """2NLL of the foreign workspace over its saturated model, by hand.

    x: SigXsec, lumi, scale, two staterrors, three shapesys factors.
    """
    number = {key: np.array(value) for key, value in NUMBERS.items()}
    mu, lumi, pull, stat, gamma = x[0], x[1], x[2], x[3:5], x[5:8]
    # Code 4 between ±1 for 1.1/0.9: nearly but not exactly 1 + 0.1 pull.
    scale = _code4(pull)
    channel_a = lumi * (mu * number["signal a"] + scale * stat * number["background a"])
    channel_b = scale * gamma * number["background b"]
    expected = np.concatenate([channel_a, channel_b])
    observed = np.concatenate([number["observed a"], number["observed b"]])
    poisson = 2 * np.sum(expected - observed + observed * np.log(observed / expected))
    width = number["staterror"] / number["background a"]
    normal = ((lumi - 1) / 0.02) ** 2 + pull**2 + np.sum(((stat - 1) / width) ** 2)
    # A shapesys is an auxiliary count of (nominal/uncertainty)².
    tau = (number["background b"] / number["shapesys"]) ** 2
    return float(poisson + normal + 2 * np.sum(tau * (gamma - 1 - np.log(gamma))))


def _code4(pull: float) -> float:
    high, low = 1.1, 0.9
    powers = np.arange(1, 7)
    rows, right = [], []
    for x, base, slope in ((1.0, high, np.log(high)), (-1.0, low, -np.log(low))):
        rows += [x**powers, powers * x ** (powers - 1), powers * (powers - 1) * x ** (powers - 2.0)]
        right += [base - 1, base * slope, base * slope**2]
    return float(1 + np.float64(pull) ** powers @ np.linalg.solve(np.array(rows), np.array(right)))


def test_a_foreign_workspace_fits() -> None:
    result = fit(foreign())
    names = [entry.name for entry in result.parameters]
    found = {name: [e.value for e in result.parameters if e.name.partition("[")[0] == name] for name in (
        "SigXsec", "lumi", "scale", "stat_a", "shape_b")}  # fmt: skip
    point = np.array([value for group in found.values() for value in group])
    assert len(point) == len(names) == 8
    assert result.min_chi2 >= 0
    assert result.min_chi2 == pytest.approx(foreign_chi2(point), abs=1e-8)
    start = np.array([1, 1, 0, 1, 1, 1, 1, 1.0])
    bounds = [(0, 10), (0.5, 1.5), (-1, 1), *[(0.1, 3)] * 5]
    by_hand = minimize(foreign_chi2, start, method="L-BFGS-B", bounds=bounds, tol=1e-10)
    assert result.min_chi2 == pytest.approx(float(by_hand.fun), abs=1e-5)
    assert result.degrees_of_freedom == 4  # five bins, one free parameter
    assert (result.coupling, result.unit) == ("SigXsec", "")
    assert result.observed == {"a": 36.0, "b": 19.0}


def test_a_foreign_workspace_has_a_limit() -> None:
    interval = limit(foreign())
    assert interval.upper is not None

    def profiled(mu: float) -> float:
        def chi2(rest: Array) -> float:
            return foreign_chi2(np.array([mu, *rest]))

        start = np.array([1, 0, 1, 1, 1, 1, 1], dtype=np.float64)
        bounds = [(0.5, 1.5), (-1.0, 1.0), *[(0.1, 3.0)] * 5]
        return float(minimize(chi2, start, method="L-BFGS-B", bounds=bounds, tol=1e-10).fun)

    assert profiled(interval.upper) - interval.min_chi2 == pytest.approx(2.7055, abs=2e-3)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_events_where_nothing_is_expected(counting: Make, place: int) -> None:
    signal, background = [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]
    signal[place] = background[place] = 0.0
    workspace = counting([4, 5, 6], signal, background, bounds=[[0, 10]])
    with pytest.raises(ModelError, match=f"channel 'counting', bin {place}: {4 + place} events observed"):
        fit(workspace)


def test_a_bin_that_only_the_signal_can_fill(counting: Make) -> None:
    # No background in the first bin, and a start at no signal: 4 = 2 mu there, 5 = 5 below.
    workspace = counting([4, 5], [2, 0], [0, 5], bounds=[[0, 10]], inits=[0])
    assert values(workspace)["mu"] == pytest.approx(2, rel=1e-4)


def test_errors_by_profile_are_minos(built: Callable[..., Workspace]) -> None:
    model = Model(built("lz_ws2022", hypothesis="millicharge-fea"))
    likelihood = model.likelihood
    result = model.fit(errors="profile")

    def height(point: Any) -> float:
        value = -2 * float(likelihood.model.logpdf(np.asarray(point), likelihood.data)[0])
        return value if np.isfinite(value) else 1e10

    minuit = Minuit(height, model.best.parameters, name=likelihood.names)
    minuit.errordef = 1
    minuit.strategy = 2
    minuit.limits = list(zip(likelihood.lower, likelihood.upper, strict=True))
    for name, fixed in zip(likelihood.names, likelihood.constant, strict=True):
        minuit.fixed[name] = fixed
    minuit.migrad()
    minuit.minos("lz_ws2022_beta_norm", "lz_ws2022_ar37_norm", "q_nu_scaled")
    found = {entry.name: entry.errors for entry in result.parameters}
    for name, expected in minuit.merrors.items():
        errors = found[name]
        assert errors is not None
        # MINOS stops at a hundredth of an error; two minima of q_nu make it asymmetric.
        assert errors == pytest.approx((-expected.lower, expected.upper), rel=0.02)


def test_errors_end_at_bounds(counting: Callable[..., Workspace]) -> None:
    # Three seen over three: 2NLL rises by 1 at 3 − μ + ..., and downwards there is the bound.
    result = fit(counting([3], [1.0], [3.0]), errors="profile")
    (entry,) = result.parameters
    assert entry.errors is not None
    down, up = entry.errors
    assert down is None
    # 2 (μ − 3 ln(1 + μ/3)) = 1.
    assert up == pytest.approx(brentq(lambda mu: 2 * (mu - 3 * np.log1p(mu / 3)) - 1, 0.1, 9), rel=1e-4)
    with pytest.raises(ConfigError, match="no kind of errors called 'minos'"):
        fit(counting([3], [1.0], [3.0]), errors="minos")  # type: ignore[arg-type]
