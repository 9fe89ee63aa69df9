"""Cross sections of neutrinos on whole nuclei: coherent elastic scattering.

Like those of :mod:`nuhist.physics.scattering` they are coefficients of 1, 1/E, 1/E² and ln E at recoil
energies T, with the four in front: shape ``(4, *T.shape)``, in cm²/keV per nucleus. Nuclei are taken as
spinless, as all but a half of xenon are: the current of the nucleus is that of a charged scalar, for which
neutrinos and antineutrinos are the same. What a spin would add is of the order of 1/A².
"""

from __future__ import annotations

from collections.abc import Mapping
from math import pi, sqrt

import numpy as np

from nuhist.constants import (
    ELECTRON_MASS_KEV,
    FERMI_CONSTANT_PER_KEV2,
    FINE_STRUCTURE,
    HBAR_C_KEV_CM,
    SIN2_THETA_W_ZERO,
)
from nuhist.physics.form_factors import FormFactorChoice, form_factor
from nuhist.physics.scattering import CHARGE_RADIUS_SHIFT
from nuhist.physics.targets.nucleus import Nucleus
from nuhist.tables import Array


def vector_coupling(nucleus: Nucleus) -> float:
    """g_V of a nucleus in the Standard Model: Z (1/2 − 2 sin²θ_W) − N/2, half of its weak charge.

    At tree level with the low-energy mixing angle. Corrections that differ between flavours, of about 1 %,
    are left out, so that the rate does not depend on the flavour.
    """
    return nucleus.protons * (0.5 - 2 * SIN2_THETA_W_ZERO) - nucleus.neutrons / 2


def standard_model(recoil_energy: Array, nucleus: Nucleus, choice: FormFactorChoice) -> Array:
    """Standard Model: G_F² M/π g_V² F² (1 − T/E − M T/(2 E²)).

    References
    ----------
    Freedman, Phys. Rev. D 9 (1974) 1389; exact in T for a spinless nucleus.
    """
    return vector_coupling(nucleus) ** 2 * _vector(recoil_energy, nucleus, choice)


def shifted(
    recoil_energy: Array, nucleus: Nucleus, choice: FormFactorChoice, shift: Array
) -> Mapping[int, Array]:
    """What a shift of g_V adds to the Standard Model, linear and quadratic in the shift.

    Parameters
    ----------
    recoil_energy
        T in keV.
    nucleus, choice
        What recoils, and its form factor.
    shift
        Shift of :func:`vector_coupling` at each T.
    """
    unit = _vector(recoil_energy, nucleus, choice)
    return {1: 2 * vector_coupling(nucleus) * shift * unit, 2: shift**2 * unit}


def charge_shift(recoil_energy: Array, nucleus: Nucleus) -> Array:
    """Change of g_V by a charge of the neutrino of 1 e₀: −2√2 π α Z / (G_F q²) with q² = −2 M T.

    The sign is opposite to that of electrons, whose charge is.
    """
    momentum_transfer = -2 * nucleus.mass * recoil_energy
    size = 2 * sqrt(2) * pi * FINE_STRUCTURE * nucleus.protons
    return np.asarray(-size / (FERMI_CONSTANT_PER_KEV2 * momentum_transfer))


def radius_shift(recoil_energy: Array, nucleus: Nucleus) -> Array:
    """Change of g_V by a charge radius ⟨r²⟩ of 1 cm², beyond the Standard Model's: opposite to electrons'."""
    return np.full_like(recoil_energy, -nucleus.protons * CHARGE_RADIUS_SHIFT)


def magnetic_moment(recoil_energy: Array, nucleus: Nucleus, choice: FormFactorChoice) -> Array:
    """Magnetic moment of 1 μ_B: π α²/m_e² Z² F² (1/T − 1/E + T/(4 E²)); scale with μ_ν².

    References
    ----------
    Vogel and Engel, Phys. Rev. D 39 (1989) 3378: a nucleus without spin.
    """
    size = pi * FINE_STRUCTURE**2 / ELECTRON_MASS_KEV**2 * HBAR_C_KEV_CM**2 * nucleus.protons**2
    strength = size * form_factor(choice, recoil_energy, nucleus) ** 2
    return np.stack(
        [strength / recoil_energy, -strength, strength * recoil_energy / 4, np.zeros_like(strength)]
    )


def scalar(recoil_energy: Array, nucleus: Nucleus, choice: FormFactorChoice, coupling: Array) -> Array:
    """A scalar that is exchanged: M² T/(4π E²) F² coupling².

    Parameters
    ----------
    recoil_energy
        T in keV.
    nucleus, choice
        What recoils, and its form factor.
    coupling
        Product of the couplings of neutrino and nucleus over 2 M T + m², in keV⁻².

    References
    ----------
    arXiv:1604.01025, to the leading order in T/M, which is exact for a nucleus without spin.
    """
    size = (nucleus.mass * HBAR_C_KEV_CM * form_factor(choice, recoil_energy, nucleus) * coupling) ** 2
    zero = np.zeros_like(recoil_energy)
    return np.stack([zero, zero, size * recoil_energy / (4 * pi), zero])


def _vector(recoil_energy: Array, nucleus: Nucleus, choice: FormFactorChoice) -> Array:
    """Cross section for g_V = 1."""
    size = FERMI_CONSTANT_PER_KEV2**2 * nucleus.mass / pi * HBAR_C_KEV_CM**2
    strength = size * form_factor(choice, recoil_energy, nucleus) ** 2
    return np.stack(
        [
            strength,
            -strength * recoil_energy,
            -strength * nucleus.mass * recoil_energy / 2,
            np.zeros_like(strength),
        ]
    )
