"""Solar neutrino fluxes and their moments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from nuhist.errors import unknown_name
from nuhist.tables import Array, column, read_rows, read_table

_TABLES = Path(__file__).parent / "tables"

# What varies together under one flux parameter. 8B and hep together are 1e-4 of the events
# of an electron-recoil search; hep, a thousandth of 8B, goes with it.
FLUX_GROUPS: dict[str, tuple[str, ...]] = {
    "pp": ("pp",),
    "be7": ("7Be_384keV", "7Be_861keV"),
    "pep": ("pep",),
    "cno": ("13N", "15O", "17F"),
    "b8": ("8B", "hep"),
}

# arXiv:2207.05036, footnote 2: the uncertainty of 7Be, applied to all fluxes.
PAPER_FLUX_UNCERTAINTY = 0.07


@dataclass(frozen=True, eq=False)
class FluxComponent:
    """One source of solar neutrinos: a continuous spectrum or a line.

    Attributes
    ----------
    name
        As in the table of totals, such as ``"pp"`` or ``"7Be_861keV"``.
    energy
        Nodes of the spectrum in keV, increasing; one energy for a line.
    density
        dφ/dE at the nodes, cm⁻² s⁻¹ keV⁻¹, linear between them and zero outside; None for a line.
    total
        cm⁻² s⁻¹.
    uncertainty
        Fraction of the total, one standard deviation.
    """

    name: str
    energy: Array
    density: Array | None
    total: float
    uncertainty: float

    @property
    def is_line(self) -> bool:
        """Whether all neutrinos have one energy."""
        return self.density is None


@cache
def solar_flux() -> tuple[FluxComponent, ...]:
    """All components: pp, pep, hep, two ⁷Be lines, ⁸B, ¹³N, ¹⁵O, ¹⁷F.

    References
    ----------
    Totals and uncertainties: GS98 solar model, Vinyoles et al., arXiv:1611.09867. Shapes:
    Bahcall's public spectra, normalised again (the pp table integrates to 0.997).
    """
    header, rows = read_rows(_TABLES / "solar_flux_totals.csv")
    return tuple(_component(dict(zip(header, row, strict=True))) for row in rows)


def _component(row: dict[str, str]) -> FluxComponent:
    total, uncertainty = float(row["flux"]), float(row["fractional_uncertainty"])
    if row["line_energy_keV"]:
        line = np.array([float(row["line_energy_keV"])])
        return FluxComponent(row["component"], line, None, total, uncertainty)
    path = _TABLES / f"solar_flux_shape_{row['component']}.csv"
    table = read_table(path)
    energy = column(path, table, "E_MeV", increasing=True) * 1e3
    shape = column(path, table, "shape_per_MeV", non_negative=True)
    area = float(np.sum(np.diff(energy) * (shape[1:] + shape[:-1]))) / 2
    density = total * shape / area
    return FluxComponent(row["component"], energy, density, total, uncertainty)


def flux_group(name: str) -> tuple[FluxComponent, ...]:
    """Components of one of :data:`FLUX_GROUPS`, or of all of them for ``"all"``.

    Raises
    ------
    ConfigError
        If there is no such group.
    """
    if name == "all":
        return solar_flux()
    if name not in FLUX_GROUPS:
        raise unknown_name("flux group", name, [*FLUX_GROUPS, "all"])
    return tuple(part for part in solar_flux() if part.name in FLUX_GROUPS[name])


def group_uncertainty(name: str) -> float:
    """Fractional uncertainty of a group, its members taken as fully correlated."""
    parts = flux_group(name)
    return sum(part.total * part.uncertainty for part in parts) / sum(part.total for part in parts)


def basis(energy: Array) -> Array:
    """The functions of the neutrino energy that every cross section here is made of.

    Parameters
    ----------
    energy
        E in keV, any shape.

    Returns
    -------
    1, 1/E, 1/E², ln(E/keV), stacked in front: shape ``(4, *E.shape)``.
    """
    return np.stack([np.ones_like(energy), 1 / energy, energy**-2.0, np.log(energy)])


def moments(component: FluxComponent, lower: Array) -> Array:
    """Integrals of the flux times each function of :func:`basis`, from ``lower`` upwards.

    Exact for a spectrum that is linear between its nodes: cumulative sums over the segments
    and the part of the segment in which ``lower`` lies.

    Parameters
    ----------
    component
        One source.
    lower
        Lower end in keV, any shape.

    Returns
    -------
    cm⁻² s⁻¹ keVᵖ with p = 0, −1, −2 and 0; shape ``(4, *lower.shape)``.
    """
    low = np.asarray(lower, dtype=np.float64)
    if component.density is None:
        line = component.total * basis(component.energy).reshape((4,) + (1,) * low.ndim)
        return np.where(component.energy[0] > low, line, 0.0)
    nodes, density = component.energy, component.density
    cumulative = _cumulative(component)
    start = np.clip(low, nodes[0], nodes[-1])
    segment = np.clip(np.searchsorted(nodes, start, side="right") - 1, 0, nodes.size - 2)
    left, right = nodes[segment], nodes[segment + 1]
    slope = (density[segment + 1] - density[segment]) / (right - left)
    at_start = density[segment] + slope * (start - left)
    return cumulative[:, segment + 1] + _segment(start, right, at_start, slope)


@cache
def _cumulative(component: FluxComponent) -> Array:
    """Moments from each node upwards, shape (4, nodes)."""
    nodes = component.energy
    density = np.zeros_like(nodes) if component.density is None else component.density
    parts = _segment(nodes[:-1], nodes[1:], density[:-1], np.diff(density) / np.diff(nodes))
    sums = np.cumsum(parts[:, ::-1], axis=1)[:, ::-1]
    return np.concatenate([sums, np.zeros((4, 1))], axis=1)


def _segment(left: Array, right: Array, density: Array, slope: Array) -> Array:
    """Moments of density + slope (E − left) between left and right."""
    width = right - left
    ratio = np.log1p(width / left)  # ln(right / left) without loss for narrow segments
    at_zero = density - slope * left
    zeroth = density * width + slope * width**2 / 2
    inverse = at_zero * ratio + slope * width
    inverse_squared = at_zero * width / (left * right) + slope * ratio
    above = density * (right * ratio - width) + slope * (
        (width**2 - left**2) / 2 * ratio + left * width / 2 - width**2 / 4
    )
    return np.stack([zeroth, inverse, inverse_squared, np.log(left) * zeroth + above])
