"""Contours in two parameters against Minuit's, and against ellipses that are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from iminuit import Minuit
from numpy.typing import NDArray
from scipy.optimize import minimize

import nuhist
from nuhist import Model, Workspace
from nuhist.errors import ConfigError, OptionError
from nuhist.methods import contour_grid
from nuhist.report.contour_figure import contour_figure

Array = NDArray[np.float64]
Build = Callable[..., Workspace]


def _minuit(model: Model, x: str, y: str) -> Array:
    """Points of the 68 % contour of pyhf's likelihood, by iminuit's mncontour."""
    likelihood = model.likelihood

    def height(point: Array) -> float:
        value = -2 * float(likelihood.model.logpdf(np.asarray(point), likelihood.data)[0])
        return value if np.isfinite(value) else 1e10

    minuit = Minuit(height, likelihood.best().parameters, name=likelihood.names)
    minuit.errordef = 1
    minuit.strategy = 2
    minuit.limits = list(zip(likelihood.lower, likelihood.upper, strict=True))
    for name, fixed in zip(likelihood.names, likelihood.constant, strict=True):
        minuit.fixed[name] = fixed
    minuit.migrad()
    minuit.hesse()
    return np.array(minuit.mncontour(x, y, cl=0.68, size=16))


def _distance(point: Array, line: Array) -> float:
    """Of a point from a line of points."""
    steps = np.diff(line, axis=0)
    share = np.clip(np.sum((point - line[:-1]) * steps, axis=1) / np.sum(steps**2, axis=1), 0, 1)
    return float(np.min(np.hypot(*(line[:-1] + share[:, None] * steps - point).T)))


@pytest.mark.parametrize(
    ("hypothesis", "x", "y"),
    [
        pytest.param(
            "magnetic-moment", "lz_ws2022_ar37_norm", "lz_ws2022_beta_norm", marks=pytest.mark.thorough
        ),
        ("millicharge-fea", "q_nu_scaled", "lz_ws2022_beta_norm"),
        pytest.param("magnetic-moment", "mu_nu_squared", "atomic_response", marks=pytest.mark.thorough),
    ],
)
def test_contours_are_minuits(built: Build, hypothesis: str, x: str, y: str) -> None:
    model = Model(built("lz_ws2022", hypothesis=hypothesis))
    found = model.contour(x, y, levels=[0.68])
    (line,) = (np.array(points) for points in found.levels[0].lines)
    poi = model.likelihood.interest
    reference = _minuit(model, x, y)
    if poi.name == x:
        reference[:, 0] = [poi.to_coupling(value) for value in reference[:, 0]]
    axes = np.ptp(line, axis=0) / 2
    # A grid of 41 points and straight lines between them: a thousandth of the axes, and 3 % of a step
    # where the contour leaves the bound of a moment at 0, as a square root.
    assert max(_distance(point / axes, line / axes) for point in reference) < 0.01


def test_a_contour_is_the_ellipse_of_gaussians(counting: Build) -> None:
    # 10⁶ events know mu to 10⁻³ of 1, and the norm, of ± 0.1 %, shifts the background of 10⁶ by 1000.
    workspace = counting([2 * 10**6], [1e6], [1e6], sigma=0.001, bounds=[[0.0, 10.0]])
    found = nuhist.contour(workspace, "mu", "norm", levels=[0.90])
    (line,) = (np.array(points) for points in found.levels[0].lines)
    mu, norm = line.T
    chi2 = (1e6 * (mu - 1) + 1e3 * norm) ** 2 / 2e6 + norm**2
    # −2 ln 0.1 = 4.605; the third order of 10⁻³, and the grid.
    assert chi2 == pytest.approx(np.full(len(line), 4.605), rel=0.01)
    assert found.levels[0].delta_chi2 == pytest.approx(4.6052, abs=1e-4)
    assert found.best_fit == pytest.approx((1.0, 0.0), abs=1e-5)


@pytest.mark.parametrize("sigma", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_narrow_ellipse_is_one_line(counting: Build, sigma: float, swapped: bool) -> None:
    # mu falls as the norm of the background rises: 14, 35 and 70 times as long as wide, in widths of each.
    workspace = counting([2 * 10**8], [1e8], [1e8], sigma=sigma * 1e-2, bounds=[[0.0, 10.0]])
    names = ("norm", "mu") if swapped else ("mu", "norm")
    found = nuhist.contour(workspace, *names, levels=[0.68, 0.90])
    for level in found.levels:
        (line,) = (np.array(points) for points in level.lines)
        assert (line[0] == line[-1]).all()
        mu, norm = line[:, ::-1].T if swapped else line.T
        chi2 = (1e8 * (mu - 1) + 1e6 * sigma * norm) ** 2 / 2e8 + norm**2
        assert chi2 == pytest.approx(np.full(len(line), level.delta_chi2), rel=0.03)
        # Its ends, of the norm and of mu: the whole ellipse, in units of its own half axes.
        reach = np.sqrt(level.delta_chi2)
        assert np.ptp(norm) == pytest.approx(2 * reach, rel=0.01)
        assert np.ptp(mu) == pytest.approx(2 * reach * np.hypot(1e-2 * sigma, np.sqrt(2e8) / 1e8), rel=0.01)
    assert not [note for note in found.notes if "thinner" in note]


def test_a_valley_that_ends_at_a_bound(counting: Build) -> None:
    workspace = counting([2 * 10**8], [1e8], [1e8], sigma=1e-2, bounds=[[0.995, 10.0]])
    found = nuhist.contour(workspace, "mu", "norm", levels=[0.90])
    (line,) = (np.array(points) for points in found.levels[0].lines)
    assert line[:, 0].min() == pytest.approx(0.995, abs=1e-9)
    assert line[:, 1].max() == pytest.approx(0.5, abs=0.05)  # where mu is at its bound
    assert line[0, 0] == pytest.approx(0.995, abs=1e-9) == line[-1, 0]


def _of_square(point: Array) -> float:
    """2NLL of 10⁵ events, of which x² are of a signed coupling x = 100 α, by HistFactory's code 4p."""
    alpha, norm = point
    square = 1e4 * alpha**2 * (15 + alpha**2 * (3 * alpha**2 - 10)) / 15
    mean = 1e5 * (1 + 1e-3 * norm) + square
    seen = 1e5 + 2000
    return float(2 * (mean - seen + seen * np.log(seen / mean)) + alpha**2 + norm**2)


