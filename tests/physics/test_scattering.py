"""Cross sections against eqs. (1), (6), (7) and (8) as conftest.py writes them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants

from nuhist.physics import scattering
from nuhist.physics.couplings import FLAVORS, Couplings, Flavor
from nuhist.physics.targets.registry import get_target
from nuhist.tables import Array

CrossSection = Callable[[float, float], float]

# To six digits, as conftest.py has them, so that the comparison is of the formulas alone.
COUPLINGS: dict[Flavor, Couplings] = {
    "e": Couplings(0.952065, 0.493775),
    "mu": Couplings(-0.039679, -0.506225),
    "tau": Couplings(-0.035308, -0.506225),
}
RECOILS = st.floats(0.0125, 29.9)  # keV: where eq. (8) has a photoabsorption
ABOVE_LIMIT = st.floats(1.0001, 1000.0)  # E over the smallest E that can give T
M_E = 510.99895  # keV
XENON = get_target("xenon")


def computed(name: str, recoil: Array) -> Array:
    kind, _, flavor = name.rpartition(" ")
    functions: dict[str, Callable[[], Array]] = {
        "magnetic moment": lambda: scattering.magnetic_moment(recoil, XENON),
        "epa": lambda: scattering.millicharge_epa(recoil, XENON),
        "standard model": lambda: scattering.standard_model(recoil, COUPLINGS[flavor], XENON),  # type: ignore[index]
        "fea linear": lambda: scattering.millicharge_fea_linear(recoil, COUPLINGS[flavor], XENON),  # type: ignore[index]
        "fea quadratic": lambda: scattering.millicharge_fea_quadratic(recoil, XENON),
    }
    return functions[name if name in functions else kind]()


def evaluated(name: str, recoil: float, neutrino: float) -> float:
    t, e = np.array([recoil]), np.array([neutrino])
    return float(scattering.cross_section(computed(name, t), t, e)[0])


@given(recoil=RECOILS, factor=ABOVE_LIMIT)
def test_equals_the_papers_equations(paper: Mapping[str, CrossSection], recoil: float, factor: float) -> None:
    neutrino = factor * float(scattering.minimum_neutrino_energy(np.array(recoil)))
    for name, formula in paper.items():
        # Rounding only. Terms cancel near the limit and for some flavours, so that it is taken
        # relative to the sum of the terms' sizes.
        t, e = np.array([recoil]), np.array([neutrino])
        parts = computed(name, t)[:, 0] * [1, 1 / neutrino, neutrino**-2, np.log(neutrino)]
        value = float(scattering.cross_section(computed(name, t), t, e)[0])
        assert abs(value - formula(recoil, neutrino)) <= 2e-12 * np.abs(parts).sum(), name


@given(recoil=st.floats(1e-3, 60.0))
def test_smallest_neutrino_energy_backscatters(recoil: float) -> None:
    # Kinematics of a head-on collision: T_max = 2E² / (m_e + 2E), the inverse of E_min(T).
    # 3e-9: m_e of this test is rounded, CODATA 2018 and 2022 differ by 1.4e-9.
    lowest = float(scattering.minimum_neutrino_energy(np.array(recoil)))
    assert 2 * lowest**2 / (M_E + 2 * lowest) == pytest.approx(recoil, rel=3e-9)


@given(recoil=RECOILS)
def test_nothing_below_the_kinematic_limit(paper: Mapping[str, CrossSection], recoil: float) -> None:
    lowest = float(scattering.minimum_neutrino_energy(np.array(recoil)))
    for name in paper:
        assert evaluated(name, recoil, 0.9999 * lowest) == 0.0, name
        assert evaluated(name, recoil, 1.01 * lowest) != 0.0, name


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("recoil", [0.7, 2.3, 5.2, 11.0])
def test_sign_of_the_interference(flavor: Flavor, recoil: float) -> None:
    # q² < 0 in eq. (7), so that q > 0 lowers g_V: less of ν_e (g_V = 0.95), more of ν_μ and
    # ν_τ (g_V = −0.04, −0.04). At 300 keV the terms with T/E and m_e T/E² matter little.
    value = evaluated(f"fea linear {flavor}", recoil, 300.0)
    assert value < 0 if flavor == "e" else value > 0


@given(recoil=RECOILS)
def test_quadratic_part_at_high_energy(paper_charge: Callable[[float], int], recoil: float) -> None:
    # 2πα² q² / (m_e T²), the limit E >> T, m_e: at 1 TeV its corrections are T/E and m_e T/E², 3e-8.
    area = (constants.hbar * constants.c / constants.e * 0.1) ** 2  # (ħc)² in keV² cm²
    expected = paper_charge(recoil) * 2 * pi * constants.alpha**2 / (M_E * recoil**2) * area
    assert evaluated("fea quadratic e", recoil, 1e9) == pytest.approx(expected, rel=1e-7)


def test_neutrino_mass_enters_the_logarithm_only() -> None:
    # Eq. (8): from 1 eV to 10 meV the logarithm grows by ln 100.
    t, e = np.array([2.0]), np.array([400.0])
    heavy, light = (
        float(scattering.cross_section(scattering.millicharge_epa(t, XENON, mass), t, e)[0])
        for mass in (1.0, 0.01)
    )
    assert light / heavy == pytest.approx((np.log(4e5) + np.log(100)) / np.log(4e5), rel=1e-12)
