"""Recoil rates against scipy.integrate.quad over the flux, one segment of its table at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from nuhist.physics import scattering
from nuhist.physics.couplings import FLAVORS, Couplings, Flavor
from nuhist.physics.rates import flux_moments, rate, rates_of_larger
from nuhist.physics.sources.flux import FluxComponent
from nuhist.physics.sources.registry import get_source
from nuhist.physics.targets.registry import get_target
from nuhist.tables import Array

CrossSection = Callable[[float, float], float]

RECOILS = [0.7, 2.3, 5.2, 11.0]  # keV
XENON = get_target("xenon")
FLUX = {component.name: component for component in get_source("sun").components}
# 6.02214076e23 per mol, 131.293 g per mol, years of 365.25 days.
PER_TONNE_YEAR = 6.02214076e23 * 1e6 / 131.293 * 365.25 * 86400

# As conftest.py has them, so that the comparison is of the integrals alone.
COUPLINGS: dict[Flavor, Couplings] = {
    "e": Couplings(0.952065, 0.493775),
    "mu": Couplings(-0.039679, -0.506225),
    "tau": Couplings(-0.035308, -0.506225),
}
KINDS: dict[str, Callable[[Array], Array]] = {
    "standard model e": lambda t: scattering.standard_model(t, COUPLINGS["e"], XENON),
    "magnetic moment": lambda t: scattering.magnetic_moment(t, XENON),
    "fea linear e": lambda t: scattering.millicharge_fea_linear(t, COUPLINGS["e"], XENON),
    "fea quadratic e": lambda t: scattering.millicharge_fea_quadratic(t, XENON),
    "epa": lambda t: scattering.millicharge_epa(t, XENON),
}


def pure(component: FluxComponent, flavor: Flavor) -> FluxComponent:
    """The component as if all of it were of one flavour."""
    return replace(component, fractions=np.array([[float(name == flavor)] for name in FLAVORS]))


def as_rate(coefficients: Array, recoil: Array, flux: Sequence[FluxComponent]) -> Array:
    """nuhist's rate of a cross section on all of a flux."""
    folded_flux = flux_moments(recoil, [pure(part, "e") for part in flux])
    return rate(coefficients, "e", recoil, folded_flux, XENON)


def segments(component: FluxComponent, lowest: float) -> Iterator[tuple[float, float, float, float]]:
    """Left, right, density at the left end and slope, from ``lowest`` upwards."""
    assert component.density is not None
    nodes, density = component.energy.tolist(), component.density.tolist()
    for left, right, at_left, at_right in zip(nodes, nodes[1:], density, density[1:], strict=False):
        slope = (at_right - at_left) / (right - left)
        start = max(left, lowest)
        if start < right:
            yield start, right, at_left + slope * (start - left), slope


def folded(component: FluxComponent, recoil: float, cross_section: Callable[[float], float]) -> float:
    """∫ dφ/dE · dσ/dT dE above the kinematic limit, per tonne year."""
    lowest = (recoil + sqrt(recoil**2 + 2 * 510.99895 * recoil)) / 2
    if component.is_line:
        energy = float(component.energy[0])
        total = component.total * cross_section(energy) if energy > lowest else 0.0
    else:
        total = 0.0
        for left, right, density, slope in segments(component, lowest):

            def integrand(
                e: float, left: float = left, density: float = density, slope: float = slope
            ) -> float:
                return (density + slope * (e - left)) * cross_section(e)

            total += quad(integrand, left, right, epsabs=0.0, epsrel=1e-9)[0]
    return total * PER_TONNE_YEAR


@pytest.mark.thorough(keep=4)
@pytest.mark.parametrize("name", FLUX)
@pytest.mark.parametrize("kind", KINDS)
def test_each_cross_section_and_component(paper: Mapping[str, CrossSection], kind: str, name: str) -> None:
    # On a segment the integrand is smooth and quad exact to rounding, and so are the moments.
    # 1e-9: m_e of this test's kinematic limit is rounded at 1.4e-9 (found: at most 2e-11).
    computed = as_rate(KINDS[kind](np.array(RECOILS)), np.array(RECOILS), [FLUX[name]])
    expected = [folded(FLUX[name], t, lambda e, t=t: paper[kind](t, e)) for t in RECOILS]  # type: ignore[misc]
    np.testing.assert_allclose(computed, expected, rtol=1e-9)


def test_components_add() -> None:
    recoil = np.linspace(0.5, 30.0, 60)
    alone = [flux_moments(recoil, [component])[False] for component in FLUX.values()]
    # Sums of the same nine numbers, in the same order: rounding.
    np.testing.assert_allclose(
        flux_moments(recoil, list(FLUX.values()))[False], np.sum(alone, axis=0), rtol=1e-14
    )


