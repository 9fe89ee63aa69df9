"""A signed coupling in stock HistFactory: S + x I + x² Q, evaluated by pyhf.

The ``paper`` treatment of LZ is in test_yields.py; here are arbitrary polynomials and the
``components`` treatment, where the coupling shares its samples with other modifiers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
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
from nuhist.histfactory.found_range import found_scale
from nuhist.histfactory.interest import coupling_scale
from nuhist.histfactory.polynomial import polynomial_modifier
from nuhist.physics.hypotheses import FLAVOR_CHOICES, FlavorChoice, RateOptions, get_hypothesis
from nuhist.physics.recoils import breakpoints
from nuhist.physics.sources.registry import get_source

Array = NDArray[np.float64]
Build = Callable[..., Workspace]

SCALE, REACH = 1e4, 17.0  # of the hypothesis millicharge-fea for nu_mu and nu_tau
RANGES = {"effective": (1e4, 12.0), "e": (2e4, 15.0), "mu": (1e4, 17.0), "tau": (1e4, 17.0)}
HYPOTHESIS = get_hypothesis("millicharge-fea")
COMMAND_LINE = {"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}


def model_of(spec: Any) -> Any:
    """The model as pyhf's command line makes it."""
    return pyhf.Workspace(dict(spec)).model(modifier_settings=COMMAND_LINE)


def toy_model(standard: Array, linear: Array, quadratic: Array, scale: float, reach: float) -> Any:
    """A model of one sample, whose only modifier is the signed coupling x."""
    modifier = polynomial_modifier("x", standard, linear, quadratic, scale, reach).to_spec()
    return pyhf.Model(
        {
            "channels": [
                {
                    "name": "only",
                    "samples": [{"name": "nu", "data": standard.tolist(), "modifiers": [modifier]}],
                }
            ],
            "parameters": [{"name": "x", "bounds": [[-reach / scale, reach / scale]], "inits": [0.0]}],
        },
        poi_name="x",
        modifier_settings=COMMAND_LINE,
    )


def bins(low: float, high: float) -> st.SearchStrategy[Array]:
    """Three bins of counts; none smaller than a physical count that matters."""
    size = st.floats(low, high).map(lambda value: 0.0 if abs(value) < 1e-6 else value)
    return st.lists(size, min_size=3, max_size=3).map(np.array)


@pytest.mark.parametrize("flavor", FLAVOR_CHOICES)
def test_the_recipe_fits_the_hypothesis(flavor: FlavorChoice) -> None:
    scale, reach = RANGES[flavor]
    assert HYPOTHESIS.parameter_of_interest(flavor).scale == scale
    assert HYPOTHESIS.parameter_range(flavor) == (scale, (-reach, reach))


@pytest.mark.thorough
@settings(max_examples=100, deadline=None)
@given(
    standard=bins(0, 100),
    linear=bins(-50, 50),
    quadratic=bins(0, 100),
    fractions=st.lists(st.floats(-1, 1), min_size=1, max_size=5),
)
def test_any_polynomial(standard: Array, linear: Array, quadratic: Array, fractions: list[float]) -> None:
    model = toy_model(standard, linear, quadratic, SCALE, REACH)
    for x in [-REACH, REACH, *(fraction * REACH for fraction in fractions)]:
        found = np.asarray(model.expected_actualdata([x / SCALE]))
        # Code 4p falls short of α² by (2/3) α² of it, of which half the largest is made up for:
        # (17e-4)²/3 = 0.963e-6 remain at the bounds and at the origin.
        # Rounding: hi and lo hold (8/15) s² Q = 5e7 Q, of which ten digits are written (half a unit of the
        # tenth: 5e-10 of it at most), and enter times α, which is at most 17e-4.
        written = 8 / 15 * SCALE**2 * quadratic + SCALE * np.abs(linear) + standard
        rounding = 5e-10 * written * abs(x) / SCALE
        exact = standard + x * linear + x**2 * quadratic
        assert np.all(np.abs(found - exact) <= 0.97e-6 * x**2 * quadratic + rounding)


