"""Charge radii: the shift of g_V, its two signs, and HistFactory's polynomial of it."""

from __future__ import annotations

from math import pi, sqrt
from typing import Literal

import numpy as np
import pyhf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import constants

from nuhist import build, load_experiment
from nuhist.errors import ConfigError
from nuhist.experiments.counts import neutrino_counts
from nuhist.experiments.response import make_response
from nuhist.histfactory.interest import coupling_scale
from nuhist.physics.couplings import FLAVORS, Couplings, radiative, standard_model_charge_radius
from nuhist.physics.hypotheses import FLAVOR_CHOICES, FlavorChoice, RateOptions, get_hypothesis
from nuhist.physics.recoils import breakpoints, recoil_rates
from nuhist.physics.scattering import (
    CHARGE_RADIUS_SHIFT,
    charge_radius_linear,
    charge_radius_quadratic,
    millicharge_fea_linear,
    millicharge_fea_quadratic,
    standard_model,
)
from nuhist.physics.sources.registry import get_source
from nuhist.physics.targets.registry import get_target

Array = NDArray[np.float64]

RADIUS = get_hypothesis("charge-radius")
TRANSITION = get_hypothesis("charge-radius-transition")
PLAIN = RateOptions()
XENON = get_target("xenon")
SUN = get_source("sun:survival=constant").components
COMMAND_LINE = {"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}
ENERGY = np.array([0.3, 1.0, 2.9, 8.0, 25.0])
M_E = 510.99895  # keV


def test_shift_by_hand() -> None:
    # √2 π α ⟨r²⟩ / (3 G_F) in SI units: G_F/(ħc)³ = 1.1663787e-5 GeV⁻², ħc = 1.973269804e-14 GeV cm.
    # For 1e-32 cm² = 1e-32/(1.973269804e-14)² GeV⁻² = 2.56819e-5 GeV⁻²:
    # 1.4142136 × 3.1415927 × 7.2973526e-3 × 2.56819e-5 / (3 × 1.1663787e-5) = 0.0237956.
    shift = 1e-32 * CHARGE_RADIUS_SHIFT
    assert shift == pytest.approx(0.0237956, rel=5e-6)  # six digits
    g_f = constants.value("Fermi coupling constant")  # GeV^-2
    hbar_c = constants.hbar * constants.c / constants.e * 1e-9 * 1e2  # GeV cm
    exact = sqrt(2) * pi * constants.alpha / (3 * g_f * hbar_c**2)
    assert shift == pytest.approx(1e-32 * exact, rel=1e-12)


def test_a_radius_is_a_charge_that_grows_with_momentum_transfer() -> None:
    # Form factor q + ⟨r²⟩ q²/6 with q² = −2 m_e T: at one T, a radius is a charge of −2 m_e T ⟨r²⟩/6.
    hbar_c = constants.hbar * constants.c / constants.e * 1e-3 * 1e2  # keV cm
    charge = -2 * M_E * ENERGY / 6 / hbar_c**2
    couplings = radiative("e")
    # m_e has nine digits.
    np.testing.assert_allclose(
        charge_radius_linear(ENERGY, couplings, XENON),
        charge * millicharge_fea_linear(ENERGY, couplings, XENON),
        rtol=1e-8,
    )
    np.testing.assert_allclose(
        charge_radius_quadratic(ENERGY, XENON),
        charge**2 * millicharge_fea_quadratic(ENERGY, XENON),
        rtol=1e-8,
    )


@given(radius=st.floats(-1e-30, 1e-30), flavor=st.sampled_from(FLAVORS))
def test_the_standard_model_with_another_g_v(radius: float, flavor: Literal["e", "mu", "tau"]) -> None:
    g_v, g_a = radiative(flavor)
    shifted = standard_model(ENERGY, Couplings(g_v + CHARGE_RADIUS_SHIFT * radius, g_a), XENON)
    found = (
        standard_model(ENERGY, radiative(flavor), XENON)
        + radius * charge_radius_linear(ENERGY, radiative(flavor), XENON)
        + radius**2 * charge_radius_quadratic(ENERGY, XENON)
    )
    # The same polynomial: rounding, of the largest term.
    size = np.abs(standard_model(ENERGY, Couplings(3.0, 1.0), XENON))
    assert np.all(np.abs(found - shifted) <= 1e-14 * size)


def test_radii_of_the_standard_model_are_the_flavour_dependence_of_g_v() -> None:
    # (B3): the only term that depends on μ against τ; with α = 1/137.036 there and CODATA's in ours.
    difference = standard_model_charge_radius("mu") - standard_model_charge_radius("tau")
    shift = CHARGE_RADIUS_SHIFT * difference
    expected = radiative("mu").vector - radiative("tau").vector
    # By hand: −α/(3π) ln(m_τ²/m_μ²) = −7.2973526e-3/(3π) × 2 ln(1776.86/105.6583755) = −0.0043707.
    assert expected == pytest.approx(-0.0043707, abs=1e-7)
    assert shift == pytest.approx(expected, abs=1e-8)
    # And ν_e's, beside the 1 of the charged current.
    shift = CHARGE_RADIUS_SHIFT * (standard_model_charge_radius("e") - standard_model_charge_radius("mu"))
    assert shift == pytest.approx(radiative("e").vector - 1 - radiative("mu").vector, abs=1e-8)


def test_radii_of_the_standard_model_as_published() -> None:
    # What the literature quotes with this formula (e.g. arXiv:1810.05606): −0.83, −0.48 and −0.30, all
    # times 1e-32 cm². Two digits.
    found = [1e33 * standard_model_charge_radius(flavor) for flavor in FLAVORS]
    assert found == pytest.approx([-8.3, -4.8, -3.0], abs=0.05)


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("flavor", FLAVOR_CHOICES)
def test_yields_in_pyhf(flavor: FlavorChoice) -> None:
    xenon = load_experiment("xenonnt_sr0")
    response = make_response(xenon, "gaussian", breakpoints(RADIUS, XENON))
    counts = neutrino_counts(
        xenon, response, RADIUS, flavor, xenon.neutrino_source(xenon.treatment()), "all", PLAIN
    )
    workspace = build("xenonnt_sr0", hypothesis="charge-radius", flavor=flavor, flux="paper")
    model = pyhf.Workspace(dict(workspace.spec)).model(modifier_settings=COMMAND_LINE)
    names = model.config.par_names
    assert model.config.poi_name == RADIUS.parameter_of_interest(flavor).name
    poi = names.index(model.config.poi_name)
    values = np.array(model.config.suggested_init())
    values[poi] = 0
    without = np.asarray(model.expected_actualdata(values))
    scale = coupling_scale(workspace, model.config.poi_name).scale
    for x in np.random.default_rng(1).uniform(-17, 17, 20):
        values[poi] = x / scale
        found = np.asarray(model.expected_actualdata(values)) - without
        # The construction's error is 1e-6 of the quadratic part. Of hi and lo, which hold (8/15) s² of it,
        # ten digits are written (5e-10 of it at most), and enter times x/s.
        size = np.abs(x * counts[1]) + x**2 * counts[2]
        rounding = 5e-10 * 8 / 15 * 2e4 * np.abs(x) * counts[2]
        assert np.all(np.abs(found - x * counts[1] - x**2 * counts[2]) <= 1e-6 * size + rounding + 1e-9)


def test_signs_of_the_interference() -> None:
    # g_V + g_V shift: a positive radius adds to ν_e's positive g_V and works against the others'.
    flux = SUN
    linear = {flavor: recoil_rates(RADIUS, flavor, ENERGY, flux, PLAIN)[1] for flavor in FLAVORS}
    assert (linear["e"] > 0).all()
    assert (linear["mu"] < 0).all()
    assert (linear["tau"] < 0).all()
    both = recoil_rates(RADIUS, "effective", ENERGY, flux, PLAIN)[1]
    np.testing.assert_allclose(both, linear["e"] + linear["mu"] + linear["tau"], rtol=1e-12)


@pytest.mark.parametrize("flavor", FLAVOR_CHOICES)
def test_a_transition_does_not_interfere(flavor: FlavorChoice) -> None:
    rates = recoil_rates(TRANSITION, flavor, ENERGY, SUN, PLAIN)
    own = recoil_rates(RADIUS, flavor, ENERGY, SUN, PLAIN)
    assert set(rates) == {0, 2}
    np.testing.assert_array_equal(rates[2], own[2])
    np.testing.assert_array_equal(rates[0], own[0])


def test_rrpa_applies() -> None:
    rrpa = RateOptions(atomic="rrpa")
    for hypothesis in (RADIUS, TRANSITION):
        step = recoil_rates(hypothesis, "e", ENERGY, SUN, PLAIN)
        bound = recoil_rates(hypothesis, "e", ENERGY, SUN, rrpa)
        for power in step:
            # The same ratio as of the Standard Model; away from 1 by some 10 %.
            np.testing.assert_allclose(bound[power] / step[power], bound[0] / step[0], rtol=1e-12)
        assert np.all(np.abs(bound[0] / step[0] - 1) > 0.01)


def test_meanings() -> None:
    assert RADIUS.parameter_of_interest("mu").meaning == "(r2_numu / 1e-31 cm^2) / 20000"
    assert TRANSITION.parameter_of_interest("effective").meaning == "(r2_transition_nu / 1e-31 cm^2)^2"
    with pytest.raises(ConfigError, match="did you mean charge-radius"):
        get_hypothesis("charge-radii")
