"""One component of a flux, and its exact moments above an energy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from nuhist.errors import ConfigError, DataError
from nuhist.physics.couplings import FLAVORS, Flavor
from nuhist.tables import Array, column, read_table

# Columns of tables: flavour, and whether these are antineutrinos.
SPECIES: dict[str, tuple[Flavor, bool]] = {
    f"{prefix}_{flavor}": (flavor, prefix == "antinu") for flavor in FLAVORS for prefix in ("nu", "antinu")
}
_ROUNDING = 1e-9  # of probabilities, which tables give with few digits
_NEAR = 1e-8  # of the density: how far its product with a probability may be from straight lines
_MOST_PIECES = 1000  # into which a segment of a table is cut for that


@dataclass(frozen=True, eq=False)
class FluxComponent:
    """A part of a flux with a spectrum of its own: a continuous one, or a line.

    Attributes
    ----------
    name
        Such as ``"pp"`` or ``"7Be_861keV"``.
    energy
        Nodes of the spectrum in keV, increasing; one energy for a line.
    density
        dφ/dE of all flavours at the nodes, cm⁻² s⁻¹ keV⁻¹, linear between them and zero outside; None for
        a line.
    total
        Total of all flavours, cm⁻² s⁻¹.
    uncertainty
        Fraction of the total, one standard deviation.
    fractions
        Fractions of ν_e, ν_μ and ν_τ at the detector, at the nodes: shape (3, nodes), or (3, 1) if they do
        not depend on the energy. The flux of each flavour, the product with the density, is linear between
        the nodes.
    antineutrinos
        Whether these are antineutrinos.

    Raises
    ------
    ConfigError
        If the fractions have another shape, lie outside 0 to 1, or do not add up to 1.
    """

    name: str
    energy: Array
    density: Array | None
    total: float
    uncertainty: float
    fractions: Array
    antineutrinos: bool = False

    def __post_init__(self) -> None:
        fractions = np.asarray(self.fractions, dtype=np.float64)
        shapes = ((len(FLAVORS), 1), (len(FLAVORS), self.energy.size))
        if fractions.shape not in shapes:
            raise ConfigError(
                f"flux {self.name}: fractions of the shape {fractions.shape}; expected {shapes[1]}"
            )
        outside = ~((fractions >= -_ROUNDING) & (fractions <= 1 + _ROUNDING))
        if outside.any():
            row, place = np.argwhere(outside)[0]
            raise ConfigError(
                f"flux {self.name}: the probability of flavour {FLAVORS[row]} is {fractions[row, place]:g} at"
                f" {self.energy[place]:g} keV; expected 0 to 1"
            )
        sums = fractions.sum(axis=0)
        if not np.allclose(sums, 1, rtol=0, atol=_ROUNDING):
            place = int(np.argmax(np.abs(sums - 1)))
            raise ConfigError(
                f"flux {self.name}: the probabilities of the flavours add up to {sums[place]:.9g} at"
                f" {self.energy[place]:g} keV; expected 1"
            )
        object.__setattr__(self, "fractions", fractions)

    @property
    def is_line(self) -> bool:
        """Whether all neutrinos have one energy."""
        return self.density is None


def pure(flavor: Flavor) -> Array:
    """Fractions of one flavour alone."""
    return np.array([[float(each == flavor)] for each in FLAVORS])


def flux_table(path: Path, energy_column: str, kev: float, uncertainty: float) -> tuple[FluxComponent, ...]:
    """Components from a CSV table, one for each column of :data:`SPECIES` that it has.

    Parameters
    ----------
    path
        Path of the table.
    energy_column
        Name of the column of energies, increasing and above 0.
    kev
        What one unit of it is in keV; the fluxes are in cm⁻² s⁻¹ and the inverse of this unit.
    uncertainty
        Fraction by which all of them are uncertain.

    Raises
    ------
    DataError
        If a column is missing, negative or not in order, or there is no flux.
    """
    energy, columns = species_columns(path, energy_column)
    if energy.size < 2:
        raise DataError(f"{path}: has one row; expected two or more, or the source lines for lines")
    energy = kev * energy
    found = []
    for name, values in columns.items():
        flavor, antineutrinos = SPECIES[name]
        density = values / kev
        total = float(np.sum(np.diff(energy) * (density[1:] + density[:-1]))) / 2
        if total > 0:
            found.append(
                FluxComponent(name, energy, density, total, uncertainty, pure(flavor), antineutrinos)
            )
    return tuple(found)


def species_columns(path: Path, energy_column: str) -> tuple[Array, dict[str, Array]]:
    """Energies of a CSV table, above 0 and increasing, and its columns of :data:`SPECIES` by name.

    Raises
    ------
    DataError
        If a column is missing, unknown, negative or not in order, or all of them are 0.
    """
    table = read_table(path)
    energy = column(path, table, energy_column, increasing=True)
    if energy[0] <= 0:
        raise DataError(f"{path}: column '{energy_column}', row 1: {energy[0]:g}; expected more than 0")
    refuse_other_columns(path, table, (energy_column, *SPECIES))
    columns = {name: column(path, table, name, non_negative=True) for name in SPECIES if name in table}
    if not any(values.any() for values in columns.values()):
        raise DataError(f"{path}: has no flux; expected a column of {', '.join(SPECIES)} above 0")
    return energy, columns


def refuse_other_columns(path: Path, table: Mapping[str, Array], known: Sequence[str]) -> None:
    """Refuse columns of a table that nothing would be made of; a DataError names one, and those expected."""
    for name in table:
        if name not in known:
            raise DataError(f"{path}: column '{name}': expected one of {', '.join(known)}")


def with_fractions(component: FluxComponent, fractions: Callable[[Array], Array]) -> FluxComponent:
    """The same component with fractions of the flavours that depend on the energy.

    Parameters
    ----------
    component
        Its own fractions do not matter.
    fractions
        Fractions of ν_e, ν_μ and ν_τ at energies in keV: shape (3, n) for (n,).

    Returns
    -------
    With further nodes, so many that straight lines between the products of density and fraction are
    right to 10⁻⁸ of the density, and so are the moments.
    """
    if component.density is None:
        return replace(component, fractions=fractions(component.energy))
    nodes, density = component.energy, component.density
    product = density * fractions(nodes)
    middle = (nodes[1:] + nodes[:-1]) / 2
    straight = (product[:, 1:] + product[:, :-1]) / 2
    bent = np.abs((density[1:] + density[:-1]) / 2 * fractions(middle) - straight).max(axis=0)
    near = _NEAR * np.maximum(density[1:], density[:-1])
    # A parabola's distance from its chord falls with the square of the number of pieces.
    pieces = np.ceil(np.sqrt(np.divide(bent, near, out=np.ones_like(bent), where=near > 0)))
    pieces = np.clip(pieces, 1, _MOST_PIECES).astype(int)
    first = np.repeat(np.cumsum(pieces) - pieces, pieces)
    place = (np.arange(pieces.sum()) - first) / np.repeat(pieces, pieces)
    refined = np.append(np.repeat(nodes[:-1], pieces) + np.repeat(np.diff(nodes), pieces) * place, nodes[-1])
    return replace(
        component,
        energy=refined,
        density=np.interp(refined, nodes, density),
        fractions=fractions(refined),
    )


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
    """Integrals of each flavour's flux times each function of :func:`basis`, from ``lower`` upwards.

    Exact for a spectrum that is linear between its nodes: cumulative sums over the segments
    and the part of the segment in which ``lower`` lies.

    Parameters
    ----------
    component
        One component.
    lower
        Lower end in keV, any shape.

    Returns
    -------
    cm⁻² s⁻¹ keVᵖ with p = 0, −1, −2 and 0; shape ``(4, 3, *lower.shape)``, the flavours second.
    """
    low = np.asarray(lower, dtype=np.float64)
    aside = (1,) * low.ndim
    if component.density is None:
        line = component.total * basis(component.energy).reshape(4, 1, *aside)
        fractions = component.fractions[:, :1].reshape(1, -1, *aside)
        return np.where(component.energy[0] > low, line * fractions, 0.0)
    nodes = component.energy
    density, cumulative = _cumulative(component)
    start = np.clip(low, nodes[0], nodes[-1])
    segment = np.clip(np.searchsorted(nodes, start, side="right") - 1, 0, nodes.size - 2)
    left, right = nodes[segment], nodes[segment + 1]
    at_left = density[:, segment]
    slope = (density[:, segment + 1] - at_left) / (right - left)
    at_start = at_left + slope * (start - left)
    found = cumulative[:, :, segment + 1] + _segment(start, right, at_start, slope)
    if len(density) == len(FLAVORS):
        return found
    return np.asarray(found * component.fractions.reshape(1, -1, *aside))


@cache
def _cumulative(component: FluxComponent) -> tuple[Array, Array]:
    """Densities and their moments from each node upwards: shapes (n, nodes) and (4, n, nodes).

    n is 3, for the flavours, or 1 where their fractions do not depend on the energy.
    """
    nodes = component.energy
    density = np.zeros_like(nodes) if component.density is None else component.density
    several = density[None] if component.fractions.shape[1] == 1 else density * component.fractions
    parts = _segment(nodes[:-1], nodes[1:], several[:, :-1], np.diff(several) / np.diff(nodes))
    sums = np.cumsum(parts[:, :, ::-1], axis=2)[:, :, ::-1]
    return several, np.concatenate([sums, np.zeros((*sums.shape[:2], 1))], axis=2)


def _segment(left: Array, right: Array, density: Array, slope: Array) -> Array:
    """Moments of density + slope (E − left) between left and right; the flavours in front of both."""
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
