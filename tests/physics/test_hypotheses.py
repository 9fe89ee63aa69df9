"""Hypotheses: names, parameters of interest, and how a rate is made of flavours and powers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuhist.errors import ConfigError
from nuhist.physics.hypotheses import (
    FLAVOR_CHOICES,
    HYPOTHESES,
    Atomic,
    Dependence,
    FlavorChoice,
    Hypothesis,
    RateOptions,
    active_flavors,
    find_parameter,
    get_hypothesis,
)
from nuhist.physics.recoils import recoil_rates, recoil_rates_at
from nuhist.physics.sources.registry import get_source
from nuhist.physics.targets.registry import get_target
from nuhist.tables import Array

RECOIL = np.array([0.7, 2.3, 5.2, 11.0])  # keV
PP = get_source("sun:survival=constant").group("pp").components
FLAVORS: tuple[FlavorChoice, ...] = ("e", "mu", "tau")
# 1 for sm_strength; the paper's order of magnitude for the rest.
COUPLINGS = {name: 1.5 * hypothesis.reference for name, hypothesis in HYPOTHESES.items()}


def rate_at(name: str, flavor: FlavorChoice, coupling: float, options: RateOptions) -> tuple[Array, Array]:
    """Standard Model's rate and what is added, for pp neutrinos."""
    standard, added = recoil_rates_at(get_hypothesis(name), flavor, coupling, RECOIL, [PP], options)
    return standard[0], added[0]


every_hypothesis = pytest.mark.parametrize("hypothesis", HYPOTHESES.values(), ids=lambda h: h.name)


@pytest.mark.parametrize(
    ("hypothesis", "flavor", "parameter", "coupling", "unit"),
    [
        ("magnetic-moment", "effective", "mu_nu_squared", "mu_nu", "mu_B"),
        ("magnetic-moment", "e", "mu_nue_squared", "mu_nue", "mu_B"),
        ("millicharge-fea", "mu", "q_numu_scaled", "q_numu", "e_0"),
        ("millicharge-epa-only", "tau", "q_nutau_squared", "q_nutau", "e_0"),
        ("standard-model", "effective", "sm_strength_nu", "sm_strength_nu", "SM"),
    ],
)
def test_names(hypothesis: str, flavor: FlavorChoice, parameter: str, coupling: str, unit: str) -> None:
    # The contract with pipes that lose the sidecar (design.md, section 3).
    scale = get_hypothesis(hypothesis).parameter_of_interest(flavor)
    assert (scale.name, scale.coupling, scale.unit) == (parameter, coupling, unit)


def test_parameters_by_hand() -> None:
    # (2e-11 / 1e-11)² = 4; −3e-13 / 1e-13 / 1e4 = −3e-4.
    moment = get_hypothesis("magnetic-moment").parameter_of_interest("effective")
    assert moment.to_parameter(2e-11) == pytest.approx(4.0, rel=1e-14)
    charge = get_hypothesis("millicharge-fea").parameter_of_interest("effective")
    assert charge.to_parameter(-3e-13) == pytest.approx(-3e-4, rel=1e-14)


@every_hypothesis
@given(x=st.floats(1e-6, 1e3), sign=st.sampled_from([-1.0, 1.0]))
def test_parameter_and_coupling_are_inverse(hypothesis: Hypothesis, x: float, sign: float) -> None:
    for flavor in FLAVOR_CHOICES:
        scale = hypothesis.parameter_of_interest(flavor)
        coupling = sign * x * hypothesis.reference
        back = scale.to_coupling(scale.to_parameter(coupling))
        # An even power forgets the sign. Rounding of a square and a root.
        assert back == pytest.approx(coupling if scale.power == 1 else abs(coupling), rel=1e-13, abs=0)


def test_a_negative_square_has_no_coupling() -> None:
    assert get_hypothesis("magnetic-moment").parameter_of_interest("e").to_coupling(-0.5) == 0.0


def test_parameters_are_found_by_name() -> None:
    names = set()
    for hypothesis in HYPOTHESES.values():
        if hypothesis.dependence is Dependence.GENERAL:
            continue  # its parameter, mu, is the strength of a patch
        for flavor in FLAVOR_CHOICES:
            name = hypothesis.parameter_of_interest(flavor).name
            assert find_parameter(name) == (hypothesis, flavor)
            names.add(name)
    assert len(names) == 16 * 4  # all different
    assert find_parameter("mu") is None


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match="no hypothesis called 'magnetic-momment'; did you mean magnetic-moment"
    ):
        get_hypothesis("magnetic-momment")
    with pytest.raises(ConfigError, match="no flavor called 'taw'; did you mean tau"):
        active_flavors("taw")
    with pytest.raises(ConfigError, match="no atomic response called 'rpa'; did you mean rrpa"):
        RateOptions(atomic="rpa")  # type: ignore[arg-type]


