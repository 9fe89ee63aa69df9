"""pyhf's yields of built workspaces at random parameters, against the counts they were made from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyhf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nuhist import Workspace, load_experiment
from nuhist.experiments.counts import neutrino_counts
from nuhist.experiments.response import make_response
from nuhist.histfactory.interest import coupling_scale
from nuhist.physics.hypotheses import FLAVOR_CHOICES, FlavorChoice, RateOptions, get_hypothesis
from nuhist.physics.recoils import breakpoints
from nuhist.physics.sources.registry import get_source
from tests.digits import WRITTEN

Array = NDArray[np.float64]
Build = Callable[..., Workspace]

# s of nuhist.histfactory.polynomial, and the largest |q|
RANGES = {"effective": (1e4, 12.0), "e": (2e4, 15.0), "mu": (1e4, 17.0), "tau": (1e4, 17.0)}
pulls = st.floats(-3, 3)


def counts(hypothesis: str, flavor: FlavorChoice) -> dict[int, Array]:
    """Counts per bin and power of the coupling, without any workspace."""
    experiment, tested = load_experiment("lz_ws2022"), get_hypothesis(hypothesis)
    response = make_response(experiment, "none", breakpoints(tested, experiment.target))
    return neutrino_counts(
        experiment, response, tested, flavor, get_source("sun:survival=constant"), "all", RateOptions()
    )


def yields(model: Any, values: dict[str, float]) -> dict[str, Array]:
    """pyhf's counts per bin and sample at named parameters; all others at their start."""
    parameters = np.array(model.config.suggested_init())
    for name, value in values.items():
        parameters[model.config.par_slice(name)] = value
    rows = np.asarray(model.main_model.expected_data(parameters, return_by_sample=True))
    return dict(zip(model.config.samples, rows, strict=True))


