"""The catalogue of hypotheses: rates by Dirac matrices and own quadrature, limits of masses, workspaces."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from math import log, pi, sqrt
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

import nuhist
from nuhist.cli.main import main
from nuhist.physics.couplings import FLAVORS, Flavor, radiative
from nuhist.physics.hypotheses import FAMILIES, HYPOTHESES, find_parameter, get_hypothesis
from nuhist.physics.hypothesis import Dependence, RateOptions
from nuhist.physics.recoils import recoil_rates
from nuhist.physics.sources.registry import get_source
from nuhist.physics.targets.registry import get_target
from tests.physics.dirac import GAMMA, GAMMA5, HBAR_C, LEFT, M_E, METRIC, SIGMA, Matrix, squared_amplitude
from tests.table_head import head_lines

Array = NDArray[np.float64]

# PDG 2020, typed in.
G_F = 1.1663787e-17  # keV⁻²
PER_TONNE_YEAR = 6.02214076e29 / 131.293 * 365.25 * 86400
ENERGIES = [0.8, 1.1, 1.7, 2.6, 3.9, 6.0, 9.1, 14.0, 21.0, 30.0]


def vector(weak: tuple[float, float]) -> list[tuple[Matrix, Matrix]]:
    """Left-handed neutrinos, and electrons with a vector and an axial coupling: g_V γ − g_A γγ⁵."""
    g_v, g_a = weak
    return [(GAMMA[i] @ LEFT, METRIC[i] * GAMMA[i] @ (g_v * np.eye(4) - g_a * GAMMA5)) for i in range(4)]


def exchanged(kind: str, flavor: Flavor, mass: float, squared: float) -> Callable[[float, float], float]:
    """dσ/dT of W, Z and the boson on a free electron, less that of W and Z, in cm²/keV."""
    g_v, g_a = radiative(flavor)

    def added(t: float, e: float) -> float:
        boson = squared / (2 * M_E * t + mass**2)
        scale = HBAR_C**2 / (32 * pi * M_E * e**2)
        if kind in {"vector", "axial"}:
            # A left-handed neutrino's amplitude is √2 G_F times (g_V γ − g_A γγ⁵) of the electron.
            fermi = sqrt(2) * G_F
            more = boson / fermi
            with_it = (g_v + more, g_a) if kind == "vector" else (g_v, g_a - more)
            both, alone = (squared_amplitude(vector(each), t, e) for each in (with_it, (g_v, g_a)))
            return fermi**2 * (both - alone) * scale
        pairs = {
            "scalar": [(LEFT, np.eye(4).astype(complex))],
            "pseudoscalar": [(LEFT, 1j * GAMMA5)],
            "tensor": [(s @ LEFT, METRIC[i] * METRIC[j] * s / sqrt(2)) for i, j, s in SIGMA],
        }[kind]
        return boson**2 * squared_amplitude(pairs, t, e) * scale

    return added


@cache
def table() -> tuple[Array, Array]:
    """pp neutrinos: keV, and per cm² s keV."""
    path = Path(nuhist.__file__).parent / "physics" / "sources" / "tables" / "solar_flux_shape_pp.csv"
    energy, shape = np.loadtxt(path, delimiter=",", skiprows=head_lines(path) + 1).T
    energy = energy * 1e3
    return energy, 5.98e10 * shape / np.trapezoid(shape, energy)


def by_hand(cross_section: Callable[[float, float], float], t: float) -> float:
    """Events per t yr keV of pp neutrinos, all of one flavour: three Gauss-Legendre points per segment.

    Cross sections are second-order polynomials of 1/E, and segments 0.4 keV wide.
    """
    energy, density = table()
    lowest = (t + sqrt(t * t + 2 * M_E * t)) / 2
    edges = np.concatenate([[lowest], energy[energy > lowest]])[::1]
    # dσ/dT = a + b/E + c/E² exactly: three values say all.
    samples = np.array([1.1 * lowest, 2.3 * lowest, 7.0 * lowest])
    values = [cross_section(t, float(e)) for e in samples]
    a, b, c = np.linalg.solve(np.stack([np.ones(3), 1 / samples, samples**-2], axis=1), values)
    points, weights = np.polynomial.legendre.leggauss(4)
    half = np.diff(edges)[:, None] / 2
    e = edges[:-1, None] + half * (points + 1)
    folded = np.sum(half * weights * np.interp(e, energy, density) * (a + b / e + c / e**2))
    electrons = float(get_target("xenon").effective_charge(np.array(t)))
    return float(folded) * electrons * PER_TONNE_YEAR


CASES = [
    ("light-vector", "vector", {"e": 1, "mu": 1, "tau": 1}),
    ("light-vector-universal", "vector", {"e": 1, "mu": 1, "tau": 1}),
    ("light-vector-le-lmu", "vector", {"e": 1, "mu": -1, "tau": 0}),
    ("light-vector-le-ltau", "vector", {"e": 1, "mu": 0, "tau": -1}),
    # e²/(12π²) ln(m_τ²/m_μ²) with 1776.86 and 105.6583755 MeV: 0.004372, of g² for g² (charges squared).
    # The sign by hand: vacuum polarisation by a lepton gives -(α/3π) ln(Λ²/m²) of the product of charges at
    # both ends of the loop, Q'_ν Q'_l at one and Q_l Q_e = (-1)(-1) at the other, so that for ν_μ it is
    # -ln(Λ²/m_μ²) + ln(Λ²/m_τ²): electrons have the charge -0.004372 where protons have +0.004372.
    ("light-vector-lmu-ltau", "vector", {"e": 0, "mu": -1, "tau": 1}),
    ("light-axial-vector", "axial", {"e": 1, "mu": 1, "tau": 1}),
    ("light-scalar", "scalar", {"e": 1, "mu": 1, "tau": 1}),
    ("light-pseudoscalar", "pseudoscalar", {"e": 1, "mu": 1, "tau": 1}),
    ("light-tensor", "tensor", {"e": 1, "mu": 1, "tau": 1}),
]


@pytest.mark.thorough(keep=3)
@pytest.mark.parametrize(("family", "kind", "charges"), CASES, ids=[case[0] for case in CASES])
@pytest.mark.parametrize("mass", [0.0, 30.0, 3000.0])
def test_rates_by_traces(family: str, kind: str, charges: dict[Flavor, float], mass: float) -> None:
    hypothesis = get_hypothesis(f"{family}:mass={mass}keV")
    loop = 4 * pi / 137.035999 / (12 * pi**2) * log((1776.86 / 105.6583755) ** 2)
    flavors: list[Flavor] = ["e", "mu", "tau"] if kind == "vector" else ["e"]
    for flavor in flavors:
        product = charges[flavor] * (loop if family.endswith("lmu-ltau") else 1.0)
        x = 1.7
        coupling = x * hypothesis.reference * product
        flux = get_source("sun:survival=constant").group("pp").components
        fraction = float(flux[0].fractions[FLAVORS.index(flavor), 0])
        rates = recoil_rates(hypothesis, flavor, np.array(ENERGIES), flux, RateOptions())
        found = sum(x**power * values for power, values in rates.items() if power > 0)
        expected = [fraction * by_hand(exchanged(kind, flavor, mass, coupling), t) for t in ENERGIES]
        # Nine digits of constants; the difference of two traces loses some.
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7 * scale)


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("hand", ["left", "right"])
def test_nonstandard_interactions(hand: str, flavor: Flavor) -> None:
    # The definition in chiral couplings: dσ/dT = 2 G_F² m/π [g_L² + g_R² (1 − T/E)² − g_L g_R m T/E²].
    g_v, g_a = radiative(flavor)
    left, right = (g_v + g_a) / 2, (g_v - g_a) / 2

    def weak(t: float, e: float, left: float, right: float) -> float:
        bracket = left**2 + right**2 * (1 - t / e) ** 2 - left * right * M_E * t / e**2
        return 2 * G_F**2 * M_E / pi * HBAR_C**2 * bracket

    epsilon = 0.37
    moved = (left + epsilon, right) if hand == "left" else (left, right + epsilon)
    hypothesis = HYPOTHESES[f"nsi-{hand}"]
    flux = get_source("sun:survival=constant").group("pp").components
    fraction = float(flux[0].fractions[FLAVORS.index(flavor), 0])
    rates = recoil_rates(hypothesis, flavor, np.array(ENERGIES), flux, RateOptions())
    x = epsilon / hypothesis.reference
    found = x * rates[1] + x**2 * rates[2]
    expected = [
        fraction * by_hand(lambda t, e: weak(t, e, *moved) - weak(t, e, left, right), t) for t in ENERGIES
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7 * np.abs(expected).max())
    # Off the diagonal the square alone.
    other = recoil_rates(
        HYPOTHESES[f"nsi-{hand}-transition"], flavor, np.array(ENERGIES), flux, RateOptions()
    )
    np.testing.assert_allclose(other[2], rates[2], rtol=1e-12)


def test_the_weak_mixing_angle() -> None:
    # The couplings themselves, by (B3) to (B7): only the term −2 Q ρ sin²θ_W, with Q = −1, has it.
    hypothesis = HYPOTHESES["weak-mixing-angle"]
    flux = get_source("sun:survival=constant").group("pp").components
    energy = np.array(ENERGIES)
    rates = recoil_rates(hypothesis, "effective", energy, flux, RateOptions())
    delta = -0.05
    x = delta / hypothesis.reference
    found = x * rates[1] + x**2 * rates[2]
    radius = HYPOTHESES["charge-radius"]
    # A charge radius that shifts g_V by the same: 2 × 1.00063 δ over 2.379557e30 per cm².
    same = recoil_rates(radius, "effective", energy, flux, RateOptions())
    y = 2 * 1.00063 * delta / 2.379557e30 / radius.reference
    np.testing.assert_allclose(found, y * same[1] + y**2 * same[2], rtol=1e-5)
    # arXiv:0805.4177: an anapole moment is a sixth of a radius.
    anapole = recoil_rates(HYPOTHESES["anapole-moment"], "effective", energy, flux, RateOptions())
    ratio = 6 * 2e-32 / 1e-31
    for power in (1, 2):
        np.testing.assert_allclose(anapole[power], ratio**power * same[power], rtol=1e-12)


def test_heavy_and_massless_bosons() -> None:
    flux = get_source("sun:survival=constant").group("pp").components
    energy = np.array(ENERGIES)
    # M → ∞: four fermions, ε_L = ε_R = g² / (2√2 G_F M²).
    heavy = get_hypothesis("light-vector:mass=1e7keV")
    rates = recoil_rates(heavy, "mu", energy, flux, RateOptions())
    epsilon = heavy.reference / (2 * sqrt(2) * G_F * 1e14)
    parts = [
        recoil_rates(HYPOTHESES[f"nsi-{hand}"], "mu", energy, flux, RateOptions())[1]
        for hand in ("left", "right")
    ]
    size = HYPOTHESES["nsi-left"].reference
    np.testing.assert_allclose(rates[1], epsilon / size * (parts[0] + parts[1]), rtol=1e-6)
    # M → 0: a millicharge of −g²/(4πα).
    light = get_hypothesis("light-vector:mass=0")
    rates = recoil_rates(light, "mu", energy, flux, RateOptions())
    charge = recoil_rates(HYPOTHESES["millicharge-fea"], "mu", energy, flux, RateOptions())
    x = -light.reference * 137.035999 / (4 * pi) / 1e-13
    np.testing.assert_allclose(rates[1], x * charge[1], rtol=1e-6)
    np.testing.assert_allclose(rates[2], x**2 * charge[2], rtol=1e-6)
    # Scalars: the propagator alone depends on the mass.
    for family in ("light-scalar", "light-pseudoscalar", "light-tensor"):
        one, other = (get_hypothesis(f"{family}:mass={mass}keV") for mass in (0, 100))
        first, second = (recoil_rates(each, "e", energy, flux, RateOptions())[2] for each in (one, other))
        ratio = (2 * M_E * energy / (2 * M_E * energy + 1e4)) ** 2 * (other.reference / one.reference) ** 2
        np.testing.assert_allclose(second, ratio * first, rtol=1e-6)


NAMES = [*HYPOTHESES, *(f"{family}:mass=20keV" for family in FAMILIES)]


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_says_whose_it_is(name: str) -> None:
    hypothesis = get_hypothesis(name)
    if hypothesis.dependence is Dependence.GENERAL:
        return
    for flavor in ("effective", "e", "mu", "tau") if hypothesis.of_neutrinos else ("effective",):
        found = find_parameter(hypothesis.parameter_of_interest(flavor).name)
        assert found is not None
        assert (found[0].name, found[1]) == (hypothesis.name, flavor)


def test_the_table_of_hypotheses() -> None:
    listed = json.loads(CliRunner().invoke(main, ["hypotheses", "--json"]).stdout)["hypotheses"]
    assert len(listed) == len(HYPOTHESES) + len(FAMILIES)
    for entry in listed:
        assert entry["formula"], entry["name"]
        assert entry["cited"], entry["name"]
        assert get_hypothesis(entry["name"]).coupling.removesuffix("nu") in entry["coupling"]
    one = CliRunner().invoke(main, ["hypotheses", "light-scalar:mass=1MeV"])
    assert "g2_scalar_nu_squared_mass1000keV" in one.output
    assert CliRunner().invoke(main, ["hypotheses", "light-scaler"]).exit_code == 1
