"""Flavour composition of solar neutrinos at the detector."""

from __future__ import annotations

from collections.abc import Mapping

from nuhist.constants import SIN2_THETA_13, SIN2_THETA_23, SURVIVAL_PROBABILITY_2NU
from nuhist.physics.couplings import Flavor

Composition = Mapping[Flavor, float]


def survival_probability() -> float:
    """P_ee of solar pp and ⁷Be neutrinos: sin⁴θ₁₃ + cos⁴θ₁₃ P²ᵛ.

    References
    ----------
    arXiv:2207.05036, below eq. (4).

    Examples
    --------
    >>> round(survival_probability(), 4)
    0.5266
    """
    return SIN2_THETA_13**2 + (1 - SIN2_THETA_13) ** 2 * SURVIVAL_PROBABILITY_2NU


def solar_composition() -> Composition:
    """Fractions of ν_e, ν_μ and ν_τ, which add up to 1; independent of the energy.

    References
    ----------
    arXiv:2207.05036, below eq. (4).
    """
    p_ee = survival_probability()
    return {"e": p_ee, "mu": (1 - p_ee) * (1 - SIN2_THETA_23), "tau": (1 - p_ee) * SIN2_THETA_23}
