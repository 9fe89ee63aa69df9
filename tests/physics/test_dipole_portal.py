"""The dipole portal: traces, a scalar formula and another quadrature, limits of the mass, ends of rates."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import pi
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

import nuhist
from nuhist.errors import ConfigError
from nuhist.physics import scattering
from nuhist.physics.hypotheses import HYPOTHESES, get_hypothesis
from nuhist.physics.hypothesis import Hypothesis, RateOptions
from nuhist.physics.recoils import breakpoints, recoil_rates
from nuhist.physics.sources.flux import basis
from nuhist.physics.sources.registry import get_source
from nuhist.physics.targets.registry import get_target
from nuhist.physics.together import hypotheses_together
from tests.physics.dirac import (
    GAMMA,
    HBAR_C,
    LEFT,
    M_E,
    METRIC,
    SIGMA,
    Array,
    Matrix,
    cosine,
    squared_amplitude,
    transfer,
)
from tests.table_head import head_lines

ALPHA = 1 / 137.035999084  # CODATA 2018
PER_TONNE_YEAR = 6.02214076e29 / 131.293 * 365.25 * 86400
MASSES = [1.0, 30.0, 100.0, 250.0]
OPTIONS = RateOptions()


def portal(mass: float) -> Hypothesis:
    return get_hypothesis(f"dipole-portal:mass={mass:g}keV")


def formula(t: float, e: float, mass: float) -> float:
    """arXiv:2109.09545 for an electron and 1 μ_B, in cm²/keV."""
    bracket = 1 / t - 1 / e - mass**2 / (2 * e * t * M_E) * (1 - t / (2 * e) + M_E / (2 * e))
    bracket += mass**4 * (t - M_E) / (8 * e**2 * t**2 * M_E**2)
    return pi * ALPHA**2 / M_E**2 * bracket * HBAR_C**2


def vertex(index: int, q: Array) -> Matrix:
    """i σ^{μν} q_ν P_L for an index μ."""
    return np.asarray(1j * sum(s @ LEFT * METRIC[j] * q[j] for i, j, s in SIGMA if i == index))


def by_traces(t: float, e: float, mass: float) -> float:
    """The same from L = −(μ/2) N̄ σ^{μν} P_L ν F_{μν}, for μ = e / (2 m_e)."""
    q = transfer(t, e, mass)
    charge2 = 4 * pi * ALPHA
    pairs = [(vertex(index, q), (METRIC[index] * GAMMA[index]).astype(complex)) for index in range(4)]
    squared = charge2**2 / (4 * M_E**2) * squared_amplitude(pairs, t, e, mass) / (2 * M_E * t) ** 2
    return squared * HBAR_C**2 / (32 * pi * M_E * e**2)


@pytest.mark.parametrize("mass", [0.0, *MASSES])
@pytest.mark.parametrize("e", [400.0, 862.0, 9000.0])
def test_the_cross_section_by_traces(mass: float, e: float) -> None:
    ends = scattering.recoil_range(e, mass)
    if ends is None:
        assert 2 * M_E * e < (M_E + mass) ** 2 - M_E**2  # s < (m_e + M)²
        return
    t = np.array([ends[0] + part * (ends[1] - ends[0]) for part in (0.02, 0.3, 0.95)])
    coefficients = portal(mass).terms(t, "e", OPTIONS)[2]
    found = basis(np.array(e)) @ coefficients / OPTIONS.target.effective_charge(t)
    # Nine digits of constants; traces lose some where parts cancel.
    squared = portal(mass).reference ** 2
    np.testing.assert_allclose(found, [squared * by_traces(each, e, mass) for each in t], rtol=1e-7)
    np.testing.assert_allclose(found, [squared * formula(each, e, mass) for each in t], rtol=1e-7)
    # The photon does not tell neutrinos from antineutrinos.
    crossed = scattering.of_antineutrinos(coefficients, t, mass)
    np.testing.assert_allclose(basis(np.array(e)) @ crossed, basis(np.array(e)) @ coefficients, rtol=1e-9)


@pytest.mark.parametrize("mass", MASSES)
def test_kinematics_end_where_all_fly_in_one_line(mass: float) -> None:
    for e in (420.0, 862.0, 9000.0):
        ends = scattering.recoil_range(e, mass)
        if ends is None:
            continue
        # The cosine of the electron's angle is 1: roots of it, without the formulas.
        middle = (ends[0] * ends[1]) ** 0.5
        low = brentq(lambda t: cosine(t, e, mass) - 1, ends[0] / 3, middle, xtol=1e-25, rtol=1e-12)  # noqa: B023
        high = brentq(lambda t: cosine(t, e, mass) - 1, middle, 3 * ends[1], xtol=1e-25, rtol=1e-12)  # noqa: B023
        assert ends == pytest.approx((low, high), rel=1e-8)
        at_ends = scattering.minimum_neutrino_energy(np.array(ends), mass)
        np.testing.assert_allclose(at_ends, e, rtol=1e-9)


def pp() -> tuple[Array, Array]:
    path = Path(nuhist.__file__).parent / "physics" / "sources" / "tables" / "solar_flux_shape_pp.csv"
    energy, shape = np.loadtxt(path, delimiter=",", skiprows=head_lines(path) + 1).T
    return energy * 1e3, 5.98e10 * shape / np.trapezoid(shape, energy * 1e3)


@pytest.mark.parametrize("mass", MASSES)
def test_rates_by_another_quadrature(mass: float) -> None:
    flux = get_source("sun:survival=constant").group("pp").components
    fraction = float(flux[0].fractions[1, 0])  # ν_μ
    energies = np.array([0.5, 0.8, 1.1, 1.7, 2.6, 6.0, 14.0, 30.0, 80.0, 140.0])
    found = recoil_rates(portal(mass), "mu", energies, flux, OPTIONS)[2]
    nodes, density = pp()
    charges = get_target("xenon").effective_charge(energies)
    expected = []
    for t in energies:
        # Segment by segment; those in which the recoil is not possible count from where it is.
        total = 0.0
        for left, right in pairwise(nodes):
            if cosine(t, right, mass) >= 1:
                continue
            start = left
            if cosine(t, left, mass) > 1:
                start = brentq(lambda e: cosine(t, e, mass) - 1, left, right, rtol=1e-14)  # noqa: B023
            total += quad(lambda e: np.interp(e, nodes, density) * formula(t, e, mass), start, right)[0]  # noqa: B023
        expected.append(total)
    np.testing.assert_allclose(
        found,
        np.array(expected) * portal(mass).reference ** 2 * fraction * charges * PER_TONNE_YEAR,
        rtol=1e-5,
        atol=1e-12,
    )


def test_without_a_mass_it_is_the_magnetic_moment() -> None:
    energies = np.geomspace(0.1, 200.0, 40)
    sun = get_source("sun").components
    for atomic in ("step", "rrpa"):
        options = RateOptions(atomic=atomic)
        moment = recoil_rates(HYPOTHESES["magnetic-moment"], "effective", energies, sun, options)
        for mass, near in ((0.0, 1e-12), (0.001, 1e-6)):
            tested = portal(mass)
            found = recoil_rates(tested, "effective", energies, sun, options)
            np.testing.assert_array_equal(found[0], moment[0])
            ratio = (tested.reference / 1e-11) ** 2
            np.testing.assert_allclose(found[2], ratio * moment[2], rtol=near)


def test_rates_end_where_kinematics_end() -> None:
    # 7Be at 861.3 keV alone: nothing below and above both ends, something inside.
    line = [part for part in get_source("sun").components if part.name == "7Be_861keV"]
    low, high = scattering.recoil_range(float(line[0].energy[0]), 300.0) or (0.0, 0.0)
    t = np.array([low * 0.999, low * 1.001, high * 0.999, high * 1.001])
    rates = recoil_rates(portal(300.0), "effective", t, line, OPTIONS)
    np.testing.assert_array_equal(rates[2] > 0, [False, True, True, False])
    points = breakpoints(portal(300.0), OPTIONS.target, line)
    assert low in points
    assert high in points
    # The Standard Model goes on.
    assert (rates[0] > 0).all()
    # 861.3 keV make at most √(m_e² + 2 m_e E) − m_e = 557 keV.
    assert scattering.recoil_range(861.3, 556.0) is not None
    assert scattering.recoil_range(861.3, 560.0) is None


def test_antineutrinos_have_the_same_rate() -> None:
    # The photon does not tell them apart, as the crossing must show.
    (flux,) = get_source("sun:survival=constant").group("pp").components
    t = np.geomspace(0.3, 50.0, 12)
    found, expected = (
        recoil_rates(portal(200.0), "e", t, [replace(flux, antineutrinos=anti)], OPTIONS)[2]
        for anti in (True, False)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_what_makes_no_sense_with_a_mass() -> None:
    moment = HYPOTHESES["magnetic-moment"]
    for change in ({"outgoing_mass": -1.0}, {"outgoing_mass": float("nan")}, {"outgoing_mass": True}):
        with pytest.raises(ConfigError, match=r"outgoing_mass is .* keV; expected a positive number"):
            replace(moment, **change)
    with pytest.raises(ConfigError, match="know massless neutrinos alone"):
        replace(HYPOTHESES["standard-model"], outgoing_mass=1.0)


def test_two_masses_do_not_interfere() -> None:
    names = [portal(30.0).name, portal(100.0).name]
    assert len(hypotheses_together(names, "effective")) == 2
    assert len(hypotheses_together([names[0], "magnetic-moment"], "effective")) == 2