def test_a_region_of_two_parts_stays_two(counting: Build) -> None:
    workspace = counting([1e5 + 2000], [0.0], [1e5], sigma=1e-3, bounds=[[-1.0, 1.0]])
    signal = workspace.spec["channels"][0]["samples"][0]
    sides = {"hi_data": [1e4 * 8 / 15], "lo_data": [1e4 * 8 / 15]}
    signal["modifiers"] = [{"name": "mu", "type": "histosys", "data": sides}]
    found = nuhist.contour(workspace, "mu", "norm", levels=[0.68])
    least = minimize(
        _of_square, [0.4, 0.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10}
    ).fun
    assert len(found.levels[0].lines) == 2
    for line in (np.array(points) for points in found.levels[0].lines):
        chi2 = [_of_square(point) - least for point in line]
        assert chi2 == pytest.approx(np.full(len(line), found.levels[0].delta_chi2), rel=0.05)
    assert not [note for note in found.notes if "thinner" in note]


def test_what_is_thinner_than_a_step_is_said(counting: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contour_grid, "_valley", lambda *_: None)
    workspace = counting([2 * 10**8], [1e8], [1e8], sigma=1e-2, bounds=[[0.0, 10.0]])
    found = nuhist.contour(workspace, "mu", "norm", levels=[0.90])
    assert contour_grid.THIN in found.notes


def test_two_masses_have_two_names() -> None:
    names = ["axion-like-particle:mass=3keV", "axion-like-particle:mass=8keV"]
    workspace = nuhist.build("xenonnt_sr0", hypothesis=names)
    found = Model(workspace).contour("g_ae_squared_mass3keV", "g_ae_squared_mass8keV", levels=[0.68])
    expected = ("g_ae (g_ae_squared_mass3keV)", "g_ae (g_ae_squared_mass8keV)")
    assert found.names == expected
    assert found.table().header[2:] == expected
    for each in expected:
        assert each in found.summary
    axes = contour_figure(found).axes[0]
    assert axes.get_xlabel().endswith("(g_ae_squared_mass3keV)")
    assert axes.get_ylabel().endswith("(g_ae_squared_mass8keV)")


def test_a_contour_ends_at_a_bound(counting: Build) -> None:
    found = nuhist.contour(counting([3], [1.0], [3.0], sigma=0.3), "mu", "norm", levels=[0.68])
    (line,) = (np.array(points) for points in found.levels[0].lines)
    assert line[0, 0] == line[-1, 0] == 0.0  # it begins and ends at mu = 0
    assert (line[:, 0] >= 0).all()


@pytest.mark.parametrize(
    ("names", "choices", "error", "message"),
    [
        (("mu", "mu"), {}, OptionError, "mu: give two different parameters"),
        (("mu", "nrom"), {}, ConfigError, "no parameter called 'nrom'; did you mean norm"),
        (("mu", "norm"), {"levels": []}, ConfigError, "levels: expected at least one confidence level"),
        (("mu", "norm"), {"levels": [68.0]}, ConfigError, "confidence level 68: must lie between 0 and 1"),
    ],
)
def test_what_is_refused(
    counting: Build, names: tuple[str, str], choices: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        nuhist.contour(counting([3], [1.0], [3.0], sigma=0.3), *names, **choices)


def test_a_fixed_parameter_has_no_contour(counting: Build) -> None:
    model = Model(counting([3], [1.0], [3.0], sigma=0.3), fixed={"norm": 0.0})
    with pytest.raises(OptionError, match="norm: is fixed"):
        model.contour("mu", "norm")
