"""Targets: xenon's Table II, the Henke tables, the RRPA ratio; other elements."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuhist.physics.targets.registry import get_target

XENON = get_target("xenon")

# arXiv:2207.05036, Table II: an edge in keV and the charge at it and just above it.
TABLE_II = [
    (0.0121, 0, 2), (0.0134, 2, 4), (0.0233, 4, 10), (0.0675, 10, 14), (0.0695, 14, 18),
    (0.1455, 18, 22), (0.1467, 22, 24), (0.2132, 24, 26), (0.6764, 26, 32), (0.689, 32, 36),
    (0.9406, 36, 40), (1.0021, 40, 42), (1.1487, 42, 44), (4.7822, 44, 48), (5.1037, 48, 50),
    (5.4528, 50, 52), (34.561, 52, 54),
]  # fmt: skip


@pytest.mark.parametrize(("edge", "at", "above"), TABLE_II)
def test_an_edge_belongs_to_the_step_below(edge: float, at: float, above: float) -> None:
    charges = XENON.effective_charge(np.array([edge * (1 - 1e-12), edge, edge * (1 + 1e-12)]))
    assert charges.tolist() == [at, at, above]


def test_there_are_no_other_edges() -> None:
    assert XENON.edges.tolist() == [edge for edge, _, _ in TABLE_II]


@given(energy=st.floats(1e-4, 100.0))
def test_charge_between_the_edges(paper_charge: Callable[[float], int], energy: float) -> None:
    assert XENON.effective_charge(np.array([[energy]])).tolist() == [[paper_charge(energy)]]


def test_photoabsorption_at_1_kev() -> None:
    # 2.07e-18 cm² from the same Henke table, printed with three digits: half a unit of the last;
    # the nodes are 1.6 % apart, and the interpolation between them costs far less than that.
    assert XENON.photoabsorption(np.array(1.0)) == pytest.approx(2.07e-18, abs=0.005e-18)


def test_photoabsorption_at_a_node() -> None:
    # The node nearest to 2 keV: σ = 2 r_e (hc/E) f2 with r_e = 2.8179403e-13 cm and
    # hc = 1.23984198 keV nm.
    import periodictable

    energies, _, f2 = periodictable.Xe.xray.sftable
    index = int(np.argmin(np.abs(energies - 2.0)))
    expected = 2 * 2.8179403e-13 * 1.23984198e-7 / energies[index] * f2[index]
    # 1e-7: digits of the constants.
    assert XENON.photoabsorption(energies[index : index + 1])[0] == pytest.approx(expected, rel=1e-7)


def test_photoabsorption_ends() -> None:
    # Nothing is ionised up to the first edge, 12.1 eV; the table ends at 30 keV.
    energies = np.array([1e-3, 0.0121, 0.01211, 29.99, 30.0, 30.01, 100.0])
    assert (XENON.photoabsorption(energies) > 0).tolist() == [False, False, True, True, True, False, False]


def test_photoabsorption_is_a_power_law_between_nodes() -> None:
    nodes = XENON.photoabsorption_nodes()
    above = np.searchsorted(nodes, 2.0)
    left, right = nodes[above - 1], nodes[above]
    at_left, middle, at_right = XENON.photoabsorption(np.array([left, np.sqrt(left * right), right]))
    # The geometric mean of the ends at the geometric mean of the energies: rounding of exp and log.
    assert middle == pytest.approx(np.sqrt(at_left * at_right), rel=1e-12)


def test_rrpa_ratio() -> None:
    # Energies that both digitised curves of Chen et al., arXiv:1610.04177, have; in 1e-31 of their
    # units. Seven digits of each.
    ratio = XENON.rrpa_correction(np.array([0.9612, 1.0248, 1.1705]))
    expected = [3.164598601 / 3.636012266, 3.457785496 / 4.037215386, 3.659158600 / 4.238588490]
    np.testing.assert_allclose(ratio, expected, rtol=1e-9)


def test_rrpa_lowers_the_rate() -> None:
    # "Slightly reduces" (arXiv:2207.05036, Sec. II); the digitised curves: by 11 to 32 %.
    ratio = XENON.rrpa_correction(np.linspace(0.1, 40.0, 500))
    assert ratio.min() == pytest.approx(0.685, abs=0.001)
    assert ratio.max() == pytest.approx(0.891, abs=0.001)


def test_rrpa_is_constant_beyond_its_range() -> None:
    ends = XENON.rrpa_correction(np.array([1e-3, 0.25, 30.0, 100.0]))
    assert ends[0] == ends[1]
    assert ends[2] == ends[3]


def test_atoms_per_tonne() -> None:
    # N_A × 1e6 g / 131.293 g = 6.02214076e29 / 131.293; the mass of natural xenon is known to 1e-4,
    # but periodictable has this value: seven digits by hand.
    assert XENON.per_tonne == pytest.approx(4.586795e27, rel=1e-6)