def model_of(workspace: Workspace) -> Any:
    """The model as the command line of pyhf makes it: histosys code 4p, normsys code 4."""
    return pyhf.Workspace(dict(workspace.spec)).model(
        modifier_settings={"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}
    )


def code4(alpha: float, high: float, low: float) -> float:
    """HistFactory's interpolation code 4 (CERN-OPEN-2012-016): exponential beyond ±1, between them a
    polynomial of 6th order that goes through 1 at 0 and joins with two derivatives at ±1.
    """
    if abs(alpha) >= 1:
        return float(high**alpha if alpha > 0 else low**-alpha)
    powers = np.arange(1, 7)
    rows, values = [], []
    for x, base, log in ((1.0, high, np.log(high)), (-1.0, low, -np.log(low))):
        rows += [x**powers, powers * x ** (powers - 1), powers * (powers - 1) * x ** (powers - 2.0)]
        values += [base - 1, base * log, base * log**2]
    return float(1 + np.float64(alpha) ** powers @ np.linalg.solve(np.array(rows), np.array(values)))


@pytest.mark.parametrize("flavor", FLAVOR_CHOICES)
def test_signed_coupling_is_its_polynomial(built: Build, flavor: FlavorChoice) -> None:
    workspace = built("lz_ws2022", hypothesis="millicharge-fea", flavor=flavor, background="paper")
    model, parts = model_of(workspace), counts("millicharge-fea", flavor)
    poi = model.config.poi_name
    scale, reach = coupling_scale(workspace, poi).scale, RANGES[flavor][1]
    low, high = model.config.suggested_bounds()[model.config.poi_index]
    assert low * scale <= -reach * (1 - 1e-9)
    assert high * scale >= reach * (1 - 1e-9)
    assert np.any(parts[1] != 0)  # interference, or there would be no signed coupling to test
    for q in [-reach, reach, *np.random.default_rng(13).uniform(-reach, reach, 60)]:
        found = yields(model, {poi: q / scale})["nu"]
        assert_polynomial(found, parts, q, 1.0)


def assert_polynomial(found: Array, parts: dict[int, Array], q: float, factor: float) -> None:
    """Counts are factor × (S + q I + q² Q), to the 1e-6 that scales and bounds are chosen for."""
    exact = parts[0] + q * parts[1] + q**2 * parts[2]
    np.testing.assert_allclose(found, factor * exact, rtol=1e-6, atol=WRITTEN)


def test_signed_coupling_multiplies_with_its_flux(built: Build) -> None:
    parts = counts("millicharge-fea", "effective")
    lumi, normsys = (
        model_of(
            built("lz_ws2022", hypothesis="millicharge-fea", background="paper", constraint=constraint)
        )
        for constraint in ("linear", "normsys")
    )  # fmt: skip
    rng = np.random.default_rng(14)
    scale, reach = RANGES["effective"]
    for q, pull in rng.uniform([-reach, -3], [reach, 3], size=(50, 2)):
        # The paper's 7 %: eq. (10) takes (1 + β) as a factor, which lumi is.
        factor = 1 + 0.07 * pull
        assert_polynomial(yields(lumi, {"q_nu_scaled": q / scale, "lumi": factor})["nu"], parts, q, factor)
        found = yields(normsys, {"q_nu_scaled": q / scale, "solar_nu_flux": pull})["nu"]
        assert_polynomial(found, parts, q, code4(pull, 1.07, 0.93))


@settings(max_examples=50, deadline=None)
@given(x=st.floats(0, 100), flux=pulls, norm=pulls)
def test_magnetic_moment_with_normsys(built: Build, x: float, flux: float, norm: float) -> None:
    workspace = built("lz_ws2022", hypothesis="magnetic-moment", background="paper")
    parts = counts_of_moment()
    found = yields(
        _model(workspace), {"mu_nu_squared": x, "solar_nu_flux": flux, "lz_ws2022_background_norm": norm}
    )
    background = np.array(workspace.spec["channels"][0]["samples"][2]["data"])
    # Products of 64-bit numbers.
    factor = code4(flux, 1.07, 0.93)
    np.testing.assert_allclose(found["nu"], factor * parts[0], rtol=WRITTEN)
    np.testing.assert_allclose(found["magnetic_moment"], factor * x * parts[2], rtol=WRITTEN)
    np.testing.assert_allclose(found["background"], code4(norm, 1.051, 0.949) * background, rtol=WRITTEN)


@settings(max_examples=50, deadline=None)
@given(x=st.floats(0, 100), flux=pulls, norm=pulls, argon=st.floats(-1, 5))
def test_magnetic_moment_with_linear_factors(
    built: Build, x: float, flux: float, norm: float, argon: float
) -> None:
    workspace = built(
        "lz_ws2022", hypothesis="magnetic-moment", background="paper", constraint="linear", ar37="gaussian"
    )
    parts = counts_of_moment()
    found = yields(
        _model(workspace),
        {
            "mu_nu_squared": x,
            "solar_nu_flux": flux,
            "lz_ws2022_background_norm": norm,
            "lz_ws2022_ar37_norm": argon,
        },
    )
    nominal = {s["name"]: np.array(s["data"]) for s in workspace.spec["channels"][0]["samples"]}
    factor = 1 + 0.07 * flux
    # A factor at two standard deviations is made from three written counts.
    np.testing.assert_allclose(found["nu"], factor * parts[0], rtol=5 * WRITTEN)
    np.testing.assert_allclose(found["magnetic_moment"], factor * x * parts[2], rtol=5 * WRITTEN, atol=1e-300)
    # 13 %: the paper's for a background without ³⁷Ar.
    np.testing.assert_allclose(
        found["background"], (1 + 0.13 * norm) * nominal["background"], rtol=5 * WRITTEN
    )
    # δ of eq. (11) is 1 + the parameter; none are left at −1, where 0 comes out of a difference.
    np.testing.assert_allclose(found["ar37"], (1 + argon) * nominal["ar37"], rtol=5 * WRITTEN, atol=WRITTEN)


@pytest.mark.parametrize("pull", [-2.5, -1.0, -0.4, 0.0, 0.7, 1.0, 2.5])
def test_code4_of_this_test_is_pyhfs(pull: float) -> None:
    interpolate = pyhf.interpolators.code4([[[[0.93], [1.0], [1.07]]]])
    theirs = float(np.asarray(interpolate(np.array([[pull]]))).ravel()[0])
    assert code4(pull, 1.07, 0.93) == pytest.approx(theirs, rel=1e-12)


_CACHE: dict[str, Any] = {}


def counts_of_moment() -> dict[int, Array]:
    """:func:`counts` of the magnetic moment, once."""
    if "counts" not in _CACHE:
        _CACHE["counts"] = counts("magnetic-moment", "effective")
    found: dict[int, Array] = _CACHE["counts"]
    return found


def _model(workspace: Workspace) -> Any:
    if workspace.digest not in _CACHE:
        _CACHE[workspace.digest] = model_of(workspace)
    return _CACHE[workspace.digest]
