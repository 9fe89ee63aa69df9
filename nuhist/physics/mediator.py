"""Exchange of a boson between neutrino and electron or nucleus: what all kinds of bosons share."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log10, sqrt

from nuhist.constants import ELECTRON_MASS_KEV, FERMI_CONSTANT_PER_KEV2
from nuhist.physics import scattering
from nuhist.physics.couplings import Couplings
from nuhist.physics.own_parameter import OwnParameter
from nuhist.physics.targets.target import Target
from nuhist.tables import Array

MASS = OwnParameter("mass", "mass", "keV", {"eV": 1e-3, "MeV": 1e3, "GeV": 1e6}, 0.0, 1e7)
_TYPICAL = 2.0  # recoil energy in keV, from which on a mass matters: M² = 2 m_e T


def propagator(recoil_energy: Array, mass: float, recoiling: float = ELECTRON_MASS_KEV) -> Array:
    """1 / (2 m T + M²) in keV⁻², for T, M and the mass m of what recoils in keV."""
    return 1 / (2 * recoiling * recoil_energy + mass**2)


def in_fermi_constants(
    squared: float, recoil_energy: Array, mass: float, recoiling: float = ELECTRON_MASS_KEV
) -> Array:
    """What a product g² of couplings adds to g_V or g_A: g² / (√2 G_F (2 m T + M²))."""
    return squared / (sqrt(2) * FERMI_CONSTANT_PER_KEV2) * propagator(recoil_energy, mass, recoiling)


def shifted(
    recoil_energy: Array, couplings: Couplings, target: Target, shift: Array, direction: Couplings
) -> Mapping[int, Array]:
    """What a shift of g_V and g_A adds to the Standard Model, linear and quadratic in the shift.

    The cross section is a quadratic form in the couplings, so that both parts follow from differences.

    Parameters
    ----------
    recoil_energy
        T in keV.
    couplings, target
        Couplings of the Standard Model, and what is hit.
    shift
        Shift of the couplings at each T.
    direction
        By how much g_V and g_A change for a shift of 1.
    """
    (g_v, g_a), (d_v, d_a) = couplings, direction
    plain = scattering.standard_model(recoil_energy, couplings, target)
    plus = scattering.standard_model(recoil_energy, Couplings(g_v + d_v, g_a + d_a), target)
    minus = scattering.standard_model(recoil_energy, Couplings(g_v - d_v, g_a - d_a), target)
    return {1: shift * (plus - minus) / 2, 2: shift**2 * ((plus + minus) / 2 - plain)}


def reference(massless: float, mass: float) -> float:
    """A product of couplings that experiments can see of a boson of a mass, from that of a light one.

    To two digits: a reference is for readers, too.
    """
    value = massless * (1 + mass**2 / (2 * ELECTRON_MASS_KEV * _TYPICAL))
    return round(value, 1 - floor(log10(value)))
