"""Hypotheses on nuclei, against their formulas written out by hand for one nucleus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import pi, sqrt

import numpy as np
import pytest

import nuhist
from nuhist.errors import ConfigError
from nuhist.physics.couplings import Flavor
from nuhist.physics.form_factors import form_factor
from nuhist.physics.hypotheses import FAMILIES, FLAVOR_CHOICES, HYPOTHESES, RateOptions, get_hypothesis
from nuhist.physics.recoils import recoil_rates
from nuhist.physics.scattering import cross_section
from nuhist.physics.sources.registry import get_source
from nuhist.physics.targets.registry import get_target
from nuhist.physics.terms import evaluate_terms
from nuhist.tables import Array

(NUCLEUS,) = (each for each in get_target("xenon").nuclei if each.nucleons == 132)
OPTIONS = RateOptions(process="nucleus", nucleus=NUCLEUS)
T, E = np.array([0.6, 1.3, 2.1]), np.full(3, 1.2e4)  # keV
# CODATA 2022, by hand, in keV and cm.
FERMI, ALPHA, ELECTRON, HBAR_C, SIN2 = 1.1663787e-17, 1 / 137.035999177, 510.99895069, 1.973269804e-8, 0.23857
M, Z, N = 131.904155 * 931494.10372 - 54 * 510.99895, 54, 78
F2 = form_factor("helm", T, NUCLEUS) ** 2
SM = Z * (0.5 - 2 * SIN2) - N / 2
KINEMATICS = 1 - T / E - M * T / (2 * E**2)
VECTOR = FERMI**2 * M / pi * HBAR_C**2 * F2 * KINEMATICS


def added(name: str, coupling: float, flavor: Flavor = "mu") -> Array:
    """What a coupling adds to the cross section, by nuhist: cm²/keV."""
    tested = get_hypothesis(name)
    x = coupling / tested.reference
    terms = evaluate_terms(tested, T, flavor, OPTIONS)
    total = sum((x**power * values for power, values in terms.items()), np.zeros((4, 3)))
    return cross_section(total, T, E, NUCLEUS.mass)


def shifted(shift: Array | float) -> Array:
    return np.asarray(VECTOR * ((SM + shift) ** 2 - SM**2))


def boson(squared: float, mass: float, charge: float) -> Array:
    """g² Q / (√2 G_F (2 M T + m²)): arXiv:2211.11905, eq. (2.12)."""
    return np.asarray(squared * charge / (sqrt(2) * FERMI * (2 * M * T + mass**2)))


PROTON = 938.272 * (0.0208 / 2.16 + 0.0411 / 4.67)
NEUTRON = 939.565 * (0.0189 / 2.16 + 0.0451 / 4.67)
# ε = g e/(12 π²) ln(m_τ²/m_μ²) of mixing with the photon, times the proton's charge: e²/(6 π²) ln(m_τ/m_μ)
LOOP = 4 * pi * ALPHA / (6 * pi**2) * np.log(1776.86 / 105.6583755)
# Cadeddu et al., arXiv:1810.05606: sin²θ_W (1 + m_W² r²/3) with m_W² sin²θ_W = π α/(√2 G_F).
RADIUS = -2 * Z * pi * ALPHA / (3 * sqrt(2) * FERMI) * 2e-32 / HBAR_C**2


def moment() -> Array:
    size = pi * ALPHA**2 / ELECTRON**2 * HBAR_C**2 * (Z * 3e-10) ** 2
    return np.asarray(size * F2 * (1 / T - 1 / E + T / (4 * E**2)))


def scalar() -> Array:
    coupling = 1e-9 * (PROTON * Z + NEUTRON * N) / (2 * M * T + 1e6)
    return np.asarray(M**2 * T / (4 * pi * E**2) * F2 * HBAR_C**2 * coupling**2)


CASES: list[tuple[str, float, Callable[[], Array]]] = [
    ("standard-model", 0.7, lambda: 0.7 * VECTOR * SM**2),
    ("weak-mixing-angle", 0.03, lambda: shifted(-2 * Z * 0.03)),
    ("charge-radius", 2e-32, lambda: shifted(RADIUS)),
    ("charge-radius-transition", 2e-32, lambda: VECTOR * RADIUS**2),
    ("anapole-moment", 2e-32 / 6, lambda: shifted(RADIUS)),
    ("magnetic-moment", 3e-10, moment),
    ("nsi-up", 0.1, lambda: shifted(0.1 * (2 * Z + N))),
    ("nsi-down", -0.1, lambda: shifted(-0.1 * (Z + 2 * N))),
    ("nsi-up-transition", 0.1, lambda: VECTOR * (0.1 * (2 * Z + N)) ** 2),
    ("light-vector:mass=5MeV", 1e-9, lambda: shifted(boson(1e-9, 5e3, -132))),
    ("light-vector-universal:mass=5MeV", 1e-9, lambda: shifted(boson(1e-9, 5e3, 3 * 132))),
    ("light-vector-lmu-ltau:mass=1keV", 1e-7, lambda: shifted(boson(1e-7, 1.0, Z * LOOP))),
    ("light-scalar:mass=1MeV", 1e-9, scalar),
]


@pytest.mark.parametrize(("name", "coupling", "expected"), CASES, ids=[case[0] for case in CASES])
def test_cross_sections_are_their_formulas(name: str, coupling: float, expected: Callable[[], Array]) -> None:
    # Constants above have eight digits or more.
    np.testing.assert_allclose(added(name, coupling), expected(), rtol=1e-6)


def test_a_millicharge_is_rutherford_and_its_interference() -> None:
    # 2 π α² q² Z² / (M T²) alone; with the Standard Model's the root of both cross sections, by its sign.
    rutherford = 2 * pi * ALPHA**2 * Z**2 * HBAR_C**2 / (M * T**2) * F2 * KINEMATICS
    charge = 1e-9
    even, odd = (
        (added("millicharge-fea", charge) + s * added("millicharge-fea", -charge)) / 2 for s in (1, -1)
    )
    np.testing.assert_allclose(even, charge**2 * rutherford, rtol=1e-6)
    # Nucleus and electron have opposite charges: with g_V < 0 of the nucleus a positive charge takes away.
    np.testing.assert_allclose(odd, -2 * charge * np.sqrt(rutherford * VECTOR) * abs(SM), rtol=1e-6)


def test_a_heavy_boson_is_a_contact_interaction() -> None:
    # g²/(√2 G_F M²) of equal quarks is ε_u = ε_d; at 10 GeV q² is a few parts in 10⁶ of M².
    squared, mass = 1e-3, 1e7
    epsilon = squared / (sqrt(2) * FERMI * mass**2)
    universal = added(f"light-vector-universal:mass={mass:g}keV", squared)
    expected = shifted(epsilon * ((2 * Z + N) + (Z + 2 * N)))
    np.testing.assert_allclose(universal, expected, rtol=3e-5)


def test_b_minus_l_adds_and_a_universal_boson_takes_away() -> None:
    assert (added("light-vector:mass=1MeV", 1e-10) > 0).all()
    assert (added("light-vector-universal:mass=1MeV", 1e-10) < 0).all()


def test_antineutrinos_and_form_factors_of_options() -> None:
    tested = get_hypothesis("standard-model")
    plain = evaluate_terms(tested, T, "e", replace(OPTIONS, form_factor="none"))[1]
    np.testing.assert_allclose(evaluate_terms(tested, T, "e", OPTIONS)[1], plain * F2, rtol=1e-12)
    with pytest.raises(ConfigError, match="form factor"):
        RateOptions(form_factor="hard-sphere")  # type: ignore[arg-type]


ON_NUCLEI = [
    *(name for name, entry in HYPOTHESES.items() if "nucleus" in entry.processes),
    *(
        family.example
        for family in FAMILIES.values()
        if "nucleus" in get_hypothesis(family.example).processes
    ),
]


@pytest.mark.parametrize("name", ON_NUCLEI)
def test_ours_are_in_order(name: str) -> None:
    # Checks of terms and of rates below nothing are nuhist's own.
    tested, flux = get_hypothesis(name), get_source("sun").group("b8").components
    options = RateOptions(process="nucleus")
    alone = []
    for flavor in FLAVOR_CHOICES:
        rates = recoil_rates(tested, flavor, T, flux, options)
        added = np.array([rates[power] for power in tested.powers or (1, 2)])
        assert (added != 0).all() or "lmu-ltau" in name  # ν_e have no charge of that
        alone.append(added)
    # Each flavour carries its fraction; the effective coupling is all three at once. Rounding.
    np.testing.assert_allclose(alone[0], np.sum(alone[1:], axis=0), rtol=1e-12)


@pytest.mark.parametrize("name", ["nsi-up", "nsi-down-transition"])
def test_electrons_have_no_quarks(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"hypothesis {name}: .*process electron.*process nucleus"):
        nuhist.build("lz_ws2024", hypothesis=name)


@pytest.mark.parametrize("name", ["nsi-left", "light-vector-le-lmu:mass=1keV", "light-tensor:mass=1keV"])
def test_nuclei_do_not_have_everything(name: str) -> None:
    with pytest.raises(ConfigError, match=r"has no cross section for coherent"):
        nuhist.build("xenonnt_cevns_sr0", hypothesis=name)
