"""Fluxes of the Sun: totals, moments against numerical integration, groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nuhist.physics
from nuhist.errors import ConfigError
from nuhist.physics.couplings import FLAVORS
from nuhist.physics.sources.flux import FluxComponent, basis
from nuhist.physics.sources.flux import moments as moments_by_flavor
from nuhist.physics.sources.registry import get_source
from nuhist.tables import Array
from tests.table_head import head_lines

# Vinyoles et al., arXiv:1611.09867, GS98: cm⁻² s⁻¹ and fraction. ⁷Be 4.93e9: 10.3 % and 89.7 %.
PUBLISHED = {
    "pp": (5.98e10, 0.006),
    "pep": (1.44e8, 0.01),
    "hep": (7.98e3, 0.30),
    "7Be_384keV": (4.93e9 * 0.103, 0.06),
    "7Be_861keV": (4.93e9 * 0.897, 0.06),
    "8B": (5.46e6, 0.12),
    "13N": (2.78e8, 0.15),
    "15O": (2.05e8, 0.17),
    "17F": (5.29e6, 0.20),
}
SUN = get_source("sun:survival=constant")
COMPONENTS = {component.name: component for component in SUN.components}
CONTINUOUS = [component for component in SUN.components if not component.is_line]
LINES = [component for component in SUN.components if component.is_line]


def moments(component: FluxComponent, lower: Array) -> Array:
    """Of all flavours together."""
    return np.asarray(moments_by_flavor(component, lower).sum(axis=1))


def named(component: FluxComponent) -> str:
    return component.name


def test_totals_and_uncertainties() -> None:
    found = {c.name: (c.total, c.uncertainty) for c in SUN.components}
    assert found.keys() == PUBLISHED.keys()
    for name, values in PUBLISHED.items():
        assert found[name] == pytest.approx(values, rel=1e-12), name


def test_line_energies() -> None:
    # Q values of ⁷Be (two states of ⁷Li) and pep, keV.
    assert {c.name: c.energy.tolist() for c in LINES} == {
        "pep": [1440.0],
        "7Be_384keV": [384.3],
        "7Be_861keV": [861.3],
    }


@pytest.mark.parametrize("component", SUN.components, ids=named)
def test_zeroth_moment_is_the_total(component: FluxComponent) -> None:
    # After renormalisation: trapezoids are exact for a spectrum that is linear between its nodes.
    assert moments(component, np.array(0.0) + component.energy[0] / 2)[0] == pytest.approx(
        component.total, rel=1e-12
    )


def test_pp_table_needs_the_renormalisation() -> None:
    # The bundled table integrates to 0.9973 over MeV; the density is the table over that, per keV.
    path = Path(nuhist.physics.__path__[0]) / "sources" / "tables" / "solar_flux_shape_pp.csv"
    table = np.loadtxt(path, delimiter=",", comments="#", skiprows=head_lines(path) + 1)
    integral = np.trapezoid(table[:, 1], table[:, 0])
    assert integral == pytest.approx(0.9973, abs=5e-5)
    density = COMPONENTS["pp"].density
    assert density is not None
    np.testing.assert_allclose(density, 5.98e10 * table[:, 1] / integral / 1e3, rtol=1e-12)


@pytest.mark.parametrize("component", CONTINUOUS, ids=named)
def test_moments_by_quadrature(component: FluxComponent) -> None:
    # Eight Gauss-Legendre points on each piece between nodes (and from the lower limit to the next
    # node); the widest piece, from 8B's first node at 20 keV to 36 keV, makes an error of 1e-12.
    nodes, weights = np.polynomial.legendre.leggauss(8)
    for lower in (7.3, 33.3, 151.7, 399.9):
        edges = np.concatenate(
            [[max(lower, component.energy[0])], component.energy[component.energy > lower]]
        )
        half = np.diff(edges)[:, None] / 2
        energy = edges[:-1, None] + half * (nodes + 1)
        assert component.density is not None
        density = np.interp(energy, component.energy, component.density)
        expected = np.sum(half * weights * density * basis(energy), axis=(1, 2))
        np.testing.assert_allclose(moments(component, np.array(lower)), expected, rtol=1e-10)


@pytest.mark.parametrize("component", LINES, ids=named)
def test_moments_of_a_line(component: FluxComponent) -> None:
    energy = component.energy[0]
    below, above = moments(component, np.array([energy - 0.1, energy + 0.1])).T
    expected = np.array([1, 1 / energy, energy**-2, np.log(energy)]) * component.total
    np.testing.assert_allclose(below, expected, rtol=1e-14)
    assert above.tolist() == [0, 0, 0, 0]


@given(
    name=st.sampled_from(sorted(COMPONENTS)),
    lower=st.floats(1.5, 20000.0),
    step=st.floats(0.0, 500.0),
)
def test_moments_fall_with_the_lower_limit(name: str, lower: float, step: float) -> None:
    # All four integrands are positive above 1 keV. Slack: rounding of sums of 1000 pieces.
    component = COMPONENTS[name]
    low, high = moments(component, np.array([lower, lower + step])).T
    assert (high >= 0).all()
    assert (low >= high - 1e-13 * moments(component, np.array(1.5))).all()


def test_nothing_above_the_end_of_a_spectrum() -> None:
    for component in SUN.components:
        last = component.energy[-1]
        assert moments(component, np.array([last, 2 * last])).tolist() == [[0, 0]] * 4, component.name


def test_moments_keep_the_shape() -> None:
    for name in ("pp", "pep"):
        found = moments_by_flavor(COMPONENTS[name], np.full((2, 3), 50.0))
        assert found.shape == (4, len(FLAVORS), 2, 3)


def test_groups_cover_each_component_once() -> None:
    members = [component.name for group in SUN.groups for component in group.components]
    assert sorted(members) == sorted(PUBLISHED)
    assert SUN.group("all").components == SUN.components


def test_group_uncertainties() -> None:
    # Fully correlated: Σ flux × uncertainty / Σ flux. By hand for cno, in 1e8: 2.78 × 0.15 +
    # 2.05 × 0.17 + 0.0529 × 0.20 = 0.77608 over 4.8829.
    assert SUN.group("cno").uncertainty == pytest.approx(0.77608 / 4.8829, rel=1e-12)
    assert SUN.group("cno").uncertainty == pytest.approx(0.1589, abs=5e-5)
    # One member, or equal ones: their own.
    assert SUN.group("pp").uncertainty == pytest.approx(0.006, rel=1e-12)
    assert SUN.group("be7").uncertainty == pytest.approx(0.06, rel=1e-12)
    # 8B with a thousandth of hep: 5.46e6 × 0.12 + 7.98e3 × 0.30 = 657594 over 5467980.
    assert SUN.group("b8").uncertainty == pytest.approx(657594 / 5467980, rel=1e-12)


def test_unknown_group_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no flux group of sun:survival=constant called 'be8'; did"):
        SUN.group("be8")