@pytest.mark.parametrize(("scale", "reach"), [(1e3, 2.0), (1e4, 17.0), (1e5, 100.0)])
def test_the_error_is_the_smallest_that_this_construction_allows(scale: float, reach: float) -> None:
    # Errors of the quadratic part at the origin and at the bounds are equal and opposite: reach²/3s².
    one = np.ones(1)
    model = toy_model(100 * one, 0 * one, one, scale, reach)
    bound = (reach / scale) ** 2 / 3
    for x, sign in ((reach / 20, 1), (reach, -1)):
        found = float(np.asarray(model.expected_actualdata([x / scale]))[0] - 100) / x**2 - 1
        # Rounding of hi = (8/15) s² Q: 16 digits of it, over x². At reach/20 0.5 % of the bound is gone.
        rounding = 2e-16 * (8 / 15 * scale**2 + 100) / x**2
        assert found == pytest.approx(sign * bound, abs=0.01 * bound + 4 * rounding)


def test_a_found_scale_holds_the_linear_part() -> None:
    # Of hi and lo, about (8/15) s² Q = 6e12, ten digits end at 1000: s I = 37000 would be right to 1 % or so.
    scale = found_scale(1.1e6)
    assert scale == 3e6
    standard, linear, quadratic = np.array([7.3]), np.array([0.0123456789]), np.array([1.23456789])
    model = toy_model(standard, linear, quadratic, scale, 1.0)
    for x in (-1.0, -0.3, 0.1, 1.0):
        found = np.asarray(model.expected_actualdata([x / scale]))
        # 16 digits of 6e12 end at 1e-3, and enter times x/s: 3e-10. Ten digits of S and Q are 5e-10 of them.
        np.testing.assert_allclose(found, standard + x * linear + x**2 * quadratic, rtol=2e-9)


@pytest.mark.parametrize("scale", [1e4, 3e6])
def test_the_last_digits_of_counts_are_not_written(scale: float) -> None:
    # Machines sum in other orders, which moves the 16th digit: a document is the same on all of them.
    parts = np.full(3, 7.3), np.array([0.0123456789, 0.0123456789, 0]), np.array([1.23456789, 0, 0])
    moved = [part * (1 + 4e-16) for part in parts]
    assert all((one != other).any() for one, other in zip(parts, moved, strict=True))
    first, second = (
        polynomial_modifier("x", standard, linear, quadratic, scale, 1.0).to_spec()
        for standard, linear, quadratic in (parts, moved)
    )
    assert first == second


def test_the_constraint_of_the_construction_is_negligible() -> None:
    model = toy_model(np.ones(1), np.ones(1), np.ones(1), SCALE, REACH)
    low, high = model.config.suggested_bounds()[0]
    assert (low, high) == pytest.approx((-REACH / SCALE, REACH / SCALE))
    values = (0.0, low, high)
    at = [-2 * float(model.constraint_logpdf(np.zeros(1), np.array([value]))) for value in values]
    # (q/s)² = (17e-4)² = 2.9e-6 in 2NLL at most, where an interval asks for 2.7.
    assert max(at) - at[0] == pytest.approx(2.89e-6, rel=1e-6)


SUN = get_source("sun")


@cache
def components(group: str, flavor: FlavorChoice, atomic: str) -> dict[int, Array]:
    """Counts per power of the coupling of one flux group, from the functions of the physics."""
    experiment = load_experiment("lz_ws2022")
    response = make_response(experiment, "matrix", breakpoints(HYPOTHESIS, experiment.target))
    options = RateOptions(atomic=atomic)  # type: ignore[arg-type]  # "step" or "rrpa"
    return neutrino_counts(experiment, response, HYPOTHESIS, flavor, SUN, group, options)


def total(flavor: FlavorChoice, q: float, atomic: float, factors: dict[str, float]) -> Array:
    """Scattering events per bin, with factors on the fluxes and a share of what RRPA changes."""
    counts = np.zeros(51)
    for group, factor in factors.items():
        step, rrpa = (components(group, flavor, kind) for kind in ("step", "rrpa"))
        linear = step[0] + q * step[1] + atomic * (rrpa[0] - step[0])
        counts += factor * (linear + q**2 * step[2])
    return counts


