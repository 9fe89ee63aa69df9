"""Flavours of solar neutrinos at the detector, by energy."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nuhist.constants import SIN2_THETA_13, SIN2_THETA_23, SURVIVAL_PROBABILITY_2NU
from nuhist.errors import ConfigError, DataError
from nuhist.physics.couplings import FLAVORS, Flavor
from nuhist.physics.sources.flux import refuse_other_columns
from nuhist.tables import Array, column, read_table

Composition = Mapping[Flavor, float]
# The density of electrons falls as exp(−10.54 r/R) (Bahcall, Neutrino Astrophysics): 6.6e9 cm, over ħc.
_SCALE_HEIGHT_PER_EV = 3.345e14
_ADIABATIC = 4.0  # exp(−π 4 / 2) = 0.002 of the neutrinos jump


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
    return float(_of_three(SURVIVAL_PROBABILITY_2NU))


def solar_composition() -> Composition:
    """Fractions of ν_e, ν_μ and ν_τ, which add up to 1; independent of the energy.

    References
    ----------
    arXiv:2207.05036, below eq. (4).
    """
    return dict(zip(FLAVORS, map(float, shared_out(np.array(survival_probability()))), strict=True))


def shared_out(survival: Array) -> Array:
    """Fractions of ν_e, ν_μ and ν_τ, the flavours in front, from those of ν_e.

    What is not ν_e is ν_τ with sin²θ₂₃ and ν_μ with cos²θ₂₃, as below eq. (4) of arXiv:2207.05036.
    """
    lost = 1 - survival
    return np.stack([survival, lost * (1 - SIN2_THETA_23), lost * SIN2_THETA_23])


class MatterInteraction(NamedTuple):
    """Non-standard interactions in matter: ε_D and ε_N of two flavours, per electron, without dimension.

    They stand for √2 G_F n_e times the matrix ((−ε_D, ε_N), (ε_N, ε_D)) beside √2 G_F n_e cos²θ₁₃ of ν_e.
    """

    diagonal: float
    off_diagonal: float


NO_INTERACTION = MatterInteraction(0.0, 0.0)


def in_two_flavors(matrix: Array) -> MatterInteraction:
    """ε_D and ε_N of a real symmetric matrix ε of ν_e, ν_μ and ν_τ, shape (3, 3), without a phase of CP.

    References
    ----------
    arXiv:1307.3092: ε_D = c₁₃s₁₃ (s₂₃ ε_eμ + c₂₃ ε_eτ) − (1 + s₁₃²) c₂₃s₂₃ ε_μτ − c₁₃² (ε_ee − ε_μμ) / 2 +
    (s₂₃² − s₁₃² c₂₃²) (ε_ττ − ε_μμ) / 2, and ε_N = c₁₃ (c₂₃ ε_eμ − s₂₃ ε_eτ) + s₁₃ ((s₂₃² − c₂₃²) ε_μτ +
    c₂₃s₂₃ (ε_ττ − ε_μμ)).
    """
    s13, s23 = sqrt(SIN2_THETA_13), sqrt(SIN2_THETA_23)
    c13, c23 = sqrt(1 - SIN2_THETA_13), sqrt(1 - SIN2_THETA_23)
    (ee, em, et), (_, mm, mt), (_, _, tt) = np.asarray(matrix, dtype=np.float64).tolist()
    diagonal = (
        c13 * s13 * (s23 * em + c23 * et)
        - (1 + s13**2) * c23 * s23 * mt
        - c13**2 / 2 * (ee - mm)
        + (s23**2 - s13**2 * c23**2) / 2 * (tt - mm)
    )
    off_diagonal = c13 * (c23 * em - s23 * et) + s13 * ((s23**2 - c23**2) * mt + c23 * s23 * (tt - mm))
    return MatterInteraction(diagonal, off_diagonal)


def matter_survival(
    energy: Array,
    potential: float,
    sin2_theta_12: float,
    delta_m2_21: float,
    interaction: MatterInteraction = NO_INTERACTION,
) -> Array:
    """P_ee of neutrinos that leave the Sun adiabatically from where a mean potential holds.

    sin⁴θ₁₃ + cos⁴θ₁₃ (1 + cos 2θ₁₂ᵐ cos 2θ₁₂) / 2, where cos 2θ₁₂ᵐ = x / √(x² + y²), x = cos 2θ₁₂ −
    β (1 − 2 ε_D / cos²θ₁₃), y = sin 2θ₁₂ + 2 β ε_N / cos²θ₁₃ and β = 2 E V cos²θ₁₃ / Δm²₂₁. The Earth's
    matter is left out: day and night.

    Parameters
    ----------
    energy
        E in keV.
    potential
        V = √2 G_F n_e in eV; 0 for oscillations in vacuum, averaged over the distance.
    sin2_theta_12, delta_m2_21
        sin²θ₁₂ and Δm²₂₁ in eV².
    interaction
        Non-standard ones with the Sun's matter, per electron.

    Raises
    ------
    ConfigError
        If the conversion is not adiabatic, as the two levels nearly cross on the way out.

    References
    ----------
    Parke, Phys. Rev. Lett. 57 (1986) 1275, with θ₁₃ and a potential averaged over the production, as in
    de Holanda, Liao, Smirnov, hep-ph/0404042. P_ee averaged over the production instead is at most 0.001
    larger (hep at 10 MeV: 0.013). Non-standard interactions: arXiv:1307.3092.

    Examples
    --------
    >>> round(float(matter_survival(np.array(1e4), 6.707e-12, 0.307, 7.53e-5)), 3)
    0.326
    """
    cosine = 1 - 2 * sin2_theta_12
    sine = sqrt(1 - cosine**2)
    beta = 2 * (1e3 * energy) * potential * (1 - SIN2_THETA_13) / delta_m2_21
    diagonal, off_diagonal = (2 * part / (1 - SIN2_THETA_13) for part in interaction)
    if interaction != NO_INTERACTION:
        _refuse_crossing(energy, delta_m2_21, beta, (cosine, sine), (1 - diagonal, -off_diagonal))
    distance, mixing = cosine - beta * (1 - diagonal), sine + beta * off_diagonal
    in_matter = distance / np.sqrt(distance**2 + mixing**2)
    return _of_three((1 + cosine * in_matter) / 2)


def _refuse_crossing(
    energy: Array, delta_m2_21: float, beta: Array, vacuum: tuple[float, float], matter: tuple[float, float]
) -> None:
    """Refuse a conversion in which the levels come so near that exp(−π γ / 2) > 0.002 of the neutrinos jump.

    Levels are |vacuum − b matter| Δm²/2E apart, where b falls from β to 0 as exp(−r / r₀) does.
    """
    (c, s), (a, d) = vacuum, matter
    slope = a**2 + d**2
    if slope == 0:
        return
    nearest = np.clip((a * c + d * s) / slope, 0, beta)
    gap2 = (c - nearest * a) ** 2 + (s - nearest * d) ** 2
    speed = np.maximum(nearest, 1e-9) * sqrt(slope)
    adiabaticity = delta_m2_21 / (2e3 * energy) * _SCALE_HEIGHT_PER_EV * gap2 / speed
    if np.any(adiabaticity < _ADIABATIC):
        worst = float(np.asarray(energy).ravel()[int(np.argmin(adiabaticity))])
        raise ConfigError(
            f"non-standard interactions in the Sun: neutrinos of {worst:g} keV are not converted"
            " adiabatically, which is all that is computed here; choose smaller ones, or give a table of"
            " probabilities by source='sun:survival=FILE.csv'"
        )


def _of_three(two_flavors: Array | float) -> Array:
    """P_ee of three flavours from that of two."""
    return np.asarray(SIN2_THETA_13**2 + (1 - SIN2_THETA_13) ** 2 * two_flavors)


def tabulated(path: Path) -> tuple[Array, Array]:
    """Fractions of the flavours from a table.

    Parameters
    ----------
    path
        CSV with the columns ``E_keV`` and ``nu_e``, and none or both of ``nu_mu`` and ``nu_tau``; without
        them what is no ν_e is shared out, see :func:`shared_out`.

    Returns
    -------
    Energies in keV, shape (n,), and fractions, shape (3, n).

    Raises
    ------
    DataError
        If a column is missing, or a probability lies outside 0 to 1 or does not add up to 1 with the others.
    """
    table = read_table(path)
    energy = column(path, table, "E_keV", increasing=True)
    survival = column(path, table, "nu_e", non_negative=True)
    refuse_other_columns(path, table, ("E_keV", "nu_e", "nu_mu", "nu_tau"))
    if "nu_mu" in table or "nu_tau" in table:
        others = [column(path, table, name, non_negative=True) for name in ("nu_mu", "nu_tau")]
        fractions = np.stack([survival, *others])
    else:
        fractions = shared_out(survival)
    for row in np.argwhere(survival > 1):
        raise DataError(f"{path}: column 'nu_e', row {row[0] + 1}: {survival[row[0]]:g}; expected 0 to 1")
    sums = fractions.sum(axis=0)
    worst = int(np.argmax(np.abs(sums - 1)))
    if abs(sums[worst] - 1) > 1e-6:
        raise DataError(
            f"{path}: row {worst + 1}: the probabilities of the flavours add up to {sums[worst]:.7g};"
            " expected 1"
        )
    return energy, fractions / sums
