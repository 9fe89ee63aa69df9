"""Vector and axial couplings of neutrinos to electrons."""

from __future__ import annotations

from math import log, pi, sqrt
from typing import Literal, NamedTuple, get_args

from nuhist.constants import (
    ALPHA_APPENDIX_B,
    ALPHA_MZ,
    ALPHA_S_MW,
    ALPHA_S_MZ,
    FERMI_CONSTANT_PER_KEV2,
    HBAR_C_KEV_CM,
    LEPTON_MASS_KEV,
    RHO_NEUTRAL_CURRENT,
    SIN2_THETA_W_MZ,
    SIN2_THETA_W_ZERO,
    W_MASS_KEV,
)

Flavor = Literal["e", "mu", "tau"]
FLAVORS: tuple[Flavor, ...] = get_args(Flavor)

_ELECTRON_CHARGE = -1


class Couplings(NamedTuple):
    """Couplings of one flavour to electrons, without dimension."""

    vector: float
    axial: float


def tree_level(flavor: Flavor) -> Couplings:
    """Couplings at tree level.

    References
    ----------
    arXiv:2207.05036, eqs. (2) and (3).
    """
    charged_current = 1.0 if flavor == "e" else 0.0
    return Couplings(2 * SIN2_THETA_W_ZERO - 0.5 + charged_current, -0.5 + charged_current)


def radiative(flavor: Flavor) -> Couplings:
    """Couplings with radiative corrections, computed from their inputs.

    References
    ----------
    arXiv:2207.05036, (B3) to (B7), with 1 added for ν_e (the charged current). It prints
    0.9521, 0.4938 (ν_e), −0.0397, −0.5062 (ν_μ) and −0.0353, −0.5062 (ν_τ).
    """
    charge_radius = -ALPHA_APPENDIX_B / (6 * pi) * (log(W_MASS_KEV**2 / LEPTON_MASS_KEV[flavor] ** 2) + 1.5)
    box_ww = -ALPHA_MZ / (2 * pi * SIN2_THETA_W_MZ) * (1 - ALPHA_S_MW / (2 * pi))
    box_left = _box_zz(-0.5 + SIN2_THETA_W_MZ)
    box_right = _box_zz(SIN2_THETA_W_MZ)
    charged_current = 1.0 if flavor == "e" else 0.0
    rho = RHO_NEUTRAL_CURRENT
    vector = (
        rho * (-0.5 - 2 * _ELECTRON_CHARGE * SIN2_THETA_W_ZERO)
        + box_ww
        - 2 * _ELECTRON_CHARGE * charge_radius
        + rho * (box_left - box_right)
    )
    axial = rho * (-0.5 + box_left + box_right) + box_ww
    return Couplings(vector + charged_current, axial + charged_current)


def standard_model_charge_radius(flavor: Flavor) -> float:
    """Charge radius ⟨r²⟩ of a neutrino in the Standard Model, cm².

    It is part of the radiative couplings (the flavour-dependent term of (B3)).

    References
    ----------
    −G_F/(2√2 π²) (3 − 2 ln(m_ℓ²/M_W²)), the one-loop result in the convention in which a charge
    radius shifts g_V as in :data:`nuhist.physics.scattering.CHARGE_RADIUS_SHIFT`: the radii of ν_μ and
    ν_τ then differ by as much as their g_V in App. B of arXiv:2207.05036 do.

    Examples
    --------
    >>> [f"{standard_model_charge_radius(flavor):.2e}" for flavor in FLAVORS]
    ['-8.28e-33', '-4.81e-33', '-2.97e-33']
    """
    logarithm = log(LEPTON_MASS_KEV[flavor] ** 2 / W_MASS_KEV**2)
    return -FERMI_CONSTANT_PER_KEV2 / (2 * sqrt(2) * pi**2) * (3 - 2 * logarithm) * HBAR_C_KEV_CM**2


def _box_zz(coupling: float) -> float:
    """Electroweak ZZ box of (B5) for a lowest-order coupling at M_Z."""
    prefactor = -3 * ALPHA_MZ / (8 * pi * SIN2_THETA_W_MZ * (1 - SIN2_THETA_W_MZ))
    return prefactor * coupling**2 * (1 - ALPHA_S_MZ / pi)
