"""The light vector boson of B - L, and hypotheses with a parameter of their own."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest

from nuhist.constants import ELECTRON_MASS_KEV, FINE_STRUCTURE
from nuhist.errors import ConfigError
from nuhist.physics import scattering
from nuhist.physics.catalogue.light_vector import vector_terms
from nuhist.physics.couplings import radiative
from nuhist.physics.hypotheses import HYPOTHESES, get_family, get_hypothesis, title_of
from nuhist.physics.rate_options import RateOptions
from nuhist.physics.targets.registry import get_target

XENON = get_target("xenon")
RECOIL = np.array([1.0, 5.0, 40.0])  # keV
HBAR_C = 1.973269804e-8  # keV cm


def at(coefficients: np.ndarray, neutrino: float) -> np.ndarray:
    """The cross section at a neutrino energy, from the coefficients of 1, 1/E, 1/E² and ln E."""
    functions = np.array([1.0, 1 / neutrino, 1 / neutrino**2, np.log(neutrino)])
    return np.tensordot(functions, coefficients, axes=1)


@pytest.mark.parametrize("mass", [0.0, 10.0, 1e4])
def test_quadratic_part_is_that_of_the_boson_alone(mass: float) -> None:
    # Without the weak force, of two Dirac currents with the propagator 1 / (2 m T + M²):
    # dσ/dT = g⁴ m / (4π (2mT + M²)²) × [1 + (1 - T/E)² - mT/E²], times (ħc)² in cm².
    squared, neutrino = 1e-12, 400.0
    propagator = 1 / (2 * ELECTRON_MASS_KEV * RECOIL + mass**2)
    spins = 1 + (1 - RECOIL / neutrino) ** 2 - ELECTRON_MASS_KEV * RECOIL / neutrino**2
    alone = squared**2 * ELECTRON_MASS_KEV / (4 * pi) * propagator**2 * spins * HBAR_C**2
    found = at(vector_terms(RECOIL, "e", XENON, mass, squared)[2], neutrino)
    # The constants have nine digits.
    np.testing.assert_allclose(found, alone * XENON.effective_charge(RECOIL), rtol=1e-7)


def test_massless_it_is_a_millicharge() -> None:
    # arXiv:2207.05036, eq. (7), with q = -g² / (4πα); both are exact.
    squared = 1e-14
    found = vector_terms(RECOIL, "mu", XENON, 0.0, squared)
    charge = -squared / (4 * pi * FINE_STRUCTURE)
    linear = charge * scattering.millicharge_fea_linear(RECOIL, radiative("mu"), XENON)
    np.testing.assert_allclose(found[1], linear, rtol=1e-9)
    np.testing.assert_allclose(
        found[2], charge**2 * scattering.millicharge_fea_quadratic(RECOIL, XENON), rtol=1e-9
    )


def test_a_parameter_has_units_and_one_name() -> None:
    named = [get_hypothesis(f"light-vector:mass={text}") for text in ("10keV", "10", "0.01 MeV", "1e4eV")]
    assert {each.name for each in named} == {"light-vector:mass=10keV"}
    assert named[0].title == "vector boson of B - L, mass 10 keV"
    assert title_of("light-vector:mass=10keV") == named[0].title
    assert title_of("magnetic-moment") == HYPOTHESES["magnetic-moment"].title
    assert title_of("nothing") is None
    terms = named[0].terms(RECOIL, "e", RateOptions())
    assert set(terms) == {1, 2}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("light-vector", "light-vector: its mass is missing; write light-vector:mass=10keV"),
        ("light-vector:", "its mass is missing"),
        ("light-vector:10keV", "expected NAME=VALUE; write light-vector:mass=10keV"),
        ("light-vector:width=1", "no parameter of light-vector called 'width'"),
        ("light-vector:mass=-1", "mass = -1 keV is outside its range, 0 to 1e\\+07 keV"),
        ("light-vector:mass=11GeV", "outside its range"),
        ("light-vector:mass=10kg", "mass=10kg: expected a number with a unit of keV, eV, MeV, GeV"),
        ("light-vector:mass=nan", "expected a number with a unit"),
        ("light-vektor:mass=1", "no hypothesis called 'light-vektor:mass=1'; did you mean light-v"),
    ],
)  # fmt: skip
def test_wrong_parameters_are_one_line(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        get_hypothesis(name)


def test_hypotheses_without_parameters_have_none() -> None:
    with pytest.raises(
        ConfigError, match="magnetic-moment has no parameter of its own; those that have: axion-like-particle"
    ):
        get_family("magnetic-moment")
    with pytest.raises(ConfigError, match="no hypothesis with parameters of its own called 'light'"):
        get_family("light")
