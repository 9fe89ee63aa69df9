"""Flavours of solar neutrinos at the detector, by energy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nuhist.constants import SIN2_THETA_13, SIN2_THETA_23, SURVIVAL_PROBABILITY_2NU
from nuhist.errors import DataError
from nuhist.physics.couplings import FLAVORS, Flavor
from nuhist.physics.sources.flux import refuse_other_columns
from nuhist.tables import Array, column, read_table

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


def matter_survival(energy: Array, potential: float, sin2_theta_12: float, delta_m2_21: float) -> Array:
    """P_ee of neutrinos that leave the Sun adiabatically from where a mean potential holds.

    sin⁴θ₁₃ + cos⁴θ₁₃ (1 + cos 2θ₁₂ᵐ cos 2θ₁₂) / 2, where cos 2θ₁₂ᵐ = (cos 2θ₁₂ − β) / √((cos 2θ₁₂ − β)² +
    sin² 2θ₁₂) and β = 2 E V cos²θ₁₃ / Δm²₂₁. The Earth's matter is left out: day and night.

    Parameters
    ----------
    energy
        E in keV.
    potential
        V = √2 G_F n_e in eV; 0 for oscillations in vacuum, averaged over the distance.
    sin2_theta_12, delta_m2_21
        sin²θ₁₂ and Δm²₂₁ in eV².

    References
    ----------
    Parke, Phys. Rev. Lett. 57 (1986) 1275, with θ₁₃ and a potential averaged over the production, as in
    de Holanda, Liao, Smirnov, hep-ph/0404042. P_ee averaged over the production instead is at most 0.001
    larger (hep at 10 MeV: 0.013).

    Examples
    --------
    >>> round(float(matter_survival(np.array(1e4), 6.707e-12, 0.307, 7.53e-5)), 3)
    0.326
    """
    cosine = 1 - 2 * sin2_theta_12
    beta = 2 * (1e3 * energy) * potential * (1 - SIN2_THETA_13) / delta_m2_21
    distance = cosine - beta
    in_matter = distance / np.sqrt(distance**2 + 1 - cosine**2)
    return _of_three((1 + cosine * in_matter) / 2)


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
