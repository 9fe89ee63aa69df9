"""Cross sections of neutrinos on the electrons of a target's atoms.

At a given recoil energy T each cross section is a combination of four functions of the neutrino
energy E: 1, 1/E, 1/E² and ln(E/keV) (:func:`nuhist.physics.sources.flux.basis`). The functions here
return its coefficients, with the four in front: shape ``(4, *T.shape)``, in cm²/keV per target atom
times keV, keV² for the second and third. They are those of neutrinos; :func:`of_antineutrinos` turns them
into those of antineutrinos. :func:`cross_section` evaluates them at (T, E);
:mod:`nuhist.physics.rates` folds them with a flux.
"""

from __future__ import annotations

from math import log, pi, sqrt

import numpy as np

from nuhist.constants import (
    ELECTRON_MASS_KEV,
    FERMI_CONSTANT_PER_KEV2,
    FINE_STRUCTURE,
    HBAR_C_KEV_CM,
)
from nuhist.physics.couplings import Couplings
from nuhist.physics.sources.flux import basis
from nuhist.physics.targets.target import Target
from nuhist.tables import Array

_WEAK = FERMI_CONSTANT_PER_KEV2**2 * ELECTRON_MASS_KEV / (2 * pi) * HBAR_C_KEV_CM**2
# Change of g_V by a charge radius of 1 cm².
CHARGE_RADIUS_SHIFT = sqrt(2) * pi * FINE_STRUCTURE / (3 * FERMI_CONSTANT_PER_KEV2 * HBAR_C_KEV_CM**2)
_MAGNETIC = pi * FINE_STRUCTURE**2 / ELECTRON_MASS_KEV**2 * HBAR_C_KEV_CM**2


def minimum_neutrino_energy(
    recoil_energy: Array, outgoing_mass: float = 0.0, mass: float = ELECTRON_MASS_KEV
) -> Array:
    """Smallest E in keV that can give a body the recoil energy T in keV.

    Parameters
    ----------
    recoil_energy
        T in keV, any shape.
    outgoing_mass
        M in keV of what the neutrino becomes.
    mass
        m in keV of what recoils: an electron, or a nucleus.

    References
    ----------
    arXiv:2207.05036, below eq. (9): (T + √(T² + 2 m_e T)) / 2; times 1 + M² / (2 m_e T), which energy and
    momentum give where the neutrino and the body fly in one line.
    """
    energy = np.asarray(recoil_energy, dtype=np.float64)
    without = np.asarray(energy + np.sqrt(energy**2 + 2 * mass * energy)) / 2
    if outgoing_mass == 0:
        return without
    return without * (1 + outgoing_mass**2 / (2 * mass * energy))


def recoil_range(
    neutrino_energy: float, outgoing_mass: float = 0.0, mass: float = ELECTRON_MASS_KEV
) -> tuple[float, float] | None:
    """Smallest and largest T in keV that a body of mass m gets from a neutrino of E, all in keV.

    They are the roots T of :func:`minimum_neutrino_energy` = E: 0 and 2 E² / (m + 2 E) without a mass M of
    what the neutrino becomes. None if E is below M + M² / (2 m).
    """
    squared = outgoing_mass**2
    above = 2 * mass * neutrino_energy - squared
    if above < 2 * mass * outgoing_mass:
        return None
    root = neutrino_energy * sqrt(above**2 - 4 * mass**2 * squared)
    middle = neutrino_energy * above - mass * squared
    scale = 2 * mass * (mass + 2 * neutrino_energy)
    largest = (middle + root) / scale
    return squared**2 / (2 * scale * largest), largest  # the product of the roots, without cancellation


def cross_section(
    coefficients: Array, recoil_energy: Array, neutrino_energy: Array, mass: float = ELECTRON_MASS_KEV
) -> Array:
    """Evaluate dσ/dT at T and E.

    Parameters
    ----------
    coefficients
        From a function of this module at the same recoil energies, shape ``(4, *T.shape)``.
    recoil_energy, neutrino_energy
        T and E in keV, of one shape. T above the kinematic limit gives 0.
    mass
        In keV, of what recoils.

    Returns
    -------
    cm²/keV per target atom.
    """
    values: Array = np.sum(coefficients * basis(neutrino_energy), axis=0)
    return np.where(neutrino_energy > minimum_neutrino_energy(recoil_energy, mass=mass), values, 0.0)


def of_antineutrinos(
    coefficients: Array, recoil_energy: Array, outgoing_mass: float = 0.0, mass: float = ELECTRON_MASS_KEV
) -> Array:
    """Coefficients of antineutrinos from those of neutrinos, by crossing symmetry.

    The squared amplitude is a polynomial in E, and antineutrinos have it at T − E: for four fermions the
    left and right couplings of the electron change places. Where the neutrino becomes something of a mass M
    it is T + M² / (2 m) − E. What has a logarithm of E comes from equivalent photons, which are the same
    for both.

    Parameters
    ----------
    coefficients
        From a function of this module at the same recoil energies, shape ``(4, *T.shape)``.
    recoil_energy
        T in keV.
    outgoing_mass, mass
        M, and the mass m of what recoils, in keV.
    """
    flat, inverse, inverse_squared, logarithm = coefficients
    turned = recoil_energy + outgoing_mass**2 / (2 * mass)
    crossed = np.stack(
        [
            flat,
            -2 * turned * flat - inverse,
            turned**2 * flat + turned * inverse + inverse_squared,
            logarithm,
        ]
    )
    return np.where(logarithm != 0, coefficients, crossed)


