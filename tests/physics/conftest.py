"""The paper's cross sections, written a second time: plain scalars, literally as printed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from math import exp, log, pi, sqrt

import periodictable
import pytest
from hypothesis import settings
from scipy import constants

CrossSection = Callable[[float, float], float]

ALPHA = constants.fine_structure
M_E = constants.physical_constants["electron mass energy equivalent in MeV"][0] * 1e3  # keV
G_F = constants.physical_constants["Fermi coupling constant"][0] * 1e-12  # keV^-2
HBAR_C = constants.hbar * constants.c / constants.e * 1e-3 * 1e2  # keV cm

# App. B as printed, with more digits of our own; that they round to the printed ones is tested
# in test_couplings.py.
COUPLINGS = {"e": (0.952065, 0.493775), "mu": (-0.039679, -0.506225), "tau": (-0.035308, -0.506225)}

_ENERGIES, _, _F2 = ([float(value) for value in row] for row in periodictable.Xe.xray.sftable)


# Table II: Z_eff of recoil energies above so many keV, from the top line down.
TABLE_II = [
    (34.561, 54), (5.4528, 52), (5.1037, 50), (4.7822, 48), (1.1487, 44), (1.0021, 42), (0.9406, 40),
    (0.689, 36), (0.6764, 32), (0.2132, 26), (0.1467, 24), (0.1455, 22), (0.0695, 18), (0.0675, 14),
    (0.0233, 10), (0.0134, 4), (0.0121, 2),
]  # fmt: skip

# The first example of a test may read tables, which takes longer than hypothesis allows by default.
settings.register_profile("nuhist", deadline=None)
settings.load_profile("nuhist")


def table_ii(t: float) -> int:
    """Z_eff of Table II."""
    for edge, charge in TABLE_II:
        if t > edge:
            return charge
    return 0


def sigma_gamma(t: float) -> float:
    """2 r_e λ f2 in cm², f2 E^-1 a power law between the energies of the Henke table."""
    if not 0.0121 < t <= 30.0:
        return 0.0
    i = min(bisect_right(_ENERGIES, t), len(_ENERGIES) - 1)
    (e0, e1), (f0, f1) = _ENERGIES[i - 1 : i + 1], _F2[i - 1 : i + 1]
    slope = log((f1 / e1) / (f0 / e0)) / log(e1 / e0)
    r_e = constants.physical_constants["classical electron radius"][0] * 1e2
    h_c = 2 * pi * HBAR_C
    return 2 * r_e * h_c * f0 / e0 * exp(slope * log(t / e0))


def eq_1(t: float, e: float, g_v: float, g_a: float) -> float:
    bracket = (g_v + g_a) ** 2 + (g_v - g_a) ** 2 * (1 - t / e) ** 2 - (g_v**2 - g_a**2) * M_E * t / e**2
    return table_ii(t) * G_F**2 * M_E / (2 * pi) * bracket * HBAR_C**2


def eq_6(t: float, e: float) -> float:
    return table_ii(t) * pi * ALPHA**2 / M_E**2 * (1 / t - 1 / e) * HBAR_C**2


def eq_7_shift(t: float) -> float:
    return 2 * sqrt(2) * pi * ALPHA / (G_F * (-2 * M_E * t))


def eq_8(t: float, e: float) -> float:
    return 2 * ALPHA / pi * sigma_gamma(t) / t * log(e * 1e3 / 1.0)  # m_nu = 1 eV


def linear_part(t: float, e: float, g_v: float, g_a: float) -> float:
    """Of eq. (1) in g_V: odd part of a shift by ±1, which is exact for a quadratic function."""
    return eq_7_shift(t) * (eq_1(t, e, g_v + 1, g_a) - eq_1(t, e, g_v - 1, g_a)) / 2


def quadratic_part(t: float, e: float, g_v: float, g_a: float) -> float:
    even = (eq_1(t, e, g_v + 1, g_a) + eq_1(t, e, g_v - 1, g_a)) / 2
    return eq_7_shift(t) ** 2 * (even - eq_1(t, e, g_v, g_a))


def _of_flavor(formula: Callable[[float, float, float, float], float], flavor: str) -> CrossSection:
    g_v, g_a = COUPLINGS[flavor]
    return lambda t, e: formula(t, e, g_v, g_a)


@pytest.fixture(scope="session")
def paper() -> Mapping[str, CrossSection]:
    """dσ/dT(T, E) in cm²/keV per atom, keV in; without the kinematic limit."""
    formulas: dict[str, CrossSection] = {"magnetic moment": eq_6, "epa": eq_8}
    for flavor in COUPLINGS:
        formulas[f"standard model {flavor}"] = _of_flavor(eq_1, flavor)
        formulas[f"fea linear {flavor}"] = _of_flavor(linear_part, flavor)
        formulas[f"fea quadratic {flavor}"] = _of_flavor(quadratic_part, flavor)
    return formulas


@pytest.fixture(scope="session")
def paper_charge() -> Callable[[float], int]:
    """Z_eff of Table II."""
    return table_ii