def assert_exact(found: Array, exact: Array) -> None:
    """To 1e-6 of the counts, which the scale and the bounds of each flavour are chosen for.

    Ten digits of hi and lo add up to 1e-7 where the interference takes away most of ν_e's counts.
    """
    np.testing.assert_allclose(found, exact, rtol=1.1e-6, atol=1e-9)


def scattering(model: Any, values: dict[str, float]) -> Array:
    """pyhf's sum of the samples of neutrino scattering."""
    parameters = np.array(model.config.suggested_init())
    for name, value in values.items():
        parameters[model.config.par_slice(name)] = value
    rows = np.asarray(model.main_model.expected_data(parameters, return_by_sample=True))
    kept = [index for index, name in enumerate(model.config.samples) if name.startswith("nu")]
    return np.asarray(rows[kept].sum(axis=0))


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("flavor", FLAVOR_CHOICES)
def test_components_at_random_parameters(built: Build, flavor: FlavorChoice) -> None:
    workspace = built("lz_ws2022", hypothesis="millicharge-fea", flavor=flavor, background="components")
    model = model_of(workspace.spec)
    poi = model.config.poi_name
    assert (
        poi
        == {"effective": "q_nu_scaled", "e": "q_nue_scaled", "mu": "q_numu_scaled", "tau": "q_nutau_scaled"}[
            flavor
        ]
    )
    scale, reach = coupling_scale(workspace, poi).scale, RANGES[flavor][1]
    low, high = model.config.suggested_bounds()[model.config.poi_index]
    assert low * scale <= -reach * (1 - 1e-9)
    assert high * scale >= reach * (1 - 1e-9)
    rng = np.random.default_rng(20)
    for q in [-reach, reach, *rng.uniform(-reach, reach, 50)]:
        # Beyond ±1 a normsys is a power; within, test_yields.py has its polynomial.
        groups = [group.name for group in SUN.groups]
        pulls = {group: float(rng.choice([-1, 1]) * rng.uniform(1, 2.5)) for group in groups}
        sigmas = {group: np.copysign(SUN.group(group).uncertainty, pull) for group, pull in pulls.items()}
        factors = {group: float((1 + sigmas[group]) ** abs(pull)) for group, pull in pulls.items()}
        atomic = float(rng.uniform(-0.9, 0.9))
        values = {poi: q / scale, "atomic_response": atomic}
        found = scattering(model, values | {f"{group}_flux": pull for group, pull in pulls.items()})
        assert_exact(found, total(flavor, q, atomic, factors))


@pytest.mark.parametrize("flavor", FLAVOR_CHOICES)
def test_components_with_one_linear_flux(built: Build, flavor: FlavorChoice) -> None:
    workspace = built(
        "lz_ws2022",
        hypothesis="millicharge-fea",
        flavor=flavor,
        background="components",
        constraint="linear",
        flux="paper",
    )
    model = model_of(workspace.spec)
    scale, reach = coupling_scale(workspace, model.config.poi_name).scale, RANGES[flavor][1]
    rng = np.random.default_rng(21)
    for q, pull, atomic in rng.uniform([-reach, -3, -0.9], [reach, 3, 0.9], size=(50, 3)):
        factor = 1 + 0.07 * pull
        values = {model.config.poi_name: q / scale, "lumi": factor, "atomic_response": atomic}
        assert_exact(scattering(model, values), total(flavor, q, atomic, {"all": factor}))


def test_a_workspace_is_scaled_with_its_coupling(built: Build) -> None:
    # The histosys' templates must grow with the exposure as the counts do.
    workspace = built(
        "lz_ws2022", hypothesis="millicharge-fea", background="paper", exposure=9.08008213552361, asimov=True
    )
    experiment = load_experiment("lz_ws2022")
    response = make_response(experiment, "none", breakpoints(HYPOTHESIS, experiment.target))
    parts = neutrino_counts(
        experiment,
        response,
        HYPOTHESIS,
        "effective",
        get_source("sun:survival=constant"),
        "all",
        RateOptions(),
    )
    model = model_of(workspace.spec)
    for q in (-12.0, -1.0, 0.5, 3.0, 11.0):
        exact = 10 * (parts[0] + q * parts[1] + q**2 * parts[2])  # 10 × 0.908 t yr
        assert_exact(scattering(model, {"q_nu_scaled": q / SCALE}), exact)
