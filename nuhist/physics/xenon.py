"""The xenon atom: effective charge, photoabsorption, and the RRPA correction."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from nuhist.constants import (
    AVOGADRO_PER_MOL,
    CLASSICAL_ELECTRON_RADIUS_CM,
    PLANCK_C_KEV_CM,
)
from nuhist.tables import Array, column, read_table

# arXiv:2207.05036, Table II: the charge that counts above each edge, in keV.
SHELL_EDGES_KEV = np.array(
    [
        0.0121, 0.0134, 0.0233, 0.0675, 0.0695, 0.1455, 0.1467, 0.2132, 0.6764,
        0.689, 0.9406, 1.0021, 1.1487, 4.7822, 5.1037, 5.4528, 34.561,
    ]
)  # fmt: skip
_CHARGES = np.array([0, 2, 4, 10, 14, 18, 22, 24, 26, 32, 36, 40, 42, 44, 48, 50, 52, 54.0])

_TABLES = Path(__file__).parent / "tables"


def effective_charge(recoil_energy: Array) -> Array:
    """Number of electrons that a recoil energy in keV can set free (any shape, same out).

    References
    ----------
    arXiv:2207.05036, Table II: an energy on an edge belongs to the step below it.
    """
    return _CHARGES[np.searchsorted(SHELL_EDGES_KEV, recoil_energy, side="left")]


def atoms_per_tonne() -> float:
    """Xenon atoms in a tonne, natural isotopic composition."""
    import periodictable

    return float(AVOGADRO_PER_MOL * 1e6 / periodictable.Xe.mass)


@cache
def _photoabsorption_table() -> tuple[Array, Array]:
    import periodictable

    energy, _, f2 = (np.asarray(values, dtype=np.float64) for values in periodictable.Xe.xray.sftable)
    cross_section = 2 * CLASSICAL_ELECTRON_RADIUS_CM * PLANCK_C_KEV_CM / energy * f2
    return energy, cross_section


def photoabsorption_nodes() -> Array:
    """Energies in keV between which :func:`photoabsorption` is a power law."""
    return _photoabsorption_table()[0]


def photoabsorption(photon_energy: Array) -> Array:
    """Cross section for the absorption of a photon by a xenon atom, σ_γ = 2 r_e λ f₂.

    Parameters
    ----------
    photon_energy
        In keV, any shape.

    Returns
    -------
    cm² per atom, same shape; 0 below the first ionisation edge (12.1 eV) and above the
    table's last energy (30 keV). Free-electron scattering exceeds the equivalent photons there,
    so that only a cross section made of equivalent photons alone is cut off.

    References
    ----------
    Henke, Gullikson, Davis 1993 (CXRO), as carried by periodictable; a power law between
    its energies.
    """
    nodes, values = _photoabsorption_table()
    energy = np.asarray(photon_energy, dtype=np.float64)
    inside = (energy > SHELL_EDGES_KEV[0]) & (energy <= nodes[-1])
    safe = np.where(inside, energy, nodes[-1])
    result = np.exp(np.interp(np.log(safe), np.log(nodes), np.log(values)))
    return np.where(inside, result, 0.0)


@cache
def _rrpa_table() -> tuple[Array, Array]:
    curves = []
    for name in ("sm_rate_rrpa_pp_7be.csv", "sm_rate_step_pp_7be.csv"):
        path = _TABLES / name
        table = read_table(path)
        order = np.argsort(column(path, table, "E_keV"))
        curves.append((table["E_keV"][order], column(path, table, "rate_arb")[order]))
    (energy, rrpa), (step_energy, step) = curves
    energy = energy[energy <= 30.0]
    return energy, rrpa[: energy.size] / np.interp(energy, step_energy, step)


def rrpa_correction(recoil_energy: Array) -> Array:
    """Ratio of the RRPA rate to the rate with the stepping function, for SM and magnetic moment.

    Parameters
    ----------
    recoil_energy
        In keV, any shape; the ratio is constant below 0.25 keV and above 28.4 keV.

    References
    ----------
    Chen et al., arXiv:1610.04177 (digitised), pp + ⁷Be; linear between its points. That a
    magnetic moment is corrected by the same ratio is the statement of arXiv:2207.05036, Sec. II.
    """
    return np.interp(recoil_energy, *_rrpa_table())