def standard_model(recoil_energy: Array, couplings: Couplings, target: Target) -> Array:
    """Standard Model, free electrons times the effective charge.

    References
    ----------
    arXiv:2207.05036, eq. (1).
    """
    g_v, g_a = couplings
    plus, minus = (g_v + g_a) ** 2, (g_v - g_a) ** 2
    return _weak(recoil_energy, target, plus + minus, minus, g_v**2 - g_a**2)


def magnetic_moment(recoil_energy: Array, target: Target) -> Array:
    """Magnetic moment of 1 μ_B; scale with μ_ν².

    References
    ----------
    arXiv:2207.05036, eq. (6).
    """
    strength = _MAGNETIC * target.effective_charge(recoil_energy)
    zero = np.zeros_like(strength)
    return np.stack([strength / recoil_energy, -strength, zero, zero])


def millicharge_fea_linear(recoil_energy: Array, couplings: Couplings, target: Target) -> Array:
    """Interference of a charge of 1 e₀ with the Standard Model; scale with q_ν.

    References
    ----------
    arXiv:2207.05036, eq. (7) in eq. (1): the part linear in the charge.
    """
    return _shifted_linear(recoil_energy, couplings, target, _charge_shift(recoil_energy))


def millicharge_fea_quadratic(recoil_energy: Array, target: Target) -> Array:
    """Charge of 1 e₀ alone, on free electrons times the effective charge; scale with q_ν².

    References
    ----------
    arXiv:2207.05036, eq. (7) in eq. (1): the part quadratic in the charge, about 2πα²/(m_e T²).
    """
    return _shifted_quadratic(recoil_energy, target, _charge_shift(recoil_energy))


def charge_radius_linear(recoil_energy: Array, couplings: Couplings, target: Target) -> Array:
    """Interference of a charge radius ⟨r²⟩ of 1 cm², beyond the Standard Model's; scale with ⟨r²⟩.

    References
    ----------
    Eq. (7) of arXiv:2207.05036 with the form factor q² ⟨r²⟩/6 in place of the charge:
    g_V → g_V + √2 π α ⟨r²⟩ / (3 G_F), independent of T.
    """
    shift = np.full_like(recoil_energy, CHARGE_RADIUS_SHIFT)
    return _shifted_linear(recoil_energy, couplings, target, shift)


def charge_radius_quadratic(recoil_energy: Array, target: Target) -> Array:
    """Charge radius ⟨r²⟩ of 1 cm² alone; scale with ⟨r²⟩². See :func:`charge_radius_linear`."""
    return _shifted_quadratic(recoil_energy, target, np.full_like(recoil_energy, CHARGE_RADIUS_SHIFT))


def millicharge_epa(recoil_energy: Array, target: Target, neutrino_mass_ev: float = 1.0) -> Array:
    """Charge of 1 e₀ in the equivalent-photon approximation; scale with q_ν².

    Parameters
    ----------
    recoil_energy
        T in keV, any shape.
    target
        Whose photoabsorption it is.
    neutrino_mass_ev
        Mass in eV inside the logarithm; the paper takes 1 eV.

    References
    ----------
    arXiv:2207.05036, eq. (8). No effective charge: the photoabsorption is the atom's.
    """
    strength = 2 * FINE_STRUCTURE / pi * target.photoabsorption(recoil_energy) / recoil_energy
    zero = np.zeros_like(strength)
    return np.stack([-strength * log(neutrino_mass_ev * 1e-3), zero, zero, strength])


def _weak(recoil_energy: Array, target: Target, flat: float, falling: float, helicity: float) -> Array:
    """Coefficients of flat − falling (1 − (1 − T/E)²) − helicity m_e T/E², in units of eq. (1)."""
    strength = _WEAK * target.effective_charge(recoil_energy)
    second = falling * recoil_energy**2 - helicity * ELECTRON_MASS_KEV * recoil_energy
    return np.stack(
        [
            strength * flat,
            -2 * strength * falling * recoil_energy,
            strength * second,
            np.zeros_like(strength),
        ]
    )


def _shifted_linear(recoil_energy: Array, couplings: Couplings, target: Target, shift: Array) -> Array:
    """Part of eq. (1) that is linear in a shift of g_V."""
    g_v, g_a = couplings
    return 2 * shift * _weak(recoil_energy, target, 2 * g_v, g_v - g_a, g_v)


def _shifted_quadratic(recoil_energy: Array, target: Target, shift: Array) -> Array:
    """Part of eq. (1) that is quadratic in a shift of g_V."""
    return shift**2 * _weak(recoil_energy, target, 2.0, 1.0, 1.0)


def _charge_shift(recoil_energy: Array) -> Array:
    """Change of g_V by a charge of 1 e₀: 2√2 π α / (G_F q²) with q² = −2 m_e T, eq. (7)."""
    momentum_transfer = -2 * ELECTRON_MASS_KEV * recoil_energy
    return 2 * sqrt(2) * pi * FINE_STRUCTURE / (FERMI_CONSTANT_PER_KEV2 * momentum_transfer)