def larger_rate(t: float, q: float, flavor: Flavor, flux: list[FluxComponent]) -> float:
    """nuhist's rate of the larger of EPA and FEA for a charge of q e₀."""
    recoil = np.array([t])
    return float(
        rates_of_larger(
            *charge_parts(recoil, q, flavor), flavor, recoil, [[pure(part, flavor) for part in flux]], XENON
        )[0, 0]
    )


def charge_parts(recoil: Array, q: float, flavor: Flavor) -> tuple[Array, Array]:
    """Coefficients of EPA and of FEA, both with q."""
    fea = q * scattering.millicharge_fea_linear(recoil, COUPLINGS[flavor], XENON)
    return (
        q**2 * scattering.millicharge_epa(recoil, XENON),
        fea + q**2 * scattering.millicharge_fea_quadratic(recoil, XENON),
    )


@pytest.mark.thorough(keep=2)
@pytest.mark.parametrize(
    ("t", "q", "flavor", "crossings"),
    [
        (0.9, -3e-13, "e", 0),  # EPA at all E
        (14.0, -3e-13, "e", 0),  # FEA at all E
        (9.93, -1.425e-12, "e", 1),  # near 72 keV
        (24.81, -3.484e-12, "mu", 1),  # 152 keV
        (2.97, 3.2e-14, "mu", 2),  # 41 and 120 keV
        (4.87, 3.95e-14, "mu", 2),  # 43 and 113 keV
        (11.75, 7.03e-13, "tau", 2),  # 137 and 272 keV
        (2.24, 1.07e-14, "tau", 2),  # 25 and 200 keV
    ],
)
def test_larger_of_epa_and_fea(
    paper: Mapping[str, CrossSection], t: float, q: float, flavor: Flavor, crossings: int
) -> None:
    flux = [FLUX["pp"], FLUX["7Be_861keV"]]

    def excess(e: float) -> float:
        interference, alone = paper[f"fea linear {flavor}"](t, e), paper[f"fea quadratic {flavor}"](t, e)
        return q**2 * (paper["epa"](t, e) - alone) - q * interference

    def larger(e: float) -> float:
        return q**2 * paper["epa"](t, e) + max(0.0, -excess(e))

    lowest = float(scattering.minimum_neutrino_energy(np.array(t)))
    signs = [excess(e) > 0 for e in np.linspace(lowest, 420.0, 1000)]
    assert np.diff(signs).sum() == crossings  # the case is what it says
    expected = sum(folded(component, t, larger) for component in flux)
    # quad bisects a segment with a crossing in it until it reports 1e-9.
    assert larger_rate(t, q, flavor, flux) == pytest.approx(expected, rel=1e-9)


@given(t=st.floats(0.05, 29.0), q=st.floats(-1e-11, 1e-11).filter(lambda q: abs(q) > 1e-16))
def test_larger_is_no_less_than_either(t: float, q: float) -> None:
    recoil = np.array([t])
    for flavor in FLAVORS:
        epa, fea = (
            float(as_rate(part, recoil, list(FLUX.values()))[0]) for part in charge_parts(recoil, q, flavor)
        )
        larger = larger_rate(t, q, flavor, list(FLUX.values()))
        slack = 1e-12 * (abs(epa) + abs(fea))  # rounding
        assert larger >= max(epa, fea) - slack


@pytest.mark.parametrize("t", RECOILS)
def test_epa_where_the_interference_outweighs_the_charge(paper: Mapping[str, CrossSection], t: float) -> None:
    # A small positive charge of ν_e interferes destructively: its FEA part is negative at all E.
    q, recoil = 1e-15, np.array([t])
    flux = [FLUX["pp"], FLUX["7Be_384keV"], FLUX["7Be_861keV"]]
    lowest = float(scattering.minimum_neutrino_energy(recoil)[0])
    energies = np.linspace(lowest * 1.001, 862.0, 500)
    fea = [q * paper["fea linear e"](t, e) + q**2 * paper["fea quadratic e"](t, e) for e in energies]
    assert max(fea) < 0
    epa, _ = charge_parts(recoil, q, "e")
    expected = float(as_rate(epa, recoil, flux)[0])
    assert larger_rate(t, q, "e", flux) == pytest.approx(expected, rel=1e-12)  # the same numbers


def test_groups_of_fluxes_are_kept_apart() -> None:
    recoil = np.array([[0.9, 2.97], [9.93, 24.81]])
    parts = charge_parts(recoil, 3.2e-14, "mu")
    groups = [[FLUX["pp"], FLUX["13N"]], [FLUX["7Be_861keV"]]]
    together = rates_of_larger(*parts, "mu", recoil, groups, XENON)
    assert together.shape == (2, 2, 2)
    for group, expected in zip(groups, together, strict=True):
        alone = rates_of_larger(*parts, "mu", recoil, [group], XENON)[0]
        # Rounding: roots are looked for up to the highest energy of all groups.
        np.testing.assert_allclose(alone, expected, rtol=1e-12)