@pytest.mark.parametrize("mass", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_neutrino_mass(mass: float) -> None:
    with pytest.raises(ConfigError, match="must be positive"):
        RateOptions(neutrino_mass_ev=mass)


@pytest.mark.parametrize(
    "hypothesis",
    [entry for entry in HYPOTHESES.values() if "electron" in entry.processes],
    ids=lambda h: h.name,
)
def test_effective_is_the_sum_of_flavours(hypothesis: Hypothesis) -> None:
    # Each flavour carries its fraction; the effective coupling is all three at once. Rounding.
    options, coupling = RateOptions(), COUPLINGS[hypothesis.name]
    _, effective = rate_at(hypothesis.name, "effective", coupling, options)
    alone = [rate_at(hypothesis.name, flavor, coupling, options)[1] for flavor in FLAVORS]
    np.testing.assert_allclose(effective, np.sum(alone, axis=0), rtol=1e-12)
    assert (effective != 0).all()


@pytest.mark.parametrize("name", ["magnetic-moment", "millicharge-fea", "millicharge-epa-only"])
def test_powers_add_up_to_the_rate(name: str) -> None:
    hypothesis, options, x = get_hypothesis(name), RateOptions(), -2.0
    rates = recoil_rates(hypothesis, "mu", RECOIL, PP, options)
    standard, added = rate_at(name, "mu", x * hypothesis.reference, options)
    np.testing.assert_allclose(standard, rates[0], rtol=1e-14)
    parts = [x**power * rates[power] for power in rates if power]
    np.testing.assert_allclose(added, np.sum(parts, axis=0), rtol=1e-12)
    assert sorted(rates) == ([0, 1, 2] if name == "millicharge-fea" else [0, 2])


def test_magnetic_moments_differ_by_their_fraction() -> None:
    # Eq. (6) has no flavour: a flavour's rate is its fraction (test_oscillation.py) of the total.
    moment, options = get_hypothesis("magnetic-moment"), RateOptions()
    total = recoil_rates(moment, "effective", RECOIL, PP, options)[2]
    for flavor, fraction in zip(FLAVORS, (0.5265502, 0.2144728, 0.2589770), strict=True):
        alone = recoil_rates(moment, flavor, RECOIL, PP, options)[2]
        np.testing.assert_allclose(alone / total, fraction, rtol=1e-6)


def test_standard_model_strength_of_one_is_the_standard_model() -> None:
    strength, options = get_hypothesis("standard-model"), RateOptions()
    expected = recoil_rates(get_hypothesis("magnetic-moment"), "e", RECOIL, PP, options)[0]
    for flavor in FLAVOR_CHOICES:
        rates = recoil_rates(strength, flavor, RECOIL, PP, options)
        np.testing.assert_allclose(rates[0] + rates[1], expected, rtol=1e-12)
        assert (rates[0] > 0).all() == (flavor != "effective")


@pytest.mark.parametrize(
    ("name", "corrected"),
    [("magnetic-moment", True), ("millicharge-fea", False), ("millicharge-epa-only", False)],
)
def test_rrpa_multiplies_standard_model_and_magnetic_moment(name: str, corrected: bool) -> None:
    # arXiv:2207.05036, Sec. II: not the charge, whose RRPA rate is far above the stepping one.
    choices: tuple[Atomic, Atomic] = ("step", "rrpa")
    step, rrpa = (
        recoil_rates(get_hypothesis(name), "effective", RECOIL, PP, RateOptions(atomic=choice))
        for choice in choices
    )
    ratio = get_target("xenon").rrpa_correction(RECOIL)
    np.testing.assert_allclose(rrpa[0], ratio * step[0], rtol=1e-14)
    np.testing.assert_allclose(rrpa[2], (ratio if corrected else 1.0) * step[2], rtol=1e-14)


def test_the_papers_rule_is_no_less_than_its_parts() -> None:
    # Per T, E and flavour the larger of EPA and FEA: so is the rate of one flavour.
    options = RateOptions()
    for flavor in FLAVORS:
        for charge in (-4e-13, 4e-13):
            epa, fea, larger = (
                rate_at(name, flavor, charge, options)[1]
                for name in ("millicharge-epa-only", "millicharge-fea", "millicharge-epa")
            )
            assert (larger >= np.maximum(epa, fea) * (1 - 1e-12)).all()


def test_a_lighter_neutrino_makes_more_equivalent_photons() -> None:
    epa = get_hypothesis("millicharge-epa-only")
    heavy, light = (
        recoil_rates(epa, "effective", RECOIL, PP, RateOptions(neutrino_mass_ev=mass))[2]
        for mass in (1.0, 0.01)
    )
    # ln(E/m) of pp neutrinos between E_min(T) and 420 keV grows by ln 100 = 4.61, from 10 to 13.
    assert (light / heavy > 1 + 4.6 / 13).all()
    assert (light / heavy < 1 + 4.7 / 10).all()
