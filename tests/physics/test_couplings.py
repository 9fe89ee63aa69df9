"""Couplings against arXiv:2207.05036, eqs. (2), (3) and App. B."""

from __future__ import annotations

from math import log, pi

import pytest

from nuhist.physics.couplings import FLAVORS, Flavor, radiative, tree_level

PRINTED: dict[Flavor, tuple[float, float]] = {
    "e": (0.9521, 0.4938),
    "mu": (-0.0397, -0.5062),
    "tau": (-0.0353, -0.5062),
}
LEPTON_MASS_GEV: dict[Flavor, float] = {"e": 0.51099895e-3, "mu": 0.1056583755, "tau": 1.77686}


@pytest.mark.parametrize("flavor", FLAVORS)
def test_match_the_paper(flavor: Flavor) -> None:
    # App. B prints four decimals: half a unit of the last one.
    assert radiative(flavor) == pytest.approx(PRINTED[flavor], rel=0, abs=5e-5)


def test_tree_level() -> None:
    # Eqs. (2), (3) with sin²θ_W = 0.23857: 2 × 0.23857 ± 1/2. Rounding only.
    assert tree_level("e") == pytest.approx((0.97714, 0.5), rel=1e-14)
    assert tree_level("mu") == pytest.approx((-0.02286, -0.5), rel=1e-14)
    assert tree_level("tau") == tree_level("mu")


@pytest.mark.parametrize("flavor", FLAVORS)
def test_equations_b6_and_b7(flavor: Flavor) -> None:
    # (B3) to (B7) for Q_e = −1 with the inputs that App. B prints; M_W and m_τ of PDG 2020 and
    # α(0) = 1/137.036 are not in the paper.
    rho, s0, sz, alpha_z = 1.00063, 0.23857, 0.23121, 1 / 127.952
    radius = -1 / 137.036 / (6 * pi) * (2 * log(80.379 / LEPTON_MASS_GEV[flavor]) + 3 / 2)
    box_ww = -alpha_z / (2 * pi * sz) * (1 - 0.123 / (2 * pi))
    zz = -3 * alpha_z / (8 * pi * sz * (1 - sz)) * (1 - 0.1185 / pi)
    left, right = zz * (sz - 0.5) ** 2, zz * sz**2
    charged_current = 1 if flavor == "e" else 0
    b6 = rho * (-0.5 + 2 * s0) + box_ww + 2 * radius + rho * (left - right) + charged_current
    b7 = rho * (-0.5 + left + right) + box_ww + charged_current
    # 1e-9: the masses of e and μ, here with 8 and 10 digits, enter as logarithms.
    assert radiative(flavor) == pytest.approx((b6, b7), rel=0, abs=1e-9)


def test_flavours_differ_in_the_vector_coupling_only() -> None:
    # (B3) is all that depends on the lepton: Δg_V = (2α/3π) ln(m_τ/m_μ), and ν_μ and ν_τ have no
    # charged current. Rounding of 1/137.036 and the masses: 1e-9.
    mu, tau = radiative("mu"), radiative("tau")
    assert tau.axial == mu.axial
    expected = 2 / (3 * pi * 137.036) * log(1776.86 / 105.6583755)
    assert tau.vector - mu.vector == pytest.approx(expected, rel=1e-8)
